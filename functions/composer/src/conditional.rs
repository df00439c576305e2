//! Conditional requests by date, which are all that Composer knows.
//!
//! A date has whole seconds, and a client keeps what it read by its address, whoever it read it for: another credential
//! on the same machine asks with the date of the copy that the first one got. So a date here is good for being compared
//! with itself and for nothing else.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use granary_auth::Grants;
use granary_http::documents::REVALIDATE;
use granary_model::{Error, Result, Timestamp};
use granary_publish::Source;
use granary_storage::rows::RepoRow;

/// How old a change has to be before a date is given for it, in milliseconds: another change may follow within the same
/// second, and the clocks of two functions differ.
const SETTLED: i64 = 5_000;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The `Last-Modified` of a document, if a client may come back with it.
///
/// For a customer it is moved into the past by a time that depends on what the customer may have, so that a copy read
/// with one key is not taken for current with another.
pub(crate) fn last_modified(source: &Source, repo: &RepoRow, now: Timestamp) -> Option<String> {
    let changed = source.modified().max(repo.updated_at);
    let is_settled = now.millis().saturating_sub(changed.millis()) >= SETTLED;
    let offset = source.grants.as_deref().map_or(0, offset);
    is_settled.then(|| changed.plus_millis(-offset).http_date())
}

/// Between one second and one day, in milliseconds.
fn offset(grants: &Grants) -> i64 {
    let digits = grants.fingerprint().get(..15).unwrap_or_default();
    let number = u64::from_str_radix(digits, 16).unwrap_or(0);
    i64::try_from(1 + number % DAY).unwrap_or(1) * 1000
}

/// Whether the client has exactly this copy. A tag decides alone, where a client has one.
pub(crate) fn is_unchanged(request: &HeaderMap, modified: Option<&str>) -> bool {
    let asked = request.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    !request.contains_key(header::IF_NONE_MATCH) && modified.is_some() && asked == modified
}

/// The answer to a client that has the document.
pub(crate) fn not_modified(etag: &str, modified: Option<&str>) -> Result<Response> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    let value = HeaderValue::from_str(etag).map_err(|e| Error::internal("writing a header", e))?;
    headers.insert(header::ETAG, value);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    put_date(headers, modified)?;
    Ok(response)
}

/// Request headers that decide the answer.
pub(crate) const VARY: &str = "Accept-Encoding, Authorization";

/// Puts the date into the answer, or takes out what stands there.
pub(crate) fn put_date(headers: &mut HeaderMap, modified: Option<&str>) -> Result<()> {
    match modified {
        None => {
            headers.remove(header::LAST_MODIFIED);
        }
        Some(date) => {
            let date = HeaderValue::from_str(date).map_err(|e| Error::internal("writing a header", e))?;
            headers.insert(header::LAST_MODIFIED, date);
        }
    }
    Ok(())
}
