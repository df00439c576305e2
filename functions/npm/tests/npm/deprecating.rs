//! Deprecations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_model::PackageType;
use granary_storage::rows::VersionRow;
use granary_storage::{Key, PackageKey};
use granary_testing::npm::NpmPackage;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::support::{INSTALL, accepting, at, for_write, packument, private, publish_all};

#[tokio::test]
async fn a_deprecation_is_shown_and_an_empty_one_takes_it_back() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    for (text, expected) in [
        (json!("use 1.1.0 \u{1f44b} \"quoted\""), json!("use 1.1.0 \u{1f44b} \"quoted\"")),
        (json!("another text"), json!("another text")),
        (json!(""), Value::Null),
        (json!("again"), json!("again")),
        (json!(false), Value::Null),
        (json!("once more"), json!("once more")),
        (Value::Null, Value::Null),
    ] {
        let mut body = for_write(&ann, "pad").await;
        body["versions"]["1.0.0"]["deprecated"] = text.clone();
        let response = ann.put_json(&at("pad"), &body).await;
        assert_eq!(response.status, 201, "{text}: {}", response.text());
        for accept in ["application/json", INSTALL] {
            let versions = accepting(&ann, &at("pad"), accept).await.json()["versions"].clone();
            assert_eq!(versions["1.0.0"].get("deprecated").cloned().unwrap_or_default(), expected, "{text}");
            assert_eq!(versions["1.1.0"].get("deprecated"), None, "{text}");
        }
    }
    let records = app.audit("repo:libs").await;
    assert_eq!(records.iter().filter(|row| row["action"] == "package.deprecate").count(), 7);
    assert!(records.iter().any(|row| row["target"] == "libs/npm/pad@1.0.0"), "{records:?}");
}

#[tokio::test]
async fn nothing_else_in_the_body_counts() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    let before = packument(&ann, "pad").await;
    let mut body = packument(&ann, "pad").await;
    body["versions"]["1.0.0"]["deprecated"] = "old".into();
    body["versions"]["1.0.0"]["dependencies"] = json!({ "evil": "1.0.0" });
    body["versions"]["1.0.0"]["dist"] = json!({ "tarball": "https://elsewhere.example/evil.tgz" });
    body["versions"]["9.9.9"] = json!({ "name": "pad", "version": "9.9.9", "deprecated": "never was" });
    // A version that is missing is not deleted either: that takes an admin and another path.
    body["versions"].as_object_mut().unwrap().remove("1.1.0");
    body["dist-tags"] = json!({ "latest": "1.0.0", "evil": "1.0.0" });
    body["maintainers"] = json!([{ "name": "mallory" }]);
    body["name"] = "other".into();
    body["time"] = json!({ "1.0.0": "1970-01-01T00:00:00.000Z" });
    body["readme"] = "evil".into();
    body["users"] = json!({ "mallory": true });
    let response = ann.put_json(&at("pad"), &body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let (mut expected, mut after) = (before, packument(&ann, "pad").await);
    assert_eq!(after["versions"]["1.0.0"]["deprecated"], "old");
    after["versions"]["1.0.0"].as_object_mut().unwrap().shift_remove("deprecated");
    for document in [&mut expected, &mut after] {
        document["_rev"] = Value::Null;
        document["modified"] = Value::Null;
        document["time"]["modified"] = Value::Null;
    }
    assert_eq!(after, expected);
    app.check_consistency("libs").await;
}

