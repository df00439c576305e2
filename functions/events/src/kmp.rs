//! What concerns libraries that are watched: a publish into the repository that they come from, and their end.

use granary_http::AppState;
use granary_kmp::poll::watchers;
use granary_kmp::watched;
use granary_model::{Error, PackageType, RepoId, Result};
use granary_storage::rows::{PollPendingRow, WatchedRef};
use granary_storage::{Key, PackageKey, Queue};

use crate::Progress;

/// How many times 20 builds are removed at once.
const BATCHES: usize = 500;

/// How long after it was due an announced look is waited for, in milliseconds.
const LOST_MILLIS: i64 = 300_000;

/// Has whoever watches a Maven artifact look at it, a while after it has changed. A library is published as hundreds of
/// files, and each of them comes by here: only the first one asks for a look.
pub(crate) async fn announce(state: &AppState, package: &PackageKey) -> Result<()> {
    if package.kind != PackageType::Maven {
        return Ok(());
    }
    for watcher in watchers(state.storage(), package).await? {
        if is_first(state, &watcher).await? {
            let body =
                serde_json::to_string(&watcher).map_err(|e| Error::internal("announcing a look", e))?;
            state.storage().send_later(Queue::KmpPoll, &body, state.config().kmp.debounce).await?;
        }
    }
    Ok(())
}

/// Whether nobody else has announced a look that is still to come.
async fn is_first(state: &AppState, watcher: &WatchedRef) -> Result<bool> {
    let now = state.now();
    let delay = i64::try_from(state.config().kmp.debounce.as_millis()).unwrap_or(0);
    let key = Key::PollPending(watcher.repo.clone(), watcher.id.clone());
    let row = PollPendingRow { expires_at: now.plus_millis(delay + LOST_MILLIS).seconds() };
    if state.storage().put_new(&key, &row).await? {
        return Ok(true);
    }
    let pending: Option<PollPendingRow> = state.storage().get(&key).await?;
    if pending.is_some_and(|pending| pending.expires_at > now.seconds()) {
        return Ok(false);
    }
    // Its message was lost, or it has come this very moment.
    state.storage().put(&key, &row).await?;
    Ok(true)
}

/// Removes the builds of a library that is no longer watched. One that is being published is removed by a later sweep.
pub(crate) async fn clear(state: &AppState, repo: &RepoId, id: &str) -> Result<Progress> {
    let is_clear = watched::clear(&state.kmp_work(), repo, id, BATCHES).await?;
    Ok(if is_clear { Progress::Finished } else { Progress::NotYet })
}
