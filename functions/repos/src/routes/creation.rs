//! New repositories.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::new_repo::{RepoHome, store_new_repo};
use granary_http::{ApiResult, AppState, Caller, Fields, Json, reply};
use granary_model::RepoId;
use serde_json::json;

use crate::counts::Counts;
use crate::settings::Settings;
use crate::view::RepoView;

/// `POST /api/repos`: makes a repository of the caller or of an organisation.
pub(crate) async fn create_repo(
    state: AppState,
    headers: HeaderMap,
    caller: Caller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&[&["name", "orgSlug"], Settings::FIELDS.as_slice()].concat())?;
    let home = RepoHome::find(&state, &caller, fields.text("orgSlug")?).await?;
    let id: RepoId = Fields::required("name", fields.parsed("name")?)?;
    let settings = Settings::read(&state, &headers, &fields).await?;
    Fields::required("packageTypes", settings.package_types.as_ref())?;
    let mut row = home.new_repo(&state, id);
    settings.apply(&mut row)?;
    store_new_repo(&state, &caller, &row).await?;
    Ok(reply(StatusCode::CREATED, &json!({ "repo": RepoView::new(row, Counts::default()) })))
}
