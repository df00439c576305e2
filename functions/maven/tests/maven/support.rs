//! What all tests of this family need.

use std::collections::BTreeMap;

use granary_model::maven::split_key;
use granary_model::{PackageType, Sha256};
use granary_publish::digests::Digests;
use granary_storage::rows::{
    BlobRow, HeadRow, PackageEntry, StoredFileRow, UsageRow, VersionRow, VersionStatus,
};
use granary_storage::{Key, PackageKey};
use granary_testing::{Actor, TestApp, TestResponse};

/// The artifact that most tests publish.
pub(crate) const LIB: &str = "com/example/hello-lib";

/// A private repository `libs` for Maven and its owner's token.
pub(crate) async fn private() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    (app, ann)
}

/// The same, readable by everybody.
pub(crate) async fn public() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["maven"], "public").await;
    (app, ann)
}

/// A path below the repository.
pub(crate) fn at(path: &str) -> String {
    format!("/api/maven/libs/{path}")
}

/// A file of a version of the usual artifact: `end` is what follows the version in its name.
pub(crate) fn file(version: &str, end: &str) -> String {
    at(&format!("{LIB}/{version}/hello-lib-{version}{end}"))
}

/// A file of a build of a snapshot of it.
pub(crate) fn build_file(version: &str, build: &str, end: &str) -> String {
    let base = version.strip_suffix("SNAPSHOT").unwrap();
    at(&format!("{LIB}/{version}/hello-lib-{base}{build}{end}"))
}

/// The metadata of the usual artifact.
pub(crate) fn artifact_metadata() -> String {
    at(&format!("{LIB}/maven-metadata.xml"))
}

/// A POM of the usual artifact.
pub(crate) fn pom(version: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project>\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>com.example</groupId>\n  <artifactId>hello-lib</artifactId>\n  <version>{version}</version>\n  \
         <name>Hello</name>\n  <description>Says hello {version}</description>\n</project>\n"
    )
}

/// Sends a file.
pub(crate) async fn put(actor: &Actor, path: &str, body: impl Into<Vec<u8>>) -> TestResponse {
    actor.request("PUT", path, &[], body.into()).await
}

/// Sends a file that must be new.
pub(crate) async fn publish(actor: &Actor, path: &str, body: impl Into<Vec<u8>>) {
    let response = put(actor, path, body).await;
    assert_eq!(response.status, 201, "{path}: {}", response.text());
}

/// The jar of a version: bytes that no other version has.
pub(crate) fn jar(version: &str) -> Vec<u8> {
    format!("PK jar of {version}").into_bytes()
}

/// Publishes jar and POM of a version of the usual artifact.
pub(crate) async fn publish_version(actor: &Actor, version: &str) {
    publish(actor, &file(version, ".jar"), jar(version)).await;
    publish(actor, &file(version, ".pom"), pom(version)).await;
}

/// Publishes jar and POM of a build of a snapshot.
pub(crate) async fn publish_build(actor: &Actor, version: &str, build: &str) {
    publish(actor, &build_file(version, build, ".jar"), jar(build)).await;
    publish(actor, &build_file(version, build, ".pom"), pom(version)).await;
}

/// The metadata at a path, which must be there.
pub(crate) async fn xml(actor: &Actor, path: &str) -> String {
    let response = actor.get(path).await;
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    assert_eq!(response.header("content-type"), "application/xml");
    response.text()
}

/// The texts of all elements of one name.
pub(crate) fn texts(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(&open).skip(1).map(|rest| rest.split_once(&close).unwrap().0.to_owned()).collect()
}

/// The versions that the usual artifact's metadata lists.
pub(crate) async fn listed(actor: &Actor) -> Vec<String> {
    texts(&xml(actor, &artifact_metadata()).await, "version")
}

