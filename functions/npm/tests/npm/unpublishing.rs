//! Deleting versions and packages.

use std::time::Duration;

use granary_testing::npm::NpmPackage;
use granary_testing::probe::{Fault, Service, Target};
use serde_json::{Value, json};

use super::support::{at, for_write, keys, packument, private, publish, publish_all};

/// 45 versions: more than fit into two transactions.
fn many() -> Vec<String> {
    (0..45).map(|n| format!("1.{n}.0")).collect()
}

#[tokio::test]
async fn one_version_as_npm_does_it() {
    let (app, ann) = private().await;
    publish_all(&ann, "@acme/pad", &["1.0.0", "1.1.0", "2.0.0-rc.1"]).await;
    let mut package = for_write(&ann, "@acme%2fpad").await;
    let rev = package["_rev"].as_str().unwrap().to_owned();
    let tarball = package["versions"]["1.1.0"]["dist"]["tarball"].as_str().unwrap().to_owned();
    package["versions"].as_object_mut().unwrap().remove("1.1.0");
    package["dist-tags"] = json!({ "latest": "1.0.0" });
    let put = ann.put_json(&at(&format!("@acme%2fpad/-rev/{rev}")), &package).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let again = for_write(&ann, "@acme%2fpad").await;
    assert_ne!(again["_rev"], rev);
    // npm takes the path of this one from the tarball's address.
    let path = tarball.strip_prefix(granary_testing::PUBLIC_URL).unwrap();
    let deleted = ann.delete(&format!("{path}/-rev/{}", again["_rev"].as_str().unwrap())).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let document = packument(&ann, "@acme%2fpad").await;
    assert_eq!(keys(&document["versions"]), ["1.0.0", "2.0.0-rc.1"]);
    assert_eq!(keys(&document["time"]), ["created", "modified", "1.0.0", "2.0.0-rc.1"]);
    assert_eq!(ann.get(path).await.status, 404);
    let stored = app.check_consistency("libs").await;
    assert_eq!(stored.tombstones, ["@acme/pad@1.1.0"]);
    assert_eq!(
        app.audit("repo:libs").await.iter().filter(|row| row["action"] == "package.unpublish").count(),
        1
    );
}

#[tokio::test]
async fn latest_falls_back_to_the_highest_stable_version() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1", "1.11.0"]).await;
    publish(&ann, &NpmPackage::new("pad", "3.0.0-rc.1").tag("next")).await;
    for (version, latest) in
        [("1.11.0", "1.10.0"), ("1.10.0", "1.9.0"), ("1.9.0", "1.0.0"), ("1.0.0", "3.0.0-rc.1")]
    {
        let path = at(&format!("pad/-/pad-{version}.tgz/-rev/undefined"));
        assert_eq!(ann.delete(&path).await.status, 200);
        let document = packument(&ann, "pad").await;
        assert_eq!(document["dist-tags"], json!({ "latest": latest, "next": "3.0.0-rc.1" }), "{version}");
        app.check_consistency("libs").await;
    }
    // A tag of a deleted version goes with it.
    assert_eq!(ann.delete(&at("pad/-/pad-3.0.0-rc.1.tgz/-rev/undefined")).await.status, 200);
    assert_eq!(packument(&ann, "pad").await["dist-tags"], json!({ "latest": "2.0.0-rc.1" }));
}

#[tokio::test]
async fn the_description_follows_latest() {
    let (_app, ann) = private().await;
    publish(
        &ann,
        &NpmPackage::new("pad", "1.0.0").member("description", "old".into()).member("keywords", json!(["a"])),
    )
    .await;
    publish(
        &ann,
        &NpmPackage::new("pad", "2.0.0").member("description", "new".into()).member("keywords", json!(["b"])),
    )
    .await;
    let listed = async || {
        let hit = ann.get(&at("-/v1/search?text=pad")).await.json()["objects"][0]["package"].clone();
        (hit["version"].clone(), hit["description"].clone(), hit["keywords"].clone())
    };
    assert_eq!(listed().await, (json!("2.0.0"), json!("new"), json!(["b"])));
    let tag = at("-/package/pad/dist-tags/latest");
    assert_eq!(ann.put_json(&tag, &"1.0.0".into()).await.status, 201);
    assert_eq!(listed().await, (json!("1.0.0"), json!("old"), json!(["a"])));
    assert_eq!(ann.delete(&at("pad/-/pad-1.0.0.tgz/-rev/undefined")).await.status, 200);
    assert_eq!(listed().await, (json!("2.0.0"), json!("new"), json!(["b"])));
}

