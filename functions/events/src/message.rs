//! One message of the queue: its event followed up, or the message put aside with the reason.

use granary_http::AppState;
use granary_model::{Error, Result};
use granary_storage::rows::OutboxRow;
use serde_json::Value;

use crate::handle;

/// How often a message is tried before it is put aside. The queue's own limit (`maxReceiveCount` in the template) is
/// one more: that is for messages that end the process before anybody can say why.
pub const ATTEMPTS: u32 = 5;

/// Follows up the event of a message. `attempt` counts how often it was received, this time included.
///
/// A message that is no event is put into the queue of dead letters at once; one whose event fails, or is of a kind that
/// this version does not know (another one may be taking over just now), for the [`ATTEMPTS`]th time. Nothing is lost
/// by that: an event is still in the outbox, and the sweep goes on trying.
///
/// # Errors
/// The message has to come again.
pub async fn follow_up(state: &AppState, body: &str, attempt: u32) -> Result<()> {
    let error = match serde_json::from_str::<OutboxRow>(body) {
        Ok(row) => {
            let Err(error) = handle(state, &row).await else { return Ok(()) };
            tracing::warn!(%error, outbox.id = %row.id, attempt, "an event failed");
            error
        }
        Err(error) if is_event(body) => {
            tracing::warn!(%error, attempt, "an event is of a kind that is not known here");
            Error::internal("reading an event", error)
        }
        Err(error) => return put_aside(state, body, &format!("the message cannot be read: {error}")).await,
    };
    if attempt < ATTEMPTS {
        return Err(error);
    }
    put_aside(state, body, &format!("the event failed {attempt} times, the last time because of: {error}"))
        .await
}

/// Whether a message has the form of one of the outbox, whatever happened.
fn is_event(body: &str) -> bool {
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    ["shard", "id", "at", "event"].iter().all(|name| message.get(name).is_some())
}

async fn put_aside(state: &AppState, body: &str, reason: &str) -> Result<()> {
    state.storage().send_dead_letter(body, reason).await?;
    tracing::error!(reason, "a message is put into the queue of dead letters");
    Ok(())
}
