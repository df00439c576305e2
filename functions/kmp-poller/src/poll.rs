//! One message: one library.

use std::time::Duration;

use granary_http::AppState;
use granary_kmp::poll::{PollOutcome, config_of, may_ask, poll_watched};
use granary_kmp::store::shard;
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{PollPendingRow, RepoRow, WatchedRef, WatchedRow};
use granary_storage::{Key, Queue};
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
    /// When the schedule asked for it, in milliseconds since 1970; 0 if it was somebody else.
    #[serde(default)]
    pub at: i64,
}

impl PollMessage {
    /// For the schedule.
    pub fn of(place: WatchedRef, now: Timestamp) -> Self {
        Self { place, round: 0, at: now.millis() }
    }

    /// Whether there was a look since it was sent: messages are doubled, and those of the schedule pile up behind a source that
    /// is slow.
    fn is_done(&self, watched: &WatchedRow, now: Timestamp) -> bool {
        let looked = watched.poll.checked_at;
        let went_well = watched.poll.error.is_none() && now.millis() - looked < JUST_NOW_MILLIS;
        self.round == 0 && (went_well || (self.at > 0 && looked >= self.at))
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
        // The schedule comes again by itself.
        Ok(Some(outcome)) if outcome.incomplete && message.at == 0 => again(state, message).await,
        Ok(_) => Ok(()),
        Err(error) if attempt < ATTEMPTS => {
            tracing::warn!(%error, kmp.watched = %message.place.id, attempt, "a library could not be looked at");
            Err(error)
        }
        // The next tick announces it again.
        Err(error) => put_aside(state, body, &format!("failed {attempt} times: {error}")).await,
    }
}

/// `None`: nobody watches it any more, or it was looked at already, or its source is to be left alone.
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
    // A repository of another type may become one that watches again. It stays in the list, and the schedule finds it.
    let Some(config) = config_of(&row) else { return Ok(None) };
    // Before anything is read: a publish from now on asks for another look.
    let waited = state.storage().take::<PollPendingRow>(&Key::PollPending(repo.clone(), id.clone())).await?;
    let work = state.kmp_work();
    if (waited.is_none() && message.is_done(&watched, work.now)) || !may_ask(&work, &watched, config) {
        return Ok(None);
    }
    poll_watched(&work, &watched, &row).await.map(Some)
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
