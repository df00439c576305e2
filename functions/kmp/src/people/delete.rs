//! Deleting builds. What they have published stays, and so does the knowledge that their versions are not new. Runs that are
//! under way are cancelled, and their tokens are worth nothing from that moment on.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, pause, require_token, too_busy};
use granary_http::permit::Admin;
use granary_http::{ApiResult, AppState, Repo, RepoAccess, done, reply};
use granary_kmp::builds::{cancel_runs, is_being_published, oldest};
use granary_kmp::store;
use granary_model::{Error, Result};
use granary_storage::rows::{BuildRow, VersionMarker};
use granary_storage::{Commit, Key, Transaction};
use serde_json::json;

use super::{builds, once_more, refused, source};

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
            cancel_runs(&state.kmp_work(), &[build]).await;
            return Ok(done());
        }
        access = once_more(&state, &headers, &access, attempt).await?;
    }
    Err(too_busy("build").into())
}

/// `DELETE /api/repos/{repo}/kmp/builds`: all of them, at most 2,000 with one request, so that it may have to be repeated
/// (`more`). Those that are being published are `kept`.
pub(super) async fn delete_builds(state: AppState, Repo(access): Repo<Admin>) -> ApiResult<Response> {
    source(&access)?;
    let mut deletion = Deletion::default();
    let outcome = deletion.run(&state, &access).await;
    // Also of those that were deleted before something went wrong.
    cancel_runs(&state.kmp_work(), &deletion.stopped).await;
    outcome?;
    let Deletion { deleted, kept, more, .. } = deletion;
    Ok(reply(StatusCode::OK, &json!({ "success": true, "deleted": deleted, "kept": kept, "more": more })))
}

/// How far the deletion of all builds has come.
#[derive(Debug, Default)]
struct Deletion {
    deleted: usize,
    kept: usize,
    more: bool,
    /// Those of the deleted ones that were under way.
    stopped: Vec<BuildRow>,
}

impl Deletion {
    async fn run(&mut self, state: &AppState, access: &RepoAccess<Admin>) -> Result<()> {
        let mut behind: Option<String> = None;
        for _ in 0..BATCHES {
            let rows = oldest(state.storage(), &access.repo.id, behind.as_deref(), BATCH).await?;
            behind = rows.last().map(|last| last.id.clone());
            self.more = rows.len() == BATCH;
            if !rows.is_empty() {
                let found = rows.len();
                let (deleted, kept) = delete_batch(state, access, rows).await?;
                // Those that somebody else has deleted meanwhile are gone as well.
                (self.deleted, self.kept) = (self.deleted + found - kept, self.kept + kept);
                self.stopped.extend(deleted.into_iter().filter(|build| build.status.is_under_way()));
            }
            if !self.more {
                break;
            }
        }
        Ok(())
    }
}

/// Deletes builds: those that it has deleted, and how many it could not delete.
async fn delete_batch(
    state: &AppState,
    access: &RepoAccess<Admin>,
    rows: Vec<BuildRow>,
) -> Result<(Vec<BuildRow>, usize)> {
    let mut rows = rows;
    for attempt in 0..ATTEMPTS {
        let (kept, free): (Vec<BuildRow>, Vec<BuildRow>) = rows.into_iter().partition(is_being_published);
        if free.is_empty() || delete(state, access, &free).await? {
            return Ok((free, kept.len()));
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
