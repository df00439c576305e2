//! One message of the queue: its event followed up, or the message put aside with the reason.

use granary_http::AppState;
use granary_model::Result;
use granary_storage::rows::OutboxRow;

use crate::handle;

/// How often a message is tried before it is put aside. The queue's own limit (`maxReceiveCount` in the template) is
/// one more: that is for messages that end the process before anybody can say why.
pub const ATTEMPTS: u32 = 5;

/// Follows up the event of a message. `attempt` counts how often it was received, this time included.
///
/// A message that cannot be read never will be, so it is put into the queue of dead letters at once; one whose event
/// fails for the [`ATTEMPTS`]th time as well. Nothing is lost by that: the event is still in the outbox, and the
/// sweep goes on trying.
///
/// # Errors
/// The message has to come again.
pub async fn follow_up(state: &AppState, body: &str, attempt: u32) -> Result<()> {
    let reason = match serde_json::from_str::<OutboxRow>(body) {
        Err(error) => format!("the message cannot be read: {error}"),
        Ok(row) => {
            let Err(error) = handle(state, &row).await else { return Ok(()) };
            tracing::warn!(%error, outbox.id = %row.id, attempt, "an event failed");
            if attempt < ATTEMPTS {
                return Err(error);
            }
            format!("the event failed {attempt} times, the last time because of: {error}")
        }
    };
    state.storage().send_dead_letter(body, &reason).await?;
    tracing::error!(reason, "a message is put aside; what it was about stays in the outbox");
    Ok(())
}
