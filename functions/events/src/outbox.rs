//! Receiving events, and finding those whose message was lost.

use granary_http::AppState;
use granary_model::Result;
use granary_publish::OUTBOX_SHARDS;
use granary_storage::rows::OutboxRow;
use granary_storage::{Key, Queue};

use crate::{Progress, follow_up, handle};

/// How long a message may be on its way before the sweep takes its event for lost, in milliseconds.
const OVERDUE_MILLIS: i64 = 20_000;

/// How long an event may fail before that is more than a disturbance, in milliseconds.
const STUCK_MILLIS: i64 = 3_600_000;

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Events that were followed up.
    pub finished: usize,
    /// Events whose time has not come.
    pub waiting: usize,
    /// Events that failed and stay in the outbox.
    pub failed: usize,
    /// Those of the failed ones that have been there for more than an hour: somebody should look.
    pub stuck: usize,
}

/// Receives messages once and handles their events; gives the number of messages.
///
/// Waits up to `wait_seconds` for the first one. A message whose event fails comes back after its
/// visibility timeout.
pub async fn consume_once(state: &AppState, wait_seconds: i32) -> Result<usize> {
    let messages = state.storage().receive(Queue::Events, wait_seconds).await?;
    for message in &messages {
        if follow_up(state, &message.body, message.attempt).await.is_ok() {
            state.storage().acknowledge(Queue::Events, message).await?;
        }
    }
    Ok(messages.len())
}

/// Handles all events in the outbox that are older than a message takes, or all of them.
///
/// # Errors
/// A part of the outbox could not be read; all others were handled.
pub async fn sweep(state: &AppState, everything: bool) -> Result<SweepReport> {
    let mut report = SweepReport::default();
    let now = state.now();
    let mut unread = None;
    for shard in 0..OUTBOX_SHARDS {
        let first = Key::Outbox(shard, String::new());
        let rows: Vec<OutboxRow> = match state.storage().list_all(&first, "").await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%error, outbox.shard = shard, "a part of the outbox cannot be read");
                unread = Some(error);
                continue;
            }
        };
        for row in rows {
            let age = now.millis() - row.at.millis();
            if !everything && age < OVERDUE_MILLIS {
                continue;
            }
            match handle(state, &row).await {
                Ok(Progress::Finished) => report.finished += 1,
                Ok(Progress::NotYet) => report.waiting += 1,
                Err(error) => {
                    tracing::warn!(%error, outbox.id = %row.id, "an event failed and stays in the outbox");
                    report.failed += 1;
                    report.stuck += usize::from(age > STUCK_MILLIS);
                }
            }
        }
    }
    unread.map_or(Ok(report), Err)
}

/// Takes a finished event out of the outbox.
pub(crate) async fn remove(state: &AppState, row: &OutboxRow) -> Result<()> {
    state.storage().delete(&Key::Outbox(row.shard, row.id.clone())).await
}
