//! Receiving events, and finding those whose message was lost.

use granary_http::AppState;
use granary_model::{Error, Result};
use granary_publish::{OUTBOX_SHARDS, tell};
use granary_storage::rows::{Event, OutboxRow};
use granary_storage::{Key, Queue};
use serde_json::Value;

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
    /// Events whose time has not come, or that were announced again.
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
/// Those whose work may take minutes are announced again instead, so that none of them stands in the way of the
/// others.
///
/// # Errors
/// A part of the outbox could not be read; all others were handled.
pub async fn sweep(state: &AppState, everything: bool) -> Result<SweepReport> {
    let mut report = SweepReport::default();
    let now = state.now();
    let mut unread = None;
    for shard in 0..OUTBOX_SHARDS {
        let first = Key::Outbox(shard, String::new());
        // Each row by itself: one that is not understood must not hide the others.
        let rows: Vec<Value> = match state.storage().list_all(&first, "").await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%error, outbox.shard = shard, "a part of the outbox cannot be read");
                unread = Some(error);
                continue;
            }
        };
        for row in rows {
            let at = row.get("at").and_then(Value::as_i64).unwrap_or(0);
            let age = now.millis() - at;
            if !everything && age < OVERDUE_MILLIS {
                continue;
            }
            match once_more(state, row).await {
                Ok(Progress::Finished) => report.finished += 1,
                Ok(Progress::NotYet) => report.waiting += 1,
                Err(error) => {
                    tracing::warn!(%error, outbox.shard = shard, age, "an event failed and stays in the outbox");
                    report.failed += 1;
                    report.stuck += usize::from(age > STUCK_MILLIS);
                }
            }
        }
    }
    unread.map_or(Ok(report), Err)
}

async fn once_more(state: &AppState, row: Value) -> Result<Progress> {
    let row: OutboxRow = serde_json::from_value(row).map_err(|e| Error::internal("reading an event", e))?;
    match &row.event {
        Event::UploadCompleted { .. }
        | Event::HandoverConfirmed { .. }
        | Event::RepoDeleted { .. }
        | Event::SellerDeleted { .. }
        | Event::ProductDeleted { .. }
        | Event::EntityDeleted { .. } => {
            tell(state.storage(), &row).await?;
            Ok(Progress::NotYet)
        }
        _ => handle(state, &row).await,
    }
}

/// Takes a finished event out of the outbox.
pub(crate) async fn remove(state: &AppState, row: &OutboxRow) -> Result<()> {
    state.storage().delete(&Key::Outbox(row.shard, row.id.clone())).await
}
