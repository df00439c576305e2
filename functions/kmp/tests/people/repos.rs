//! Repositories of type `kmp`: what they serve, what they take, and their settings.

use granary_model::kmp::BuildStatus;
use granary_testing::TestApp;
use granary_testing::npm::NpmPackage;
use granary_testing::swift::simple_archive;
use serde_json::json;

use super::support::{Place, WATCHED, expect};

#[tokio::test]
async fn what_is_built_is_served_and_nothing_is_uploaded() {
    let place = Place::new().await;
    // It offers both protocols: an unknown package is just that.
    let packument = place.ann.get("/api/npm/apps/@apps%2flib").await;
    assert_eq!(packument.status, 404);
    assert!(packument.error().contains("package '@apps/lib' not found"), "{}", packument.text());
    assert_eq!(place.ann.get("/api/swift/apps/identifiers?url=https://example.com/x").await.status, 404);
    let put = place.ann.publish("apps", &NpmPackage::new("@apps/lib", "1.0.0")).await;
    expect(&put, 403, &["takes no uploads", "add 'npm'"]);
    for (kind, name, file) in [("npm", "@apps/lib", "lib.tgz"), ("swift", "apps.lib", "lib.zip")] {
        let body = json!({
            "repoId": "apps", "packageType": kind, "packageName": name, "version": "1.0.0",
            "files": [{ "name": file, "size": 3, "sha256": "0".repeat(64) }],
        });
        expect(&place.ann.post_json("/api/uploads", &body).await, 403, &["takes no uploads", kind]);
    }
    let release = place
        .ann
        .request(
            "PUT",
            "/api/swift/apps/apps/lib/1.0.0",
            &[("accept", "application/vnd.swift.registry.v1+json"), ("content-type", "application/zip")],
            simple_archive("lib"),
        )
        .await;
    assert_eq!(release.status, 403, "{}", release.text());
    // Other protocols are as they were.
    assert_eq!(place.ann.get("/api/maven/apps/com/example/lib/maven-metadata.xml").await.status, 404);
    // With the type of its own it takes what people publish.
    expect(
        &place.ann.patch_json("/api/repos/apps", &json!({ "packageTypes": ["kmp", "npm"] })).await,
        200,
        &[],
    );
    let put = place.ann.publish("apps", &NpmPackage::new("@apps/lib", "1.0.0")).await;
    assert_eq!(put.status, 201, "{}", put.text());
    // And goes on to serve it without.
    expect(&place.ann.patch_json("/api/repos/apps", &json!({ "packageTypes": ["kmp"] })).await, 200, &[]);
    assert_eq!(place.ann.get("/api/npm/apps/@apps%2flib").await.status, 200);
    let taken = place.ann.patch_json("/api/repos/apps", &json!({ "packageTypes": ["raw"] })).await;
    expect(&taken, 409, &["'kmp'", "npm packages"]);
}

#[tokio::test]
async fn the_type_stays_while_anything_is_watched() {
    let place = Place::new().await;
    let id = place.watch("lib").await;
    place.build_in(&id, "1.0.0", BuildStatus::Failed).await;
    let body = json!({ "packageTypes": ["npm"] });
    expect(&place.ann.patch_json("/api/repos/apps", &body).await, 409, &["'kmp'", "watched"]);
    expect(&place.ann.delete(&format!("{WATCHED}/{id}")).await, 200, &[]);
    expect(&place.ann.patch_json("/api/repos/apps", &body).await, 200, &[]);
}

#[tokio::test]
async fn sources_are_on_the_internet_unless_the_operator_says_otherwise() {
    let (closed, open) =
        (TestApp::new().await, TestApp::with(|config| config.kmp.allow_private_sources = true).await);
    for (number, url) in [
        "http://repo.example.com/m2",
        "https://127.0.0.1/m2",
        "https://169.254.169.254/latest",
        "https://[::1]/m2",
        "https://[::ffff:10.0.0.1]/m2",
        "https://localhost:8080/m2",
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({
            "name": format!("apps-{number}"), "packageTypes": ["kmp"],
            "kmpConfig": { "sourceType": "external", "sourceUrl": url },
        });
        let refused = closed.user("ann").post_json("/api/repos", &body).await;
        expect(&refused, 400, &["kmpConfig.sourceUrl"]);
        expect(&open.user("ann").post_json("/api/repos", &body).await, 201, &[]);
    }
}
