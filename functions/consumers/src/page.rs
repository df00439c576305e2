//! Lists: bare arrays, with an optional page size that the documented interface does not have.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use granary_http::{AppState, reply};
use granary_model::{Error, Result};
use granary_storage::Key;
use granary_storage::rows::{ConsumerRef, ConsumerRow, SoldPackageRow, SoldVersionRow};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Most entries in one answer: a function's answer holds 6 MB.
const MAX_LIMIT: usize = 1_000;

/// Rows that are in memory at once. A consumer with many permissions has up to 400 KB.
const SLICE: usize = 100;

/// `?after=<id>&limit=<n>`: the entries behind this number, and how many at most.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

impl PageQuery {
    fn limit(&self) -> Result<usize> {
        let limit = self.limit.unwrap_or(MAX_LIMIT);
        if (1..=MAX_LIMIT).contains(&limit) {
            return Ok(limit);
        }
        Err(Error::BadRequest(format!("limit: a whole number from 1 to {MAX_LIMIT}")))
    }
}

/// A row with a number by which lists are in order.
pub(crate) trait Numbered: DeserializeOwned {
    /// Its number.
    fn number(&self) -> u64;
}

impl Numbered for SoldPackageRow {
    fn number(&self) -> u64 {
        self.id
    }
}

impl Numbered for SoldVersionRow {
    fn number(&self) -> u64 {
        self.id
    }
}

impl Numbered for ConsumerRow {
    fn number(&self) -> u64 {
        self.id
    }
}

impl Numbered for ConsumerRef {
    fn number(&self) -> u64 {
        self.consumer_id
    }
}

/// The rows of a list behind a number, a slice of them: up to `wanted` and never more than 100.
pub(crate) async fn slice<T: Numbered>(
    state: &AppState,
    key: &(impl Fn(u64) -> Key + Sync),
    after: u64,
    wanted: usize,
) -> Result<Vec<T>> {
    let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
    state.storage().list_between(&key(first), &key(u64::MAX), wanted.min(SLICE), false).await
}

/// The entries of a page with their numbers, one more than asked for if there are more.
pub(crate) async fn entries<T: Numbered, V>(
    state: &AppState,
    query: &PageQuery,
    key: impl Fn(u64) -> Key + Sync,
    view: impl Fn(T) -> V,
) -> Result<Vec<(u64, V)>> {
    let wanted = query.limit()? + 1;
    let (mut after, mut found) = (query.after, Vec::new());
    while found.len() < wanted {
        let asked = (wanted - found.len()).min(SLICE);
        let rows: Vec<T> = slice(state, &key, after, asked).await?;
        let is_last = rows.len() < asked;
        for row in rows {
            after = row.number();
            found.push((after, view(row)));
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// The array, with a `Link` to the next page if there is one. `path` is that of the list.
pub(crate) fn answer<V: Serialize>(query: &PageQuery, path: &str, found: Vec<(u64, V)>) -> Result<Response> {
    answer_found(query, path, found.into_iter().map(|(number, view)| (number, Some(view))).collect())
}

/// The same where some entries turned out to be gone when they were looked at, which does not end the list.
pub(crate) fn answer_found<V: Serialize>(
    query: &PageQuery,
    path: &str,
    mut found: Vec<(u64, Option<V>)>,
) -> Result<Response> {
    let limit = query.limit()?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|(number, _)| *number).filter(|_| is_more);
    let views: Vec<V> = found.into_iter().filter_map(|(_, view)| view).collect();
    let mut response = reply(StatusCode::OK, &views);
    if let Some(last) = last {
        let link = format!("<{path}?after={last}&limit={limit}>; rel=\"next\"");
        let link = HeaderValue::from_str(&link).map_err(|e| Error::internal("linking the next page", e))?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
