//! Downloads of a package, day by day.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::{ApiResult, AppState, Params, reply};
use granary_model::{Error, Result, Timestamp};
use granary_storage::{Key, PackageKey, Storage};
use serde::{Deserialize, Serialize};

use crate::named::Named;

/// Days that are shown, unless the caller wants another number.
const DAYS: u32 = 30;

/// Most days that are shown.
const MAX_DAYS: u32 = 365;

/// Most rows that are read: one for each version that was downloaded on a day.
const MAX_ROWS: usize = 20_000;

/// The query of the downloads.
#[derive(Debug, Deserialize)]
pub(crate) struct Query {
    /// Number of days, the present one included.
    days: Option<u32>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct DownloadsView {
    /// The oldest first, each day of UTC.
    days: Vec<DayView>,
    /// Sum of these days.
    total: u64,
    /// Whether all days are here that were asked for. Of a package with very many versions only the latest are.
    complete: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct DayView {
    day: String,
    count: u64,
}

/// `GET /api/repos/{repo}/downloads/{kind}/{name}`: for whoever may read the repository. Counts are a few seconds behind.
pub(crate) async fn count_downloads(
    state: AppState,
    Path((repo, kind, name)): Path<(String, String, String)>,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> ApiResult<Response> {
    let days = query.days.unwrap_or(DAYS);
    let named = Named::authorize(&state, &headers, (&repo, &kind, &name), None).await?;
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Error::BadRequest(format!("days: a number from 1 to {MAX_DAYS}")).into());
    }
    let last = state.now().day();
    let rows = counts(state.storage(), named.package, last + 1 - i64::from(days), last).await?;
    Ok(reply(StatusCode::OK, &view(&rows, last + 1 - i64::from(days), last, MAX_ROWS)))
}

/// How often a version was downloaded on a day.
#[derive(Debug, Deserialize)]
struct Counted {
    sk: String,
    #[serde(default)]
    downloads: u64,
}

impl Counted {
    /// The day, in days since 1970.
    fn day(&self) -> Option<i64> {
        let (day, _) = self.sk.strip_prefix("DAY#")?.split_once('#')?;
        day.parse().ok()
    }
}

/// The counts of the days, the latest first: at most one more than are added up.
async fn counts(storage: &Storage, package: PackageKey, first: i64, last: i64) -> Result<Vec<Counted>> {
    let from = Key::Downloads(package.clone(), String::new(), first);
    let to = Key::Downloads(package, "\u{10ffff}".into(), last);
    storage.list_between(&from, &to, MAX_ROWS + 1, true).await
}

/// The days from `first` to `last`. If there are more rows than `most`, the day in whose middle they were cut off is
/// left out, and those before it.
fn view(rows: &[Counted], first: i64, last: i64, most: usize) -> DownloadsView {
    let cut = rows.get(most).and_then(Counted::day);
    let first = cut.map_or(first, |cut| cut + 1);
    let mut sums: BTreeMap<i64, u64> = BTreeMap::new();
    for row in rows {
        if let Some(day) = row.day().filter(|day| (first..=last).contains(day)) {
            *sums.entry(day).or_default() += row.downloads;
        }
    }
    let days =
        (first..=last).map(|day| DayView { day: date(day), count: sums.get(&day).copied().unwrap_or(0) });
    DownloadsView { days: days.collect(), total: sums.values().sum(), complete: cut.is_none() }
}

/// A day as `2026-11-30`.
fn date(day: i64) -> String {
    let midnight = Timestamp::from_millis(0).plus_days(day).to_string();
    midnight.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: i64, version: &str, downloads: u64) -> Counted {
        Counted { sk: format!("DAY#{day}#{version}"), downloads }
    }

    #[test]
    fn days_that_were_read_in_part_are_left_out() {
        let rows = [row(12, "1.0", 1), row(12, "1#1", 2), row(11, "1.0", 4), row(10, "1.0", 8)];
        let whole = view(&rows, 9, 12, 4);
        let counts: Vec<u64> = whole.days.iter().map(|day| day.count).collect();
        assert_eq!((counts, whole.total, whole.complete), (vec![0, 8, 4, 3], 15, true));
        assert_eq!(whole.days[0].day, "1970-01-10");
        for (most, expected) in [(3, vec![4, 3]), (2, vec![3]), (1, vec![])] {
            let part = view(&rows, 9, 12, most);
            let counts: Vec<u64> = part.days.iter().map(|day| day.count).collect();
            assert_eq!((part.total, part.complete), (counts.iter().sum(), false));
            assert_eq!(counts, expected, "{most}");
        }
    }
}
