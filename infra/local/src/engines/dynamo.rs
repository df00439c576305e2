//! DynamoDB over a SQLite file.
//!
//! `SQLite` in WAL mode lets one connection write while others read. Writing waits for the disk, so it has
//! a connection of its own, one write at a time, on a thread where waiting is allowed. Reads take a few
//! microseconds out of memory and run where they are asked for: handing one to another thread would cost
//! more than the read does.

mod operations;
mod written;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use dynoxide::Database;
use granary_storage::kept::KeptRows;
use tokio::sync::Semaphore;

use crate::engines::connector::Engine;
use crate::engines::dynamo::operations::{Answer, Operation};
use crate::engines::dynamo::written::written;
use crate::engines::json::{JsonCall, refuse, respond};

/// What the target header of every request begins with.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// More connections than this read no faster: each costs memory, and a read is over before the next one
/// wants the connection.
const MAX_READERS: usize = 8;

/// The DynamoDB engine.
pub(crate) struct Dynamo {
    writer: Database,
    /// Holds back the writes that wait, so that they wait here and not each on a thread of its own.
    write_turn: Semaphore,
    readers: Vec<Database>,
    next_reader: AtomicUsize,
    /// Told of each write before it begins and when it is over.
    kept: Arc<KeptRows>,
}

impl Dynamo {
    /// Opens or makes the database file.
    pub(crate) fn open(path: &Path, kept: Arc<KeptRows>) -> anyhow::Result<Self> {
        let text = path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))?;
        let open = || Database::new(text).with_context(|| format!("cannot open the database {text}"));
        let writer = open()?;
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_READERS);
        let readers = (0..count).map(|_| open()).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { writer, write_turn: Semaphore::new(1), readers, next_reader: AtomicUsize::new(0), kept })
    }

    /// Removes the rows whose time to live has passed.
    pub(crate) async fn sweep_expired(&self) -> anyhow::Result<usize> {
        let (writer, kept) = (self.writer.clone(), Arc::clone(&self.kept));
        // Not in turn with the writes: the sweep lets waiting calls in between its pages by itself.
        let removed = tokio::task::spawn_blocking(move || {
            let removed = writer.sweep_ttl();
            // Only now, and seldom: until then a row that expired is still in memory, and whoever reads it sees that it has.
            if !matches!(removed, Ok(0)) {
                drop(kept.writing_anything());
            }
            removed
        })
        .await?;
        removed.context("removing expired rows")
    }

    async fn run(&self, operation: Operation, call: JsonCall) -> Result<Answer, ConnectorError> {
        if operation.may_read_elsewhere() {
            let turn = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len().max(1);
            return Ok(operation.run(self.readers.get(turn).unwrap_or(&self.writer), &call.body));
        }
        let turn = self.write_turn.acquire().await.map_err(|e| ConnectorError::other(e.into(), None))?;
        let writer = self.writer.clone();
        let writing = written(operation, &call.body, &self.kept);
        let answer = tokio::task::spawn_blocking(move || {
            let answer = operation.run(&writer, &call.body);
            // In here, because the write goes on when nobody waits for it any more.
            drop(writing);
            answer
        })
        .await;
        drop(turn);
        answer.map_err(|e| ConnectorError::other(e.into(), None))
    }
}

impl Engine for Dynamo {
    const NAME: &'static str = "DynamoDB";

    async fn answer(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let call = JsonCall::read(request, TARGET_PREFIX).await?;
        let Some(operation) = Operation::from_name(&call.operation) else {
            let message = format!("the embedded DynamoDB does not offer '{}'", call.operation);
            return refuse(400, "com.amazon.coral.service#UnknownOperationException", &message);
        };
        let Answer { status, body } = self.run(operation, call).await?;
        respond(status, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A write is acknowledged after SQLite's commit, so a commit has to reach the disk: 2 is `FULL`,
    /// where every commit of the write-ahead log is flushed.
    #[test]
    fn commits_are_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.sqlite");
        let _engine = Dynamo::open(&path, Arc::default()).unwrap();
        // `Database::new` opens its connection in this way and sets nothing afterwards.
        let storage = dynoxide::storage::Storage::new(path.to_str().unwrap()).unwrap();
        let pragma = |name: &str| -> String {
            let text = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            storage.conn().query_row(&text, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(pragma("synchronous"), "2");
        assert_eq!(pragma("journal_mode"), "wal");
    }
}
