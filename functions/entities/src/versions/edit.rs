//! Which version is the active one, and which go.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::entity::PublishEntity;
use granary_http::{ApiResult, AppState, Fields, Json, no_content, reply};
use granary_publish::entity::{activate_version, delete_version};
use granary_storage::rows::EntityRow;

use super::find;
use super::read::VersionAnswer;
use super::request::version_id;
use crate::access::Entity;
use crate::view::VersionView;

/// `PUT` and `POST /api/entities/{entity}/versions/active`.
pub(crate) async fn activate(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let row = find(&state, &access.entity, &version_id(&fields)?).await?;
    let permit = |entity: &EntityRow| access.recheck(entity);
    let hand = access.hand(&state, &permit);
    let (entity, row) = activate_version(&hand, access.entity.clone(), &row.version).await?;
    let version = VersionView::of(&state, &entity, &row).await?;
    Ok(reply(StatusCode::OK, &VersionAnswer { version }))
}

/// `DELETE /api/entities/{entity}/versions/{version}`: for ever, and never the active one.
pub(crate) async fn delete(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Path((_, version)): Path<(String, String)>,
) -> ApiResult<Response> {
    let row = find(&state, &access.entity, &version).await?;
    let permit = |entity: &EntityRow| access.recheck(entity);
    delete_version(&access.hand(&state, &permit), access.entity.clone(), &row.version).await?;
    Ok(no_content())
}
