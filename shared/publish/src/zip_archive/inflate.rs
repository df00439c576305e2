//! The content of entries, inflated and compared with what is said about it.

use std::io::{Read, Seek};

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};
use granary_model::{Error, Result};

use super::directory::Entry;
use super::format::DEFLATED;
use super::refuse_entry;
use super::source::Source;

/// Bytes inflated at once.
const BUFFER: usize = 64 * 1024;

/// Inflates entries one after another.
pub(crate) struct Inflater {
    decompress: Decompress,
    buffer: Vec<u8>,
}

/// What became of a piece of input.
struct Step {
    consumed: usize,
    produced: usize,
    is_end: bool,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { decompress: Decompress::new(false), buffer: vec![0; BUFFER] }
    }

    /// Reads the data of an entry, at which the source stands, to their end. They must use up the compressed
    /// size, give the size and have the checksum. The content is added to `content`.
    pub(crate) fn check<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        entry: &Entry,
        mut content: Option<&mut Vec<u8>>,
    ) -> Result<()> {
        self.decompress.reset(false);
        let mut left = entry.compressed;
        let mut size = 0;
        let mut checksum = Hasher::new();
        let mut is_end = entry.method != DEFLATED && left == 0;
        while !is_end {
            let step = if left == 0 { self.inflate(&[], entry)? } else { self.step(source, entry, left)? };
            source.consume(step.consumed);
            left -= step.consumed as u64;
            size += step.produced as u64;
            if size > entry.size {
                return Err(refuse_entry(
                    &entry.name,
                    "that unpacks to more than it says; make the archive anew",
                ));
            }
            let produced = self.buffer.get(..step.produced).unwrap_or_default();
            checksum.update(produced);
            if let Some(content) = content.as_mut() {
                content.extend_from_slice(produced);
            }
            is_end = step.is_end || (entry.method != DEFLATED && left == 0);
            if !is_end && step.consumed == 0 && step.produced == 0 {
                return Err(damaged(entry));
            }
        }
        if left > 0 || size != entry.size || checksum.finalize() != entry.checksum {
            return Err(damaged(entry));
        }
        Ok(())
    }

    /// Takes what is at hand of the `left` bytes that belong to the entry.
    fn step<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, entry: &Entry, left: u64) -> Result<Step> {
        let input = source.peek()?;
        let input = input.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(input);
        if entry.method == DEFLATED {
            return self.inflate(input, entry);
        }
        let count = input.len().min(self.buffer.len());
        if let (Some(to), Some(from)) = (self.buffer.get_mut(..count), input.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(Step { consumed: count, produced: count, is_end: false })
    }

    fn inflate(&mut self, input: &[u8], entry: &Entry) -> Result<Step> {
        let (before_in, before_out) = (self.decompress.total_in(), self.decompress.total_out());
        let status = self
            .decompress
            .decompress(input, &mut self.buffer, FlushDecompress::None)
            .map_err(|_| damaged(entry))?;
        let advanced = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(0);
        Ok(Step {
            consumed: advanced(self.decompress.total_in(), before_in),
            produced: advanced(self.decompress.total_out(), before_out),
            is_end: status == Status::StreamEnd,
        })
    }
}

fn damaged(entry: &Entry) -> Error {
    refuse_entry(&entry.name, "whose data are damaged; make the archive anew and upload it again")
}
