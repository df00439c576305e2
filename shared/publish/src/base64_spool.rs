//! Base64 text, decoded while it arrives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use granary_model::{Error, Result};

use crate::digests::{DigestWriter, Digests};
use crate::spool::Spool;

/// Base64 characters decoded at once: a multiple of four.
const BLOCK: usize = 64 * 1024;

/// Why the data cannot be taken.
#[derive(Debug)]
pub enum Refusal {
    /// It is not base64.
    Invalid,
    /// The spool refused it.
    Spool(Error),
}

impl Refusal {
    /// As an error about what was sent: `what` begins the sentence, such as `the data of attachment 'x'`.
    pub fn of(self, what: &str) -> Error {
        match self {
            Self::Invalid => Error::BadRequest(format!("{what} is not valid base64")),
            Self::Spool(Error::TooLarge(why)) => Error::TooLarge(format!("{what}: {why}")),
            Self::Spool(other) => other,
        }
    }
}

/// Decodes standard base64, with or without padding, white space ignored, into a spool and digests.
#[derive(Debug)]
pub struct Base64Spool {
    pending: Vec<u8>,
    decoded: Vec<u8>,
    padding: usize,
    spool: Spool,
    digests: DigestWriter,
}

impl Base64Spool {
    /// A decoder whose spool takes at most `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self {
            pending: Vec::new(),
            decoded: Vec::new(),
            padding: 0,
            spool: Spool::new(limit),
            digests: DigestWriter::new(),
        }
    }

    /// Takes more of the text.
    pub fn feed(&mut self, text: &[u8]) -> Result<(), Refusal> {
        let runs = text.split(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        for run in runs.filter(|run| !run.is_empty()) {
            let data = match run.iter().position(|&byte| byte == b'=') {
                Some(at) => run.get(..at).unwrap_or_default(),
                None => run,
            };
            let padding = run.get(data.len()..).unwrap_or_default();
            // Padding stands at the end or nowhere.
            let misplaced = self.padding > 0 && !data.is_empty();
            if misplaced || padding.iter().any(|&byte| byte != b'=') || self.padding + padding.len() > 2 {
                return Err(Refusal::Invalid);
            }
            self.padding += padding.len();
            self.append(data)?;
        }
        Ok(())
    }

    /// The bytes and their digests.
    pub fn finish(mut self) -> Result<(Spool, Digests), Refusal> {
        if self.padding > 0 && !(self.pending.len() + self.padding).is_multiple_of(4) {
            return Err(Refusal::Invalid);
        }
        self.decode()?;
        Ok((self.spool, self.digests.finish()))
    }

    #[cfg(test)]
    pub(crate) fn buffered(&self) -> usize {
        self.pending.capacity() + self.decoded.capacity() + self.spool.in_memory().map_or(0, <[u8]>::len)
    }

    fn append(&mut self, mut data: &[u8]) -> Result<(), Refusal> {
        while !data.is_empty() {
            let room = (BLOCK - self.pending.len()).min(data.len());
            let (now, later) = data.split_at(room);
            self.pending.extend_from_slice(now);
            data = later;
            if self.pending.len() == BLOCK {
                self.decode()?;
            }
        }
        Ok(())
    }

    fn decode(&mut self) -> Result<(), Refusal> {
        self.decoded.resize(BLOCK / 4 * 3, 0);
        let count =
            STANDARD_NO_PAD.decode_slice(&self.pending, &mut self.decoded).map_err(|_| Refusal::Invalid)?;
        self.pending.clear();
        let decoded = self.decoded.get(..count).unwrap_or_default();
        self.digests.update(decoded);
        self.spool.write(decoded).map_err(Refusal::Spool)
    }
}
