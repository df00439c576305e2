//! What concerns libraries that are watched: a publish into the repository that they come from, and their end.

use granary_http::AppState;
use granary_kmp::poll::{unlist, watchers};
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
///
/// A message that cannot be sent is logged and no more, as with all messages that only hurry what a schedule finds by itself:
/// the event has other work to do, and would be tried for ever where the queue is not to be reached.
pub(crate) async fn announce(state: &AppState, package: &PackageKey) -> Result<()> {
    if package.kind != PackageType::Maven {
        return Ok(());
    }
    if !state.storage().knows(Queue::KmpPoll) {
        tracing::debug!("nobody looks for new versions here: there is no queue of watched libraries");
        return Ok(());
    }
    for watcher in watchers(state.storage(), package).await? {
        if !is_first(state, &watcher).await? {
            continue;
        }
        if unlist(state.storage(), package, &watcher).await? {
            take_back(state, &watcher).await?;
        } else {
            send(state, &watcher).await;
        }
    }
    Ok(())
}

async fn send(state: &AppState, watcher: &WatchedRef) {
    let sent = match serde_json::to_string(watcher) {
        Ok(body) => state.storage().send_later(Queue::KmpPoll, &body, state.config().kmp.debounce).await,
        Err(error) => Err(Error::internal("announcing a look", error)),
    };
    let Err(error) = sent else { return };
    tracing::warn!(%error, kmp.watched = %watcher.id, "a library is looked at by the schedule only");
    // The next file asks again. If this fails as well, it does so when the row has expired.
    if let Err(error) = take_back(state, watcher).await {
        tracing::warn!(%error, kmp.watched = %watcher.id, "an announced look could not be taken back");
    }
}

/// Lets the next change announce a look: none is to come.
async fn take_back(state: &AppState, watcher: &WatchedRef) -> Result<()> {
    state.storage().delete(&Key::PollPending(watcher.repo.clone(), watcher.id.clone())).await
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
