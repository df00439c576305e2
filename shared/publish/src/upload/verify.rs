//! Reading objects: once from end to end, or here and there.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::{Buf as _, Bytes};
use granary_model::{Error, Result};
use granary_storage::Storage;
use granary_storage::staging::ObjectStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::digests::{DigestWriter, Digests};

/// Chunks on their way from the bucket to the reader. Each has a few hundred kilobytes at most.
const WAITING_CHUNKS: usize = 4;

/// Bytes that a [`BlobReader`] asks for at once.
const BLOCK: u64 = 256 * 1024;

/// Reads an object once, from its first byte to its last, on a thread that may wait, and gives its digests and
/// what `look` made of the bytes. `look` need not read to the end. Memory does not grow with the object.
pub(super) async fn read_through<T, F>(mut object: ObjectStream, look: F) -> Result<(Digests, T)>
where
    T: Send + 'static,
    F: FnOnce(&mut ChunkReader) -> T + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
    let reading = tokio::task::spawn_blocking(move || {
        let mut reader = ChunkReader { receiver, current: Bytes::new(), digests: DigestWriter::new() };
        let seen = look(&mut reader);
        (reader.drain(), seen)
    });
    let sent = loop {
        match object.next().await {
            // It fails only if the reader is gone, which the join below reports.
            Ok(Some(chunk)) => {
                if sender.send(chunk).await.is_err() {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    drop(sender);
    let read = reading.await.map_err(|e| Error::internal("reading an upload", e))?;
    // What was read of an object that broke off says nothing about it.
    sent.map(|()| read)
}

/// Bytes that come in chunks, digested as they pass.
pub(super) struct ChunkReader {
    receiver: mpsc::Receiver<Bytes>,
    current: Bytes,
    digests: DigestWriter,
}

impl ChunkReader {
    fn fill(&mut self) -> bool {
        while self.current.is_empty() {
            let Some(chunk) = self.receiver.blocking_recv() else { return false };
            self.digests.update(&chunk);
            self.current = chunk;
        }
        true
    }

    fn drain(mut self) -> Digests {
        while self.fill() {
            self.current.clear();
        }
        self.digests.finish()
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.fill() {
            return Ok(0);
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Reads a stored object here and there, block by block: what is asked for, and not the rest of a jar of a
/// gigabyte. Only for a thread that may wait.
pub(super) struct BlobReader {
    storage: Storage,
    path: String,
    size: u64,
    position: u64,
    block: (u64, Bytes),
    runtime: Handle,
    failure: Result<()>,
}

impl BlobReader {
    /// For an object of this size; to be made where the runtime is at hand.
    pub(super) fn new(storage: &Storage, path: String, size: u64) -> Self {
        let (block, runtime) = ((0, Bytes::new()), Handle::current());
        Self { storage: storage.clone(), path, size, position: 0, block, runtime, failure: Ok(()) }
    }

    /// Why reading has failed, if it has: who looks into archives takes that for a damaged archive.
    pub(super) fn failure(self) -> Result<()> {
        self.failure
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let start = self.position - self.position % BLOCK;
        if self.block.0 != start || self.block.1.is_empty() {
            let length = BLOCK.min(self.size - start);
            match self.runtime.block_on(self.storage.read_range(&self.path, start, length)) {
                Ok(bytes) => self.block = (start, bytes),
                Err(error) => {
                    let text = error.to_string();
                    self.failure = Err(error);
                    return Err(io::Error::other(text));
                }
            }
        }
        let from = usize::try_from(self.position - start).map_err(io::Error::other)?;
        let there = self.block.1.get(from..).unwrap_or_default();
        if there.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = buffer.len().min(there.len());
        buffer.get_mut(..count).unwrap_or_default().copy_from_slice(there.get(..count).unwrap_or_default());
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a seek before the first byte of an object")
        })?;
        Ok(self.position)
    }
}
