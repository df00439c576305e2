//! Deleting builds. What they have published stays, and so does the knowledge that their versions are not new.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, pause, require_token, too_busy};
use granary_http::permit::Admin;
use granary_http::{ApiResult, AppState, Repo, RepoAccess, done, reply};
use granary_kmp::builds::{is_being_published, oldest};
use granary_kmp::store;
use granary_model::{Error, Result};
use granary_storage::rows::{BuildRow, VersionMarker};
use granary_storage::{Commit, Key, Transaction};
use serde_json::json;

use super::{builds, refused, source};

/// Builds that are deleted in one transaction: each takes four of its parts.
const BATCH: usize = 20;

/// Batches of one request: a function answers within half a minute.
const BATCHES: usize = 100;

/// `DELETE /api/repos/{repo}/kmp/builds/{id}`.
pub(super) async fn delete_build(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Admin>,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let mut access = access;
    for attempt in 0..ATTEMPTS {
        let build = builds::find(&state, &access, &id).await?;
        if is_being_published(&build) {
            return Err(Error::Conflict(
                "the packages of this build are being published; delete it in a minute".into(),
            )
            .into());
        }
        if delete(&state, &access, std::slice::from_ref(&build)).await? {
            return Ok(done());
        }
        pause(&state, attempt).await;
        access = RepoAccess::authorize(&state, &headers, access.repo.id.as_str(), None).await?;
    }
    Err(too_busy("build").into())
}

/// `DELETE /api/repos/{repo}/kmp/builds`: all of them, at most 2,000 with one request, so that it may have to be repeated
/// (`more`). Those that are being published are `kept`.
pub(super) async fn delete_builds(state: AppState, Repo(access): Repo<Admin>) -> ApiResult<Response> {
    source(&access)?;
    let (mut deleted, mut kept, mut more) = (0, 0, true);
    let mut behind: Option<String> = None;
    for _ in 0..BATCHES {
        let rows = oldest(state.storage(), &access.repo.id, behind.as_deref(), BATCH).await?;
        let Some(last) = rows.last() else {
            more = false;
            break;
        };
        behind = Some(last.id.clone());
        more = rows.len() == BATCH;
        let found = rows.len();
        let left = delete_batch(&state, &access, rows).await?;
        (deleted, kept) = (deleted + found - left, kept + left);
        if !more {
            break;
        }
    }
    Ok(reply(StatusCode::OK, &json!({ "success": true, "deleted": deleted, "kept": kept, "more": more })))
}

/// Deletes builds, and gives how many of them could not be.
async fn delete_batch(state: &AppState, access: &RepoAccess<Admin>, rows: Vec<BuildRow>) -> Result<usize> {
    let mut rows = rows;
    for attempt in 0..ATTEMPTS {
        let (kept, free): (Vec<BuildRow>, Vec<BuildRow>) = rows.into_iter().partition(is_being_published);
        if free.is_empty() || delete(state, access, &free).await? {
            return Ok(kept.len());
        }
        pause(state, attempt).await;
        let keys: Vec<Key> =
            free.iter().chain(&kept).map(|row| Key::Build(row.repo.clone(), row.id.clone())).collect();
        rows = state.storage().read_all(&keys).await?.into_iter().flatten().collect();
    }
    Err(too_busy("build"))
}

/// Deletes up to [`BATCH`] builds. `false`: one of them was no longer as it was read, and nothing has happened.
async fn delete(state: &AppState, access: &RepoAccess<Admin>, rows: &[BuildRow]) -> Result<bool> {
    let keys: Vec<Key> = rows.iter().map(store::version_key).collect();
    let markers: Vec<Option<VersionMarker>> = state.storage().read_all(&keys).await?;
    let mut transaction = Transaction::new();
    require_token(&mut transaction, &access.caller());
    transaction.require_repo("repo", &access.repo.id, &access.repo.uid);
    for (row, marker) in rows.iter().zip(&markers) {
        store::bury(&mut transaction, row, marker.as_ref())?;
    }
    let id = &access.repo.id;
    let target = match rows {
        [row] => format!("{id}/kmp/{}:{}:{}", row.group, row.artifact, row.version),
        rows => format!("{id}/kmp/{} builds", rows.len()),
    };
    let change = state.change(&access.principal);
    change.audit(&mut transaction, &format!("repo:{id}"), "kmp.build.delete", &target)?;
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(true),
        Commit::Refused(refusal) if matches!(refusal.label, "build" | "version") => Ok(false),
        Commit::Refused(refusal) => Err(refused(access, refusal.label)),
    }
}
