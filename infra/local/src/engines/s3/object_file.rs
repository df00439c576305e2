//! The file of an object: its bytes, then a JSON document, then the document's length and a mark.
//!
//! The document is behind the bytes because digests are known only when all bytes have passed. Both are
//! published by one rename.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use crate::engines::s3::checksums::Checksums;

/// What a complete file ends with.
const MARK: &[u8; 8] = b"GRANOBJ1";

/// Length of the document's length and the mark.
const TAIL: u64 = 12;

/// A file up to this size is read whole when it is opened.
const WHOLE: u64 = 320 * 1024;

/// How much of the end of a larger file is read when it is opened. Documents are rarely longer.
const END: u64 = 4096;

/// What is known of an object besides its bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Number of bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    /// Milliseconds since 1970.
    pub(crate) modified: i64,
    pub(crate) headers: Headers,
    pub(crate) checksums: Checksums,
}

/// What the client said of an object, given back as it came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Headers {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    /// User metadata.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub(crate) metadata: HashMap<String, String>,
}

impl Headers {
    /// Drops the encoding that only wrapped the upload.
    pub(crate) fn without_transfer_encoding(mut self) -> Self {
        self.content_encoding = self.content_encoding.and_then(|encodings| {
            let kept: Vec<&str> = encodings
                .split(',')
                .map(str::trim)
                .filter(|e| !e.is_empty() && *e != "aws-chunked")
                .collect();
            (!kept.is_empty()).then(|| kept.join(","))
        });
        self
    }
}

/// What stands behind the bytes of an object.
pub(crate) fn ending(facts: &Facts) -> io::Result<Vec<u8>> {
    let mut ending = serde_json::to_vec(facts)?;
    let length = u32::try_from(ending.len()).map_err(io::Error::other)?;
    ending.extend_from_slice(&length.to_le_bytes());
    ending.extend_from_slice(MARK);
    Ok(ending)
}

/// An object opened for reading.
#[derive(Debug)]
pub(crate) struct OpenObject {
    pub(crate) facts: Facts,
    /// The file, positioned anywhere.
    pub(crate) file: File,
    /// The object's bytes, where the file is small.
    pub(crate) bytes: Option<Bytes>,
}

impl OpenObject {
    /// Opens the file at `path`; `None` if there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let wanted = if length <= WHOLE { length } else { END };
        let mut end = read_end(&mut file, length, wanted)?;
        let ending = ending_length(&end)?;
        if ending > wanted {
            end = read_end(&mut file, length, ending.min(length))?;
        }
        let facts = read_facts(&end, ending)?;
        if facts.size.checked_add(ending) != Some(length) {
            return Err(damaged("the length is not what it was"));
        }
        let bytes = (length <= WHOLE).then(|| {
            let mut bytes = Bytes::from(end);
            bytes.truncate(usize::try_from(facts.size).unwrap_or(0));
            bytes
        });
        Ok(Some(Self { facts, file, bytes }))
    }
}

impl OpenObject {
    /// The same for a file that nobody has flushed: what is not whole any more is not there. It must have been put in one
    /// piece.
    pub(crate) fn open_intact(path: &Path) -> io::Result<Option<Self>> {
        let opened = match Self::open(path) {
            Ok(Some(mut opened)) => opened.digest()?.then_some(opened),
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            Err(error) => return Err(error),
        };
        if opened.is_none() {
            tracing::warn!(path = %path.display(), "what is left of a document is made again");
        }
        Ok(opened)
    }

    /// Whether the bytes are those that were put.
    fn digest(&mut self) -> io::Result<bool> {
        let mut md5 = Md5::new();
        if let Some(bytes) = &self.bytes {
            md5.update(bytes);
        } else {
            self.file.rewind()?;
            let mut rest = BufReader::with_capacity(64 * 1024, (&self.file).take(self.facts.size));
            while let chunk @ [_, ..] = rest.fill_buf()? {
                md5.update(chunk);
                let length = chunk.len();
                rest.consume(length);
            }
        }
        Ok(hex::encode(md5.finalize()) == self.facts.etag)
    }
}

fn read_end(file: &mut File, length: u64, wanted: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(length.saturating_sub(wanted)))?;
    let mut end = vec![0; usize::try_from(wanted).map_err(io::Error::other)?];
    file.read_exact(&mut end)?;
    Ok(end)
}

/// Length of all that stands behind the object's bytes.
fn ending_length(end: &[u8]) -> io::Result<u64> {
    let before_mark = end.strip_suffix(MARK).ok_or_else(|| damaged("the mark is missing"))?;
    let length = before_mark.last_chunk::<4>().ok_or_else(|| damaged("it is too short"))?;
    Ok(u64::from(u32::from_le_bytes(*length)) + TAIL)
}

fn read_facts(end: &[u8], ending: u64) -> io::Result<Facts> {
    let start = usize::try_from(ending).ok().and_then(|ending| end.len().checked_sub(ending));
    let stop = end.len().checked_sub(usize::try_from(TAIL).map_err(io::Error::other)?);
    let document = start.zip(stop).and_then(|(start, stop)| end.get(start..stop));
    Ok(serde_json::from_slice(document.ok_or_else(|| damaged("it is too short"))?)?)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file of an object is damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, size: usize, metadata: usize) -> Facts {
        let headers = Headers {
            metadata: HashMap::from([("note".into(), "n".repeat(metadata))]),
            ..Headers::default()
        };
        let facts = Facts { size: size as u64, etag: "e".into(), modified: 7, headers, ..Facts::default() };
        let mut bytes = vec![b'x'; size];
        bytes.extend(ending(&facts).unwrap());
        std::fs::write(path, bytes).unwrap();
        facts
    }

    #[test]
    fn small_and_large_files_and_long_documents_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object");
        for (size, metadata) in [(0, 0), (5, 3), (400_000, 3), (400_000, 9_000)] {
            write(&path, size, metadata);
            let open = OpenObject::open(&path).unwrap().unwrap();
            assert_eq!(open.facts.size, size as u64);
            assert_eq!(open.facts.headers.metadata["note"].len(), metadata);
            assert_eq!(open.bytes.map(|b| b.len()), (size < 300_000).then_some(size));
        }
        assert!(OpenObject::open(&folder.path().join("none")).unwrap().is_none());
    }

    #[test]
    fn what_was_never_flushed_is_there_only_if_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object");
        for size in [0_usize, 100, 400_000] {
            let bytes = vec![b'x'; size];
            let facts =
                Facts { size: size as u64, etag: hex::encode(Md5::digest(&bytes)), ..Facts::default() };
            let whole = [bytes, ending(&facts).unwrap()].concat();
            std::fs::write(&path, &whole).unwrap();
            assert!(OpenObject::open_intact(&path).unwrap().is_some(), "{size}");
            let mut zeroed = whole.clone();
            zeroed[..size].fill(0);
            for broken in [&whole[..whole.len() - 1], &whole[..size], &zeroed] {
                std::fs::write(&path, broken).unwrap();
                let is_whole = broken.len() == whole.len() && size == 0;
                assert_eq!(OpenObject::open_intact(&path).unwrap().is_some(), is_whole, "{size}");
            }
        }
        assert!(OpenObject::open_intact(&folder.path().join("none")).unwrap().is_none());
    }

    #[test]
    fn a_cut_file_is_not_an_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object");
        write(&path, 100, 3);
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 5, 100, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(OpenObject::open(&path).is_err(), "{length}");
        }
        std::fs::write(&path, &whole[1..]).unwrap();
        assert!(OpenObject::open(&path).is_err());
    }
}
