//! Bodies of requests. They are read after the caller is known, so that nobody else learns what is wrong with them.

use axum::body::Body;
use axum::http::HeaderMap;
use granary_http::{Fields, read_maybe_gzip};
use granary_model::{Error, Result};
use granary_publish::{JsonLimits, parse_json};

/// Largest body, in bytes.
const MAX_BODY: u64 = 64 * 1024;

/// The fields of a JSON object. Those that the interface does not know are ignored, as its clients expect.
pub(crate) async fn fields(headers: &HeaderMap, body: Body) -> Result<Fields> {
    let bytes = read_maybe_gzip(headers, body, MAX_BODY).await?;
    if bytes.is_empty() {
        return Err(Error::BadRequest("Missing request body".into()));
    }
    let value = parse_json(&bytes, JsonLimits::default())?;
    if !value.is_object() {
        return Err(Error::BadRequest("the JSON body has to be an object".into()));
    }
    serde_json::from_value(value).map_err(|e| Error::BadRequest(format!("the JSON body cannot be used: {e}")))
}
