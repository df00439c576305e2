//! The second step of an upload: the version is made.
//!
//! A file is verified and committed while the client waits, and the version's row says whether it is done: a request that dies
//! leaves nothing half done, and the next one finds what was made. Where a request has a limit, a large file is left to the
//! `events` function.

use axum::http::StatusCode;
use axum::response::Response;
use granary_http::entity::{EntityAccess, PublishEntity};
use granary_http::{ApiResult, AppState, Fields, Json, reply};
use granary_model::entity::EntityVersion;
use granary_model::{Error, Result};
use granary_publish::entity::{
    Committed, Found, Outcome, activate_version, check_quota, commit_handover, finish_handover, live_version,
    lockfile_size, used,
};
use granary_publish::handover;
use granary_publish::upload::state::{Worker, begin};
use granary_storage::rows::{
    BaseVersion, EntityConfirmation, EntityRow, EntityVersionRow, HandoverPurpose, HandoverRow, UploadStatus,
};
use granary_storage::staging::staging_session;
use serde::Serialize;

use super::begin::largest;
use super::request::{ConfirmRequest, check_base};
use super::services::check_services;
use super::{answer, exists};
use crate::access::Entity;

/// Most bytes that are verified while the client waits, where a request has a limit: 64 MiB.
const AT_ONCE: u64 = 64 * 1024 * 1024;

/// How often it looks again because somebody else confirmed the same upload at the same time.
const ATTEMPTS: u32 = 3;

/// What is not finished yet.
#[derive(Debug, Serialize)]
struct Processing<'a> {
    status: &'static str,
    version: &'a EntityVersion,
}

/// `POST /api/entities/{entity}/versions/confirm`: makes the version of what has been sent. Doing it twice is harmless.
pub(crate) async fn confirm_version(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let request = ConfirmRequest::new(&fields, largest(&state))?;
    for _ in 0..ATTEMPTS {
        let row = find(&state, &access.entity, &request).await?;
        match row.status {
            UploadStatus::Completed => match Box::pin(completed(&state, &access, &request, &row)).await? {
                Some(response) => return Ok(response),
                None => continue,
            },
            UploadStatus::Processing => return Ok(processing(&request.version)),
            UploadStatus::Failed => {
                let why = row.error.as_deref().unwrap_or("it could not be committed");
                return Err(Error::Conflict(format!("this upload has failed: {why}; begin a new one")).into());
            }
            UploadStatus::Open => {}
        }
        if let Some(response) = Box::pin(confirm(&state, &access, &request, row)).await? {
            return Ok(response);
        }
    }
    Err(Error::Unavailable("the upload is being changed by somebody else; try again".into()).into())
}

/// The handover that a request confirms, with what it says.
async fn find(state: &AppState, entity: &EntityRow, request: &ConfirmRequest) -> Result<HandoverRow> {
    let unknown = || {
        Error::BadRequest(
            "storage_path: it is not one that upload-url has given for this entity, or it has expired; ask for a new one"
                .into(),
        )
    };
    let id = staging_session(&request.storage_path).ok_or_else(unknown)?;
    let row = handover::load(state.storage(), id, state.now()).await?;
    let mut row = row.filter(|row| handover::path(row, 0) == request.storage_path).ok_or_else(unknown)?;
    let lockfile = handover::path(&row, 1);
    let HandoverPurpose::Entity { entity: id, version, source_hash, base, force, confirmation } =
        &mut row.purpose
    else {
        return Err(unknown());
    };
    if *id != entity.id {
        return Err(unknown());
    }
    if *version != request.version {
        return Err(differs("version", version));
    }
    if *source_hash != request.source_hash {
        return Err(differs("source_hash", source_hash));
    }
    if request.lockfile_path.as_ref().is_some_and(|path| *path != lockfile) {
        return Err(Error::BadRequest(
            "package_lock_path: it is not the path of the lock file that upload-url has given with the storage_path"
                .into(),
        ));
    }
    let named = |base: &BaseVersion| (base.id.clone(), base.version.clone());
    let base = base.as_ref().map(named);
    check_base(request.base.as_deref(), base.as_ref().map(|(id, version)| (id.as_str(), version)))?;
    if row.status == UploadStatus::Open {
        *confirmation = Some(request.confirmation(*force));
    }
    Ok(row)
}

fn differs(field: &str, begun: &impl std::fmt::Display) -> Error {
    Error::BadRequest(format!("{field}: the storage_path was given for {begun}"))
}

/// `None`: somebody else was faster.
async fn confirm(
    state: &AppState,
    access: &EntityAccess<PublishEntity>,
    request: &ConfirmRequest,
    mut row: HandoverRow,
) -> Result<Option<Response>> {
    check_services(state, &access.caller.principal, &request.services).await?;
    if let Some(twin) = unnecessary(state, &access.entity, request, &row).await? {
        return there_already(state, access, request.set_as_active, twin).await;
    }
    if state.config().max_body.is_some() && request.size > AT_ONCE {
        return leave(state, access, request, row).await;
    }
    let permit = |entity: &EntityRow| access.recheck(entity);
    let hand = access.hand(state, &permit);
    let quota = state.config().repo_quota;
    let committed = match Box::pin(commit_handover(&hand, access.entity.clone(), &row, quota)).await {
        Ok(committed) => committed,
        // What was staged goes when somebody else has confirmed it.
        Err(error @ Error::BadRequest(_)) => {
            let now = handover::load(state.storage(), &row.id, state.now()).await?;
            let is_settled = now.is_some_and(|now| now.status != UploadStatus::Open);
            return if is_settled { Ok(None) } else { Err(error) };
        }
        Err(error) => return Err(error),
    };
    let Committed { outcome, entity, version } = committed;
    let answered = match outcome {
        Outcome::Created => answer(state, (StatusCode::CREATED, "created"), &entity, &version).await?,
        Outcome::Again => exists(state, &entity, &version).await?,
        // Its client may still want it with `force`.
        Outcome::Duplicate => return exists(state, &entity, &version).await.map(Some),
    };
    finish_handover(state.storage(), &mut row).await;
    Ok(Some(answered))
}

