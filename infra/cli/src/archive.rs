//! A look into an npm tarball: which package and version it is.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use serde::Deserialize;

use crate::failure::{Failure, Result};

/// A longer manifest is left to the server to refuse.
const LONGEST_MANIFEST: u64 = 4 * 1024 * 1024;

/// Name and version in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Identity {
    /// Full name.
    pub(crate) name: String,
    /// Version.
    pub(crate) version: String,
}

/// Reads name and version from the `package.json` of a tarball. Blocks.
///
/// With them the server can say before anything is sent that the version is there already. It reads the
/// archive itself, and by stricter rules, before it publishes.
///
/// # Errors
/// When the file is no gzip'd tar or holds no readable manifest.
pub(crate) fn identity(path: &Path) -> Result<Identity> {
    let refuse = |why: &str| {
        Failure::failed(format!("{} is no npm package: {why}", path.display()))
            .next("Make one with: npm pack")
    };
    let file = File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    let mut archive = tar::Archive::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file)));
    let entries = archive.entries().map_err(|error| refuse(&error.to_string()))?;
    for entry in entries {
        let entry = entry.map_err(|error| refuse(&format!("no readable .tgz ({error})")))?;
        if !entry.header().entry_type().is_file() || !is_manifest(&entry.path_bytes()) {
            continue;
        }
        let mut text = Vec::new();
        entry.take(LONGEST_MANIFEST).read_to_end(&mut text).map_err(|error| refuse(&error.to_string()))?;
        // Editors on Windows put a byte-order mark in front, which npm accepts.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        return serde_json::from_slice(text).map_err(|error| refuse(&format!("package.json: {error}")));
    }
    Err(refuse("there is no package.json in it"))
}

/// npm removes the first folder, whatever it is called; usually it is `package`.
fn is_manifest(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let mut segments = path.splitn(2, |byte| *byte == b'/');
    segments.next().is_some() && segments.next() == Some(b"package.json".as_slice())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn tarball(entries: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut builder =
            tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, *content).unwrap();
        }
        file.write_all(&builder.into_inner().unwrap().finish().unwrap()).unwrap();
        file
    }

    #[test]
    fn the_manifest_of_the_first_folder_counts() {
        let file = tarball(&[
            ("package/deep/package.json", br#"{"name":"wrong","version":"0"}"#),
            ("package/package.json", b"\xef\xbb\xbf{\"name\":\"@s/n\",\"version\":\"1.0.0\",\"x\":[1]}"),
        ]);
        let found = identity(file.path()).unwrap();
        assert_eq!((found.name.as_str(), found.version.as_str()), ("@s/n", "1.0.0"));
    }

    #[test]
    fn what_is_no_package_is_said_so() {
        let mut plain = tempfile::NamedTempFile::new().unwrap();
        plain.write_all(b"not gzip").unwrap();
        let cases = [
            (plain, "no readable .tgz"),
            (tarball(&[("package/index.js", b"")]), "no package.json"),
            (tarball(&[("package/package.json", b"{}")]), "package.json: missing field"),
        ];
        for (file, expected) in cases {
            let failure = identity(file.path()).unwrap_err();
            assert!(failure.message.contains(expected), "{failure}");
        }
    }
}
