//! Packages at the edge of what a row holds: taken whole, or refused with the reason.

use granary_testing::npm::NpmPackage;
use serde_json::{Value, json};

use super::support::{at, keys, packument, private, publish, publish_all};

#[tokio::test]
async fn a_description_of_any_length_is_kept_and_lists_show_its_beginning() {
    let (app, ann) = private().await;
    let long = "long \u{e4} ".repeat(60_000);
    publish(&ann, &NpmPackage::new("pad", "1.0.0").member("description", long.as_str().into())).await;
    assert_eq!(packument(&ann, "pad").await["description"], long);
    let shown =
        ann.get(&at("-/v1/search?text=pad")).await.json()["objects"][0]["package"]["description"].clone();
    let shown = shown.as_str().unwrap();
    assert!(long.starts_with(shown) && shown.len() < 5_000 && shown.len() > 500, "{} bytes", shown.len());
    // Also where `latest` comes to it without a publish.
    publish_all(&ann, "pad", &["2.0.0"]).await;
    let tag = ann.put_json(&at("-/package/pad/dist-tags/latest"), &"1.0.0".into()).await;
    assert_eq!(tag.status, 201, "{}", tag.text());
    app.check_consistency("libs").await;
}

#[tokio::test]
async fn tags_are_bounded_however_they_come() {
    let (app, ann) = private().await;
    let mut body = NpmPackage::new("pad", "1.0.0").body();
    // With `latest` that makes 500.
    body["dist-tags"] =
        (0..499).map(|n| (format!("tag-{n}"), json!("1.0.0"))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(ann.put_json(&at("pad"), &body).await.status, 201);
    assert_eq!(keys(&packument(&ann, "pad").await["dist-tags"]).len(), 500);
    let before = app.check_consistency("libs").await;
    let publish_another = ann.publish("libs", &NpmPackage::new("pad", "1.1.0").tag("one-more")).await;
    let set_another = ann.put_json(&at("-/package/pad/dist-tags/one-more"), &"1.0.0".into()).await;
    for response in [publish_another, set_another] {
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(response.error().contains("500 dist-tags"), "{}", response.text());
        assert_eq!(app.check_consistency("libs").await, before);
    }
    publish(&ann, &NpmPackage::new("pad", "1.1.0").tag("tag-7")).await;
    assert_eq!(ann.put_json(&at("-/package/pad/dist-tags/tag-8"), &"1.1.0".into()).await.status, 201);
    let mut flood = NpmPackage::new("flood", "1.0.0").body();
    flood["dist-tags"] =
        (0..501).map(|n| (format!("tag-{n}"), json!("1.0.0"))).collect::<serde_json::Map<_, _>>().into();
    let response = ann.put_json(&at("flood"), &flood).await;
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(ann.get(&at("flood")).await.status, 404);
}

#[tokio::test]
async fn the_longest_name_and_version_work_everywhere() {
    let (app, ann) = private().await;
    let name = format!("@{}/{}", "s".repeat(106), "n".repeat(106));
    assert_eq!(name.len(), 214);
    let version = format!("1.0.0-{}", "a".repeat(250));
    publish(&ann, &NpmPackage::new(&name, &version)).await;
    let path = name.replace('/', "%2f");
    assert_eq!(keys(&packument(&ann, &path).await["versions"]), [version.as_str()]);
    let tarball = ann.get(&at(&format!("{path}/-/{}-{version}.tgz", "n".repeat(106)))).await;
    assert_eq!(tarball.body.to_vec(), NpmPackage::new(&name, &version).tarball());
    app.settle().await;
    assert_eq!(ann.delete(&at(&format!("{path}/-rev/undefined"))).await.status, 200);
    assert_eq!(app.check_consistency("libs").await.tombstones, [format!("{name}@{version}")]);
}

#[tokio::test]
async fn long_readmes_are_cut_and_large_manifests_kept() {
    let (_app, ann) = private().await;
    let mut package = NpmPackage::new("pad", "1.0.0");
    package.files.retain(|(name, _)| name != "README.md");
    let dependencies: serde_json::Map<String, Value> =
        (0..5_000).map(|n| (format!("dependency-{n}"), json!("^1.0.0"))).collect();
    let package = package
        .file("README.md", "x".repeat(500_000).as_bytes())
        .member("dependencies", dependencies.into())
        .member("keywords", (0..2_000).map(|n| json!(format!("keyword-{n}"))).collect::<Vec<_>>().into());
    publish(&ann, &package).await;
    let document = packument(&ann, "pad").await;
    assert_eq!(document["readme"].as_str().unwrap().len(), 65_536);
    assert_eq!(document["versions"]["1.0.0"]["dependencies"].as_object().unwrap().len(), 5_000);
    assert_eq!(document["keywords"].as_array().unwrap().len(), 2_000);
    let hit = ann.get(&at("-/v1/search?text=pad")).await.json()["objects"][0]["package"].clone();
    assert_eq!(hit["keywords"].as_array().unwrap().len(), 50, "lists show the first ones");
}

#[tokio::test]
async fn many_owners_fit() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let mut owners = vec![json!({ "name": "ann" })];
    for n in 0..20 {
        let user = format!("{}-{n}", "u".repeat(120));
        app.add_member("ann", "libs", &user, "read").await;
        owners.push(json!({ "name": user }));
    }
    let response = ann.put_json(&at("pad/-rev/undefined"), &json!({ "maintainers": owners })).await;
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(packument(&ann, "pad").await["maintainers"].as_array().unwrap().len(), 21);
}
