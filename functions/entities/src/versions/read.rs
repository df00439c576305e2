//! Versions as they are.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::entity::AccessEntity;
use granary_http::{ApiResult, AppState, Params, reply};
use granary_model::entity::EntityVersion;
use granary_model::{Error, Result};
use granary_publish::entity::live_version;
use granary_storage::rows::EntityRow;
use serde::{Deserialize, Serialize};

use super::find;
use crate::access::Entity;
use crate::view::{VersionView, Versions};

/// `?cursor=`: only versions older than this one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct ListAnswer {
    versions: Vec<VersionView>,
    active_version_id: Option<String>,
    /// What to give as `cursor` for the rest, if there is more than one answer holds, or than one looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<EntityVersion>,
}

/// `{"version": ..}`.
#[derive(Debug, Serialize)]
pub(super) struct VersionAnswer {
    pub(super) version: VersionView,
}

/// `GET /api/entities/{entity}/versions`: the newest first.
pub(crate) async fn list_versions(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
    Params(query): Params<Query>,
) -> ApiResult<Response> {
    let before: Option<EntityVersion> = query.cursor.as_deref().map(str::parse).transpose()?;
    let entity = &access.entity;
    let found = Versions::older(&state, entity, before.as_ref()).await?;
    let answer = ListAnswer {
        versions: found.views(entity),
        active_version_id: active_id(&state, entity, &found).await?,
        next: found.next,
    };
    Ok(reply(StatusCode::OK, &answer))
}

/// Id of the active version. It need not be among those that are shown.
async fn active_id(state: &AppState, entity: &EntityRow, found: &Versions) -> Result<Option<String>> {
    let Some(active) = &entity.active else { return Ok(None) };
    if let Some(row) = found.rows.iter().find(|row| row.version == *active) {
        return Ok(Some(row.id.clone()));
    }
    let row = live_version(state.storage(), &entity.id, active.as_str()).await?;
    Ok(row.map(|row| row.id))
}

/// `GET /api/entities/{entity}/versions/{version}`.
pub(crate) async fn show_version(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
    Path((_, version)): Path<(String, String)>,
) -> ApiResult<Response> {
    let row = find(&state, &access.entity, &version).await?;
    let version = VersionView::of(&state, &access.entity, &row).await?;
    Ok(reply(StatusCode::OK, &VersionAnswer { version }))
}

/// `GET /api/entities/{entity}/versions/active`.
pub(crate) async fn show_active(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
) -> ApiResult<Response> {
    let active = access.entity.active.as_ref();
    let active = active.ok_or_else(|| Error::NotFound("no version is active".into()))?;
    let row = find(&state, &access.entity, active.as_str()).await?;
    let version = VersionView::of(&state, &access.entity, &row).await?;
    Ok(reply(StatusCode::OK, &VersionAnswer { version }))
}