/// The four checksums of bytes, by extension.
pub(crate) fn sums(bytes: &[u8]) -> [(&'static str, String); 4] {
    let digests = Digests::of(bytes);
    [
        ("md5", digests.md5.to_string()),
        ("sha1", digests.sha1.to_string()),
        ("sha256", digests.sha256.to_string()),
        ("sha512", digests.sha512.to_string()),
    ]
}

/// The document and its four checksums agree, in bodies and in headers.
pub(crate) async fn assert_sums_fit(actor: &Actor, path: &str) {
    let response = actor.get(path).await;
    assert_eq!(response.status, 200, "{path}");
    for (kind, sum) in sums(&response.body) {
        assert_eq!(response.header(&format!("x-checksum-{kind}")), sum, "{path} {kind}");
        let file = actor.get(&format!("{path}.{kind}")).await;
        assert_eq!((file.status, file.text()), (200, sum), "{path}.{kind}");
        assert_eq!(file.header("content-type"), "text/plain");
    }
}

/// The usual artifact's key.
pub(crate) fn key() -> PackageKey {
    PackageKey {
        repo: "libs".parse().unwrap(),
        kind: PackageType::Maven,
        name: "com.example:hello-lib".into(),
    }
}

/// Rows of the files of a version.
pub(crate) async fn file_rows(app: &TestApp, package: &PackageKey, version: &str) -> Vec<StoredFileRow> {
    let first = Key::File(package.clone(), version.to_owned(), String::new());
    app.state().storage().list_all(&first, &Key::files_of(version)).await.unwrap()
}

/// What is stored of the repository, in a form that tests compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// `group:artifact@version` of live versions, and with `/file` each of their files.
    pub(crate) live: Vec<String>,
    /// `group:artifact@version` of deleted versions.
    pub(crate) deleted: Vec<String>,
    /// Number of stored objects.
    pub(crate) blobs: usize,
    /// Number of audit records.
    pub(crate) audit: usize,
}

/// What is stored, after checking that all of it agrees: heads, lists and versions; what versions say of their
/// files; usage; and how many files hold each blob.
pub(crate) async fn check(app: &TestApp) -> Stored {
    let storage = app.state().storage();
    let mut stored = Stored::default();
    let (mut usage, mut held) = (UsageRow::default(), BTreeMap::<Sha256, (u64, u64)>::new());
    let package = |name: &str| PackageKey { name: name.into(), ..key() };
    let entries: Vec<PackageEntry> =
        storage.list_all(&Key::PackageOf(package("")), "PKG#maven#").await.unwrap();
    for entry in entries {
        split_key(&entry.name).unwrap();
        let package = package(&entry.name);
        let head: HeadRow = storage.get(&Key::Head(package.clone())).await.unwrap().unwrap();
        let rows: Vec<VersionRow> =
            storage.list_all(&Key::Version(package.clone(), String::new()), "VER#").await.unwrap();
        let live: Vec<&VersionRow> = rows.iter().filter(|row| row.status == VersionStatus::Live).collect();
        assert_eq!((head.versions, entry.versions), (live.len() as u64, live.len() as u64), "{}", entry.name);
        assert_eq!(head.complete, live.iter().filter(|row| row.complete).count() as u64, "{}", entry.name);
        assert_eq!(head.latest().is_some(), !live.is_empty());
        for version in head.tags.values() {
            assert!(live.iter().any(|row| row.version == *version), "{} {version}", entry.name);
        }
        usage.packages += u64::from(!live.is_empty());
        usage.versions += live.len() as u64;
        for row in rows {
            let name = format!("{}@{}", entry.name, row.version);
            let files = file_rows(app, &package, &row.version).await;
            let files: Vec<&StoredFileRow> = files.iter().filter(|file| file.is_live()).collect();
            for file in &files {
                let entry = held.entry(file.file.sha256).or_insert((0, file.file.size));
                entry.0 += 1;
            }
            if row.status != VersionStatus::Live {
                stored.deleted.push(name);
                continue;
            }
            assert_eq!(row.file_count, files.len() as u64, "{name}");
            assert_eq!(row.size, files.iter().map(|file| file.file.size).sum::<u64>(), "{name}");
            assert!(!files.is_empty(), "{name}");
            assert_eq!(
                row.complete,
                files.iter().any(|file| file.file.name.rsplit('.').next() == Some("pom")),
                "{name}"
            );
            usage.bytes += row.size;
            stored.live.extend(files.iter().map(|file| format!("{name}/{}", file.file.name)));
            stored.live.push(name);
        }
    }
    stored.live.sort();
    let counted: Option<UsageRow> = storage.get(&Key::Usage("libs".parse().unwrap())).await.unwrap();
    assert_eq!(counted.unwrap_or_default(), usage);
    for (digest, (holders, size)) in &held {
        assert_eq!(storage.blob_size(*digest).await.unwrap(), Some(*size), "{digest}");
        let row: BlobRow = storage.get(&Key::Blob(*digest)).await.unwrap().unwrap();
        assert_eq!((row.refs, row.doomed), (*holders, false), "{digest}");
    }
    let blobs = app.blobs().await;
    for digest in &blobs {
        let digest: Sha256 = digest.parse().unwrap();
        let row: BlobRow = storage.get(&Key::Blob(digest)).await.unwrap().expect("stored bytes are counted");
        assert_eq!(row.refs, held.get(&digest).map_or(0, |(holders, _)| *holders), "{digest}");
    }
    stored.blobs = blobs.len();
    stored.audit = app.audit("repo:libs").await.len();
    stored
}
