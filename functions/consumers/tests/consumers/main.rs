//! Packages for sale, versions, consumers and permissions over HTTP, in process, on the embedded engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod adopting;
mod consumers;
mod costs;
mod deleting;
mod faults;
mod fields;
mod overtaken;
mod packages;
mod permissions;
mod publishing;
mod races;
mod shapes;
mod tenancy;
mod visible;

use granary_publish::digests::Digests;
use granary_testing::composer::{archive, manifest};
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

/// The repository that most tests sell from.
const REPO: &str = "shop";

/// The package that most tests sell.
const NAME: &str = "acme/tool";

/// A registry, and a token of `ann`, who has one repository for Composer packages.
async fn shop() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", REPO, &["composer"], "private").await;
    (app, ann)
}

/// Checks a status; of an error also that its body is `{"error","code"}` and that the message has these words.
#[track_caller]
fn expect(response: &TestResponse, status: u16, words: &[&str]) {
    assert_eq!(response.status, status, "{}", response.text());
    if status < 400 {
        return;
    }
    let body = response.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    for word in words {
        assert!(body["error"].as_str().unwrap().contains(word), "{word}: {body}");
    }
}

/// Makes something, which must work, and gives it.
async fn made(actor: &Actor, path: &str, body: Value) -> Value {
    let response = actor.post_json(path, &body).await;
    assert_eq!(response.status, 201, "{path} {body}: {}", response.text());
    response.json()
}

/// The number in an answer.
fn id(value: &Value) -> u64 {
    value["id"].as_u64().unwrap()
}

/// Numbers a package.
async fn package(actor: &Actor, name: &str) -> u64 {
    id(&made(actor, "/packages", json!({ "name": name })).await)
}

/// Sends an archive to a version.
async fn put_zip(actor: &Actor, version: u64, bytes: &[u8]) -> TestResponse {
    let headers = [("content-type", "application/zip")];
    actor.request("PUT", &format!("/versions/{version}"), &headers, bytes.to_vec()).await
}

/// The archive of a version.
fn zip(name: &str, version: &str) -> Vec<u8> {
    archive(&manifest(name, version))
}

/// Makes a version of `NAME` and publishes it.
async fn published(actor: &Actor, package: u64, version: &str) -> u64 {
    let number = id(&made(actor, &format!("/versions/package/{package}"), json!({ "name": version })).await);
    let response = put_zip(actor, number, &zip(NAME, version)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    number
}

/// Makes a consumer, and gives its number and whoever uses its pair.
async fn consumer(app: &TestApp, actor: &Actor) -> (u64, Actor) {
    let made = made(actor, "/consumers", json!({ "email": "one@example.com" })).await;
    let key = |name: &str| made[name].as_str().unwrap().to_owned();
    (id(&made), app.basic(&key("public_key"), &key("private_key")))
}

/// Gives a consumer versions of a package.
async fn permit(actor: &Actor, consumer: u64, package: u64, version: &str) -> u64 {
    let body = json!({ "consumer_id": consumer, "package_id": package, "version": version });
    id(&made(actor, "/permissions", body).await)
}

/// The versions of a package that somebody finds in the repository, in their order; none if it is unknown.
async fn versions(actor: &Actor, name: &str) -> Vec<String> {
    let response = actor.get(&format!("/composer/{REPO}/p2/{name}.json")).await;
    if response.status == 404 {
        return Vec::new();
    }
    assert_eq!(response.status, 200, "{}", response.text());
    let document = response.json();
    let found = document["packages"][name].as_array().unwrap();
    let mut versions: Vec<String> =
        found.iter().map(|version| version["version"].as_str().unwrap().to_owned()).collect();
    versions.sort();
    versions
}

/// What announces a file.
fn announced(name: &str, bytes: &[u8]) -> Value {
    json!({ "name": name, "size": bytes.len(), "sha256": Digests::of(bytes).sha256 })
}

/// Sends bytes to the `upload_url` of a version, with the headers it names.
async fn send(version: &Value, bytes: &[u8]) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(version["upload_url"].as_str().unwrap()).body(bytes.to_vec());
    let headers = version["upload_headers"].as_object().unwrap();
    // The length is sent as it is, so that a wrong one is seen to be refused.
    for (name, value) in headers.iter().filter(|(name, _)| *name != "content-length") {
        request = request.header(name, value.as_str().unwrap());
    }
    request.send().await.unwrap().status().as_u16()
}
