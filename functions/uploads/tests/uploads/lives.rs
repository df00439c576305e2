//! The whole life of an upload, for each type.

use futures::future::join_all;
use granary_testing::npm::NpmPackage;
use serde_json::json;

use crate::support::{
    REPO, announced, begin, complete, path, private, published, raw, send, send_all, staged, statuses, usage,
};

#[tokio::test]
async fn plain_files() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 2] = [("linux", b"for linux"), ("mac.zip", b"for mac")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    assert_eq!(upload["status"], "open");
    assert_eq!(statuses(&upload), ["pending", "pending"]);
    assert_eq!(upload["files"][0]["method"], "PUT");
    assert_eq!(ann.get("/api/raw/files/tool").await.status, 404);
    send_all(&upload, &files[..1]).await;
    let half = ann.get(&path(&upload)).await.json()["upload"].clone();
    assert_eq!(statuses(&half), ["uploaded", "pending"]);
    let early = complete(&ann, &upload).await;
    assert_eq!(early.status, 400);
    assert!(early.error().contains("mac.zip") && !early.error().contains("linux"), "{}", early.error());
    send_all(&half, &files).await;
    let done = complete(&ann, &upload).await;
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(statuses(&done.json()["upload"]), ["published", "published"]);
    for (name, bytes) in files {
        let file = ann.get(&format!("/api/raw/files/tool/1.0/{name}")).await;
        assert_eq!(file.body.as_ref(), bytes);
    }
    assert_eq!(usage(&app).await, (16, 1, 1));
    assert_eq!(staged(&app).await, Vec::<String>::new());
    let audit = app.audit("repo:files").await;
    assert_eq!(audit.iter().filter(|row| row["action"] == "package.publish").count(), 1);
}

