//! Receiving events, and finding those whose message was lost.

use granary_http::AppState;
use granary_model::Result;
use granary_publish::OUTBOX_SHARDS;
use granary_storage::rows::OutboxRow;
use granary_storage::{Key, Queue};

use crate::{Progress, handle};

/// How long a message may be on its way before the sweep takes its event for lost, in milliseconds.
const OVERDUE_MILLIS: i64 = 20_000;

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Events that were followed up.
    pub finished: usize,
    /// Events whose time has not come.
    pub waiting: usize,
    /// Events that failed and stay in the outbox.
    pub failed: usize,
}

/// Receives messages once and handles their events; gives the number of messages.
///
/// Waits up to `wait_seconds` for the first one. A message whose event fails comes back after its
/// visibility timeout.
pub async fn consume_once(state: &AppState, wait_seconds: i32) -> Result<usize> {
    let messages = state.storage().receive(Queue::Events, wait_seconds).await?;
    for message in &messages {
        let result = match serde_json::from_str::<OutboxRow>(&message.body) {
            Ok(row) => handle(state, &row).await.map(|_| ()),
            Err(error) => {
                // It will never become readable; its event is still in the outbox.
                tracing::error!(%error, "a message cannot be read");
                Ok(())
            }
        };
        match result {
            Ok(()) => state.storage().acknowledge(Queue::Events, message).await?,
            Err(error) => tracing::warn!(%error, "an event failed and will be tried again"),
        }
    }
    Ok(messages.len())
}

/// Handles all events in the outbox that are older than a message takes, or all of them.
pub async fn sweep(state: &AppState, everything: bool) -> Result<SweepReport> {
    let mut report = SweepReport::default();
    let now = state.now();
    for shard in 0..OUTBOX_SHARDS {
        let first = Key::Outbox(shard, String::new());
        let rows: Vec<OutboxRow> = state.storage().list_all(&first, "").await?;
        for row in rows {
            if !everything && now.millis() - row.at.millis() < OVERDUE_MILLIS {
                continue;
            }
            match handle(state, &row).await {
                Ok(Progress::Finished) => report.finished += 1,
                Ok(Progress::NotYet) => report.waiting += 1,
                Err(error) => {
                    tracing::warn!(%error, outbox.id = %row.id, "an event failed and stays in the outbox");
                    report.failed += 1;
                }
            }
        }
    }
    Ok(report)
}

/// Takes a finished event out of the outbox.
pub(crate) async fn remove(state: &AppState, row: &OutboxRow) -> Result<()> {
    state.storage().delete(&Key::Outbox(row.shard, row.id.clone())).await
}
