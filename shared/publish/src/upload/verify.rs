//! Reading objects: once from end to end, or here and there.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::{Buf as _, Bytes};
use granary_model::{Error, Result, Sha256};
use granary_storage::Storage;
use granary_storage::staging::ObjectStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::digests::{DigestWriter, Digests};

/// Chunks on their way from the bucket to the reader. Each has a few hundred kilobytes at most.
const WAITING_CHUNKS: usize = 4;

/// Bytes that a [`BlobReader`] asks for where it has jumped to.
const BLOCK: u64 = 256 * 1024;

/// Bytes that it asks for at most where it reads on and on. It holds as many in memory.
const LARGEST_BLOCK: u64 = 8 * 1024 * 1024;

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

/// What was said of bytes before they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced<'a> {
    /// Name of the file, for errors.
    pub(crate) name: &'a str,
    /// Size in bytes.
    pub(crate) size: u64,
    /// SHA-256, if it was said.
    pub(crate) sha256: Option<Sha256>,
}

/// Reads an object once and compares it with what was announced. Gives its `ETag`, its digests, and what `look` made of it.
///
/// # Errors
/// `BadRequest` that names what differs.
pub(crate) async fn read_announced<T, F>(
    object: ObjectStream,
    announced: Announced<'_>,
    look: F,
) -> Result<(String, Digests, T)>
where
    T: Send + 'static,
    F: FnOnce(&mut ChunkReader) -> T + Send + 'static,
{
    let etag = object.etag.clone();
    let (digests, seen) = read_through(object, look).await?;
    let Announced { name, size, sha256 } = announced;
    if digests.size != size {
        return Err(Error::BadRequest(format!(
            "'{name}' has {} bytes, and {size} were announced",
            digests.size
        )));
    }
    if let Some(sha256) = sha256.filter(|sha256| *sha256 != digests.sha256) {
        return Err(Error::BadRequest(format!(
            "the bytes of '{name}' have the SHA-256 {}, and {sha256} was announced",
            digests.sha256
        )));
    }
    Ok((etag, digests, seen))
}

/// Puts a staged object, which was read with this `ETag` and has these digests, in the place of a blob that has been claimed.
/// Bytes that are there already are never written again: somebody may be reading them.
///
/// # Errors
/// `BadRequest` if the object is no longer what was read.
pub(crate) async fn adopt(
    storage: &Storage,
    (path, etag): (&str, &str),
    name: &str,
    digests: &Digests,
) -> Result<()> {
    if storage.blob_size(digests.sha256).await? == Some(digests.size) {
        return Ok(());
    }
    if storage.adopt_blob(path, etag, digests.sha256, (digests.sha1, digests.md5)).await? {
        return Ok(());
    }
    Err(Error::BadRequest(format!(
        "'{name}' was sent again while it was being verified; upload it once more"
    )))
}

/// Bytes that come in chunks, digested as they pass.
pub(crate) struct ChunkReader {
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

/// Gives some bytes of an object: from where, and how many.
type Fetch = Box<dyn FnMut(u64, u64) -> Result<Bytes> + Send>;

/// Reads a stored object here and there, block by block: what is asked for, and not the rest of a jar of a
/// gigabyte. Blocks grow while one follows the other, so that a look at all takes few requests. Only for a thread
/// that may wait.
pub(super) struct BlobReader {
    fetch: Fetch,
    size: u64,
    position: u64,
    /// Where the block begins, and what is in it.
    block: (u64, Bytes),
    /// Bytes that were asked for last.
    asked: u64,
    failure: Result<()>,
}

impl BlobReader {
    /// For an object of this size; to be made where the runtime is at hand.
    pub(super) fn new(storage: &Storage, path: String, size: u64) -> Self {
        let (storage, runtime) = (storage.clone(), Handle::current());
        let fetch = move |start, length| runtime.block_on(storage.read_range(&path, start, length));
        Self::over(size, Box::new(fetch))
    }

    fn over(size: u64, fetch: Fetch) -> Self {
        Self { fetch, size, position: 0, block: (0, Bytes::new()), asked: 0, failure: Ok(()) }
    }

    /// Why reading has failed, if it has: who looks into archives takes that for a damaged archive.
    pub(super) fn failure(self) -> Result<()> {
        self.failure
    }

    /// What is at hand from the position on.
    fn at_hand(&self) -> &[u8] {
        let (start, bytes) = &self.block;
        let from = self.position.checked_sub(*start).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| bytes.get(from..)).unwrap_or_default()
    }

