//! Taking in the bytes of an object.

use std::io::{self, Write as _};

use bytes::Bytes;
use futures::StreamExt as _;
use granary_model::{Clock as _, SystemClock};
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result};
use tempfile::NamedTempFile;

use crate::engines::s3::checksums::Checksums;
use crate::engines::s3::lasting::Lasting;
use crate::engines::s3::object_file::{Facts, Headers, ending};
use crate::engines::s3::store::blocking;

/// How many bytes are gathered before they are written. Smaller objects are written in one go.
const GATHER: usize = 1024 * 1024;

/// A temporary file that is being filled, with the digests of what is in it.
pub(crate) struct Sink {
    file: NamedTempFile,
    size: u64,
    md5: Md5,
    checksums: ChecksumHasher,
    waiting: Vec<Bytes>,
}

impl Sink {
    /// An empty sink that computes the given checksums besides the MD5.
    pub(crate) fn new(file: NamedTempFile, checksums: ChecksumHasher) -> Self {
        Self { file, size: 0, md5: Md5::new(), checksums, waiting: Vec::new() }
    }

    /// Takes in a whole body. What came last is not written yet, so that a small object needs only one
    /// visit to a thread that may wait.
    pub(crate) async fn fill(mut self, mut body: StreamingBlob) -> S3Result<Self> {
        let mut gathered = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
            gathered += chunk.len();
            self.waiting.push(chunk);
            if gathered >= GATHER {
                gathered = 0;
                self = blocking(move || {
                    self.write_waiting().map_err(S3Error::internal_error)?;
                    Ok(self)
                })
                .await?;
            }
        }
        Ok(self)
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        for chunk in std::mem::take(&mut self.waiting) {
            self.write(&chunk)?;
        }
        Ok(())
    }

    /// Writes bytes at once. Blocks.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.md5.update(bytes);
        self.checksums.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Ends the bytes. Blocks.
    pub(crate) fn end(mut self) -> io::Result<Filled> {
        self.write_waiting()?;
        let md5: [u8; 16] = self.md5.finalize().into();
        Ok(Filled { file: self.file, size: self.size, md5, checksums: self.checksums.into() })
    }
}

/// A temporary file with all of an object's bytes and nothing behind them yet.
pub(crate) struct Filled {
    pub(crate) file: NamedTempFile,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
}

impl Filled {
    /// The facts of an object with these bytes that is made now.
    pub(crate) fn facts(&self, headers: Headers) -> Facts {
        Facts {
            size: self.size,
            etag: hex::encode(self.md5),
            modified: SystemClock.now().millis(),
            headers,
            checksums: self.checksums.clone(),
        }
    }

    /// Writes the facts behind the bytes and flushes the file if it is to stay. Blocks.
    pub(crate) fn seal(self, facts: &Facts, lasting: Lasting) -> io::Result<NamedTempFile> {
        let mut file = self.file;
        file.write_all(&ending(facts)?)?;
        if lasting == Lasting::Stays {
            file.as_file().sync_all()?;
        }
        Ok(file)
    }
}