#[tokio::test]
async fn a_whole_package_of_any_number_of_versions() {
    let (app, ann) = private().await;
    let versions = many();
    publish_all(&ann, "pad", &versions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let rev = for_write(&ann, "pad").await["_rev"].as_str().unwrap().to_owned();
    let deleted = ann.delete(&at(&format!("pad/-rev/{rev}"))).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let stored = app.check_consistency("libs").await;
    assert_eq!((stored.live.len(), stored.tombstones.len()), (0, 45));
    for path in [
        "pad",
        "pad?write=true",
        "pad/1.0.0",
        "pad/latest",
        "-/package/pad/dist-tags",
        "pad/-/pad-1.44.0.tgz",
    ] {
        assert_eq!(ann.get(&at(path)).await.status, 404, "{path}");
    }
    assert_eq!(ann.get(&at("-/v1/search?text=pad")).await.json()["total"], 0);
    assert_eq!(ann.delete(&at(&format!("pad/-rev/{rev}"))).await.status, 404, "npm takes that for a success");
}

#[tokio::test]
async fn many_versions_by_one_request() {
    let (app, ann) = private().await;
    let versions = many();
    publish_all(&ann, "pad", &versions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut package = for_write(&ann, "pad").await;
    let rev = package["_rev"].as_str().unwrap().to_owned();
    package["versions"] = json!({ "1.7.0": {} });
    let put = ann.put_json(&at(&format!("pad/-rev/{rev}")), &package).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let document = packument(&ann, "pad").await;
    assert_eq!(
        (keys(&document["versions"]), &document["dist-tags"]),
        (vec!["1.7.0"], &json!({ "latest": "1.7.0" }))
    );
    assert_eq!(app.check_consistency("libs").await.tombstones.len(), 44);
}

#[tokio::test]
async fn a_change_on_the_basis_of_an_old_revision_is_refused() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    let mut package = for_write(&ann, "pad").await;
    let stale = package["_rev"].as_str().unwrap().to_owned();
    package["versions"].as_object_mut().unwrap().remove("1.0.0");
    // Meanwhile somebody publishes, and the body would delete that version as well.
    publish(&ann, &NpmPackage::new("pad", "1.2.0")).await;
    app.add_member("ann", "libs", "bob", "read").await;
    let owners = json!({ "maintainers": [{ "name": "bob" }] });
    let before = app.check_consistency("libs").await;
    for (method, body) in [("PUT", &package), ("PUT", &owners), ("DELETE", &Value::Null)] {
        let response = ann.json(method, &at(&format!("pad/-rev/{stale}")), body).await;
        assert_eq!(
            (response.status, response.json()["code"].as_str()),
            (409, Some("CONFLICT")),
            "{}",
            response.text()
        );
        assert_eq!(app.check_consistency("libs").await, before);
    }
    // Clients that never saw a revision say so literally.
    let deleted = ann.delete(&at("pad/-rev/undefined")).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert!(app.check_consistency("libs").await.live.is_empty());
}

#[tokio::test]
async fn a_repeated_request_has_the_effect_of_one() {
    let (app, ann) = private().await;
    app.add_member("ann", "libs", "bob", "read").await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    let package = for_write(&ann, "pad").await;
    let rev = package["_rev"].as_str().unwrap().to_owned();
    let mut shrunk = package.clone();
    shrunk["versions"].as_object_mut().unwrap().remove("1.0.0");
    let mut deprecated = package;
    deprecated["versions"]["1.1.0"]["deprecated"] = "old".into();
    // The revision in all of them is that of before the first of them.
    let owners = json!({ "maintainers": [{ "name": "ann" }, { "name": "bob" }] });
    for (path, body) in
        [(format!("pad/-rev/{rev}"), shrunk), ("pad".into(), deprecated), (format!("pad/-rev/{rev}"), owners)]
    {
        let fresh = for_write(&ann, "pad").await["_rev"].as_str().unwrap().to_owned();
        let mut first = body.clone();
        first["_rev"] = fresh.as_str().into();
        let answer = ann.put_json(&at(&path.replace(&rev, &fresh)), &first).await;
        assert!(answer.status < 300, "{path}: {}", answer.text());
        let after = app.check_consistency("libs").await;
        let again = ann.put_json(&at(&path), &body).await;
        assert!(again.status < 300, "{path}: {}", again.text());
        assert_eq!(app.check_consistency("libs").await, after, "{path}");
    }
}

#[tokio::test]
async fn a_body_of_unpublishing_changes_nothing_but_what_is_missing_from_it() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0", "1.2.0"]).await;
    let before = packument(&ann, "pad").await;
    let mut package = for_write(&ann, "pad").await;
    package["versions"].as_object_mut().unwrap().remove("1.0.0");
    package["versions"]["1.1.0"]["dependencies"] = json!({ "evil": "1.0.0" });
    package["versions"]["1.1.0"]["deprecated"] = "a lie".into();
    package["versions"]["9.9.9"] = json!({ "name": "pad", "version": "9.9.9" });
    package["dist-tags"] = json!({ "latest": "1.1.0", "evil": "1.1.0" });
    package["maintainers"] = json!([{ "name": "mallory" }]);
    package["time"] = json!({});
    package["readme"] = "evil".into();
    assert_eq!(ann.put_json(&at("pad/-rev/undefined"), &package).await.status, 200);
    let mut expected = before.clone();
    expected["versions"].as_object_mut().unwrap().remove("1.0.0");
    expected["time"].as_object_mut().unwrap().remove("1.0.0");
    let mut after = packument(&ann, "pad").await;
    for document in [&mut expected, &mut after] {
        document["_rev"] = Value::Null;
        document["modified"] = Value::Null;
        document["time"]["modified"] = Value::Null;
    }
    assert_eq!(after, expected);
    app.check_consistency("libs").await;
}