#[tokio::test]
async fn an_npm_version() {
    let (app, ann) = private().await;
    let tarball = NpmPackage::new("@acme/app", "1.2.3").tarball();
    let files: [(&str, &[u8]); 1] = [("app.tgz", &tarball)];
    for (given, tag) in [
        (json!({}), "latest"),
        (json!({ "packageName": "@acme/app", "version": "1.2.3", "tag": "next" }), "next"),
    ] {
        let mut body =
            json!({ "repoId": REPO, "packageType": "npm", "files": [announced("app.tgz", &tarball)] });
        body.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        if tag == "latest" {
            let done = published(&ann, &body, &files).await;
            assert_eq!(
                (done["packageName"].as_str(), done["version"].as_str()),
                (Some("@acme/app"), Some("1.2.3"))
            );
        } else {
            // Known by name and version: nothing is to be done.
            let again = ann.post_json("/api/uploads", &body).await;
            assert_eq!(again.status, 200, "{}", again.text());
            assert_eq!(again.json()["upload"]["status"], "completed");
            assert!(again.json()["upload"]["id"].is_null());
        }
    }
    let packument = ann.get("/api/npm/files/@acme/app").await.json();
    assert_eq!(packument["dist-tags"], json!({ "latest": "1.2.3" }));
    let served = ann.get("/api/npm/files/-/tarball/@acme/app/1.2.3").await;
    assert!(served.body.as_ref() == tarball);
    // The same bytes by npm itself are the same version.
    let publish = ann.publish(REPO, &NpmPackage::new("@acme/app", "1.2.3")).await;
    assert_eq!(publish.status, 201, "{}", publish.text());
    let other = NpmPackage::new("@acme/other", "1.0.0").tarball();
    let body = json!({ "repoId": REPO, "packageType": "npm", "packageName": "@acme/app",
        "files": [announced("x.tgz", &other)] });
    let upload = begin(&ann, &body).await;
    send_all(&upload, &[("x.tgz", &other)]).await;
    let refused = complete(&ann, &upload).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.error().contains("@acme/other"), "{}", refused.error());
    assert_eq!(ann.get("/api/npm/files/@acme/other").await.status, 404);
    assert_eq!(staged(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_maven_version() {
    let (_app, ann) = private().await;
    let pom = b"<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId>\
        <artifactId>app</artifactId><version>1.0</version><description>From a session</description></project>";
    let files: [(&str, &[u8]); 3] =
        [("app-1.0.jar", b"jar"), ("app-1.0-sources.jar", b"sources"), ("app-1.0.pom", pom)];
    let body = json!({ "repoId": REPO, "packageType": "maven", "groupId": "com.example", "artifactId": "app",
        "version": "1.0",
        "files": files.iter().map(|(name, bytes)| announced(name, bytes)).collect::<Vec<_>>() });
    published(&ann, &body, &files).await;
    let metadata = ann.get("/api/maven/files/com/example/app/maven-metadata.xml").await.text();
    assert!(metadata.contains("<release>1.0</release>"), "{metadata}");
    let sha1 = ann.get("/api/maven/files/com/example/app/1.0/app-1.0.jar.sha1").await.text();
    assert_eq!(sha1, granary_publish::digests::Digests::of(b"jar").sha1.to_string());
    let listed = ann.get("/api/repos/files/packages").await.json();
    assert_eq!(listed["packages"][0]["description"], "From a session");
    // One more file of the version, and one that is there already.
    let files: [(&str, &[u8]); 2] = [("app-1.0.jar", b"jar"), ("app-1.0-javadoc.jar", b"javadoc")];
    let mut body = body;
    body["files"] = files.iter().map(|(name, bytes)| announced(name, bytes)).collect();
    let upload = begin(&ann, &body).await;
    assert_eq!(statuses(&upload), ["published", "pending"]);
    send_all(&upload, &files).await;
    assert_eq!(complete(&ann, &upload).await.status, 201);
    let javadoc = ann.get("/api/maven/files/com/example/app/1.0/app-1.0-javadoc.jar").await;
    assert_eq!(javadoc.text(), "javadoc");
}

#[tokio::test]
async fn completing_many_times_publishes_once() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    let answers = join_all((0..8).map(|_| complete(&ann, &upload))).await;
    for answer in &answers {
        assert!(matches!(answer.status, 201 | 202), "{}", answer.text());
    }
    let again = complete(&ann, &upload).await;
    assert_eq!((again.status, again.json()["upload"]["status"].as_str()), (201, Some("completed")));
    assert_eq!(usage(&app).await, (5, 1, 1));
    let audit = app.audit("repo:files").await;
    assert_eq!(audit.iter().filter(|row| row["action"] == "package.publish").count(), 1);
    assert_eq!(ann.delete(&path(&upload)).await.status, 409);
}

#[tokio::test]
async fn bytes_cannot_change_once_they_are_published() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    assert_eq!(complete(&ann, &upload).await.status, 201);
    // The address works for an hour, but only for these bytes, and nobody reads them there any more.
    assert_ne!(send(&upload["files"][0], b"other").await, 200);
    assert_eq!(send(&upload["files"][0], b"bytes").await, 200);
    assert_eq!(ann.get("/api/raw/files/tool/1.0/f").await.text(), "bytes");
    assert_eq!(staged(&app).await.len(), 1);
    assert_eq!(granary_events::sweep_uploads(app.state()).await.unwrap(), 1);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(ann.get("/api/raw/files/tool/1.0/f").await.text(), "bytes");
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    assert_eq!(ann.delete(&path(&upload)).await.status, 204);
    assert_eq!(ann.get(&path(&upload)).await.status, 404);
    assert_eq!(complete(&ann, &upload).await.status, 404);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(usage(&app).await, (0, 0, 0));
}

#[tokio::test]
async fn empty_files_and_descriptions() {
    let (_app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("empty", b"")];
    let mut body = raw("tool", "1.0", &files);
    body["description"] = "A tool".into();
    published(&ann, &body, &files).await;
    assert_eq!(ann.get("/api/raw/files/tool").await.json()["description"], "A tool");
    assert_eq!(ann.get("/api/raw/files/tool/1.0/empty").await.header("content-length"), "0");
}
