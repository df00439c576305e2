//! One message: one library.

use std::time::Duration;

use granary_http::AppState;
use granary_kmp::poll::{PollOutcome, poll_watched};
use granary_kmp::store::shard;
use granary_model::{Error, Result};
use granary_storage::rows::{KmpSource, PollPendingRow, RepoRow, WatchedRef, WatchedRow};
use granary_storage::{Commit, Key, Queue, Transaction};
use serde::{Deserialize, Serialize};

/// How often a message is tried before it is put aside. The queue's own limit is one more.
const ATTEMPTS: u32 = 5;

/// How long ago a look may be to count as the one that is asked for, in milliseconds: messages are doubled.
const JUST_NOW_MILLIS: i64 = 2_000;

/// How often a library is looked at again because its newest version was still being published.
const ROUNDS: u32 = 30;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollMessage {
    /// The repository and the watched library.
    #[serde(flatten)]
    pub place: WatchedRef,
    /// How often it was looked at already because its newest version was incomplete.
    #[serde(default)]
    pub round: u32,
}

impl PollMessage {
    /// For the schedule.
    pub fn of(place: WatchedRef) -> Self {
        Self { place, round: 0 }
    }

    /// Its text.
    ///
    /// # Errors
    /// `Internal` if it has none.
    pub fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::internal("announcing a look", e))
    }
}

/// Looks at the library of a message. `attempt` counts how often it was received, this time included.
///
/// # Errors
/// The message has to come again.
pub async fn follow_up(state: &AppState, body: &str, attempt: u32) -> Result<()> {
    let message: PollMessage = match serde_json::from_str(body) {
        Ok(message) => message,
        Err(error) => return put_aside(state, body, &format!("the message cannot be read: {error}")).await,
    };
    match look(state, &message).await {
        Ok(outcome) => {
            if outcome.is_some_and(|outcome| outcome.incomplete) {
                return again(state, message).await;
            }
            Ok(())
        }
        Err(error) if attempt < ATTEMPTS => {
            tracing::warn!(%error, kmp.watched = %message.place.id, attempt, "a library could not be looked at");
            Err(error)
        }
        // The next tick announces it again.
        Err(error) => put_aside(state, body, &format!("failed {attempt} times: {error}")).await,
    }
}

/// `None`: nobody watches it any more, or it was looked at a moment ago, or its source is to be left alone.
async fn look(state: &AppState, message: &PollMessage) -> Result<Option<PollOutcome>> {
    let WatchedRef { repo, id } = &message.place;
    let (watched_key, repo_key) = (Key::Watched(repo.clone(), id.clone()), Key::Repo(repo.clone()));
    let (watched, row) = tokio::try_join!(
        state.storage().get::<WatchedRow>(&watched_key),
        state.storage().get::<RepoRow>(&repo_key),
    )?;
    let row = row.filter(|row| !row.deleting);
    let watched = watched.filter(|watched| row.as_ref().is_some_and(|row| row.uid == watched.repo_uid));
    let (Some(watched), Some(row)) = (watched, row) else {
        state.storage().delete(&Key::WatchedOfAll(shard(id), repo.clone(), id.clone())).await?;
        return Ok(None);
    };
    // Before anything is read: a publish from now on asks for another look.
    let waited = state.storage().take::<PollPendingRow>(&Key::PollPending(repo.clone(), id.clone())).await?;
    let now = state.now().millis();
    let is_done = waited.is_none() && message.round == 0 && now - watched.poll.checked_at < JUST_NOW_MILLIS;
    if is_done || now < watched.poll.not_before {
        return Ok(None);
    }
    be_found(state, &watched, &row).await?;
    poll_watched(&state.kmp_work(), &watched, &row).await.map(Some)
}

/// Makes sure that a publish into a source here finds the library: the source may have been chosen after it was added.
async fn be_found(state: &AppState, watched: &WatchedRow, repo: &RepoRow) -> Result<()> {
    let config = repo.kmp_config.as_ref().filter(|config| config.source_type == KmpSource::Artifacts);
    let Some(source) = config.and_then(|config| config.source_repo_id.clone()) else { return Ok(()) };
    let name = format!("{}:{}", watched.group, watched.artifact);
    let key = Key::WatcherOf(source, name, watched.repo.clone(), watched.id.clone());
    if state.storage().get::<WatchedRef>(&key).await?.is_some() {
        return Ok(());
    }
    let mut transaction = Transaction::new();
    transaction.put("watcher", &key, &WatchedRef { repo: watched.repo.clone(), id: watched.id.clone() })?;
    transaction.require("watched", Key::Watched(watched.repo.clone(), watched.id.clone()));
    match state.storage().commit(transaction).await? {
        Commit::Done | Commit::Refused(_) => Ok(()),
    }
}

/// Looks again in a while, a limited number of times.
async fn again(state: &AppState, message: PollMessage) -> Result<()> {
    if message.round >= ROUNDS {
        tracing::warn!(kmp.watched = %message.place.id, "the newest version of a library stays incomplete");
        return Ok(());
    }
    let delay = state.config().kmp.debounce.max(Duration::from_secs(1));
    let next = PollMessage { round: message.round + 1, ..message };
    state.storage().send_later(Queue::KmpPoll, &next.text()?, delay).await
}

async fn put_aside(state: &AppState, body: &str, reason: &str) -> Result<()> {
    state.storage().send_dead_letter(body, reason).await?;
    tracing::error!(reason, "a message is put into the queue of dead letters");
    Ok(())
}
