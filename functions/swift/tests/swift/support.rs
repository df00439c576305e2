//! What many of the tests do.

use granary_testing::swift::{PublishForm, simple_archive};
use granary_testing::{Actor, PUBLIC_URL, TestApp, TestResponse};

/// The repository that the tests work in.
pub(crate) const REPO: &str = "swifts";

/// What SwiftPM sends for lists and metadata.
pub(crate) const JSON: (&str, &str) = ("accept", "application/vnd.swift.registry.v1+json");

/// A registry with a repository of `ann`, and her token of all scopes.
pub(crate) async fn with(visibility: &str) -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", REPO, &["swift"], visibility).await;
    (app, ann)
}

/// A path below the registry.
pub(crate) fn at(rest: &str) -> String {
    format!("/api/swift/{REPO}/{rest}")
}

/// The same as an address.
pub(crate) fn url(rest: &str) -> String {
    format!("{PUBLIC_URL}{}", at(rest))
}

/// Publishes an archive the way SwiftPM does.
pub(crate) async fn put(actor: &Actor, rest: &str, archive: &[u8]) -> TestResponse {
    PublishForm::new(archive).put(actor, &at(rest)).await
}

/// Publishes `mona/LinkedList` in a version, which must work, and gives its archive.
pub(crate) async fn published(actor: &Actor, version: &str) -> Vec<u8> {
    let archive = simple_archive(version);
    let response = put(actor, &format!("mona/LinkedList/{version}"), &archive).await;
    assert_eq!(response.status, 201, "{version}: {}", response.text());
    archive
}

/// Checks that an answer is a problem that SwiftPM can read, and gives its detail.
pub(crate) fn problem(response: &TestResponse, status: u16) -> String {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("content-version"), "1");
    assert_eq!(response.header("content-type"), "application/problem+json");
    assert_eq!(response.header("content-language"), "en");
    let body = response.json();
    assert_eq!(body["status"], status);
    assert!(!body["title"].as_str().unwrap().is_empty());
    body["detail"].as_str().unwrap().to_owned()
}

/// The links of an answer, cut as SwiftPM cuts them: address and fields.
pub(crate) fn links(response: &TestResponse) -> Vec<(String, Vec<String>)> {
    let header = response.header("link");
    header
        .split(',')
        .filter(|link| !link.trim().is_empty())
        .map(|link| {
            let mut fields = link.split(';').map(|field| field.trim().to_owned());
            let address = fields.next().unwrap();
            let address = address.strip_prefix('<').unwrap().strip_suffix('>').unwrap().to_owned();
            (address, fields.collect())
        })
        .collect()
}

/// The addresses of one relation.
pub(crate) fn related(response: &TestResponse, relation: &str) -> Vec<String> {
    let wanted = format!("rel=\"{relation}\"");
    links(response).into_iter().filter(|(_, fields)| fields.contains(&wanted)).map(|(url, _)| url).collect()
}

/// Text that hardly compresses.
pub(crate) fn noise(length: usize) -> String {
    let mut state: u64 = 7;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((state >> 33) % 89).unwrap())
    };
    (0..length).map(|_| next()).collect()
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    granary_publish::digests::Digests::of(bytes).sha256.to_string()
}

/// What the repository holds: bytes, versions, packages.
pub(crate) async fn usage(app: &TestApp) -> (u64, u64, u64) {
    let key = granary_storage::Key::Usage(REPO.parse().unwrap());
    let row: Option<granary_storage::rows::UsageRow> = app.state().storage().get(&key).await.unwrap();
    row.map_or((0, 0, 0), |row| (row.bytes, row.versions, row.packages))
}
