//! The list of a seller's licences, in windows of time.
//!
//! Ids begin with the moment of creation, so a window of time is a range of keys. Licences of one millisecond always stand
//! on one page, which grows for them: whoever goes on with a moment neither misses one nor gets one twice.

use granary_http::{AppState, shown};
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::LicenceRow;
use granary_storage::{Key, Tenant};
use serde::{Deserialize, Serialize};

use crate::view::ListedView;

/// Licences on one page.
const PAGE: usize = 50;

/// The last moment that the 48 bits at the beginning of an id hold.
const LAST_MOMENT: i64 = (1 << 48) - 1;

/// Query of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct Query {
    since: Option<String>,
    until: Option<String>,
}

/// When licences were made: since a moment, and before another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    since: Option<i64>,
    until: Option<i64>,
}

impl Query {
    fn window(&self) -> Result<Window> {
        let moment = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| moment(text).ok_or_else(|| wrong(name, text))).transpose()
        };
        Ok(Window { since: moment("since", &self.since)?, until: moment("until", &self.until)? })
    }
}

fn moment(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return None;
    }
    // Nothing is made after the last moment, so all later ones are the same.
    text.parse().ok().map(|millis: u64| i64::try_from(millis).unwrap_or(i64::MAX).min(LAST_MOMENT))
}

fn wrong(name: &str, text: &str) -> Error {
    Error::BadRequest(format!(
        "{name}: '{}' is no moment in milliseconds since 1970, such as 1672531200000",
        shown(text)
    ))
}

/// A page as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct ListAnswer {
    pagination: Pagination,
    data: Vec<ListedView>,
}

/// Where the page is in the list.
#[derive(Debug, Serialize)]
struct Pagination {
    /// Licences on this page.
    count: usize,
    /// The `until` of the page before.
    prev: Option<i64>,
    /// The `since` of the page behind.
    next: Option<i64>,
}

impl ListAnswer {
    /// Reads the page that a query is about.
    ///
    /// Without `since` and with `until` it is the last page before that moment; otherwise it is the first one of the
    /// window, and `next` stays within the window.
    pub(crate) async fn read(state: &AppState, tenant: &Tenant, query: &Query) -> Result<Self> {
        let list = List { state, tenant };
        let (rows, prev, next) = match query.window()? {
            Window { since: None, until: None } => {
                let (rows, next) = list.forwards(0, LAST_MOMENT).await?;
                (rows, None, next)
            }
            Window { since: Some(since), until } => {
                let last = until.map_or(LAST_MOMENT, |until| until - 1);
                let (page, before) =
                    tokio::try_join!(list.forwards(since, last), list.edge(0, since - 1, true))?;
                (page.0, before.map(|_| since), page.1)
            }
            Window { since: None, until: Some(until) } => {
                let (page, behind) =
                    tokio::try_join!(list.backwards(until - 1), list.edge(until, LAST_MOMENT, false))?;
                (page.0, page.1, behind)
            }
        };
        let pagination = Pagination { count: rows.len(), prev, next };
        Ok(Self { pagination, data: rows.into_iter().map(ListedView::new).collect::<Result<_>>()? })
    }
}

/// A seller's licences.
struct List<'a> {
    state: &'a AppState,
    tenant: &'a Tenant,
}

impl List<'_> {
    /// The first page between two moments, and the moment at which the next one begins.
    async fn forwards(&self, first: i64, last: i64) -> Result<(Vec<LicenceRow>, Option<i64>)> {
        let mut rows = self.between(first, last, PAGE + 1, false).await?;
        let (Some(end), Some(over)) = (moment_at(&rows, PAGE - 1), moment_at(&rows, PAGE)) else {
            return Ok((rows, None));
        };
        rows.truncate(PAGE);
        if end != over {
            return Ok((rows, Some(over)));
        }
        let next = self.grow(&mut rows, end, (end + 1, last), false).await?;
        Ok((rows, next))
    }

    /// The last page until a moment, and the moment before which there is another one.
    async fn backwards(&self, last: i64) -> Result<(Vec<LicenceRow>, Option<i64>)> {
        let mut rows = self.between(0, last, PAGE + 1, true).await?;
        let (Some(begin), Some(over)) = (moment_at(&rows, PAGE - 1), moment_at(&rows, PAGE)) else {
            rows.reverse();
            return Ok((rows, None));
        };
        rows.truncate(PAGE);
        let mut prev = Some(begin);
        if begin == over {
            prev = self.grow(&mut rows, begin, (0, begin - 1), true).await?.map(|_| begin);
        }
        rows.reverse();
        Ok((rows, prev))
    }

    /// Completes a page with all licences of the millisecond it ended in. Gives the first moment of what is behind.
    async fn grow(
        &self,
        rows: &mut Vec<LicenceRow>,
        moment: i64,
        behind: (i64, i64),
        backwards: bool,
    ) -> Result<Option<i64>> {
        let (whole, next) = tokio::try_join!(
            self.between(moment, moment, usize::MAX, backwards),
            self.edge(behind.0, behind.1, backwards)
        )?;
        rows.retain(|row| row.created_at.millis() != moment);
        rows.extend(whole);
        Ok(next)
    }

    /// The first or last moment between two at which a licence was made.
    async fn edge(&self, first: i64, last: i64, backwards: bool) -> Result<Option<i64>> {
        let rows = self.between(first, last, 1, backwards).await?;
        Ok(moment_at(&rows, 0))
    }

    /// Licences made from one moment until another one, both included.
    async fn between(&self, first: i64, last: i64, limit: usize, backwards: bool) -> Result<Vec<LicenceRow>> {
        if first > last {
            return Ok(Vec::new());
        }
        let [low, high] = [(first, '0'), (last, 'f')]
            .map(|(moment, digit)| Key::Licence(self.tenant.clone(), bound(moment, digit)));
        // Several of these wait at the same time, and each is large.
        Box::pin(self.state.storage().list_between(&low, &high, limit, backwards)).await
    }
}

fn moment_at(rows: &[LicenceRow], index: usize) -> Option<i64> {
    rows.get(index).map(|row| Timestamp::millis(row.created_at))
}

/// The id that all ids of a moment are above or below, made of its 48 bits and a digit.
fn bound(moment: i64, digit: char) -> String {
    let time = format!("{moment:012x}");
    let (high, low) = time.split_at_checked(8).unwrap_or((&time, ""));
    let [four, twelve] = [4, 12].map(|count| String::from(digit).repeat(count));
    format!("{high}-{low}-{four}-{four}-{twelve}")
}

#[cfg(test)]
mod tests {
    use granary_model::{Ids as _, RandomIds};

    use super::*;

    #[test]
    fn bounds_enclose_the_ids_of_their_moments() {
        for millis in [0, 1, 1_790_000_000_000, LAST_MOMENT] {
            let id = RandomIds.next(Timestamp::from_millis(millis));
            assert!(bound(millis, '0') < id && id < bound(millis, 'f'), "{id}");
            assert_eq!(bound(millis, '0').len(), id.len());
        }
        assert!(bound(1, 'f') < bound(2, '0'));
    }

    #[test]
    fn moments_are_milliseconds() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1672531200000", Some(1_672_531_200_000)),
            ("18446744073709551615", Some(LAST_MOMENT)),
            ("18446744073709551616", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("2026-01-01", None),
            ("\u{663}", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
    }
}
