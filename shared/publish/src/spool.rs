//! Bytes on their way from a client to the blob store, in memory while few and in a file beyond that.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use granary_model::{Error, Result};
use granary_storage::Upload;
use http_body_util::StreamBody;

/// Bytes kept in memory before a spool moves to a file.
pub const MEMORY_LIMIT: usize = 1024 * 1024;

/// Bytes per chunk of [`Spool::chunks`].
pub const CHUNK: usize = 64 * 1024;

/// Bytes written once and read as often as needed.
///
/// Up to [`MEMORY_LIMIT`] they stay in memory; beyond it they move to an anonymous temporary file, which
/// the system removes with the last handle, also after a crash. Readers use positional reads, so any
/// number of them can be open at the same time and none disturbs another.
pub struct Spool {
    limit: u64,
    length: u64,
    store: Store,
}

enum Store {
    Memory(Vec<u8>),
    File(Arc<File>),
}

impl Spool {
    /// An empty spool that refuses to hold more than `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, length: 0, store: Store::Memory(Vec::new()) }
    }

    /// Appends bytes.
    ///
    /// Over the limit it answers [`Error::TooLarge`] and keeps what it had; [`Error::Internal`] if the
    /// temporary file cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let length = self.length.saturating_add(bytes.len() as u64);
        if length > self.limit {
            return Err(Error::TooLarge(format!("the file is over the limit of {} bytes", self.limit)));
        }
        self.store.append(bytes).map_err(|error| Error::internal("temporary file", error))?;
        self.length = length;
        Ok(())
    }

    /// Number of bytes written so far.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All bytes at once, if they are still in memory.
    pub fn in_memory(&self) -> Option<&[u8]> {
        match &self.store {
            Store::Memory(bytes) => Some(bytes),
            Store::File(_) => None,
        }
    }

    /// A reader from the first byte.
    pub fn reader(&self) -> SpoolReader<'_> {
        SpoolReader { spool: self, position: 0 }
    }

    /// The bytes as an upload into the bucket.
    pub fn upload(&self) -> Upload<'_> {
        if let Some(bytes) = self.in_memory() {
            return Upload::Memory(Bytes::copy_from_slice(bytes));
        }
        let body = || {
            let frames = self.chunks().map(|chunk| chunk.map(http_body::Frame::data));
            StreamBody::new(futures::stream::iter(frames))
        };
        Upload::stream(body, self.len())
    }

    /// The bytes as chunks of [`CHUNK`], for a body that outlives the borrow of the spool.
    ///
    /// A file is read while the chunks are taken, one chunk at a time, so drive it from where blocking
    /// on a local file is acceptable.
    pub fn chunks(&self) -> SpoolChunks {
        let source = match &self.store {
            Store::Memory(bytes) => Source::Memory(Bytes::copy_from_slice(bytes)),
            Store::File(file) => Source::File(Arc::clone(file)),
        };
        SpoolChunks { source, position: 0, length: self.length }
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.in_memory().is_some() { "memory" } else { "file" };
        write!(f, "Spool({} of {} bytes, {place})", self.length, self.limit)
    }
}

/// Folder of the temporary files; the system's own if it was never set.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Sets the folder for spooled bytes, once for the process. The system's temporary folder is memory on many
/// machines, and an upload can be larger than that.
pub fn keep_in(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let _second = FOLDER.set(folder.to_owned());
    Ok(())
}

fn temporary_file() -> io::Result<std::fs::File> {
    match FOLDER.get() {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    }
}

impl Store {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(held) if held.len() + bytes.len() <= MEMORY_LIMIT => held.extend_from_slice(bytes),
            Self::Memory(held) => {
                let mut file = temporary_file()?;
                file.write_all(held)?;
                file.write_all(bytes)?;
                *self = Self::File(Arc::new(file));
            }
            Self::File(file) => (&**file).write_all(bytes)?,
        }
        Ok(())
    }
}

/// Reads a [`Spool`] from its first byte.
#[derive(Debug)]
pub struct SpoolReader<'a> {
    spool: &'a Spool,
    position: u64,
}

impl Read for SpoolReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &self.spool.store {
            Store::Memory(bytes) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX).min(bytes.len());
                bytes.get(start..).unwrap_or_default().read(buffer)?
            }
            Store::File(file) => file.read_at(buffer, self.position)?,
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SpoolReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.spool.length.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a seek before the first byte of a spool")
        })?;
        Ok(self.position)
    }
}

