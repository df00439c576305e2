//! Looks that are asked for by a message, of which one at a time is to come for each library.

use std::time::Duration;

use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{PollPendingRow, WatchedRef};
use granary_storage::{Key, Queue, Storage};
use serde::{Deserialize, Serialize};

use crate::Work;

/// How long after it was due an announced look is waited for, in milliseconds.
const LOST_MILLIS: i64 = 300_000;

/// What a message says that asks for a look at a library.
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
    /// Its [`PollPendingRow`]; empty if it has none, as those of the schedule.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pending: String,
}

impl PollMessage {
    /// For the schedule.
    pub fn of(place: WatchedRef, now: Timestamp) -> Self {
        Self { place, round: 0, at: now.millis(), pending: String::new() }
    }

    /// Its text.
    ///
    /// # Errors
    /// `Internal` if it has none.
    pub fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::internal("announcing a look", e))
    }

    /// Sends it. If that fails, the next one who wants a look may announce it.
    ///
    /// # Errors
    /// Of the stores: nobody looks.
    pub async fn send(&self, storage: &Storage, delay: Duration) -> Result<()> {
        let sent = storage.send_later(Queue::KmpPoll, &self.text()?, delay).await;
        let Err(error) = sent else { return Ok(()) };
        // If this fails as well, they may when the row has expired.
        if let Err(error) = self.take_back(storage).await {
            tracing::warn!(%error, kmp.watched = %self.place.id, "an announced look could not be taken back");
        }
        Err(error)
    }

    /// Lets the next one announce a look: this message is not sent.
    ///
    /// # Errors
    /// Of the stores.
    pub async fn take_back(&self, storage: &Storage) -> Result<()> {
        storage.delete(&key(&self.place)).await
    }

    /// Has the next change ask for a look of its own, now that this message is here. `false`: it is not the one that is to
    /// come, which may still be on its way.
    ///
    /// To be called before anything is read: what changes from then on is asked for.
    ///
    /// # Errors
    /// Of the stores.
    pub async fn arrive(&self, storage: &Storage) -> Result<bool> {
        let key = key(&self.place);
        let row: Option<PollPendingRow> = storage.get(&key).await?;
        if row.is_none_or(|row| row.id != self.pending) {
            return Ok(false);
        }
        storage.delete(&key).await?;
        Ok(true)
    }
}

fn key(place: &WatchedRef) -> Key {
    Key::PollPending(place.repo.clone(), place.id.clone())
}

/// The message that asks for a look in `delay`, to be sent; `None` if there is one that is still to come.
///
/// # Errors
/// Of the stores.
pub async fn announce(
    work: &Work<'_>,
    place: &WatchedRef,
    round: u32,
    delay: Duration,
) -> Result<Option<PollMessage>> {
    let key = key(place);
    let delay = i64::try_from(delay.as_millis()).unwrap_or(0);
    let expires_at = work.now.plus_millis(delay + LOST_MILLIS).seconds();
    let row = PollPendingRow { id: work.ids.next(work.now), expires_at };
    if !work.storage.put_new(&key, &row).await? {
        let pending: Option<PollPendingRow> = work.storage.get(&key).await?;
        if pending.is_some_and(|pending| pending.expires_at > work.now.seconds()) {
            return Ok(None);
        }
        // Its message was lost, or it has come this very moment.
        work.storage.put(&key, &row).await?;
    }
    Ok(Some(PollMessage { place: place.clone(), round, at: 0, pending: row.id }))
}
