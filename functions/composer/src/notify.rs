//! What clients say that they have installed.

use axum::body::Body;
use axum::extract::Path;
use axum::http::HeaderMap;
use granary_http::{AppState, no_content, read_maybe_gzip, refuse_body};
use granary_model::{Error, Result};
use granary_publish::{JsonLimits, parse_json};
use serde_json::Value;

use crate::call::authorize;
use crate::failure::ComposerResult;

/// Largest report, in bytes. One names some hundred packages.
const MAX_BODY: u64 = 256 * 1024;

/// `POST downloads`: accepted and forgotten. Anybody could write anything in it, so downloads are counted where archives
/// are given out.
pub(crate) async fn take_note(
    state: AppState,
    Path(repo): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ComposerResult {
    if let Err(error) = authorize(&state, &headers, &repo).await {
        refuse_body(&headers, body).await;
        return Err(error.into());
    }
    let bytes = read_maybe_gzip(&headers, body, MAX_BODY).await?;
    check(&bytes)?;
    Ok(no_content())
}

fn check(bytes: &[u8]) -> Result<()> {
    let report = parse_json(bytes, JsonLimits { bytes: bytes.len(), depth: 8, keys: 20_000 })?;
    let downloads = report.get("downloads").and_then(Value::as_array);
    let is_one =
        |one: &Value| ["name", "version"].iter().all(|member| one.get(member).is_some_and(Value::is_string));
    if downloads.is_some_and(|downloads| downloads.iter().all(is_one)) {
        return Ok(());
    }
    Err(Error::BadRequest("downloads: it has to be a list of objects with 'name' and 'version'".into()))
}
