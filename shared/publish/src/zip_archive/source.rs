//! The bytes of an archive, read in order as far as possible.

use std::io::{BufRead as _, BufReader, ErrorKind, Read, Seek, SeekFrom};

use granary_model::{Error, Result};

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// Bytes ahead that are read over. More than can lie between the data of two entries: a descriptor, and a local
/// header with the longest name and extra fields.
const READ_OVER: u64 = 128 * 1024;

/// A reader with a known length and position. It seeks only backwards and far ahead, so that a pass from front to
/// back is one sequential read, which matters for an object store.
pub(crate) struct Source<'a, R: Read + Seek> {
    input: BufReader<&'a mut R>,
    length: u64,
    position: u64,
}

impl<'a, R: Read + Seek> Source<'a, R> {
    pub(crate) fn open(reader: &'a mut R) -> Result<Self> {
        let mut input = BufReader::with_capacity(BUFFER, reader);
        let length = input.seek(SeekFrom::End(0)).map_err(|error| unreadable(&error))?;
        Ok(Self { input, length, position: length })
    }

    /// Bytes of the archive.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Goes to an offset.
    pub(crate) fn go_to(&mut self, offset: u64) -> Result<()> {
        // A seek throws away what is in the buffer.
        if (self.position..=self.position.saturating_add(READ_OVER)).contains(&offset) {
            return self.read_over(offset - self.position);
        }
        self.input.seek(SeekFrom::Start(offset)).map_err(|error| unreadable(&error))?;
        self.position = offset;
        Ok(())
    }

    fn read_over(&mut self, count: u64) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let there = self.peek()?.len();
            let step = usize::try_from(left).map_or(there, |left| left.min(there));
            self.consume(step);
            left -= step as u64;
        }
        Ok(())
    }

    /// As many bytes from here. Ask only for a length that is bounded and known to be there.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.input.read_exact(&mut bytes).map_err(|error| unreadable(&error))?;
        self.position += count as u64;
        Ok(bytes)
    }

    /// Some bytes from here without going on, at least one; [`Source::consume`] goes on.
    pub(crate) fn peek(&mut self) -> Result<&[u8]> {
        // Asked twice because a buffer cannot be returned from within a loop.
        while let Err(error) = self.input.fill_buf() {
            if error.kind() != ErrorKind::Interrupted {
                return Err(unreadable(&error));
            }
        }
        let bytes = self.input.fill_buf().map_err(|error| unreadable(&error))?;
        if bytes.is_empty() {
            return Err(unreadable(&ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }

    /// Goes on by some of the bytes that [`Source::peek`] showed.
    pub(crate) fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.position += count as u64;
    }
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::Unprocessable(format!("the archive cannot be read: {error}"))
}
