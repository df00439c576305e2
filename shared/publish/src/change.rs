//! Audit records and outbox events as parts of a change.

use std::collections::BTreeMap;
use std::time::Duration;

use granary_auth::Principal;
use granary_model::{Error, Ids, Result, Sha256, Timestamp};
use granary_storage::rows::{AuditRow, Event, OutboxRow};
use granary_storage::{Key, Queue, Storage, Transaction};

/// Number of parts of the outbox.
pub const OUTBOX_SHARDS: u8 = 8;

/// A change in the making: when it happens, who makes it, and what has to follow.
pub struct Change<'a> {
    /// The moment of the change, the same in all of its rows.
    pub now: Timestamp,
    ids: &'a dyn Ids,
    actor: String,
    announcements: Vec<OutboxRow>,
}

impl<'a> Change<'a> {
    /// Begins a change.
    pub fn begin(ids: &'a dyn Ids, now: Timestamp, principal: &Principal) -> Self {
        Self { now, ids, actor: principal.actor(), announcements: Vec::new() }
    }

    /// Begins a change that the system makes by itself.
    pub fn by_system(ids: &'a dyn Ids, now: Timestamp) -> Self {
        Self { now, ids, actor: "system".into(), announcements: Vec::new() }
    }

    /// Adds the audit record to the transaction. `scope` is whose log it belongs to, such as `repo:libs`.
    pub fn audit(
        &self,
        transaction: &mut Transaction,
        scope: &str,
        action: &str,
        target: &str,
    ) -> Result<()> {
        let row = AuditRow {
            at: self.now,
            actor: self.actor.clone(),
            action: action.into(),
            target: target.into(),
            detail: None,
        };
        transaction.put_new(
            "audit",
            &Key::Audit(scope.into(), self.now.month(), self.ids.next(self.now)),
            &row,
        )
    }

    /// Adds an event to the transaction, to be followed up once it is committed. A later call replaces
    /// nothing: when a transaction is built anew for another attempt, begin with [`Self::retry`].
    pub fn announce(&mut self, transaction: &mut Transaction, event: Event) -> Result<()> {
        let mut spread = [0_u8; 1];
        self.ids.fill(&mut spread);
        let row =
            OutboxRow { shard: spread[0] % OUTBOX_SHARDS, id: self.ids.next(self.now), at: self.now, event };
        transaction.put_new("outbox", &Key::Outbox(row.shard, row.id.clone()), &row)?;
        self.announcements.push(row);
        Ok(())
    }

    /// Counts files less that hold bytes, each digest with the number of them, and announces that the bytes may
    /// go. The parts are labelled `blob`.
    pub fn release_blobs(
        &mut self,
        transaction: &mut Transaction,
        blobs: BTreeMap<Sha256, u64>,
    ) -> Result<()> {
        for (digest, files) in &blobs {
            transaction.release_blob("blob", *digest, *files);
        }
        if blobs.is_empty() {
            return Ok(());
        }
        self.announce(transaction, Event::BlobsReleased { digests: blobs.into_keys().collect() })
    }

    /// Forgets the events of an attempt that was refused.
    pub fn retry(&mut self) {
        self.announcements.clear();
    }

    /// The events of this attempt.
    pub fn announced(&self) -> &[OutboxRow] {
        &self.announcements
    }

    /// Tells the consumer, after the commit. It is only a hint: if it is lost, the sweep finds the event
    /// in the outbox, so the change stands whatever happens here. A client waits for this, so after one message
    /// that could not be sent there are no more attempts.
    pub async fn notify(self, storage: &Storage) {
        for row in &self.announcements {
            if let Err(error) = tell(storage, row).await {
                let events = self.announcements.len();
                tracing::warn!(%error, outbox.id = %row.id, events, "this event and those after it wait for the sweep");
                return;
            }
        }
    }
}

/// Tells the consumer of one event of the outbox.
pub async fn tell(storage: &Storage, row: &OutboxRow) -> Result<()> {
    tell_later(storage, row, Duration::ZERO).await
}

/// Tells the consumer of one event of the outbox after a while, of at most 15 minutes.
pub async fn tell_later(storage: &Storage, row: &OutboxRow, delay: Duration) -> Result<()> {
    let body = serde_json::to_string(row).map_err(|e| Error::internal("announcing an event", e))?;
    storage.send_later(Queue::Events, &body, delay).await
}
