//! All digests of a file, computed in one pass.

use std::io;

use granary_model::{Md5, Sha1, Sha256, Sha512};
use granary_storage::rows::FileRow;
use sha2::Digest as _;

/// What a file's bytes hash to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// Address of the blob, and what sessions and `source_hash` compare.
    pub sha256: Sha256,
    /// npm's `shasum` and Maven's `.sha1`.
    pub sha1: Sha1,
    /// npm's `integrity`.
    pub sha512: Sha512,
    /// Maven's `.md5`. Never trusted for anything.
    pub md5: Md5,
    /// Number of bytes.
    pub size: u64,
}

impl Digests {
    /// The digests of bytes that are at hand.
    pub fn of(bytes: &[u8]) -> Self {
        let mut writer = DigestWriter::new();
        writer.update(bytes);
        writer.finish()
    }

    /// npm's subresource integrity string, `sha512-` and base64.
    pub fn integrity(&self) -> String {
        format!("sha512-{}", self.sha512.base64())
    }

    /// The row of a file with these bytes.
    pub fn file(&self, name: impl Into<String>, content_type: &str) -> FileRow {
        FileRow {
            name: name.into(),
            size: self.size,
            sha256: self.sha256,
            sha1: self.sha1,
            sha512: self.sha512,
            md5: Some(self.md5),
            content_type: content_type.into(),
        }
    }
}

/// Takes bytes piece by piece and answers their [`Digests`].
///
/// It is an [`io::Write`], so it can stand wherever bytes are copied to.
#[derive(Debug, Clone, Default)]
pub struct DigestWriter {
    sha256: sha2::Sha256,
    sha1: sha1::Sha1,
    sha512: sha2::Sha512,
    md5: md5::Md5,
    size: u64,
}

impl DigestWriter {
    /// A writer that has seen no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha1.update(bytes);
        self.sha512.update(bytes);
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// The digests of everything added.
    pub fn finish(self) -> Digests {
        Digests {
            sha256: Sha256::from_bytes(self.sha256.finalize().into()),
            sha1: Sha1::from_bytes(self.sha1.finalize().into()),
            sha512: Sha512::from_bytes(self.sha512.finalize().into()),
            md5: Md5::from_bytes(self.md5.finalize().into()),
            size: self.size,
        }
    }
}

impl io::Write for DigestWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let digests = Digests::of(b"abc");
        assert_eq!(digests.size, 3);
        assert_eq!(
            digests.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digests.sha1.to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(digests.md5.to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            digests.integrity(),
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
        );
    }

    #[test]
    fn pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
        let mut writer = DigestWriter::new();
        for piece in bytes.chunks(7) {
            io::copy(&mut &*piece, &mut writer).unwrap();
        }
        assert_eq!(writer.finish(), Digests::of(&bytes));
    }
}
