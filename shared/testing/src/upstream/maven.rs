//! The Maven repository.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use axum::http::Method;
use axum::response::Response;
use bytes::Bytes;
use granary_model::Timestamp;
use granary_publish::digests::Digests;
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipWriter};

use super::answers::{File, answer};
use super::{FakeUpstream, SeenRequest};

/// The repository: files by their paths.
#[derive(Debug, Default)]
pub(super) struct Maven {
    files: BTreeMap<String, File>,
    /// Versions that were put as such, by the folder of their artifact.
    versions: BTreeMap<String, Vec<String>>,
}

impl Maven {
    pub(super) fn answer(&self, request: &SeenRequest, path: &str) -> Response {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return answer(405, &[("allow", "GET, HEAD")], "Method Not Allowed");
        }
        match self.files.get(path).cloned().or_else(|| self.checksum(path)) {
            Some(file) => file.answer(request, content_type(path)),
            None => answer(404, &[("content-type", "text/plain")], "Not Found"),
        }
    }

    /// A checksum of a file that nobody has put.
    fn checksum(&self, path: &str) -> Option<File> {
        let (of, kind) = path.rsplit_once('.').filter(|(_, kind)| ["sha1", "md5"].contains(kind))?;
        let file = self.files.get(of)?;
        let digests = Digests::of(&file.bytes);
        let text = if kind == "sha1" { digests.sha1.to_string() } else { digests.md5.to_string() };
        Some(File { bytes: Bytes::from(text), modified: file.modified.clone() })
    }

    fn put(&mut self, path: &str, bytes: Vec<u8>, modified: String) {
        let path = path.trim_start_matches('/').to_owned();
        self.files.insert(path, File { bytes: Bytes::from(bytes), modified });
    }
}

impl FakeUpstream {
    /// Puts a file, in place of what was there. The path is that below `/maven`.
    ///
    /// Its `.sha1` and `.md5` are made of its bytes, unless they are put as well.
    pub fn put_file(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let mut world = self.world();
        let now = world.tick();
        world.maven.put(path, bytes.into(), now.http_date());
    }

    /// Puts a file with this `Last-Modified`.
    pub fn put_file_at(&self, path: &str, bytes: impl Into<Vec<u8>>, http_date: &str) {
        self.world().maven.put(path, bytes.into(), http_date.to_owned());
    }

    /// Puts a version of a library: its POM, a small jar, and the `maven-metadata.xml` of all versions put so.
    pub fn put_artifact(&self, group: &str, artifact: &str, version: &str) {
        let mut world = self.world();
        let now = world.tick();
        let folder = format!("{}/{artifact}", group.replace('.', "/"));
        let versions = world.maven.versions.entry(folder.clone()).or_default();
        if !versions.iter().any(|known| known == version) {
            versions.push(version.to_owned());
        }
        let metadata = metadata(group, artifact, versions, now);
        let files = [
            (format!("{version}/{artifact}-{version}.pom"), pom(group, artifact, version).into_bytes()),
            (format!("{version}/{artifact}-{version}.jar"), jar(group, artifact, version)),
            ("maven-metadata.xml".to_owned(), metadata.into_bytes()),
        ];
        for (name, bytes) in files {
            world.maven.put(&format!("{folder}/{name}"), bytes, now.http_date());
        }
    }

    /// Deletes a file, and its checksums unless they were put themselves.
    pub fn delete_file(&self, path: &str) {
        self.world().maven.files.remove(path.trim_start_matches('/'));
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "pom" | "xml" => "text/xml",
        "jar" => "application/java-archive",
        "sha1" | "md5" => "text/plain",
        _ => "application/octet-stream",
    }
}

fn pom(group: &str, artifact: &str, version: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n  \
         <version>{version}</version>\n  <packaging>jar</packaging>\n</project>\n"
    )
}

/// A jar with what looks like a class of Java 8. The same version gives the same bytes.
fn jar(group: &str, artifact: &str, version: &str) -> Vec<u8> {
    let class =
        [b"\xca\xfe\xba\xbe\x00\x00\x00\x34", format!("{group}:{artifact}:{version}").as_bytes()].concat();
    let options = SimpleFileOptions::default().last_modified_time(DateTime::default());
    let mut jar = ZipWriter::new(Cursor::new(Vec::new()));
    let entries: [(String, &[u8]); 2] = [
        ("META-INF/MANIFEST.MF".into(), b"Manifest-Version: 1.0\r\n\r\n"),
        (format!("{}/Lib.class", group.replace('.', "/")), &class),
    ];
    for (name, bytes) in entries {
        jar.start_file(name, options).unwrap();
        jar.write_all(bytes).unwrap();
    }
    jar.finish().unwrap().into_inner()
}

fn metadata(group: &str, artifact: &str, versions: &[String], now: Timestamp) -> String {
    let is_release = |version: &&String| !version.ends_with("-SNAPSHOT");
    let element = |name: &str, version: Option<&String>| {
        version.map(|version| format!("    <{name}>{version}</{name}>\n")).unwrap_or_default()
    };
    let listed: Vec<String> =
        versions.iter().map(|version| format!("      <version>{version}</version>\n")).collect();
    let listed = listed.concat();
    let updated: String = now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>{group}</groupId>\n  \
         <artifactId>{artifact}</artifactId>\n  <versioning>\n{}{}    <versions>\n{listed}    </versions>\n    \
         <lastUpdated>{updated}</lastUpdated>\n  </versioning>\n</metadata>\n",
        element("latest", versions.last()),
        element("release", versions.iter().rfind(is_release)),
    )
}
