//! What many of the tests do.

use granary_testing::{Actor, TestApp, TestResponse};

/// The repository that the tests work in.
pub(crate) const REPO: &str = "files";

/// A registry with a repository of `ann`, and her token of all scopes.
pub(crate) async fn with(visibility: &str) -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", REPO, &["raw"], visibility).await;
    (app, ann)
}

/// A path below the repository.
pub(crate) fn at(rest: &str) -> String {
    format!("/api/raw/{REPO}/{rest}")
}

/// Uploads a file.
pub(crate) async fn put(actor: &Actor, rest: &str, bytes: impl Into<Vec<u8>>) -> TestResponse {
    actor.request("PUT", &at(rest), &[("content-type", "application/octet-stream")], bytes.into()).await
}

/// Uploads a file, which must work.
pub(crate) async fn stored(actor: &Actor, rest: &str, bytes: impl Into<Vec<u8>>) {
    let response = put(actor, rest, bytes).await;
    assert_eq!(response.status, 201, "{rest}: {}", response.text());
    assert_eq!(response.json(), serde_json::json!({ "ok": true }));
}

/// What the repository holds: bytes, versions, packages.
pub(crate) async fn usage(app: &TestApp) -> (u64, u64, u64) {
    let key = granary_storage::Key::Usage(REPO.parse().unwrap());
    let row: Option<granary_storage::rows::UsageRow> = app.state().storage().get(&key).await.unwrap();
    row.map_or((0, 0, 0), |row| (row.bytes, row.versions, row.packages))
}
