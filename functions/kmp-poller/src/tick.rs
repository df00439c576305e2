//! The schedule: a message for each watched library.

use granary_http::AppState;
use granary_kmp::store::SHARDS;
use granary_model::Result;
use granary_storage::rows::WatchedRef;
use granary_storage::{Key, Queue};
use serde::Deserialize;

use crate::poll::PollMessage;

/// Rows that are read in one call: they are small, and a page ends at 1 MB besides.
const PAGE: i32 = 1_000;

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TickReport {
    /// Libraries that are going to be looked at.
    pub announced: usize,
}

/// A row of the list, with the sort key to go on after.
#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    place: WatchedRef,
}

/// Sends a message for each watched library. Whether it is still watched is found out by whoever gets the message.
pub async fn tick(state: &AppState) -> Result<TickReport> {
    let mut report = TickReport::default();
    for shard in 0..SHARDS {
        // Only says which part to list.
        let first = Key::WatchedOfAll(shard, "any".parse()?, String::new());
        let mut after: Option<String> = None;
        loop {
            let page = state.storage().list::<Listed>(&first, "", after.as_deref(), PAGE).await?;
            let messages: Vec<String> =
                page.rows.into_iter().map(|row| PollMessage::of(row.place).text()).collect::<Result<_>>()?;
            state.storage().send_all(Queue::KmpPoll, &messages).await?;
            report.announced += messages.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(report)
}
