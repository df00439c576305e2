//! `npm audit` and the keys of registry signatures.

use axum::response::{IntoResponse as _, Response};
use granary_model::{Error, Result};
use serde_json::{Value, json};

use crate::call::Call;

/// What is asked. npm and Bun send it gzip'd as `application/json`, which an HTTP API takes for text and damages. The
/// answer is the same whatever is asked, so such a question counts as an empty one.
async fn question(call: &mut Call) -> Result<Value> {
    if call.is_damaged {
        return Ok(json!({}));
    }
    call.json().await
}

/// `POST /-/npm/v1/security/advisories/bulk`: no advisories are known here, so nothing is found.
///
/// An empty answer keeps `npm audit` working; a 404 would make every audit command fail. The names in the
/// body are private and go nowhere.
pub(crate) async fn bulk(call: &mut Call) -> Result<Response> {
    let body = question(call).await?;
    if !body.is_object() {
        return Err(Error::BadRequest("the body must be an object of package names and versions".into()));
    }
    Ok(axum::Json(json!({})).into_response())
}

/// `POST /-/npm/v1/security/audits` and `.../quick`: the older form, which pnpm 10 falls back to.
pub(crate) async fn quick(call: &mut Call) -> Result<Response> {
    let body = question(call).await?;
    let dependencies = body.get("dependencies").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    Ok(axum::Json(json!({
        "actions": [],
        "advisories": {},
        "muted": [],
        "metadata": {
            "vulnerabilities": { "info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0 },
            "dependencies": dependencies,
            "devDependencies": 0,
            "optionalDependencies": 0,
            "totalDependencies": dependencies,
        },
    }))
    .into_response())
}

/// `GET /-/npm/v1/keys`: this registry signs nothing yet, and says so with an empty list.
pub(crate) fn show_keys() -> Response {
    axum::Json(json!({ "keys": [] })).into_response()
}