/// The bytes of a [`Spool`], chunk by chunk. Made by [`Spool::chunks`].
#[derive(Debug)]
pub struct SpoolChunks {
    source: Source,
    position: u64,
    length: u64,
}

#[derive(Debug)]
enum Source {
    Memory(Bytes),
    File(Arc<File>),
}

impl SpoolChunks {
    /// Number of bytes still to come.
    pub fn remaining(&self) -> u64 {
        self.length - self.position
    }
}

impl Iterator for SpoolChunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let size = usize::try_from(self.remaining()).unwrap_or(usize::MAX).min(CHUNK);
        if size == 0 {
            return None;
        }
        let chunk = match &mut self.source {
            Source::Memory(bytes) => bytes.split_to(size),
            Source::File(file) => {
                let mut chunk = vec![0; size];
                if let Err(error) = file.read_exact_at(&mut chunk, self.position) {
                    // Ends the iteration: a consumer that goes on after an error must not loop.
                    self.position = self.length;
                    return Some(Err(error));
                }
                chunk.into()
            }
        };
        self.position += size as u64;
        Some(Ok(chunk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
    }

    fn filled(bytes: &[u8]) -> Spool {
        let mut spool = Spool::new(u64::MAX);
        for piece in bytes.chunks(100_003) {
            spool.write(piece).unwrap();
        }
        spool
    }

    #[test]
    fn bytes_come_back_from_memory_and_from_a_file() {
        for length in [0, 1, CHUNK, MEMORY_LIMIT, MEMORY_LIMIT + 1, 3 * MEMORY_LIMIT + 17] {
            let bytes = pattern(length);
            let spool = filled(&bytes);
            assert_eq!(spool.len(), length as u64);
            assert_eq!(spool.is_empty(), length == 0);
            assert_eq!(spool.in_memory().is_some(), length <= MEMORY_LIMIT, "{spool:?}");
            for _ in 0..2 {
                let mut read = Vec::new();
                spool.reader().read_to_end(&mut read).unwrap();
                assert!(read == bytes);
            }
            let chunks: Vec<Bytes> = spool.chunks().map(Result::unwrap).collect();
            assert!(chunks.concat() == bytes);
            assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK));
        }
    }

    #[test]
    fn chunks_outlive_the_spool_and_do_not_disturb_readers() {
        for length in [1000, 2 * MEMORY_LIMIT] {
            let bytes = pattern(length);
            let spool = filled(&bytes);
            let mut reader = spool.reader();
            let mut first = [0; 10];
            reader.read_exact(&mut first).unwrap();
            let mut chunks = spool.chunks();
            chunks.next().unwrap().unwrap();
            let mut second = [0; 10];
            reader.read_exact(&mut second).unwrap();
            assert_eq!(second, bytes[10..20]);
            let mut chunks = spool.chunks();
            drop(spool);
            assert_eq!(chunks.remaining(), length as u64);
            assert_eq!(chunks.by_ref().map(|chunk| chunk.unwrap().len()).sum::<usize>(), length);
            assert!(chunks.next().is_none());
        }
    }

    #[test]
    fn a_reader_seeks() {
        let bytes = pattern(2 * MEMORY_LIMIT);
        for spool in [filled(&bytes), filled(&bytes[..1000])] {
            let mut reader = spool.reader();
            assert_eq!(reader.seek(SeekFrom::End(-3)).unwrap(), spool.len() - 3);
            let mut tail = Vec::new();
            reader.read_to_end(&mut tail).unwrap();
            assert_eq!(tail.len(), 3);
            assert_eq!(reader.seek(SeekFrom::Start(5)).unwrap(), 5);
            assert_eq!(reader.seek(SeekFrom::Current(-2)).unwrap(), 3);
            assert!(reader.seek(SeekFrom::Current(-4)).is_err());
            reader.seek(SeekFrom::End(100)).unwrap();
            assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
        }
    }

    #[test]
    fn the_limit_is_named_and_nothing_is_kept_beyond_it() {
        let mut spool = Spool::new(10);
        spool.write(b"0123456789").unwrap();
        let Err(Error::TooLarge(text)) = spool.write(b"x") else { panic!("accepted") };
        assert!(text.contains("10 bytes"), "{text}");
        assert_eq!(spool.in_memory(), Some(&b"0123456789"[..]));
    }
}
