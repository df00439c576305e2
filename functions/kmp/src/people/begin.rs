//! Builds that somebody begins by hand.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, require_token, too_busy};
use granary_http::permit::Write;
use granary_http::{ApiError, ApiResult, AppState, Fields, Json, Repo, RepoAccess, reply, shown};
use granary_kmp::builds::is_complete;
use granary_kmp::drive::{DispatchOutcome, anew, dispatch_now};
use granary_kmp::poll::new_build;
use granary_kmp::{store, watched};
use granary_model::kmp::{BuildStatus, semantic_version};
use granary_model::maven::MavenVersion;
use granary_model::{Error, Result};
use granary_storage::rows::{BuildRow, VersionMarker, WatchedRow};
use granary_storage::{Commit, Key, Transaction};
use serde_json::json;

use super::view::BuildView;
use super::watched::find as find_watched;
use super::{builds, once_more, refused};

/// `POST /api/repos/{repo}/kmp/builds/{id}` with `{"action":"retry"}`: begins a build again that has failed, or that was only
/// noted.
pub(super) async fn retry_build(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Write>,
    Path((_, id)): Path<(String, String)>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let build = builds::find(&state, &access, &id).await?;
    fields.only(&["action"])?;
    match Fields::required("action", fields.text("action")?)? {
        "retry" => {}
        other => {
            return Err(Error::BadRequest(format!("action: 'retry', not '{}'", shown(other))).into());
        }
    }
    let begun = restart(&state, &headers, access, build, |build| build.status.may_retry()).await?;
    if let Some(response) = hand_over(&state, &begun).await? {
        return Ok(response);
    }
    Ok(reply(StatusCode::OK, &json!({ "success": true, "status": BuildStatus::Pending })))
}

/// `POST /api/repos/{repo}/kmp/builds` with `{"watchedPackageId","version"}`: builds a version. Of each version there is one
/// build: it is made if there is none, begun again if it is over and has left something to do, and otherwise shown as it is.
pub(super) async fn trigger_build(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Write>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    super::source(&access)?;
    fields.only(&["watchedPackageId", "version"])?;
    let id = Fields::required("watchedPackageId", fields.text("watchedPackageId")?)?;
    let version: MavenVersion = Fields::required("version", fields.parsed("version")?)?;
    if version.is_snapshot() {
        return Err(Error::BadRequest(format!(
            "version: '{version}' is a snapshot, which changes; build a release"
        ))
        .into());
    }
    semantic_version(&version)?;
    let (status, build) = match Box::pin(make(&state, &headers, access, id, &version)).await? {
        Made::New(build) => (StatusCode::CREATED, build),
        Made::Again(build) => (StatusCode::OK, build),
        Made::UnderWay(build) => {
            return Ok(reply(StatusCode::OK, &json!({ "build": BuildView::new(build) })));
        }
    };
    if let Some(response) = hand_over(&state, &build).await? {
        return Ok(response);
    }
    let now = store::load(&state.kmp_work(), &build.repo, &build.id).await?.unwrap_or(build);
    Ok(reply(status, &json!({ "build": BuildView::new(now) })))
}

/// What there is of a version now.
enum Made {
    New(BuildRow),
    Again(BuildRow),
    UnderWay(BuildRow),
}

async fn make(
    state: &AppState,
    headers: &HeaderMap,
    access: RepoAccess<Write>,
    id: &str,
    version: &MavenVersion,
) -> Result<Made> {
    let mut access = access;
    for attempt in 0..ATTEMPTS {
        let watched = find_watched(state, &access, id).await?;
        let key = Key::BuildOf(watched.repo.clone(), watched.id.clone(), version.to_string());
        let marker: Option<VersionMarker> = state.storage().get(&key).await?;
        let known = match &marker {
            Some(marker) => store::load(&state.kmp_work(), &watched.repo, &marker.id).await?,
            None => None,
        };
        if let Some(build) = known {
            if build.status.is_under_way() {
                return Ok(Made::UnderWay(build));
            }
            let may_begin = |build: &BuildRow| !build.status.is_under_way();
            return restart(state, headers, access, build, may_begin).await.map(Made::Again);
        }
        if let Some(build) = create(state, &access, &watched, version, marker.as_ref()).await? {
            return Ok(Made::New(build));
        }
        access = once_more(state, headers, &access, attempt).await?;
    }
    Err(too_busy("build"))
}

