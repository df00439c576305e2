//! The first step of an upload: addresses to send the bytes to.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use granary_http::entity::PublishEntity;
use granary_http::{ApiResult, AppState, Fields, Json, new_secret, reply, shown};
use granary_model::entity::EntityVersion;
use granary_model::{Error, Result};
use granary_publish::entity::{Found, check_quota, live_version, lockfile_name, package_name, used};
use granary_publish::handover;
use granary_publish::upload::state::LIFETIME_MILLIS;
use granary_storage::rows::{
    BaseVersion, EntityRow, HandoverFile, HandoverPurpose, HandoverRow, UploadStatus,
};
use granary_storage::staging::UPLOAD_LIFETIME;
use serde::Serialize;

use super::exists;
use super::request::BeginRequest;
use crate::access::Entity;

/// Where to send what, and what to confirm it with.
#[derive(Debug, Serialize)]
struct Addresses {
    status: &'static str,
    version: EntityVersion,
    package: Address,
    lockfile: Address,
    /// Until when the addresses work. What has been sent can be confirmed for 24 hours.
    expires_at: String,
}

#[derive(Debug, Serialize)]
struct Address {
    storage_path: String,
    upload_url: String,
    method: &'static str,
    headers: BTreeMap<String, String>,
}

/// The size of the largest file, in bytes.
pub(super) fn largest(state: &AppState) -> u64 {
    state.config().max_file.min(handover::MAX_FILE)
}

/// `POST /api/entities/{entity}/versions/upload-url`: the existing version if one was built of the same sources, addresses
/// otherwise. Nothing is made yet.
pub(crate) async fn begin_version(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let request = BeginRequest::new(&fields, largest(&state))?;
    let (storage, entity) = (state.storage(), &access.entity);
    let found = Found::read(storage, &entity.id, &request.version, request.source_hash).await?;
    if !request.force
        && let Some(twin) = found.twin(storage, &entity.id).await?
    {
        return Ok(exists(&state, entity, &twin).await?);
    }
    if let Some(row) = &found.version {
        return Err(used(row).into());
    }
    check_quota(entity, request.size.unwrap_or(0), state.config().repo_quota)?;
    let base = base(&state, entity, request.base.as_deref()).await?;
    let version = request.version.clone();
    let row = handover_row(&state, entity, request, base);
    handover::begin(storage, &row).await?;
    let lifetime = i64::try_from(UPLOAD_LIFETIME.as_millis()).unwrap_or(0);
    let answer = Addresses {
        status: "upload_required",
        package: address(&state, &row, 0).await?,
        lockfile: address(&state, &row, 1).await?,
        version,
        expires_at: state.now().plus_millis(lifetime).to_string(),
    };
    Ok(reply(StatusCode::OK, &answer))
}

/// The version that the new one is made from.
async fn base(state: &AppState, entity: &EntityRow, text: Option<&str>) -> Result<Option<BaseVersion>> {
    let Some(text) = text else { return Ok(None) };
    match live_version(state.storage(), &entity.id, text).await? {
        Some(row) => Ok(Some(BaseVersion { id: row.id, version: row.version })),
        None => Err(Error::BadRequest(format!(
            "base_version_id: this entity has no version '{}'; give the id or the name of one that is not deleted",
            shown(text)
        ))),
    }
}

fn handover_row(
    state: &AppState,
    entity: &EntityRow,
    request: BeginRequest,
    base: Option<BaseVersion>,
) -> HandoverRow {
    let BeginRequest { version, source_hash, force, size, sha256, .. } = request;
    let package = HandoverFile { name: package_name(&entity.slug, &version), size, sha256 };
    let lockfile = HandoverFile { name: lockfile_name(&entity.slug, &version), size: None, sha256: None };
    HandoverRow {
        expires_at: state.now().plus_millis(LIFETIME_MILLIS).seconds(),
        id: new_secret(state.ids()),
        rev: 1,
        purpose: HandoverPurpose::Entity {
            entity: entity.id.clone(),
            version,
            source_hash,
            base,
            force,
            confirmation: None,
        },
        files: vec![package, lockfile],
        status: UploadStatus::Open,
        created_at: state.now(),
        caller: None,
        worked_until: 0,
        error: None,
    }
}

async fn address(state: &AppState, row: &HandoverRow, index: usize) -> Result<Address> {
    let signed = handover::address(state.storage(), row, index).await?;
    Ok(Address {
        storage_path: handover::path(row, index),
        upload_url: signed.url,
        method: "PUT",
        headers: signed.headers.into_iter().collect(),
    })
}
