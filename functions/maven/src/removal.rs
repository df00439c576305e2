//! Deleting versions.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use granary_http::permit::Admin;
use granary_model::Result;
use granary_model::maven::Coordinates;
use granary_publish::maven::reshow;

use crate::call::Call;

/// `DELETE` of the directory of a version: for admins, and for ever.
pub(crate) async fn delete_version(call: &Call, coordinates: &Coordinates) -> Result<Response> {
    let access = call.version::<Admin>(coordinates).await?;
    if access.live_version().is_none() {
        return Err(call.not_found());
    }
    let target = call.target(&access, coordinates);
    let version = coordinates.version.as_str();
    granary_publish::files::delete_version(target, call.state.now(), version, reshow).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
