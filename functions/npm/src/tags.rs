//! Dist-tags.

use axum::response::{IntoResponse as _, Response};
use granary_http::permit::{Fetch, Write};
use granary_model::npm::{DistTag, NpmName, NpmVersion};
use granary_model::{Error, Result};
use granary_publish::edit_head;
use granary_publish::npm::edit::{Edit, NpmEdit};
use serde_json::{Value, json};

use crate::call::{Call, live_head, package_key};
use crate::publish::done;
use crate::upstream::{self, reading};

/// `GET /-/package/{name}/dist-tags`.
pub(crate) async fn list_tags(call: &Call, name: &NpmName) -> Result<Response> {
    let access = call.package::<Fetch>(name).await?;
    let reading = reading(call, &access, name).await?;
    if reading.is_foreign() {
        let tags = upstream::tags(call, &access, &reading).await?;
        return Ok(([("cache-control", "private, no-cache")], axum::Json(json!(tags))).into_response());
    }
    let source = reading.source;
    Ok(([("cache-control", "private, no-cache")], axum::Json(json!(source.head.tags))).into_response())
}

/// `PUT /-/package/{name}/dist-tags/{tag}` with the version as a JSON string.
pub(crate) async fn set_tag(call: &mut Call, name: &NpmName, tag: DistTag) -> Result<Response> {
    let access = call.package::<Write>(name).await?;
    let body = call.json().await?;
    let Value::String(version) = body else {
        return Err(Error::BadRequest(
            "the body must be the version as a JSON string, such as \"1.0.0\"".into(),
        ));
    };
    let version: NpmVersion = version.parse()?;
    live_head(&access, name)?;
    let mut edit = Edit::new(call.state.storage(), package_key(&access, name), NpmEdit::SetTag(tag, version));
    edit_head(call.target(&access, name), call.state.now(), &mut edit).await?;
    Ok(done())
}

/// `DELETE /-/package/{name}/dist-tags/{tag}`.
pub(crate) async fn remove_tag(call: &Call, name: &NpmName, tag: DistTag) -> Result<Response> {
    let access = call.package::<Write>(name).await?;
    live_head(&access, name)?;
    if tag.is_latest() {
        return Err(Error::BadRequest(
            "the dist-tag 'latest' cannot be removed, because installs without a version follow it; point it at \
             another version instead"
                .into(),
        ));
    }
    let mut edit = Edit::new(call.state.storage(), package_key(&access, name), NpmEdit::RemoveTag(tag));
    edit_head(call.target(&access, name), call.state.now(), &mut edit).await?;
    Ok(axum::Json(json!({ "ok": true })).into_response())
}
