//! Changing settings, and the list of public repositories.

use granary_model::{PackageType, Timestamp};
use granary_storage::rows::PackageEntry;
use granary_storage::{Key, PackageKey};
use granary_testing::TestApp;
use serde_json::json;

use super::*;

/// Puts a package into a repository's list, as a publish would.
pub(crate) async fn list_package(app: &TestApp, repo: &str, kind: PackageType, name: &str) {
    let key = PackageKey { repo: repo.parse().unwrap(), kind, name: name.to_lowercase() };
    let entry = PackageEntry {
        name: name.into(),
        latest: Some("1.2.3".into()),
        description: Some(format!("About {name}")),
        keywords: Vec::new(),
        versions: 3,
        updated_at: Timestamp::from_millis(1_771_237_800_000),
        publisher: "ann".into(),
    };
    app.state().storage().put(&Key::PackageOf(key.clone()), &entry).await.unwrap();
    app.state().storage().add(&Key::DownloadTotal(key), "downloads", 7).await.unwrap();
}

#[tokio::test]
async fn settings_change_one_by_one() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    app.clock.advance_millis(1000);
    let patched = ann.patch_json("/api/repos/libs", &json!({ "description": "Words" })).await;
    expect(&patched, 200);
    let patched = patched.json();
    assert_eq!(patched["repo"]["description"], "Words");
    assert_eq!(patched["repo"]["visibility"], "private");
    assert_ne!(patched["repo"]["updatedAt"], patched["repo"]["createdAt"]);
    let patched = ann.patch_json("/api/repos/libs", &json!({ "packageTypes": ["npm", "raw"] })).await.json();
    assert_eq!(patched["repo"]["packageTypes"], json!(["npm", "raw"]));
    assert_eq!(patched["repo"]["description"], "Words");
    let patched = ann.patch_json("/api/repos/libs", &json!({ "description": null })).await.json();
    assert_eq!(patched["repo"]["description"], json!(null));
    let unchanged = ann.patch_json("/api/repos/libs", &json!({})).await;
    expect(&unchanged, 200);
    assert_eq!(unchanged.json(), patched);
    assert_eq!(
        actions(&app, "repo:libs").await,
        ["repo.create", "repo.update", "repo.update", "repo.update"]
    );
    for bad in [
        json!({ "name": "other" }),
        json!({ "ownerId": "eve" }),
        json!({ "members": {} }),
        json!({ "visibility": "everyone" }),
        json!({ "packageTypes": [] }),
        json!({ "description": 1 }),
        json!({ "kmpConfig": { "sourceType": "external", "sourceUrl": "https://repo.example/" } }),
    ] {
        expect(&ann.patch_json("/api/repos/libs", &bad).await, 400);
    }
    let mut unchanged = patched;
    unchanged["repo"]["role"] = json!("owner");
    assert_eq!(ann.get("/api/repos/libs").await.json(), unchanged);
}

#[tokio::test]
async fn a_type_with_packages_stays() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    expect(&ann.patch_json("/api/repos/libs", &json!({ "packageTypes": ["npm", "raw"] })).await, 200);
    list_package(&app, "libs", PackageType::Npm, "left-pad").await;
    let refused = ann.patch_json("/api/repos/libs", &json!({ "packageTypes": ["raw"] })).await;
    expect(&refused, 409);
    assert!(refused.error().contains("'npm'"), "{}", refused.error());
    let patched = ann.patch_json("/api/repos/libs", &json!({ "packageTypes": ["npm"] })).await.json();
    assert_eq!(patched["repo"]["packageTypes"], json!(["npm"]));
}

