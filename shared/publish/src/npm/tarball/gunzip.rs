//! Decompression that knows when to stop.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use granary_model::{Error, Result};

use super::{TarballLimits, refuse};

/// Compressed bytes read at once.
const BUFFER: usize = 32 * 1024;

/// The decompressed bytes of a gzip file, which may have several members.
pub(super) struct Gunzip<R> {
    decoder: MultiGzDecoder<BufReader<Counted<R>>>,
    produced: u64,
    limits: TarballLimits,
}

impl<R: Read> Gunzip<R> {
    /// Looks at the first bytes and refuses what is not gzip.
    pub(super) fn new(reader: R, limits: TarballLimits) -> Result<Self> {
        let mut input = BufReader::with_capacity(BUFFER, Counted { inner: reader, count: 0 });
        let first = input.fill_buf().map_err(|error| Error::internal("tarball", error))?;
        if first.first() != Some(&0x1f) || first.get(1).is_some_and(|&byte| byte != 0x8b) {
            return Err(refuse("is not gzip; a .tgz as 'npm pack' writes it is expected"));
        }
        Ok(Self { decoder: MultiGzDecoder::new(input), produced: 0, limits })
    }

    /// Fills the buffer as far as there are bytes, and answers how many there were.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.decoder.read(free) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    self.produced += count as u64;
                    self.check()?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(damaged(&error)),
            }
        }
        Ok(filled)
    }

    fn check(&self) -> Result<()> {
        let TarballLimits { unpacked, ratio, ratio_from, .. } = self.limits;
        if self.produced > unpacked {
            return Err(refuse(&format!("unpacks to more than {unpacked} bytes")));
        }
        let consumed = self.decoder.get_ref().get_ref().count;
        if self.produced > ratio_from && self.produced / ratio.max(1) > consumed {
            return Err(refuse(&format!("unpacks to more than {ratio} times its size")));
        }
        Ok(())
    }
}

fn damaged(error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => refuse("is cut short"),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            refuse(&format!("is damaged or followed by something that is not gzip ({error})"))
        }
        _ => Error::internal("tarball", error),
    }
}

/// Counts the bytes read.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}
