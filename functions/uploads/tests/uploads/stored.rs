//! Bytes that the owner has already need not be sent, and nobody else learns that they are there.

use granary_testing::npm::NpmPackage;
use serde_json::{Value, json};

use crate::support::{REPO, announced, begin, complete, private, raw, statuses};

const BYTES: &[u8] = b"the same bytes";

fn elsewhere(repo: &str) -> Value {
    let mut body = raw("copy", "1.0", &[("g", BYTES)]);
    body["repoId"] = repo.into();
    body
}

#[tokio::test]
async fn within_a_repository_and_among_those_of_one_owner() {
    let (app, ann) = private().await;
    assert_eq!(ann.request("PUT", "/api/raw/files/tool/1.0/f", &[], BYTES.to_vec()).await.status, 201);
    app.repo("ann", "second", &["raw"], "private").await;
    for repo in [REPO, "second"] {
        let upload = begin(&ann, &elsewhere(repo)).await;
        assert_eq!(statuses(&upload), ["stored"], "{repo}");
        assert!(upload["files"][0].get("url").is_none());
        let done = complete(&ann, &upload).await;
        assert_eq!(done.status, 201, "{}", done.text());
        let file = ann.get(&format!("/api/raw/{repo}/copy/1.0/g")).await;
        assert_eq!(file.body.as_ref(), BYTES);
        assert_eq!(file.header("etag"), ann.get("/api/raw/files/tool/1.0/f").await.header("etag"));
    }
}

#[tokio::test]
async fn strangers_and_owners_without_the_right_learn_nothing() {
    let (app, ann) = private().await;
    assert_eq!(ann.request("PUT", "/api/raw/files/tool/1.0/f", &[], BYTES.to_vec()).await.status, 201);
    // A stranger with a repository of their own.
    let eve = app.repo("eve", "evil", &["raw"], "private").await;
    let strange = begin(&eve, &elsewhere("evil")).await;
    let mut unknown_body = elsewhere("evil");
    unknown_body["files"] = json!([announced("g", b"what nobody has")]);
    let unknown = begin(&eve, &unknown_body).await;
    assert_eq!(statuses(&strange), statuses(&unknown));
    assert_eq!(statuses(&strange), ["pending"]);
    let fields =
        |upload: &Value| -> Vec<String> { upload["files"][0].as_object().unwrap().keys().cloned().collect() };
    assert_eq!(fields(&strange), fields(&unknown));
    // It is not published without the bytes either.
    assert_eq!(complete(&eve, &strange).await.status, 400);
    // Somebody who may write one repository of the owner but not read the one that has the bytes.
    app.repo("ann", "second", &["raw"], "private").await;
    app.add_member("ann", "second", "bob", "write").await;
    let bob = app.account_token("bob", &["write"]).await;
    assert_eq!(statuses(&begin(&bob, &elsewhere("second")).await), ["pending"]);
    let token = app.repo_token("ann", "second", &["write"]).await;
    assert_eq!(statuses(&begin(&token, &elsewhere("second")).await), ["pending"]);
}

#[tokio::test]
async fn what_was_deleted_has_to_be_sent_again() {
    let (app, ann) = private().await;
    assert_eq!(ann.request("PUT", "/api/raw/files/tool/1.0/f", &[], BYTES.to_vec()).await.status, 201);
    assert_eq!(ann.delete("/api/raw/files/tool/1.0/f").await.status, 200);
    assert_eq!(statuses(&begin(&ann, &elsewhere(REPO)).await), ["pending"]);
    // And between the beginning and the end.
    assert_eq!(ann.request("PUT", "/api/raw/files/tool/2.0/f", &[], BYTES.to_vec()).await.status, 201);
    let upload = begin(&ann, &elsewhere(REPO)).await;
    assert_eq!(statuses(&upload), ["stored"]);
    assert_eq!(ann.delete("/api/raw/files/tool/2.0/f").await.status, 200);
    app.settle().await;
    let done = complete(&ann, &upload).await;
    assert_eq!(done.status, 201, "claimed bytes stay: {}", done.text());
    assert_eq!(ann.get("/api/raw/files/copy/1.0/g").await.body.as_ref(), BYTES);
}

#[tokio::test]
async fn across_types() {
    let (_app, ann) = private().await;
    let package = NpmPackage::new("app", "1.0.0");
    assert_eq!(ann.publish(REPO, &package).await.status, 201);
    let tarball = package.tarball();
    let body = raw("mirror", "1.0", &[("app-1.0.0.tgz", &tarball)]);
    let upload = begin(&ann, &body).await;
    assert_eq!(statuses(&upload), ["stored"]);
    assert_eq!(complete(&ann, &upload).await.status, 201);
    assert!(ann.get("/api/raw/files/mirror/1.0/app-1.0.0.tgz").await.body.as_ref() == tarball);
}
