//! Versions of entities: uploaded in two steps, listed, downloaded, made the active one, deleted.
//!
//! A package is a zip as far as names and media types go; what is in it is not looked into. Its bytes are digested once when it is
//! confirmed, and never change afterwards.

mod begin;
mod confirm;
mod download;
mod edit;
mod read;
mod request;
mod services;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use granary_http::{AppState, reply, shown};
use granary_model::{Error, Result};
use granary_publish::entity::live_version;
use granary_storage::rows::{EntityRow, EntityVersionRow};
use serde::Serialize;

use crate::view::VersionView;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    let active = get(read::show_active).put(edit::activate).post(edit::activate);
    Router::new()
        .route("/api/entities/{entity}/versions", get(read::list_versions))
        .route("/api/entities/{entity}/versions/upload-url", post(begin::begin_version))
        .route("/api/entities/{entity}/versions/confirm", post(confirm::confirm_version))
        .route("/api/entities/{entity}/versions/active", active)
        .route("/api/entities/{entity}/versions/{version}", get(read::show_version).delete(edit::delete))
        .route("/api/entities/{entity}/versions/{version}/download", get(download::download_version))
}

/// What became of an upload: `{"status", "version"}`.
#[derive(Debug, Serialize)]
struct Outcome {
    status: &'static str,
    version: VersionView,
}

/// Answers with a version and what became of it.
async fn answer(
    state: &AppState,
    (status, word): (StatusCode, &'static str),
    entity: &EntityRow,
    row: &EntityVersionRow,
) -> Result<Response> {
    let version = VersionView::of(state, entity, row).await?;
    Ok(reply(status, &Outcome { status: word, version }))
}

/// Answers with a version that makes an upload unnecessary.
async fn exists(state: &AppState, entity: &EntityRow, row: &EntityVersionRow) -> Result<Response> {
    answer(state, (StatusCode::OK, "exists"), entity, row).await
}

/// The live version that an id or a version string names.
async fn find(state: &AppState, entity: &EntityRow, text: &str) -> Result<EntityVersionRow> {
    let row = live_version(state.storage(), &entity.id, text).await?;
    row.ok_or_else(|| Error::NotFound(format!("version '{}' not found", shown(text))))
}