#[tokio::test]
async fn the_public_list_shows_what_is_public() {
    let app = TestApp::new().await;
    let ann = make_repo(&app, "ann", "open", "public").await;
    repo(&app, "ann", "closed").await;
    list_package(&app, "open", PackageType::Npm, "@scope/Name").await;
    list_package(&app, "open", PackageType::Raw, "tool").await;
    let package = |id: &str, name: &str, kind: &str, scope: Value| {
        json!({
            "id": id, "name": name, "packageType": kind, "latestVersion": "1.2.3",
            "description": format!("About {name}"), "scope": scope, "groupId": null, "artifactId": null,
            "downloadCount": 7, "versionCount": 3, "updatedAt": "2026-02-16T10:30:00.000Z",
        })
    };
    let expected = json!({ "repos": [{
        "id": "open", "name": "open", "description": null, "packageTypes": ["npm"], "visibility": "public",
        "packageCount": 0, "downloadCount": 0,
        "createdAt": "2026-09-21T14:13:20.000Z", "updatedAt": "2026-09-21T14:13:20.000Z",
        "packages": [
            package("npm:@scope/Name", "@scope/Name", "npm", json!("scope")),
            package("raw:tool", "tool", "raw", json!(null)),
        ],
    }] });
    assert_eq!(app.anonymous().get("/api/repos/public").await.json(), expected);
    assert_eq!(app.user("stranger").get("/api/repos/public").await.json(), expected);

    expect(&ann.patch_json("/api/repos/closed", &json!({ "visibility": "public" })).await, 200);
    expect(&ann.patch_json("/api/repos/open", &json!({ "visibility": "private" })).await, 200);
    assert_eq!(column(&app.anonymous().get("/api/repos/public").await, "repos", "id"), ["closed"]);
    expect(&app.anonymous().get("/api/repos/open").await, 401);
    expect(&ann.delete("/api/repos/closed").await, 200);
    assert_eq!(app.anonymous().get("/api/repos/public").await.json(), json!({ "repos": [] }));
}

#[tokio::test]
async fn the_public_list_comes_in_pages() {
    let app = TestApp::new().await;
    let names: Vec<String> = (0..7).map(|n| format!("repo-{n}")).collect();
    for name in &names {
        make_repo(&app, "ann", name, "public").await;
    }
    let (mut seen, mut query) = (Vec::new(), "limit=3".to_owned());
    for _ in 0..names.len() {
        let page = app.anonymous().get(&format!("/api/repos/public?{query}")).await;
        expect(&page, 200);
        seen.extend(column(&page, "repos", "id"));
        match page.json()["next"].as_str() {
            Some(next) => query = format!("limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, names);
    expect(&app.anonymous().get("/api/repos/public?cursor=%21").await, 400);
    expect(&app.anonymous().get("/api/repos/public?limit=x").await, 400);
}

#[tokio::test]
async fn builds_of_a_snapshot_that_are_kept() {
    let app = TestApp::new().await;
    let ann = app.user("ann");
    let body =
        json!({ "name": "jars", "packageTypes": ["maven"], "mavenConfig": { "keepSnapshotBuilds": 3 } });
    let made = ann.post_json("/api/repos", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["repo"]["mavenConfig"], json!({ "keepSnapshotBuilds": 3 }));
    let change = async |config| ann.patch_json("/api/repos/jars", &config).await;
    assert_eq!(change(json!({ "mavenConfig": { "keepSnapshotBuilds": 1000 } })).await.status, 200);
    assert_eq!(change(json!({ "description": "x" })).await.status, 200);
    let shown = ann.get("/api/repos/jars").await.json();
    assert_eq!(shown["repo"]["mavenConfig"]["keepSnapshotBuilds"], 1000);
    for bad in [json!(1), json!(1001), json!(2.5), json!("3"), json!(-3), json!(null)] {
        let response = change(json!({ "mavenConfig": { "keepSnapshotBuilds": bad } })).await;
        assert_eq!(response.status, 400, "{bad}");
        assert!(response.error().contains("keepSnapshotBuilds"), "{}", response.error());
    }
    assert_eq!(change(json!({ "mavenConfig": { "keep": 3 } })).await.status, 400);
    app.npm_repo("ann", "libs", "private").await;
    let other =
        ann.patch_json("/api/repos/libs", &json!({ "mavenConfig": { "keepSnapshotBuilds": 3 } })).await;
    assert_eq!(other.status, 400);
    assert!(other.error().contains("packageTypes"), "{}", other.error());
}
