//! Looking for packages.

use granary_model::PackageType;
use granary_storage::Key;
use granary_storage::rows::PackageEntry;
use granary_testing::composer::{archive, manifest};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::support::{REPO, at, names, shop};

async fn stocked() -> (TestApp, Actor) {
    let (app, ann) = shop().await;
    for (name, kind, description) in [
        ("acme/tool", "library", "Hammers and nails"),
        ("acme/theme", "wordpress-theme", "Looks good with nails"),
        ("other/tool", "library", "Saws"),
    ] {
        let mut manifest = manifest(name, "1.0.0");
        manifest["type"] = kind.into();
        manifest["description"] = description.into();
        manifest["keywords"] = json!(["Iron"]);
        app.try_publish_composer(REPO, name, "1.0.0", &archive(&manifest), None).await.unwrap();
    }
    (app, ann)
}

async fn found(actor: &Actor, query: &str) -> Vec<Value> {
    let answer = actor.get(&at(&format!("search.json?{query}"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert_eq!(answer.json()["total"], results.len());
    results.into_iter().map(|one| one["name"].clone()).collect()
}

async fn listed(actor: &Actor, query: &str) -> Value {
    actor.get(&at(&format!("list.json?{query}"))).await.json()["packageNames"].clone()
}

#[tokio::test]
async fn packages_are_found_by_words_and_type() {
    let (_app, ann) = stocked().await;
    assert_eq!(names(&ann).await, ["acme/theme", "acme/tool", "other/tool"]);
    assert_eq!(found(&ann, "q=tool").await, ["acme/tool", "other/tool"]);
    assert_eq!(found(&ann, "q=nails").await, ["acme/theme", "acme/tool"]);
    assert_eq!(found(&ann, "q=IRON+tool+saws").await, ["other/tool"]);
    assert_eq!(found(&ann, "q=iron&type=wordpress-theme").await, ["acme/theme"]);
    assert_eq!(found(&ann, "q=&type=library").await, ["acme/tool", "other/tool"]);
    assert!(found(&ann, "q=none").await.is_empty() && found(&ann, "q=&type=metapackage").await.is_empty());
    let hit = ann.get(&at("search.json?q=saws")).await.json()["results"][0].clone();
    assert_eq!(hit, json!({ "name": "other/tool", "description": "Saws" }));
}

#[tokio::test]
async fn packages_are_listed_by_pattern_and_vendor() {
    let (_app, ann) = stocked().await;
    assert_eq!(listed(&ann, "filter=acme/*").await, json!(["acme/theme", "acme/tool"]));
    assert_eq!(listed(&ann, "filter=*/tool").await, json!(["acme/tool", "other/tool"]));
    assert_eq!(listed(&ann, "filter=ACME%2Ft*l").await, json!(["acme/tool"]));
    assert_eq!(listed(&ann, "vendor=other").await, json!(["other/tool"]));
    assert_eq!(listed(&ann, "vendor=acme&filter=*tool").await, json!(["acme/tool"]));
    assert_eq!(listed(&ann, "vendor=acm").await, json!([]));
    for query in
        [format!("search.json?q={}", "x".repeat(300)), format!("list.json?filter={}", "*".repeat(300))]
    {
        assert_eq!(ann.get(&at(&query)).await.status, 400);
    }
}

#[tokio::test]
async fn a_package_without_versions_is_nowhere() {
    let (app, ann) = stocked().await;
    let owned = app.owned(REPO, "acme/tool").await.unwrap();
    let now = app.state().now();
    granary_publish::composer::withdraw::bury_version(owned.target(&app), now, "1.0.0.0", None)
        .await
        .unwrap();
    assert_eq!(names(&ann).await, ["acme/theme", "other/tool"]);
    assert_eq!(ann.get(&at("p2/acme/tool.json")).await.status, 404);
}

#[tokio::test]
async fn a_very_large_repository_does_not_list_its_packages_in_the_root() {
    let (app, ann) = stocked().await;
    let storage = app.state().storage();
    let packages = (0..1_200).map(|n| app.key_of(REPO, PackageType::Composer, &format!("many/p{n:04}")));
    let now = app.state().now();
    let rows = packages.map(|package| async move {
        let row = PackageEntry {
            name: package.name.clone(),
            latest: Some("1.0.0".into()),
            description: None,
            keywords: Vec::new(),
            versions: 1,
            updated_at: now,
            publisher: String::new(),
        };
        storage.put(&Key::PackageOf(package), &row).await.unwrap();
    });
    futures::future::join_all(rows).await;
    let root = ann.get(&at("packages.json")).await.json();
    assert!(root.get("available-packages").is_none() && root.get("metadata-url").is_some());
    assert_eq!(listed(&ann, "").await.as_array().unwrap().len(), 1_203);
    // A customer's list is bounded by what the customer has.
    let customer = app.licence("ann", &["acme/tool"], |_| ()).await.actor;
    assert_eq!(names(&customer).await, ["acme/tool"]);
}
