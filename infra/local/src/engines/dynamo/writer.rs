//! The thread that writes.
//!
//! Waiting for the disk takes much longer than a write, and one flush makes all commits before it safe. So writes
//! commit one after the other without waiting for the disk, and those that have come in meanwhile share one flush. An
//! answer leaves only after a flush that began after its commit.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use dynoxide::Database;
use granary_storage::kept::Writing;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::engines::dynamo::awake::Awake;
use crate::engines::dynamo::operations::{Answer, Operation};
use crate::engines::dynamo::settling::{Lost, Settling};

/// Most writes that share a flush: the first one of them waits for the others.
const MAX_GROUP: usize = 64;

/// Most writes in the queue. A disk that hangs must not make it grow with every client that tries again.
const MAX_WAITING: usize = 1024;

/// A write that waits for its turn.
struct Write {
    operation: Operation,
    body: Bytes,
    /// Ends with the commit.
    writing: Option<Writing>,
    reply: oneshot::Sender<Answer>,
    _place: OwnedSemaphorePermit,
}

/// The thread that writes. It does what it was given and ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` only while this is dropped.
    queue: Option<Sender<Write>>,
    /// Those that may be in the queue. Who waits for a place and gives up has written nothing.
    places: Arc<Semaphore>,
    awake: Arc<Awake>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `flush` makes all that was committed before its call safe.
    pub(crate) fn start<F>(database: Database, settling: Arc<Settling>, flush: F) -> io::Result<Self>
    where
        F: FnMut() -> io::Result<()> + Send + 'static,
    {
        let (queue, writes) = channel();
        let thread = std::thread::Builder::new().name("dynamodb-writer".into());
        let thread = thread.spawn(move || {
            // Also when it panics: nobody may wait for what never comes.
            let _ended = OnEnd(Arc::clone(&settling));
            work(&writes, &database, &settling, flush);
        })?;
        let places = Arc::new(Semaphore::new(MAX_WAITING));
        Ok(Self { queue: Some(queue), places, awake: Arc::default(), thread: Some(thread) })
    }

    /// Runs an operation, `announce`d as soon as it has a place in the queue. From then on it runs to its end even if nobody
    /// waits for it any more.
    pub(crate) async fn run(
        &self,
        operation: Operation,
        body: Bytes,
        announce: impl FnOnce(&[u8]) -> Option<Writing>,
    ) -> Result<Answer, Lost> {
        let (reply, answer) = oneshot::channel();
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Lost)?;
        let _under_way = self.awake.begin();
        let writing = announce(&body);
        let write = Write { operation, body, writing, reply, _place: place };
        self.queue.as_ref().ok_or(Lost)?.send(write).map_err(|_| Lost)?;
        answer.await.map_err(|_| Lost)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // Whoever opens the folder next must not meet this one still writing.
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

struct OnEnd(Arc<Settling>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.0.lost();
    }
}

/// Writes until nobody can send any more, or until a flush fails.
///
/// A flush that failed may succeed the next time although the bytes never reached the disk: the system forgets what it
/// could not write. So the first failure is the last flush; the writes that wait and all later ones are refused.
fn work<F>(writes: &Receiver<Write>, database: &Database, settling: &Settling, mut flush: F)
where
    F: FnMut() -> io::Result<()>,
{
    let mut answered = Vec::with_capacity(MAX_GROUP);
    while let Ok(first) = writes.recv() {
        let mut changed = false;
        let mut next = Some(first);
        while let Some(Write { operation, body, writing, reply, _place }) = next {
            settling.begin();
            let answer = run(operation, database, &body);
            drop(writing);
            changed |= operation.may_have_changed(answer.status);
            answered.push((reply, answer));
            next = if answered.len() < MAX_GROUP { writes.try_recv().ok() } else { None };
        }
        // Where nothing was changed, what was read was safe when the group began.
        if changed && let Err(error) = flush() {
            tracing::error!(%error, "{Lost}");
            return;
        }
        settling.settled();
        for (reply, answer) in answered.drain(..) {
            let _nobody_waits = reply.send(answer);
        }
    }
}

/// Runs an operation. A defect in it ends that one write and not this thread, on which all others depend.
fn run(operation: Operation, database: &Database, body: &[u8]) -> Answer {
    catch_unwind(AssertUnwindSafe(|| operation.run(database, body))).unwrap_or_else(|_panic| {
        tracing::error!(?operation, "a write panicked");
        Answer { status: 500, body: br#"{"__type":"InternalServerError","message":"a defect"}"#.to_vec() }
    })
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
