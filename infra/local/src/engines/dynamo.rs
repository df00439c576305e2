//! DynamoDB over a SQLite file.
//!
//! `SQLite` in WAL mode lets one connection write while others read. Writing waits for the disk, so it has
//! a connection and a thread of its own, where the writes that wait share a flush ([`writer`], [`log`]). Reads take a
//! few microseconds out of memory and run where they are asked for: handing one to another thread would cost
//! more than the read does. Before anything leaves the process, it waits until what was read cannot get lost any more
//! ([`settling`]).

mod awake;
mod log;
mod operations;
pub(crate) mod settling;
mod writer;
mod written;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use dynoxide::Database;
use granary_storage::kept::KeptRows;

use crate::engines::connector::Engine;
use crate::engines::dynamo::operations::{Answer, Operation};
use crate::engines::dynamo::settling::{Lost, Settling};
use crate::engines::dynamo::writer::Writer;
use crate::engines::dynamo::written::written;
use crate::engines::json::{JsonCall, refuse, respond};

/// What the target header of every request begins with.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// More connections than this read no faster: each costs memory, and a read is over before the next one
/// wants the connection.
const MAX_READERS: usize = 8;

/// The DynamoDB engine.
pub(crate) struct Dynamo {
    /// The connection of the writer, for the sweep.
    database: Database,
    writer: Writer,
    settling: Arc<Settling>,
    readers: Vec<Database>,
    next_reader: AtomicUsize,
    /// Told of each write before it begins and when it is over.
    kept: Arc<KeptRows>,
}

impl Dynamo {
    /// Opens or makes the database file.
    pub(crate) fn open(path: &Path, kept: Arc<KeptRows>) -> anyhow::Result<Self> {
        let (database, log) = log::open_writer(path)?;
        Self::start(path, database, kept, move || log.flush())
    }

    fn start<F>(path: &Path, database: Database, kept: Arc<KeptRows>, flush: F) -> anyhow::Result<Self>
    where
        F: FnMut() -> io::Result<()> + Send + 'static,
    {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_READERS);
        let readers = (0..count).map(|_| log::open(path)).collect::<anyhow::Result<Vec<_>>>()?;
        let settling = Arc::<Settling>::default();
        let writer = Writer::start(database.clone(), Arc::clone(&settling), flush)?;
        Ok(Self { database, writer, settling, readers, next_reader: AtomicUsize::new(0), kept })
    }

    /// Removes the rows whose time to live has passed.
    pub(crate) async fn sweep_expired(&self) -> anyhow::Result<usize> {
        // What it writes could lead to the log being moved into the database, with what the disk did not take.
        self.settling.check()?;
        let (database, kept) = (self.database.clone(), Arc::clone(&self.kept));
        // Not in turn with the writes: the sweep lets waiting calls in between its pages by itself. Nothing waits for
        // the disk either: a row that comes back after a power cut is as expired as before.
        let removed = tokio::task::spawn_blocking(move || {
            let removed = database.sweep_ttl();
            // Only now, and seldom: until then a row that expired is still in memory, and whoever reads it sees that it has.
            if !matches!(removed, Ok(0)) {
                drop(kept.writing_anything());
            }
            removed
        })
        .await?;
        removed.context("removing expired rows")
    }

    /// What is committed and could still get lost.
    pub(crate) fn settling(&self) -> Arc<Settling> {
        Arc::clone(&self.settling)
    }

    async fn run(&self, operation: Operation, call: JsonCall) -> Result<Answer, Lost> {
        if operation.may_read_elsewhere() {
            let turn = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len().max(1);
            return Ok(operation.run(self.readers.get(turn).unwrap_or(&self.database), &call.body));
        }
        let announce = |body: &[u8]| written(operation, body, &self.kept);
        self.writer.run(operation, call.body, announce).await
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
        let Answer { status, body } =
            self.run(operation, call).await.map_err(|lost| ConnectorError::other(lost.into(), None))?;
        respond(status, body)
    }
}
