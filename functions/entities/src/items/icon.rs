//! Icons: sent to the bucket by an address of their own, checked, and kept with the entity.

use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use bytes::BytesMut;
use granary_auth::Principal;
use granary_http::entity::AccessEntity;
use granary_http::{ApiResult, AppState, Caller, Delivery, Fields, Json, new_secret, reply};
use granary_model::entity::EntitySlug;
use granary_model::{Error, Result};
use granary_publish::digests::Digests;
use granary_publish::handover;
use granary_publish::upload::state::LIFETIME_MILLIS;
use granary_storage::Upload;
use granary_storage::rows::{FileRow, HandoverFile, HandoverPurpose, HandoverRow, UploadStatus};
use granary_storage::staging::{UPLOAD_LIFETIME, staging_session};
use serde_json::{Map, Value, json};

use super::creation::permit_creation;
use super::picture::Picture;
use crate::access::Entity;

/// Largest icon, in bytes.
const MAX_ICON: u64 = 1024 * 1024;

/// An icon may be replaced at any time, so that caches have to ask; what they have is mostly still right.
const CACHE: &str = "private, no-cache";

/// `POST /api/entities/icon-upload-url`: an address for the icon of an entity that may not exist yet.
pub(super) async fn begin_icon(
    state: AppState,
    caller: Caller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    permit_creation(&caller.principal)?;
    fields.only(&["entity_slug", "ext"])?;
    let slug: EntitySlug = Fields::required("entity_slug", fields.parsed("entity_slug")?)?;
    let picture: Picture = Fields::required("ext", fields.parsed("ext")?)?;
    let now = state.now();
    let row = HandoverRow {
        expires_at: now.plus_millis(LIFETIME_MILLIS).seconds(),
        id: new_secret(state.ids()),
        rev: 1,
        purpose: HandoverPurpose::Icon { by: caller.principal.actor(), slug },
        files: vec![HandoverFile { name: picture.file_name().into(), size: None, sha256: None }],
        status: UploadStatus::Open,
        created_at: now,
        caller: None,
        worked_until: 0,
        error: None,
    };
    handover::begin(state.storage(), &row).await?;
    let signed = handover::address(state.storage(), &row, 0).await?;
    let headers: Map<String, Value> =
        signed.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    let lifetime = i64::try_from(UPLOAD_LIFETIME.as_millis()).unwrap_or(0);
    let body = json!({
        "storage_path": handover::path(&row, 0),
        "upload_url": signed.url,
        "method": "PUT",
        "headers": headers,
        "expires_at": now.plus_millis(lifetime).to_string(),
    });
    Ok(reply(StatusCode::OK, &body))
}

/// `GET /api/entities/{entity}/icon`, and `HEAD`. Always from here, never by redirect: what an SVG has in it must not run.
pub(super) async fn show_icon(
    state: AppState,
    method: Method,
    headers: HeaderMap,
    Entity(access): Entity<AccessEntity>,
) -> ApiResult<Response> {
    let none = || Error::NotFound(format!("entity '{}' has no icon", access.entity.id));
    let icon = access.entity.icon.as_ref().ok_or_else(none)?;
    let delivery = Delivery::new(icon).content_type(&icon.content_type).cache(CACHE).inline();
    Ok(delivery.answer(&state, &headers, method == Method::HEAD).await?)
}

/// Fetches an icon by the path that [`begin_icon`] gave to this caller for this entity, checks it and stores its bytes, claimed
/// for the commit that follows. The path works until it expires, so that a request may be repeated.
///
/// # Errors
/// `BadRequest` that names `icon_path`; the words are the same for a path of somebody else's and for none.
pub(super) async fn fetch(
    state: &AppState,
    principal: &Principal,
    slug: &EntitySlug,
    path: &str,
) -> Result<FileRow> {
    let picture = find(state, principal, slug, path).await?;
    let bytes = read(state, path).await?;
    picture.check(&bytes)?;
    let digests = Digests::of(&bytes);
    state.storage().claim_blob(digests.sha256, state.now()).await?;
    state.storage().put_blob(digests.sha256, &Upload::Memory(bytes.freeze())).await?;
    Ok(digests.file(picture.file_name(), picture.media_type()))
}

async fn find(state: &AppState, principal: &Principal, slug: &EntitySlug, path: &str) -> Result<Picture> {
    let row = match staging_session(path) {
        Some(id) => handover::load(state.storage(), id, state.now()).await?,
        None => None,
    };
    let is_theirs = |row: &HandoverRow| match &row.purpose {
        HandoverPurpose::Icon { by, slug: of } => *by == principal.actor() && of == slug,
        _ => false,
    };
    row.filter(|row| is_theirs(row) && handover::path(row, 0) == path)
        .and_then(|row| row.files.first().and_then(|file| Picture::of_file(&file.name)))
        .ok_or_else(|| {
            Error::BadRequest(format!(
                "icon_path: it is not a path that icon-upload-url has given you for '{slug}', or it has expired; ask for a \
                 new one"
            ))
        })
}

/// The bytes that have arrived.
async fn read(state: &AppState, path: &str) -> Result<BytesMut> {
    let missing = || {
        Error::BadRequest("icon_path: the icon has not arrived; PUT it to its upload address first".into())
    };
    let mut object = state.storage().open_object(path).await?.ok_or_else(missing)?;
    if object.size > MAX_ICON {
        return Err(Error::BadRequest(format!(
            "icon_path: the icon has {} bytes, and at most {MAX_ICON} are allowed",
            object.size
        )));
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = object.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