#[tokio::test]
async fn a_body_without_any_version_deletes_nothing() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    let before = app.check_consistency("libs").await;
    for versions in [json!({}), json!({ "9.9.9": {} })] {
        let response =
            ann.put_json(&at("pad/-rev/undefined"), &json!({ "name": "pad", "versions": versions })).await;
        assert_eq!(response.status, 400, "{}", response.text());
    }
    assert_eq!(app.check_consistency("libs").await, before);
}

#[tokio::test]
async fn deleting_what_is_gone_is_a_success_and_what_never_was_harmless() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    assert_eq!(ann.delete(&at("pad/-/pad-1.0.0.tgz/-rev/undefined")).await.status, 200);
    let before = app.check_consistency("libs").await;
    for version in ["1.0.0", "9.9.9"] {
        assert_eq!(
            ann.delete(&at(&format!("pad/-/pad-{version}.tgz/-rev/undefined"))).await.status,
            200,
            "{version}"
        );
    }
    assert_eq!(ann.delete(&at("unknown/-/unknown-1.0.0.tgz/-rev/undefined")).await.status, 200);
    assert_eq!(app.check_consistency("libs").await, before);
}

/// Runs a deletion that is held up where it reads the versions, and a publish in the meantime.
async fn overtaken(method: &'static str, body: Value) {
    for seconds in [1, 4, 16, 64] {
        let (app, ann) = private().await;
        publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
        app.probe.reset();
        app.probe.inject(
            Target::operation(Service::DynamoDb, "Query", 1),
            Fault::Delay(Duration::from_secs(seconds)),
        );
        let (actor, body) = (ann.clone(), body.clone());
        let deletion =
            tokio::spawn(async move { actor.json(method, &at("pad/-rev/undefined"), &body).await });
        let reading =
            || app.probe.calls().iter().any(|call| call.operation == "Query" && call.ended.is_none());
        for _ in 0..2_000 {
            if reading() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        publish(&ann, &NpmPackage::new("pad", "1.2.0")).await;
        if !reading() {
            // The machine was so busy that the publish did not come in between.
            continue;
        }
        let response = deletion.await.unwrap();
        let stored = app.check_consistency("libs").await;
        assert!(stored.live.contains(&"pad@1.2.0".to_owned()), "{method}: an acknowledged publish was lost");
        assert_eq!((response.status, stored.live.len()), (409, 3), "{method}: {}", response.text());
        return;
    }
    panic!("the publish never came in between");
}

#[tokio::test]
async fn a_version_that_is_published_while_others_are_deleted_stays() {
    overtaken("PUT", json!({ "name": "pad", "versions": { "1.1.0": {} } })).await;
    overtaken("DELETE", Value::Null).await;
}
