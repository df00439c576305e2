//! Looking for new versions at once.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use futures::StreamExt as _;
use granary_http::permit::Write;
use granary_http::{ApiResult, AppState, Repo, reply};
use granary_kmp::poll::{PollOutcome, announce, config_of, poll_watched, refusal};
use granary_kmp::watched;
use granary_model::maven::{ArtifactId, GroupId};
use granary_model::{Error, Result};
use granary_storage::rows::{RepoRow, WatchedRef, WatchedRow};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::source;

/// Libraries that are looked at the same time: they all ask one source.
const AT_ONCE: usize = 8;

/// What became of a look at one library.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PollView {
    watched_package_id: String,
    group_id: GroupId,
    artifact_id: ArtifactId,
    new_versions: Vec<String>,
    discovered_versions: Vec<String>,
    builds_triggered: usize,
    errors: Vec<String>,
}

/// `POST /api/repos/{repo}/kmp/poll`: looks at the source of every watched library, in the order of the list.
pub(super) async fn poll_repo(state: AppState, Repo(access): Repo<Write>) -> ApiResult<Response> {
    source(&access)?;
    let rows = watched::list(state.storage(), &access.repo.id).await?;
    let until = Instant::now() + state.config().kmp.poll_patience;
    let looks = rows.into_iter().map(|row| look(&state, &access.repo, row, until));
    let results: Vec<PollView> = futures::stream::iter(looks).buffered(AT_ONCE).collect().await;
    Ok(reply(StatusCode::OK, &json!({ "results": results })))
}

/// Looks at one library; what is wrong with it is said in its result, and keeps nobody from looking at the others.
async fn look(state: &AppState, repo: &RepoRow, row: WatchedRow, until: Instant) -> PollView {
    let work = state.kmp_work();
    let refusal = config_of(repo).and_then(|config| refusal(&work, &row, config));
    let looked = async {
        match refusal {
            Some(why) => Ok(failed(why)),
            None => poll_watched(&work, &row, repo).await,
        }
    };
    let polled = match timeout_at(until, looked).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err(error),
        Err(_) => later(state, &row, Duration::ZERO)
            .await
            .map(|()| failed("there was no time for this one; it is looked at in a while".into())),
    };
    let mut outcome = polled.unwrap_or_else(|error| failed(told(&row, &error)));
    if outcome.incomplete {
        outcome.errors.push(match later(state, &row, state.config().kmp.debounce).await {
            Ok(()) => "the newest version is still being published; it is looked at again in a while".into(),
            Err(error) => told(&row, &error),
        });
    }
    PollView {
        watched_package_id: row.id,
        group_id: row.group,
        artifact_id: row.artifact,
        new_versions: outcome.new_versions,
        discovered_versions: outcome.discovered_versions,
        builds_triggered: outcome.builds_triggered,
        errors: outcome.errors,
    }
}

fn failed(why: String) -> PollOutcome {
    PollOutcome { errors: vec![why], ..PollOutcome::default() }
}

/// An error in words that anybody may read.
fn told(row: &WatchedRow, error: &Error) -> String {
    match error {
        Error::Internal(detail) => {
            tracing::error!(error = %detail, kmp.watched = %row.id, "a library could not be looked at");
            "internal server error".into()
        }
        error => error.to_string(),
    }
}

/// Has the consumer look at a library, unless it is about to anyhow.
async fn later(state: &AppState, row: &WatchedRow, delay: Duration) -> Result<()> {
    let place = WatchedRef { repo: row.repo.clone(), id: row.id.clone() };
    match announce(&state.kmp_work(), &place, 0, delay).await? {
        Some(message) => message.send(state.storage(), delay).await,
        None => Ok(()),
    }
}
