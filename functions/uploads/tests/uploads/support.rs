//! What many of the tests do.

use granary_publish::digests::Digests;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

/// The repository that the tests work in; it takes every type that can be uploaded.
pub(crate) const REPO: &str = "files";

/// A registry with a private repository of `ann`, and her token of all scopes.
pub(crate) async fn private() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", REPO, &["npm", "maven", "raw", "swift"], "private").await;
    (app, ann)
}

/// A file as it is announced.
pub(crate) fn announced(name: &str, bytes: &[u8]) -> Value {
    json!({ "name": name, "size": bytes.len(), "sha256": Digests::of(bytes).sha256 })
}

/// The request for plain files of one version.
pub(crate) fn raw(package: &str, version: &str, files: &[(&str, &[u8])]) -> Value {
    let files: Vec<Value> = files.iter().map(|(name, bytes)| announced(name, bytes)).collect();
    json!({ "repoId": REPO, "packageType": "raw", "packageName": package, "version": version, "files": files })
}

/// Begins an upload, which must work, and gives what the server says of it.
pub(crate) async fn begin(actor: &Actor, body: &Value) -> Value {
    let response = actor.post_json("/api/uploads", body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    response.json()["upload"].clone()
}

/// Sends bytes to an address of an answer, with the headers it names.
pub(crate) async fn send(address: &Value, bytes: &[u8]) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(address["url"].as_str().unwrap()).body(bytes.to_vec());
    let headers = address["headers"].as_object().unwrap();
    // The length is sent as it is, so that a wrong one is seen to be refused.
    for (name, value) in headers.iter().filter(|(name, _)| *name != "content-length") {
        request = request.header(name, value.as_str().unwrap());
    }
    if bytes.is_empty() {
        request = request.header("content-length", "0");
    }
    request.send().await.unwrap().status().as_u16()
}

/// Sends those of the files that are pending, which must work.
pub(crate) async fn send_all(upload: &Value, files: &[(&str, &[u8])]) {
    for file in upload["files"].as_array().unwrap() {
        let Some((_, bytes)) = files.iter().find(|(name, _)| file["name"] == *name) else { continue };
        if file["status"] == "pending" {
            assert_eq!(send(file, bytes).await, 200, "{file}");
        }
    }
}

/// Path of an upload.
pub(crate) fn path(upload: &Value) -> String {
    format!("/api/uploads/{}", upload["id"].as_str().unwrap())
}

/// Completes an upload.
pub(crate) async fn complete(actor: &Actor, upload: &Value) -> TestResponse {
    actor.request("POST", &format!("{}/complete", path(upload)), &[], "").await
}

/// A whole life of an upload, which must work.
pub(crate) async fn published(actor: &Actor, body: &Value, files: &[(&str, &[u8])]) -> Value {
    let upload = begin(actor, body).await;
    send_all(&upload, files).await;
    let response = complete(actor, &upload).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let done = response.json()["upload"].clone();
    assert_eq!(done["status"], "completed");
    done
}

/// The paths of all staged objects.
pub(crate) async fn staged(app: &TestApp) -> Vec<String> {
    app.state().storage().list_objects("staging/", None).await.unwrap()
}

/// The statuses of an upload's files.
pub(crate) fn statuses(upload: &Value) -> Vec<&str> {
    upload["files"].as_array().unwrap().iter().map(|file| file["status"].as_str().unwrap()).collect()
}

/// What the repository holds: bytes, versions, packages.
pub(crate) async fn usage(app: &TestApp) -> (u64, u64, u64) {
    let key = granary_storage::Key::Usage(REPO.parse().unwrap());
    let row: Option<granary_storage::rows::UsageRow> = app.state().storage().get(&key).await.unwrap();
    row.map_or((0, 0, 0), |row| (row.bytes, row.versions, row.packages))
}
