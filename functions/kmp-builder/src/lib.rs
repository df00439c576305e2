//! Takes builds from one state to the next: as messages come, and all that are due on a schedule.
//!
//! The table is the truth and a message only a hint, so all of this can be done twice, in any order, or late.

mod local;
mod message;
mod sweep;

use granary_http::AppState;
use granary_model::Result;
use granary_storage::Queue;

pub use local::keep_in;
pub use message::{ATTEMPTS, follow_up};
pub use sweep::{SweepReport, sweep};

/// Receives messages once and goes on with their builds, all at the same time; gives the number of messages.
///
/// Waits up to `wait_seconds` for the first one. A message whose build could not be gone on with comes back after its
/// visibility timeout.
pub async fn consume_once(state: &AppState, wait_seconds: i32) -> Result<usize> {
    let messages = state.storage().receive(Queue::KmpBuild, wait_seconds).await?;
    let steps = messages.iter().map(|message| async move {
        if follow_up(state, &message.body, message.attempt).await.is_ok() {
            state.storage().acknowledge(Queue::KmpBuild, message).await?;
        }
        Ok::<_, granary_model::Error>(())
    });
    futures::future::try_join_all(steps).await?;
    Ok(messages.len())
}
