//! Watched libraries.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, require_token, too_busy};
use granary_http::permit::{Admin, Read, RepoAction, Write};
use granary_http::{ApiResult, AppState, Fields, Json, Repo, RepoAccess, done, reply, shown};
use granary_kmp::watched;
use granary_model::{Error, Result};
use granary_publish::Change;
use granary_storage::rows::{Event, Outputs, PollState, WatchedRow};
use granary_storage::{Commit, Transaction};
use serde_json::json;

use super::request::{WatchRequest, changed_outputs};
use super::view::WatchedView;
use super::{once_more, refused, source};

/// Batches of builds that are removed together with their library; the events consumer removes what is left.
const BATCHES: usize = 5;

/// `GET /api/repos/{repo}/kmp/watched`: all of them, in the order in which they were added.
pub(super) async fn list_watched(state: AppState, Repo(access): Repo<Read>) -> ApiResult<Response> {
    source(&access)?;
    let rows = watched::list(state.storage(), &access.repo.id).await?;
    let views: Vec<WatchedView> = rows.into_iter().map(WatchedView::new).collect();
    Ok(reply(StatusCode::OK, &json!({ "watched": views })))
}

/// `GET /api/repos/{repo}/kmp/watched/{id}`.
pub(super) async fn show_watched(
    state: AppState,
    Repo(access): Repo<Read>,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let row = find(&state, &access, &id).await?;
    Ok(reply(StatusCode::OK, &json!({ "watched": WatchedView::new(row) })))
}

/// `POST /api/repos/{repo}/kmp/watched`: watches a library from now on. The next poll looks at it first.
pub(super) async fn add_watched(
    state: AppState,
    Repo(access): Repo<Write>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let config = source(&access)?;
    let WatchRequest { group, artifact, outputs } = WatchRequest::read(&fields)?;
    let others = watched::list(state.storage(), &access.repo.id).await?;
    if others.len() >= watched::MOST {
        return Err(Error::Conflict(format!(
            "this repository watches {} libraries, and more are not possible; make another repository",
            watched::MOST
        ))
        .into());
    }
    let change = state.change(&access.principal);
    let row = WatchedRow {
        id: state.ids().next(change.now),
        repo: access.repo.id.clone(),
        repo_uid: access.repo.uid.clone(),
        group,
        artifact,
        outputs,
        created_at: change.now,
        updated_at: change.now,
        rev: 1,
        poll: PollState::default(),
    };
    let mut transaction = begin(&access, &change, "kmp.watch", &row)?;
    watched::add(&mut transaction, &row, Some(config))?;
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(reply(StatusCode::CREATED, &json!({ "watched": WatchedView::new(row) }))),
        Commit::Refused(refusal) => Err(taken(&access, refusal.label, &row).into()),
    }
}

/// `PATCH /api/repos/{repo}/kmp/watched/{id}`: changes what is made of the library. Builds that have begun go on as they
/// began.
pub(super) async fn update_watched(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Write>,
    Path((_, id)): Path<(String, String)>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let mut access = access;
    // Polls write the row as well, so somebody else being first is nothing unusual.
    for attempt in 0..ATTEMPTS {
        let old = find(&state, &access, &id).await?;
        let outputs: Outputs = changed_outputs(&fields, &old.outputs)?;
        if outputs == old.outputs {
            return Ok(reply(StatusCode::OK, &json!({ "watched": WatchedView::new(old) })));
        }
        let change = state.change(&access.principal);
        let row = WatchedRow {
            outputs,
            updated_at: change.now.max(old.updated_at),
            rev: old.rev + 1,
            ..old.clone()
        };
        let mut transaction = begin(&access, &change, "kmp.watched.update", &row)?;
        watched::replace(&mut transaction, &old, &row)?;
        match state.storage().commit(transaction).await? {
            Commit::Done => {
                return Ok(reply(StatusCode::OK, &json!({ "watched": WatchedView::new(row) })));
            }
            Commit::Refused(refusal) if refusal.label == "watched" => {}
            Commit::Refused(refusal) => return Err(taken(&access, refusal.label, &row).into()),
        }
        access = once_more(&state, &headers, &access, attempt).await?;
    }
    Err(too_busy("watched library").into())
}

/// `DELETE /api/repos/{repo}/kmp/watched/{id}`: watches a library no longer. Its builds go with it; what they have published
/// stays.
pub(super) async fn delete_watched(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Admin>,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let mut access = access;
    for attempt in 0..ATTEMPTS {
        let row = find(&state, &access, &id).await?;
        let mut change = state.change(&access.principal);
        let mut transaction = begin(&access, &change, "kmp.unwatch", &row)?;
        watched::remove(&mut transaction, &row, access.repo.kmp_config.as_ref());
        let event = Event::WatchedDeleted { repo: row.repo.clone(), watched: row.id.clone() };
        change.announce(&mut transaction, event)?;
        match state.storage().commit(transaction).await? {
            Commit::Done => {
                clear(&state, &row).await;
                change.notify(state.storage()).await;
                return Ok(done());
            }
            Commit::Refused(refusal) if refusal.label == "watched" => {}
            Commit::Refused(refusal) => return Err(refused(&access, refusal.label).into()),
        }
        access = once_more(&state, &headers, &access, attempt).await?;
    }
    Err(too_busy("watched library").into())
}

/// Removes the builds of a library, if they are not too many. The event stands, so nothing is lost if this fails.
async fn clear(state: &AppState, row: &WatchedRow) {
    if let Err(error) = watched::clear(&state.kmp_work(), &row.repo, &row.id, BATCHES).await {
        tracing::warn!(%error, kmp.watched = %row.id, "builds wait for the events consumer to be removed");
    }
}

/// A watched library of the repository.
pub(super) async fn find(
    state: &AppState,
    access: &RepoAccess<impl RepoAction>,
    id: &str,
) -> Result<WatchedRow> {
    source(access)?;
    let row = watched::load(state.storage(), &access.repo.id, id).await?;
    row.ok_or_else(|| Error::NotFound(format!("watched package '{}' not found", shown(id))))
}

/// What every change has in common: the caller may still make it, the repository is still there, and it is on record.
fn begin(
    access: &RepoAccess<impl RepoAction>,
    change: &Change<'_>,
    action: &str,
    row: &WatchedRow,
) -> Result<Transaction> {
    let mut transaction = Transaction::new();
    require_token(&mut transaction, &access.caller());
    transaction.require_repo("repo", &row.repo, &row.repo_uid);
    let target = format!("{}/kmp/{}:{}", row.repo, row.group, row.artifact);
    change.audit(&mut transaction, &format!("repo:{}", row.repo), action, &target)?;
    Ok(transaction)
}

/// What the refusal of a part means.
fn taken(access: &RepoAccess<impl RepoAction>, label: &str, row: &WatchedRow) -> Error {
    let another = |what: String| {
        Error::Conflict(format!(
            "another watched package of this repository makes {what}; choose another name"
        ))
    };
    let Outputs { npm, swift, .. } = &row.outputs;
    match (label, npm, swift) {
        ("coordinates", ..) => Error::Conflict(format!(
            "{}:{} is watched already; change what is there instead",
            row.group, row.artifact
        )),
        ("npm", Some(npm), _) => another(format!("the npm package '{npm}'")),
        ("swift", _, Some(swift)) => another(format!("the Swift package '{swift}'")),
        _ => refused(access, label),
    }
}
