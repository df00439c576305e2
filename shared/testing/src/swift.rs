//! Swift packages as clients publish them.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::{Actor, TestResponse};

/// A manifest that a client can use.
pub const MANIFEST: &str =
    "// swift-tools-version:5.7\nimport PackageDescription\n\nlet package = Package(name: \"LinkedList\")\n";

/// A zip with these entries in this order: a name that ends with `/` is a folder, content that begins with
/// `->` a symlink.
pub fn source_archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (name, content) in entries {
        if let Some(target) = content.strip_prefix("->") {
            zip.add_symlink(*name, target, options).expect("writing to memory");
        } else if name.ends_with('/') {
            zip.add_directory(*name, options).expect("writing to memory");
        } else {
            zip.start_file(*name, options).expect("writing to memory");
            zip.write_all(content.as_bytes()).expect("writing to memory");
        }
    }
    zip.finish().expect("writing to memory").into_inner()
}

/// An archive with one folder and a source whose content makes it different from others.
pub fn simple_archive(content: &str) -> Vec<u8> {
    source_archive(&[
        ("LinkedList/", ""),
        ("LinkedList/Package.swift", MANIFEST),
        ("LinkedList/Sources/LinkedList/List.swift", content),
    ])
}

/// The form that SwiftPM publishes with.
#[derive(Debug, Clone, Default)]
pub struct PublishForm {
    parts: Vec<(String, Vec<u8>)>,
    headers: Vec<(String, String)>,
}

impl PublishForm {
    /// With an archive as it is, and nothing else.
    pub fn new(archive: &[u8]) -> Self {
        let headers = [
            ("accept", "application/vnd.swift.registry.v1+json"),
            ("content-type", "multipart/form-data;boundary=\"b0undary-1\""),
            ("prefer", "respond-async"),
            ("user-agent", "SwiftPackageManager/6.0.3"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let form = Self { parts: Vec::new(), headers };
        form.part("source-archive", "application/zip", "binary", archive)
    }

    /// With another part, without a file name, as SwiftPM sends them.
    #[must_use]
    pub fn part(mut self, name: &str, content_type: &str, encoding: &str, content: &[u8]) -> Self {
        let head = format!(
            "Content-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        );
        self.parts.push((head, content.to_vec()));
        self
    }

    /// With metadata, labelled and sent as SwiftPM up to 6.3 does: not as it says.
    #[must_use]
    pub fn metadata(self, json: &str) -> Self {
        self.part("metadata", "application/json", "quoted-printable", json.as_bytes())
    }

    /// With a signature of the archive.
    #[must_use]
    pub fn signature(self, signature: &[u8]) -> Self {
        self.header("x-swift-package-signature-format", "cms-1.0.0").part(
            "source-archive-signature",
            "application/octet-stream",
            "binary",
            signature,
        )
    }

    /// With another header, or another value of one.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body.
    pub fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in &self.parts {
            body.extend_from_slice(b"--b0undary-1\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b0undary-1--\r\n");
        body
    }

    /// The headers.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Sends it.
    pub async fn put(&self, actor: &Actor, path: &str) -> TestResponse {
        actor.request("PUT", path, &self.headers(), self.body()).await
    }
}
