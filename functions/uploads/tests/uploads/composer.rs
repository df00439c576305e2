//! Archives of Composer packages, as forms and as sessions.

use granary_model::PackageType;
use granary_testing::composer::{archive, manifest};
use serde_json::{Value, json};

use crate::forms::form;
use crate::support::{REPO, announced, begin, complete, published, send_all, staged};

async fn private() -> (granary_testing::TestApp, granary_testing::Actor) {
    let app = granary_testing::TestApp::new().await;
    let ann = app.repo("ann", REPO, &["composer", "raw"], "private").await;
    (app, ann)
}

fn request(named: &Value, bytes: &[u8]) -> Value {
    let mut body =
        json!({ "repoId": REPO, "packageType": "composer", "files": [announced("tool.zip", bytes)] });
    for (name, value) in named.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A `composer.json` that says its version itself.
fn versioned(name: &str, version: &str) -> Vec<u8> {
    let mut manifest = manifest(name, version);
    manifest["version"] = version.into();
    archive(&manifest)
}

#[tokio::test]
async fn a_session_publishes_what_the_archive_says() {
    let (app, ann) = private().await;
    let bytes = versioned("acme/tool", "v1.2.0");
    let done = published(&ann, &request(&json!({}), &bytes), &[("tool.zip", &bytes)]).await;
    assert_eq!((&done["packageName"], &done["version"]), (&json!("acme/tool"), &json!("v1.2.0")));
    assert_eq!(staged(&app).await, Vec::<String>::new());
    let document = ann.get(&format!("/composer/{REPO}/p2/acme/tool.json")).await.json();
    let version = &document["packages"]["acme/tool"][0];
    assert_eq!((&version["version"], &version["version_normalized"]), (&json!("v1.2.0"), &json!("1.2.0.0")));
    // The same version again, in another spelling: nothing has to be sent, and nothing is changed.
    let named = json!({ "packageName": "acme/tool", "version": "1.2" });
    let again = ann.post_json("/api/uploads", &request(&named, &bytes)).await;
    assert_eq!((again.status, &again.json()["upload"]["status"]), (200, &json!("completed")));
    // Other bytes are told before they are sent.
    let other = versioned("acme/tool", "1.2.0.0");
    assert_eq!(ann.post_json("/api/uploads", &request(&named, &other)).await.status, 409);
    app.settle().await;
    app.check_packages(REPO, PackageType::Composer).await;
}

#[tokio::test]
async fn what_the_archive_does_not_fit_is_refused_and_nothing_stays() {
    let (app, ann) = private().await;
    let (plain, said) = (archive(&manifest("acme/tool", "x")), versioned("acme/tool", "1.0.0"));
    for (named, bytes, reason) in [
        (json!({}), &plain, "version"),
        (json!({ "packageName": "acme/other", "version": "1.0.0" }), &said, "acme/other"),
        (json!({ "packageName": "acme/tool", "version": "2.0.0" }), &said, "2.0.0"),
    ] {
        let upload = begin(&ann, &request(&named, bytes)).await;
        send_all(&upload, &[("tool.zip", bytes)]).await;
        let refused = complete(&ann, &upload).await;
        assert!(refused.status == 400 && refused.error().contains(reason), "{}", refused.text());
    }
    for (named, file, reason) in [
        (json!({ "packageName": "tool" }), announced("tool.zip", b"x"), "packageName"),
        (json!({ "version": "one" }), announced("tool.zip", b"x"), "version"),
        (json!({}), announced("tool.tar", b"x"), "zip"),
    ] {
        let mut body = request(&named, b"x");
        body["files"] = json!([file]);
        let refused = ann.post_json("/api/uploads", &body).await;
        assert!(refused.status == 400 && refused.error().contains(reason), "{}", refused.text());
    }
    app.settle().await;
    assert_eq!(ann.get(&format!("/composer/{REPO}/p2/acme/tool.json")).await.status, 404);
    app.check_packages(REPO, PackageType::Composer).await;
}

#[tokio::test]
async fn a_form_publishes_one_archive() {
    let (app, ann) = private().await;
    let bytes = archive(&manifest("acme/tool", "x"));
    let fields =
        [("repoId", REPO), ("packageType", "composer"), ("packageName", "Acme/Tool"), ("version", "2.0")];
    for _ in 0..2 {
        let response = form(&ann, &fields, Some(("tool.zip", &bytes)), 9).await;
        assert_eq!(response.status, 201, "{}", response.text());
        let expected = json!({
            "ok": true, "packageType": "composer", "packageName": "acme/tool", "version": "2.0",
            "file": "acme-tool-2.0.zip",
        });
        assert_eq!(response.json(), expected);
    }
    let nameless = [("repoId", REPO), ("packageType", "composer")];
    let refused = form(&ann, &nameless, Some(("tool.zip", &bytes)), 9).await;
    assert!(refused.status == 400 && refused.error().contains("version"), "{}", refused.text());
    let bad = form(&ann, &fields, Some(("tool.zip", b"no zip")), 9).await;
    assert_eq!(bad.status, 422, "{}", bad.text());
    app.settle().await;
    app.check_packages(REPO, PackageType::Composer).await;
}
