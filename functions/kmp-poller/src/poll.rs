//! One message: one library.

use std::time::Duration;

use granary_http::AppState;
use granary_kmp::poll::{PollMessage, PollOutcome, announce, config_of, may_ask, poll_watched};
use granary_kmp::store::shard;
use granary_model::{Result, Timestamp};
use granary_storage::Key;
use granary_storage::rows::{RepoRow, WatchedRef, WatchedRow};

/// How often a message is tried before it is put aside. The queue's own limit is one more.
const ATTEMPTS: u32 = 5;

/// How long ago a look may be to count as the one that is asked for, in milliseconds: messages are doubled.
const JUST_NOW_MILLIS: i64 = 2_000;

/// How often a library is looked at again because its newest version was still being published.
const ROUNDS: u32 = 30;

/// Whether there was a look since a message was sent: messages are doubled, and those of the schedule pile up behind a source
/// that is slow.
fn is_done(message: &PollMessage, watched: &WatchedRow, now: Timestamp) -> bool {
    let looked = watched.poll.checked_at;
    let went_well = watched.poll.error.is_none() && now.millis() - looked < JUST_NOW_MILLIS;
    message.round == 0 && (went_well || (message.at > 0 && looked >= message.at))
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
        Ok(Some(outcome)) if outcome.incomplete && message.at == 0 => again(state, &message).await,
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
    let was_awaited = message.arrive(state.storage()).await?;
    let work = state.kmp_work();
    if (!was_awaited && is_done(message, &watched, work.now)) || !may_ask(&work, &watched, config) {
        return Ok(None);
    }
    poll_watched(&work, &watched, &row).await.map(Some)
}

/// Looks again in a while, a limited number of times; unless somebody else has asked for a look meanwhile, who goes on.
async fn again(state: &AppState, message: &PollMessage) -> Result<()> {
    if message.round >= ROUNDS {
        tracing::warn!(kmp.watched = %message.place.id, "the newest version of a library stays incomplete");
        return Ok(());
    }
    let delay = state.config().kmp.debounce.max(Duration::from_secs(1));
    match announce(&state.kmp_work(), &message.place, message.round + 1, delay).await? {
        Some(next) => next.send(state.storage(), delay).await,
        None => Ok(()),
    }
}

async fn put_aside(state: &AppState, body: &str, reason: &str) -> Result<()> {
    state.storage().send_dead_letter(body, reason).await?;
    tracing::error!(reason, "a message is put into the queue of dead letters");
    Ok(())
}