    /// Gets the block with the position.
    fn load(&mut self) -> Result<()> {
        let start = self.position - self.position % BLOCK;
        let (last, bytes) = &self.block;
        let is_next = !bytes.is_empty() && last + bytes.len() as u64 == start;
        self.asked = if is_next { (self.asked * 2).min(LARGEST_BLOCK) } else { BLOCK };
        // The last one goes before the next one comes.
        self.block = (start, Bytes::new());
        self.block.1 = (self.fetch)(start, self.asked.min(self.size - start))?;
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        if self.at_hand().is_empty()
            && let Err(error) = self.load()
        {
            let text = error.to_string();
            self.failure = Err(error);
            return Err(io::Error::other(text));
        }
        let count = self.at_hand().read(buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const MEGABYTE: u64 = 1024 * 1024;

    fn byte(position: u64) -> u8 {
        u8::try_from((position / 7 + position / 65_537) % 251).unwrap()
    }

    /// Where each range begins, and its length.
    type Ranges = Arc<Mutex<Vec<(u64, u64)>>>;

    /// A reader of an object, and the ranges that it has asked for.
    fn object(size: u64) -> (BlobReader, Ranges) {
        let asked = Ranges::default();
        let record = Arc::clone(&asked);
        let fetch = move |start: u64, length: u64| {
            assert!(length > 0 && start + length <= size, "{start} {length}");
            record.lock().unwrap().push((start, length));
            Ok((start..start + length).map(byte).collect::<Bytes>())
        };
        (BlobReader::over(size, Box::new(fetch)), asked)
    }

    fn read(reader: &mut BlobReader, from: u64, count: u64) {
        reader.seek(SeekFrom::Start(from)).unwrap();
        let mut bytes = vec![0; usize::try_from(count).unwrap()];
        reader.read_exact(&mut bytes).unwrap();
        assert!((from..from + count).map(byte).eq(bytes), "{count} from {from}");
    }

    #[test]
    fn reading_on_takes_few_requests_of_bounded_length() {
        let size = 40 * MEGABYTE + 5;
        let (mut reader, asked) = object(size);
        for from in (0..size).step_by(100_000) {
            read(&mut reader, from, 100_000.min(size - from));
        }
        assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
        let asked = asked.lock().unwrap();
        // A quarter of a megabyte, doubled five times, and then 8 megabytes each.
        assert_eq!(asked.len(), 10);
        assert_eq!(asked.iter().map(|(_, length)| length).max(), Some(&(8 * MEGABYTE)));
        assert_eq!(asked.iter().map(|(_, length)| length).sum::<u64>(), size);
    }

    #[test]
    fn a_look_at_the_end_gets_no_more_than_that() {
        let (mut reader, asked) = object(40 * MEGABYTE - 5);
        read(&mut reader, 40 * MEGABYTE - 1000, 900);
        read(&mut reader, 40 * MEGABYTE - 2000, 1995);
        assert_eq!(*asked.lock().unwrap(), [(40 * MEGABYTE - BLOCK, BLOCK - 5)]);
    }

    #[test]
    fn a_jump_begins_with_a_small_block_again() {
        let (mut reader, asked) = object(40 * MEGABYTE);
        read(&mut reader, 0, 3 * BLOCK + 1);
        // A little ahead: the next block all the same.
        read(&mut reader, 7 * BLOCK + 100, 1);
        read(&mut reader, 80 * BLOCK + 1, 1);
        read(&mut reader, 1, 1);
        read(&mut reader, BLOCK, 1);
        let expected =
            [(0, 1), (1, 2), (3, 4), (7, 8), (80, 1), (0, 1), (1, 2)].map(|(at, n)| (at * BLOCK, n * BLOCK));
        assert_eq!(*asked.lock().unwrap(), expected);
    }

    #[test]
    fn an_object_that_ends_early_or_fails_does_not_read_on() {
        let mut short = BlobReader::over(MEGABYTE, Box::new(|_, _| Ok(Bytes::from_static(b"abc"))));
        let mut bytes = Vec::new();
        assert_eq!(short.read_to_end(&mut bytes).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(bytes, b"abc");
        short.failure().unwrap();
        let gone = |_, _| Err(Error::Unavailable("gone".into()));
        let mut failing = BlobReader::over(MEGABYTE, Box::new(gone));
        failing.read(&mut [0; 4]).unwrap_err();
        assert!(matches!(failing.failure(), Err(Error::Unavailable(_))));
    }
}