/// Makes the build of a version that has none. `None`: somebody else has changed something meanwhile.
async fn create(
    state: &AppState,
    access: &RepoAccess<Write>,
    watched: &WatchedRow,
    version: &MavenVersion,
    marker: Option<&VersionMarker>,
) -> Result<Option<BuildRow>> {
    let mut row = new_build(&state.kmp_work(), watched, version, BuildStatus::Pending);
    if let Some(marker) = marker {
        // An earlier build was deleted; what it has published is still there.
        row.npm_published = marker.npm.is_some() && marker.npm == row.outputs.npm;
        row.swift_published = marker.swift.is_some() && marker.swift == row.outputs.swift;
        refuse_complete(&row)?;
    }
    let mut transaction = Transaction::new();
    require_token(&mut transaction, &access.caller());
    store::add_over(&mut transaction, &row, marker)?;
    transaction.require("watched", Key::Watched(watched.repo.clone(), watched.id.clone()));
    transaction.require_repo("repo", &watched.repo, &watched.repo_uid);
    let target = format!("{}/kmp/{}:{}:{version}", row.repo, row.group, row.artifact);
    let change = state.change(&access.principal);
    change.audit(&mut transaction, &format!("repo:{}", row.repo), "kmp.build", &target)?;
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(Some(row)),
        Commit::Refused(refusal) if matches!(refusal.label, "version" | "watched") => Ok(None),
        Commit::Refused(refusal) => Err(refused(access, refusal.label)),
    }
}

fn refuse_complete(build: &BuildRow) -> Result<()> {
    if !is_complete(build) {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "{}:{}:{} is published, and versions are immutable; build another version",
        build.group, build.artifact, build.version
    )))
}

/// Puts a build back to the beginning, with what is wanted now. `may_begin` is asked about the build as it is then.
async fn restart(
    state: &AppState,
    headers: &HeaderMap,
    access: RepoAccess<Write>,
    build: BuildRow,
    may_begin: impl Fn(&BuildRow) -> bool + Send,
) -> Result<BuildRow> {
    let (mut access, mut build) = (access, build);
    for attempt in 0..ATTEMPTS {
        if !may_begin(&build) {
            return Err(Error::Conflict(format!(
                "the build is '{}'; only builds that are 'failed' or 'discovered' can be retried",
                build.status
            )));
        }
        let watched = watched::load(state.storage(), &build.repo, &build.watched).await?;
        let Some(watched) = watched else {
            return Err(Error::Conflict(format!(
                "{}:{} is no longer watched; watch it again to build it",
                build.group, build.artifact
            )));
        };
        semantic_version(&build.version)?;
        let mut next = anew(&build, watched.outputs.clone());
        if build.status == BuildStatus::Success {
            refuse_complete(&next)?;
        }
        let mut transaction = Transaction::new();
        require_token(&mut transaction, &access.caller());
        transaction.require("watched", Key::Watched(watched.repo.clone(), watched.id.clone()));
        transaction.require_repo("repo", &watched.repo, &watched.repo_uid);
        let mut change = state.change(&access.principal);
        let work = state.kmp_work();
        if store::transition(&work, &build, &mut next, &mut change, transaction, "kmp.retry").await? {
            return Ok(next);
        }
        access = once_more(state, headers, &access, attempt).await?;
        build = builds::find(state, &access, &build.id).await?;
    }
    Err(too_busy("build"))
}

/// Hands a build over that was begun just now; the answer if that has failed. A build that has to wait goes on by itself.
async fn hand_over(state: &AppState, build: &BuildRow) -> ApiResult<Option<Response>> {
    match Box::pin(dispatch_now(&state.kmp_work(), build)).await? {
        DispatchOutcome::Dispatched | DispatchOutcome::Waits(_) | DispatchOutcome::Overtaken => Ok(None),
        DispatchOutcome::Refused(why) => {
            let body =
                json!({ "error": format!("the build could not be started: {why}"), "code": "BAD_GATEWAY" });
            Ok(Some(reply(StatusCode::BAD_GATEWAY, &body)))
        }
        DispatchOutcome::Unbuildable(why) => Err(ApiError(Error::Unprocessable(why))),
    }
}
