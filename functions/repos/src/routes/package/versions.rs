//! A page of a package's versions.

use std::collections::HashMap;

use granary_model::{Error, Result};
use granary_storage::rows::VersionRow;
use granary_storage::{Key, PackageKey, Storage};

use crate::routes::packages::{Paging, cursor};

/// Versions on one page, unless the caller wants another number, and the most there are.
const PAGE: (u32, u32) = (50, 200);

/// A part of the order.
#[derive(Debug)]
pub(super) struct Slice<'a> {
    /// The versions, as they are kept in keys.
    pub(super) versions: &'a [String],
    /// The cursor that goes on behind them, if there are more.
    pub(super) next: Option<String>,
}

impl<'a> Slice<'a> {
    /// The page of a package's versions that was asked for.
    ///
    /// A cursor says how many versions stand before the page, and which is the last of them: so what is published or
    /// deleted meanwhile neither repeats nor hides others.
    ///
    /// # Errors
    /// `BadRequest` for a cursor that no page has given.
    pub(super) fn of(order: &'a [String], paging: &Paging) -> Result<Self> {
        let begin = match paging.after("")? {
            Some(after) => begin(order, &after)?,
            None => 0,
        };
        let limit = usize::try_from(paging.limit(PAGE.0, PAGE.1)).unwrap_or(1);
        let end = begin.saturating_add(limit).min(order.len());
        let versions = order.get(begin..end).unwrap_or_default();
        let last = versions.last().filter(|_| end < order.len());
        Ok(Self { versions, next: last.map(|last| cursor(&format!("{end}#{last}"), "")) })
    }

    /// The rows of its versions, and of one more, by their versions.
    pub(super) async fn rows(
        &self,
        storage: &Storage,
        package: &PackageKey,
        more: Option<&str>,
    ) -> Result<HashMap<String, VersionRow>> {
        let more = more.filter(|more| !self.versions.iter().any(|version| version == more));
        let versions = self.versions.iter().map(String::as_str).chain(more);
        let keys: Vec<Key> =
            versions.map(|version| Key::Version(package.clone(), version.to_owned())).collect();
        let rows: Vec<Option<VersionRow>> = storage.read_all(&keys).await?;
        Ok(rows.into_iter().flatten().map(|row| (row.version.clone(), row)).collect())
    }
}

/// Where a page begins.
fn begin(order: &[String], after: &str) -> Result<usize> {
    let parts = after.split_once('#').and_then(|(count, last)| Some((count.parse::<usize>().ok()?, last)));
    let (count, last) =
        parts.ok_or_else(|| Error::BadRequest("the cursor is not one that a list has given".into()))?;
    let is_last = |at: &usize| order.get(*at).is_some_and(|version| version == last);
    let there = count.checked_sub(1).filter(is_last);
    let there = there.or_else(|| order.iter().position(|version| version == last));
    // If it was deleted meanwhile, the one behind it has its place.
    Ok(there.map_or(count.saturating_sub(1), |at| at + 1).min(order.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(versions: &[&str]) -> Vec<String> {
        versions.iter().map(|version| (*version).to_owned()).collect()
    }

    fn page(order: &[String], cursor: Option<String>) -> (Vec<String>, Option<String>) {
        let slice = Slice::of(order, &Paging { limit: Some(2), cursor }).unwrap();
        (slice.versions.to_vec(), slice.next)
    }

    #[test]
    fn pages_follow_each_other_whatever_happens_meanwhile() {
        let versions = order(&["5", "4", "3", "2", "1"]);
        let (first, next) = page(&versions, None);
        assert_eq!(first, ["5", "4"]);
        let (second, last) = page(&versions, next.clone());
        assert_eq!(second, ["3", "2"]);
        assert_eq!(page(&versions, last), (order(&["1"]), None));
        // Published in front; the last one deleted; another one before it deleted.
        for changed in [vec!["7", "6", "5", "4", "3", "2"], vec!["5", "3", "2"], vec!["4", "3", "2"]] {
            assert_eq!(page(&order(&changed), next.clone()).0, ["3", "2"], "{changed:?}");
        }
        assert_eq!(page(&[], next), (Vec::new(), None));
    }

    #[test]
    fn forged_cursors_go_nowhere_else() {
        let versions = order(&["2", "1"]);
        let forged = |text: &str| Paging { limit: None, cursor: Some(cursor(text, "")) };
        for (text, rest) in [("99999999999#x", 0), ("0#x", 2), ("1#2", 1), ("9#1", 0)] {
            assert_eq!(Slice::of(&versions, &forged(text)).unwrap().versions.len(), rest, "{text}");
        }
        for text in ["1", "#1", "-1#1", "99999999999999999999999#1", "x#1"] {
            assert!(matches!(Slice::of(&versions, &forged(text)), Err(Error::BadRequest(_))), "{text}");
        }
    }
}
