//! What many of the tests do.

use std::io::Read as _;

use flate2::read::GzDecoder;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::Value;

/// The repository that the tests work in.
pub(crate) const REPO: &str = "libs";

/// What pnpm, Yarn 1, Bun and some commands of npm send as `Accept`.
pub(crate) const INSTALL: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// A request: method, path below the repository, headers, body.
pub(crate) type Asked = (&'static str, &'static str, Vec<(&'static str, &'static str)>, Value);

/// A registry with the private repository `libs` of `ann`, and her token of all scopes.
pub(crate) async fn private() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", REPO, "private").await;
    (app, ann)
}

/// The same with a public repository.
pub(crate) async fn public() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", REPO, "public").await;
    (app, ann)
}

/// A path below the repository.
pub(crate) fn at(rest: &str) -> String {
    format!("/api/npm/{REPO}/{rest}")
}

/// Publishes a version, which must work.
pub(crate) async fn publish(actor: &Actor, package: &NpmPackage) {
    let response = actor.publish(REPO, package).await;
    assert_eq!(response.status, 201, "{}@{}: {}", package.name, package.version, response.text());
}

/// Publishes versions one after another.
pub(crate) async fn publish_all(actor: &Actor, name: &str, versions: &[&str]) {
    for version in versions {
        publish(actor, &NpmPackage::new(name, version)).await;
    }
}

/// The full packument.
pub(crate) async fn packument(actor: &Actor, name: &str) -> Value {
    let response = actor.get(&at(name)).await;
    assert_eq!(response.status, 200, "{name}: {}", response.text());
    response.json()
}

/// The packument that clients read before they change a package.
pub(crate) async fn for_write(actor: &Actor, name: &str) -> Value {
    let response = actor.get(&at(&format!("{name}?write=true"))).await;
    assert_eq!(response.status, 200, "{name}: {}", response.text());
    response.json()
}

/// The answer for an `Accept` header.
pub(crate) async fn accepting(actor: &Actor, path: &str, accept: &str) -> TestResponse {
    actor.get_with(path, &[("accept", accept)]).await
}

/// What is gzip'd.
pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// The names of an object's members.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
