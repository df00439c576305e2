//! What many of the tests do.

use granary_model::PackageType;
use granary_publish::composer::minify::{Version, expand};
use granary_storage::PackageKey;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::Value;

/// The repository that the tests work in.
pub(crate) const REPO: &str = "shop";

/// The package that they work with.
pub(crate) const TOOL: &str = "acme/tool";

/// A registry with a private repository of `ann`, and her token of all scopes.
pub(crate) async fn shop() -> (TestApp, Actor) {
    with("private").await
}

pub(crate) async fn with(visibility: &str) -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", REPO, &["composer"], visibility).await;
    (app, ann)
}

/// The same with versions of the package.
pub(crate) async fn selling(versions: &[&str]) -> (TestApp, Actor) {
    let (app, ann) = shop().await;
    app.publish_composer(REPO, TOOL, versions).await;
    app.settle().await;
    // Bytes that were stored within the last hour stay, whatever becomes of their version.
    app.clock.advance_millis(7_200_000);
    (app, ann)
}

/// A path below the repository.
pub(crate) fn at(rest: &str) -> String {
    format!("/composer/{REPO}/{rest}")
}

/// The key of the package.
pub(crate) fn tool(app: &TestApp) -> PackageKey {
    app.key_of(REPO, PackageType::Composer, TOOL)
}

/// The versions of a document, as clients expand it.
pub(crate) fn versions_of(response: &TestResponse, name: &str) -> Vec<Version> {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/json");
    let document = response.json();
    assert_eq!(document["minified"], "composer/2.0");
    let packages = document["packages"].as_object().unwrap();
    assert_eq!(packages.keys().collect::<Vec<_>>(), [name], "only this package");
    let minified: Vec<Version> = serde_json::from_value(packages[name].clone()).unwrap();
    expand(&minified)
}

/// The versions that somebody sees of a package, without its branches.
pub(crate) async fn releases(actor: &Actor, name: &str) -> Vec<String> {
    texts(&versions_of(&actor.get(&at(&format!("p2/{name}.json"))).await, name))
}

/// Its branches.
pub(crate) async fn branches(actor: &Actor, name: &str) -> Vec<String> {
    texts(&versions_of(&actor.get(&at(&format!("p2/{name}~dev.json"))).await, name))
}

fn texts(versions: &[Version]) -> Vec<String> {
    versions.iter().map(|version| version["version"].as_str().unwrap().to_owned()).collect()
}

/// The path of the archive of a version, as the metadata that `actor` sees have it.
pub(crate) async fn dist(actor: &Actor, name: &str, version: &str) -> String {
    for document in [format!("p2/{name}.json"), format!("p2/{name}~dev.json")] {
        let versions = versions_of(&actor.get(&at(&document)).await, name);
        if let Some(found) = versions.iter().find(|one| one["version"] == version) {
            let url = found["dist"]["url"].as_str().unwrap();
            return url.strip_prefix(granary_testing::PUBLIC_URL).unwrap().to_owned();
        }
    }
    panic!("no version {version}");
}

/// The names that a client learns from the root, from `list` and from `search`; they must be the same.
pub(crate) async fn names(actor: &Actor) -> Vec<String> {
    let root = actor.get(&at("packages.json")).await;
    assert_eq!(root.status, 200, "{}", root.text());
    let available = strings(&root.json()["available-packages"]);
    let list = actor.get(&at("list.json")).await;
    assert_eq!(strings(&list.json()["packageNames"]), available);
    let search = actor.get(&at("search.json?q=&type=")).await.json();
    let found: Vec<String> = search["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, available);
    assert_eq!(search["total"], available.len());
    available
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}