#[tokio::test]
async fn forty_five_versions_at_once() {
    let (app, ann) = private().await;
    let versions: Vec<String> = (0..45).map(|n| format!("1.{n}.0")).collect();
    publish_all(&ann, "pad", &versions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut body = for_write(&ann, "pad").await;
    for version in &versions {
        body["versions"][version]["deprecated"] = format!("not {version}").into();
    }
    let response = ann.put_json(&at("pad"), &body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let document = packument(&ann, "pad").await;
    for version in &versions {
        assert_eq!(document["versions"][version]["deprecated"], format!("not {version}"));
    }
    assert_eq!(app.check_consistency("libs").await.live.len(), 45);
}

/// A transaction has 4 MB, and a manifest may take up to 300 KB of them, which nothing compresses further.
#[tokio::test]
async fn versions_with_the_largest_manifests_at_once() {
    let (app, ann) = private().await;
    let versions: Vec<String> = (0..16).map(|n| format!("1.{n}.0")).collect();
    for version in &versions {
        let digests = (0_u32..4_300).map(|n| digest(&format!("{version} {n}")));
        let package = NpmPackage::new("pad", version).member("checksums", digests.collect::<String>().into());
        let response = ann.publish("libs", &package).await;
        assert_eq!(response.status, 201, "{}", response.text());
    }
    let stored = app.state().storage();
    let package = PackageKey { repo: "libs".parse().unwrap(), kind: PackageType::Npm, name: "pad".into() };
    let row: VersionRow = stored.get(&Key::Version(package, "1.0.0".into())).await.unwrap().unwrap();
    assert!(row.facts.len() * versions.len() > 4_400_000, "{} bytes of facts", row.facts.len());
    let mut body = for_write(&ann, "pad").await;
    for version in &versions {
        body["versions"][version]["deprecated"] = "old".into();
    }
    let response = ann.put_json(&at("pad"), &body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let document = packument(&ann, "pad").await;
    assert!(versions.iter().all(|version| document["versions"][version]["deprecated"] == "old"));
}

fn digest(text: &str) -> String {
    STANDARD.encode(sha2::Sha512::digest(text))
}

#[tokio::test]
async fn a_deprecation_does_not_undo_one_that_was_made_meanwhile() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    let mut first = for_write(&ann, "pad").await;
    let mut second = first.clone();
    first["versions"]["1.0.0"]["deprecated"] = "first".into();
    second["versions"]["1.1.0"]["deprecated"] = "second".into();
    assert_eq!(ann.put_json(&at("pad"), &first).await.status, 201);
    let response = ann.put_json(&at("pad"), &second).await;
    assert_eq!(
        (response.status, response.json()["code"].as_str()),
        (409, Some("CONFLICT")),
        "{}",
        response.text()
    );
    let versions = packument(&ann, "pad").await["versions"].clone();
    assert_eq!(
        (&versions["1.0.0"]["deprecated"], versions["1.1.0"].get("deprecated")),
        (&json!("first"), None)
    );
    // Who names no revision means the package as it is.
    second["versions"]["1.0.0"]["deprecated"] = "first".into();
    second.as_object_mut().unwrap().shift_remove("_rev");
    assert_eq!(ann.put_json(&at("pad"), &second).await.status, 201);
    let versions = packument(&ann, "pad").await["versions"].clone();
    assert_eq!(versions["1.1.0"]["deprecated"], "second");
    app.check_consistency("libs").await;
}

#[tokio::test]
async fn a_body_that_changes_nothing_is_no_change() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let before = (app.check_consistency("libs").await, packument(&ann, "pad").await);
    let body = for_write(&ann, "pad").await;
    assert_eq!(ann.put_json(&at("pad"), &body).await.status, 201);
    assert_eq!((app.check_consistency("libs").await, packument(&ann, "pad").await), before);
}

#[tokio::test]
async fn texts_that_are_none_and_packages_that_are_not_there() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let before = app.check_consistency("libs").await;
    for text in [json!(7), json!(true), json!({}), json!("x".repeat(4_097))] {
        let body = json!({ "name": "pad", "versions": { "1.0.0": { "deprecated": text } } });
        assert_eq!(ann.put_json(&at("pad"), &body).await.status, 400, "{text}");
    }
    let body = json!({ "name": "other", "versions": { "1.0.0": { "deprecated": "x" } } });
    assert_eq!(ann.put_json(&at("other"), &body).await.status, 404);
    assert_eq!(app.check_consistency("libs").await, before);
}

#[tokio::test]
async fn a_star_is_neither_kept_nor_taken_for_something_else() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let before = app.check_consistency("libs").await;
    let body = json!({ "_id": "pad", "_rev": "1-x", "users": { "ann": true } });
    let response = ann.put_json(&at("pad"), &body).await;
    assert_eq!((response.status, response.json()["code"].as_str()), (404, Some("NOT_SUPPORTED")));
    assert!(response.error().contains("star"), "{}", response.text());
    assert_eq!(app.check_consistency("libs").await, before);
}
