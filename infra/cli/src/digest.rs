//! SHA-256 of files, without holding them in memory.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// Bytes that are read at a time.
const CHUNK: usize = 256 * 1024;

/// Size and SHA-256 of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Bytes.
    pub(crate) size: u64,
    /// 64 lower-case hexadecimal digits.
    pub(crate) sha256: String,
}

/// Reads a file once. Blocks.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn measure(path: &Path, progress: &Progress) -> Result<Measured> {
    let explain = |error: std::io::Error| Failure::file("read", path, &error);
    let mut file = File::open(path).map_err(explain)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; CHUNK];
    let mut size = 0_u64;
    loop {
        let read = file.read(&mut buffer).map_err(explain)?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        size += read as u64;
        progress.forward(read as u64);
    }
    Ok(Measured { size, sha256: hex::encode(hasher.finalize()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_around_the_chunk_are_hashed_whole() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let path = folder.path().join("file");
            let bytes = vec![7_u8; size];
            std::fs::write(&path, &bytes).unwrap();
            let measured = measure(&path, &Progress::hidden()).unwrap();
            assert_eq!(measured.size, size as u64);
            assert_eq!(measured.sha256, hex::encode(Sha256::digest(&bytes)), "{size}");
        }
        assert!(measure(&folder.path().join("absent"), &Progress::hidden()).is_err());
    }
}
