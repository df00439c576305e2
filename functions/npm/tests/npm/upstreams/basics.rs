//! What comes from an upstream is what the upstream has, and is fetched once.

use granary_testing::npm::NpmPackage;
use serde_json::json;

use super::support::{place, version};
use crate::npm::support::{INSTALL, accepting, at, keys, packument, publish};

#[tokio::test]
async fn a_package_is_fetched_once_in_both_forms() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.publish(&version("left-pad", "1.1.0"));
    let first = place.ann.get(&at("left-pad")).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(
        first.header("cache-status").starts_with("granary; fwd=uri-miss; stored; ttl=300"),
        "{}",
        first.header("cache-status")
    );
    let full = first.json();
    assert_eq!(keys(&full["versions"]), ["1.0.0", "1.1.0"]);
    assert_eq!(full["dist-tags"], json!({ "latest": "1.1.0" }));
    assert_eq!(
        full["versions"]["1.0.0"]["dist"]["tarball"],
        "http://localhost:8080/api/npm/libs/-/tarball/left-pad/1.0.0"
    );
    assert!(full["versions"]["1.0.0"]["dist"]["signatures"][0]["sig"].is_string());
    let abbreviated = accepting(&place.ann, &at("left-pad"), INSTALL).await;
    assert_eq!(abbreviated.header("cache-status"), "granary; hit; ttl=300; detail=\"upstream public\"");
    assert_eq!(keys(&abbreviated.json()["versions"]), ["1.0.0", "1.1.0"]);
    assert_eq!(place.up.asked(), ["GET /npm/left-pad"]);
    let request = &place.up.requests()[0];
    assert_eq!(request.header("authorization"), None, "the client's token goes nowhere");
    let tag = first.header("etag").to_owned();
    let again = place.ann.get_with(&at("left-pad"), &[("if-none-match", &tag)]).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn a_tarball_is_verified_and_kept() {
    let place = place().await;
    let package = version("@s/left-pad", "1.0.0");
    place.up.publish(&package);
    let full = packument(&place.ann, "@s%2fleft-pad").await;
    let integrity = full["versions"]["1.0.0"]["dist"]["integrity"].as_str().unwrap();
    for path in ["-/tarball/@s%2fleft-pad/1.0.0", "@s%2fleft-pad/-/left-pad-1.0.0.tgz"] {
        let got = place.ann.get(&at(path)).await;
        assert_eq!(got.status, 200, "{}", got.text());
        assert_eq!(granary_publish::digests::Digests::of(&got.body).integrity(), integrity);
    }
    let tarballs = place.up.asked().into_iter().filter(|asked| asked.contains(".tgz")).count();
    assert_eq!(tarballs, 1);
    place.up.remove("@s/left-pad");
    assert_eq!(place.ann.get(&at("-/tarball/@s%2fleft-pad/1.0.0")).await.status, 200);
}

#[tokio::test]
async fn a_tarball_may_be_the_first_thing_that_is_asked_for() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    let got = place.ann.get(&at("left-pad/-/left-pad-1.0.0.tgz")).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(place.ann.get(&at("left-pad/-/left-pad-9.9.9.tgz")).await.status, 404);
    assert_eq!(place.ann.get(&at("nothing/-/nothing-1.0.0.tgz")).await.status, 404);
}

#[tokio::test]
async fn what_is_published_here_and_what_is_not_stand_side_by_side() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    publish(&place.ann, &NpmPackage::new("@acme/tool", "1.0.0")).await;
    assert_eq!(packument(&place.ann, "left-pad").await["name"], "left-pad");
    assert_eq!(packument(&place.ann, "@acme%2ftool").await["name"], "@acme/tool");
    assert_eq!(place.up.asked(), ["GET /npm/left-pad"], "nobody was asked for what is published here");
    let missing = place.ann.get(&at("nothing")).await;
    assert_eq!((missing.status, missing.error().as_str()), (404, "package 'nothing' not found"));
}

#[tokio::test]
async fn one_manifest_and_the_tags_are_answered_too() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.publish(&version("left-pad", "2.0.0-rc.1").tag("next"));
    for (selector, expected) in [("latest", "1.0.0"), ("next", "2.0.0-rc.1"), ("1.0.0", "1.0.0")] {
        let manifest = place.ann.get(&at(&format!("left-pad/{selector}"))).await;
        assert_eq!(manifest.status, 200, "{}", manifest.text());
        assert_eq!(manifest.json()["version"], expected);
    }
    assert_eq!(place.ann.get(&at("left-pad/3.0.0")).await.status, 404);
    let tags = place.ann.get(&at("-/package/left-pad/dist-tags")).await.json();
    assert_eq!(tags, json!({ "latest": "1.0.0", "next": "2.0.0-rc.1" }));
}

#[tokio::test]
async fn names_that_differ_by_case_alone_are_two_packages_upstream() {
    let place = place().await;
    place.up.publish(&version("JSONStream", "1.0.0"));
    place.up.publish(&version("jsonstream", "2.0.0"));
    assert_eq!(keys(&packument(&place.ann, "JSONStream").await["versions"]), ["1.0.0"]);
    assert_eq!(keys(&packument(&place.ann, "jsonstream").await["versions"]), ["2.0.0"]);
    let tarball = place.ann.get(&at("JSONStream/-/JSONStream-1.0.0.tgz")).await;
    assert_eq!(tarball.status, 200, "{}", tarball.text());
    assert_eq!(place.ann.get(&at("JSONStream/-/JSONStream-1.0.0.tgz")).await.status, 200);
    assert_eq!(keys(&packument(&place.ann, "JSONStream").await["versions"]), ["1.0.0"]);
}
