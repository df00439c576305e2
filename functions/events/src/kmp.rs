//! What concerns libraries that are watched: a publish into the repository that they come from, and their end.

use granary_http::AppState;
use granary_kmp::poll::{self, unlist, watchers};
use granary_kmp::watched;
use granary_model::{PackageType, RepoId, Result};
use granary_storage::{PackageKey, Queue};

use crate::Progress;

/// How many times 20 builds are removed at once.
const BATCHES: usize = 500;

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
    let delay = state.config().kmp.debounce;
    for watcher in watchers(state.storage(), package).await? {
        let Some(message) = poll::announce(&state.kmp_work(), &watcher, 0, delay).await? else { continue };
        if unlist(state.storage(), package, &watcher).await? {
            message.take_back(state.storage()).await?;
        } else if let Err(error) = message.send(state.storage(), delay).await {
            // The next file asks again.
            tracing::warn!(%error, kmp.watched = %watcher.id, "a library is looked at by the schedule only");
        }
    }
    Ok(())
}

/// Removes the builds of a library that is no longer watched. One that is being published is removed by a later sweep.
pub(crate) async fn clear(state: &AppState, repo: &RepoId, id: &str) -> Result<Progress> {
    let is_clear = watched::clear(&state.kmp_work(), repo, id, BATCHES).await?;
    Ok(if is_clear { Progress::Finished } else { Progress::NotYet })
}
