//! The schedule: a message for each watched library.

use granary_http::AppState;
use granary_kmp::poll::PollMessage;
use granary_kmp::store::SHARDS;
use granary_model::Result;
use granary_storage::rows::WatchedRef;
use granary_storage::{Key, Queue};
use serde::Deserialize;

/// Rows that are read in one call: they are small, and a page ends at 1 MB besides.
const PAGE: i32 = 1_000;

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TickReport {
    /// Libraries that are going to be looked at.
    pub announced: usize,
}

/// A row of the list.
#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    place: WatchedRef,
}

/// Sends a message for each watched library. Whether it is still watched is found out by whoever gets the message.
///
/// # Errors
/// A part of the list could not be read, or its messages were not all taken; all others were announced.
pub async fn tick(state: &AppState) -> Result<TickReport> {
    let mut report = TickReport::default();
    let mut missed = None;
    for shard in 0..SHARDS {
        match announce(state, shard).await {
            Ok(announced) => report.announced += announced,
            Err(error) => {
                tracing::error!(%error, kmp.shard = shard, "a part of the watched libraries is not announced");
                missed = Some(error);
            }
        }
    }
    missed.map_or(Ok(report), Err)
}

async fn announce(state: &AppState, shard: u8) -> Result<usize> {
    // Only says which part to list.
    let first = Key::WatchedOfAll(shard, "any".parse()?, String::new());
    let (mut announced, mut after) = (0, None::<String>);
    loop {
        let page = state.storage().list::<Listed>(&first, "", after.as_deref(), PAGE).await?;
        let messages = page.rows.into_iter().map(|row| PollMessage::of(row.place, state.now()).text());
        let messages: Vec<String> = messages.collect::<Result<_>>()?;
        state.storage().send_all(Queue::KmpPoll, &messages).await?;
        announced += messages.len();
        after = page.next;
        if after.is_none() {
            return Ok(announced);
        }
    }
}
