//! Dist-tags.

use granary_testing::npm::NpmPackage;
use serde_json::{Value, json};

use super::support::{at, packument, private, publish, publish_all};

fn tag(name: &str) -> String {
    at(&format!("-/package/@acme%2fpad/dist-tags/{name}"))
}

#[tokio::test]
async fn tags_are_listed_set_moved_and_removed() {
    let (app, ann) = private().await;
    publish_all(&ann, "@acme/pad", &["1.0.0", "1.1.0"]).await;
    publish(&ann, &NpmPackage::new("@acme/pad", "2.0.0").tag("next")).await;
    let listed = async || ann.get(&at("-/package/@acme%2fpad/dist-tags")).await.json();
    assert_eq!(listed().await, json!({ "latest": "1.1.0", "next": "2.0.0" }));
    for (method, version) in [("PUT", "1.0.0"), ("POST", "1.1.0"), ("PUT", "2.0.0")] {
        let response = ann.json(method, &tag("beta"), &version.into()).await;
        assert_eq!(response.status, 201, "{}", response.text());
        assert_eq!(listed().await["beta"], version);
    }
    assert_eq!(ann.put_json(&tag("latest"), &"1.0.0".into()).await.status, 201);
    assert_eq!(ann.delete(&tag("next")).await.status, 200);
    assert_eq!(listed().await, json!({ "beta": "2.0.0", "latest": "1.0.0" }));
    assert_eq!(listed().await, packument(&ann, "@acme%2fpad").await["dist-tags"]);
    // The first version is latest whatever its tag: an install without a version needs one.
    publish(&ann, &NpmPackage::new("first", "1.0.0").tag("beta")).await;
    assert_eq!(packument(&ann, "first").await["dist-tags"], json!({ "beta": "1.0.0", "latest": "1.0.0" }));
    let records = app.audit("repo:libs").await;
    let count = |action: &str| records.iter().filter(|row| row["action"] == action).count();
    assert_eq!((count("package.tag"), count("package.untag")), (4, 1));
}

#[tokio::test]
async fn a_tag_that_is_set_already_is_no_change() {
    let (app, ann) = private().await;
    publish_all(&ann, "@acme/pad", &["1.0.0"]).await;
    let before = app.check_consistency("libs").await;
    assert_eq!(ann.put_json(&tag("latest"), &"1.0.0".into()).await.status, 201);
    assert_eq!(app.check_consistency("libs").await, before);
}

#[tokio::test]
async fn tags_that_cannot_be() {
    let (app, ann) = private().await;
    publish_all(&ann, "@acme/pad", &["1.0.0"]).await;
    let before = app.check_consistency("libs").await;
    let version = json!("1.0.0");
    for name in ["1.0.0", "1.x", "x", "v1", "1", "~1", "%5e1", "a%20b", "__proto__", ".a"] {
        let response = ann.put_json(&tag(name), &version).await;
        assert_eq!(response.status, 400, "{name}: {}", response.text());
    }
    let table = [
        ("beta", json!("9.9.9"), 404),
        ("beta", json!("latest"), 400),
        ("beta", json!("^1.0.0"), 400),
        ("beta", json!(""), 400),
        ("beta", json!({ "version": "1.0.0" }), 400),
        ("beta", Value::Null, 400),
    ];
    for (name, body, status) in table {
        let response = ann.put_json(&tag(name), &body).await;
        assert_eq!(response.status, status, "{body}: {}", response.text());
    }
    let raw = ann.request("PUT", &tag("beta"), &[], "1.0.0").await;
    assert_eq!(raw.status, 400, "not a JSON string: {}", raw.text());
    let latest = ann.delete(&tag("latest")).await;
    assert_eq!((latest.status, latest.error().contains("latest")), (400, true), "{}", latest.text());
    assert_eq!(ann.delete(&tag("unknown")).await.status, 404);
    for method in ["PUT", "DELETE"] {
        let path = at("-/package/unknown/dist-tags/beta");
        assert_eq!(ann.json(method, &path, &version).await.status, 404, "{method}");
    }
    assert_eq!(app.check_consistency("libs").await, before);
}

#[tokio::test]
async fn a_tag_can_point_at_a_version_with_build_metadata() {
    let (_app, ann) = private().await;
    publish_all(&ann, "@acme/pad", &["1.0.0+build.1"]).await;
    assert_eq!(ann.put_json(&tag("beta"), &"1.0.0+build.1".into()).await.status, 201);
    assert_eq!(
        packument(&ann, "@acme%2fpad").await["dist-tags"],
        json!({ "beta": "1.0.0", "latest": "1.0.0" })
    );
}