/// The version that makes the upload unnecessary, if that is clear already without a look at the bytes.
async fn unnecessary(
    state: &AppState,
    entity: &EntityRow,
    request: &ConfirmRequest,
    row: &HandoverRow,
) -> Result<Option<EntityVersionRow>> {
    let found = Found::read(state.storage(), &entity.id, &request.version, request.source_hash).await?;
    if let Some(there) = &found.version {
        let may_be_same = there.is_live()
            && there.source_hash == request.source_hash
            && there.package.size == request.size
            && there.lockfile.is_some() == request.lockfile_path.is_some();
        return if may_be_same { Ok(None) } else { Err(used(there)) };
    }
    if !is_forced(row)
        && let Some(twin) = found.twin(state.storage(), &entity.id).await?
    {
        return Ok(Some(twin));
    }
    check_quota(entity, request.size, state.config().repo_quota)?;
    Ok(None)
}

/// Answers with a version that is there already, and makes it the active one if that was said of the new one. `None`: it was
/// deleted meanwhile.
async fn there_already(
    state: &AppState,
    access: &EntityAccess<PublishEntity>,
    set_as_active: bool,
    version: EntityVersionRow,
) -> Result<Option<Response>> {
    if !set_as_active {
        return exists(state, &access.entity, &version).await.map(Some);
    }
    let permit = |entity: &EntityRow| access.recheck(entity);
    let hand = access.hand(state, &permit);
    match activate_version(&hand, access.entity.clone(), &version.version).await {
        Ok((entity, version)) => exists(state, &entity, &version).await.map(Some),
        Err(error @ Error::NotFound(_)) => {
            // The version, or the whole entity.
            let still = live_version(state.storage(), &access.entity.id, version.version.as_str()).await?;
            if still.is_some() { Err(error) } else { Ok(None) }
        }
        Err(error) => Err(error),
    }
}

fn is_forced(row: &HandoverRow) -> bool {
    confirmation(row).is_some_and(|confirmation| confirmation.force)
}

/// What was said with the confirmation.
fn confirmation(row: &HandoverRow) -> Option<&EntityConfirmation> {
    match &row.purpose {
        HandoverPurpose::Entity { confirmation, .. } => confirmation.as_ref(),
        _ => None,
    }
}

/// Leaves an upload to the `events` function, if all of it has arrived.
async fn leave(
    state: &AppState,
    access: &EntityAccess<PublishEntity>,
    request: &ConfirmRequest,
    mut row: HandoverRow,
) -> Result<Option<Response>> {
    let storage = state.storage();
    match handover::arrived(storage, &row, 0).await? {
        Some(size) if size == request.size => {}
        Some(size) => {
            return Err(Error::BadRequest(format!(
                "file_size_bytes: the package has arrived with {size} bytes, and {} were said",
                request.size
            )));
        }
        None => {
            return Err(Error::BadRequest(
                "storage_path: the package has not arrived; PUT it to its upload address first".into(),
            ));
        }
    }
    if request.lockfile_path.is_some() {
        lockfile_size(storage, &row).await?;
    }
    let caller = access.caller.reference();
    let caller = caller.ok_or_else(|| Error::internal("confirming an upload", "nobody confirms it"))?;
    let by = (&access.caller.principal, caller);
    let begun = begin(storage, state.ids(), state.now(), &mut row, by, Worker::Events).await?;
    Ok(begun.map(|_| processing(&request.version)))
}

fn processing(version: &EntityVersion) -> Response {
    reply(StatusCode::ACCEPTED, &Processing { status: "processing", version })
}

/// The answer to a repeated confirmation of what is done. `None`: what it came to was deleted just now.
///
/// A repeat does not take back what came after it: where it was said before already, the version does not become the active
/// one again.
async fn completed(
    state: &AppState,
    access: &EntityAccess<PublishEntity>,
    request: &ConfirmRequest,
    row: &HandoverRow,
) -> Result<Option<Response>> {
    let (storage, entity) = (state.storage(), &access.entity);
    let found = Found::read(storage, &entity.id, &request.version, request.source_hash).await?;
    if let Some(twin) = found.twin(storage, &entity.id).await? {
        let is_new = request.set_as_active && !confirmation(row).is_some_and(|said| said.set_as_active);
        return there_already(state, access, is_new, twin).await;
    }
    Err(found.version.as_ref().map_or_else(
        || Error::Conflict("what this upload came to was deleted meanwhile; begin a new one".into()),
        used,
    ))
}
