//! Addresses of the bytes of a version.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::entity::AccessEntity;
use granary_http::{ApiResult, AppState, reply};
use granary_model::{Result, Sha256, Timestamp};
use granary_storage::ObjectKey;
use granary_storage::rows::FileRow;
use serde::Serialize;

use super::find;
use crate::access::Entity;

#[derive(Debug, Serialize)]
struct Addresses {
    download_url: String,
    file_name: String,
    expires_at: String,
    lockfile_url: Option<String>,
    file_size_bytes: u64,
    sha256: Sha256,
}

/// `GET /api/entities/{entity}/versions/{version}/download`: addresses from which anyone can fetch the files for at most 5
/// minutes, which is how long a right that is taken away lives on.
pub(crate) async fn download_version(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
    Path((_, version)): Path<(String, String)>,
) -> ApiResult<Response> {
    let row = find(&state, &access.entity, &version).await?;
    let lifetime = i64::try_from(state.config().presign_lifetime.as_millis()).unwrap_or(0);
    let expires = state.now().plus_millis(lifetime);
    let lockfile_url = match &row.lockfile {
        Some(file) => Some(address(&state, file, expires).await?),
        None => None,
    };
    let answer = Addresses {
        download_url: address(&state, &row.package, expires).await?,
        expires_at: expires.to_string(),
        lockfile_url,
        file_size_bytes: row.package.size,
        sha256: row.package.sha256,
        file_name: row.package.name,
    };
    Ok(reply(StatusCode::OK, &answer))
}

async fn address(state: &AppState, file: &FileRow, expires: Timestamp) -> Result<String> {
    // Made of a slug and a version, so nothing in it needs to be escaped.
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let (config, media_type) = (state.config(), file.content_type.as_str());
    if let Some(cdn) = &config.cdn {
        let path = ObjectKey::Blob(file.sha256).path();
        return cdn.signed_url(&path, media_type, Some(&disposition), expires);
    }
    let storage = state.storage();
    storage.presign_blob(file.sha256, media_type, Some(&disposition), config.presign_lifetime).await
}
