//! Looks for new versions of watched libraries: all of them on a schedule, one by one from the queue.
//!
//! The table is the truth and a message only a hint: whatever is done here can be done twice, or late.

mod poll;
mod tick;

use granary_http::AppState;
use granary_model::Result;
use granary_storage::Queue;

pub use granary_kmp::poll::PollMessage;
pub use poll::follow_up;
pub use tick::{TickReport, tick};

/// Receives messages once and looks at their libraries, all at the same time; gives the number of messages.
///
/// Waits up to `wait_seconds` for the first one. A message whose library could not be looked at comes back after its
/// visibility timeout.
pub async fn consume_once(state: &AppState, wait_seconds: i32) -> Result<usize> {
    let messages = state.storage().receive(Queue::KmpPoll, wait_seconds).await?;
    let looks = messages.iter().map(|message| async move {
        if follow_up(state, &message.body, message.attempt).await.is_ok() {
            state.storage().acknowledge(Queue::KmpPoll, message).await?;
        }
        Ok::<_, granary_model::Error>(())
    });
    futures::future::try_join_all(looks).await?;
    Ok(messages.len())
}
