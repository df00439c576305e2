//! The cooldown: versions of an upstream that are too young for anybody.

use granary_testing::TestResponse;
use granary_testing::npm::NpmPackage;
use granary_testing::upstream::Misbehaviour;
use serde_json::{Value, json};

use super::support::{Place, expect, place, place_with, version};
use crate::npm::support::{INSTALL, accepting, at, keys, packument, publish};

/// The clock stands at 2026-09-21T14:13:20Z: `1.1.0` is a day old and `2.0.0` an hour, `1.0.0` is from long ago.
async fn young(settings: Value) -> Place {
    let place = place_with("private", settings).await;
    publish_young(&place, "left-pad");
    place
}

fn publish_young(place: &Place, name: &str) {
    place.up.publish(&version(name, "1.0.0"));
    place.up.publish_at(&version(name, "1.1.0"), "2026-09-20T14:13:20.000Z");
    place.up.publish_at(&version(name, "2.0.0"), "2026-09-21T13:13:20.000Z");
    place.up.tag(name, "next", "2.0.0");
    place.up.tag(name, "old", "1.0.0");
}

#[track_caller]
fn is_cooling(answer: &TestResponse) {
    expect(answer, 403);
    assert_eq!(answer.json()["code"], "COOLDOWN");
    for part in ["left-pad@", "7 days", "cooldownExcept", "2026-09-2"] {
        assert!(answer.error().contains(part), "{part}: {}", answer.error());
    }
}

#[tokio::test]
async fn versions_that_are_too_young_are_left_out_of_both_forms_and_latest_is_an_older_one() {
    let place = young(json!({ "cooldownDays": 7 })).await;
    for accept in ["application/json", INSTALL] {
        let document = accepting(&place.ann, &at("left-pad"), accept).await.json();
        assert_eq!(keys(&document["versions"]), ["1.0.0"]);
        assert_eq!(document["dist-tags"], json!({ "latest": "1.0.0", "old": "1.0.0" }));
        assert_eq!(keys(&document["time"]), ["created", "modified", "1.0.0"]);
        assert_eq!(keys(&document["policyRestrictions"]["versions"]), ["1.1.0", "2.0.0"]);
        let message = document["policyRestrictions"]["message"].as_str().unwrap();
        assert!(message.contains("7 days"), "{message}");
    }
    assert_eq!(place.ann.get(&at("left-pad/latest")).await.json()["version"], "1.0.0");
    let tags = place.ann.get(&at("-/package/left-pad/dist-tags")).await.json();
    assert_eq!(tags, json!({ "latest": "1.0.0", "old": "1.0.0" }));
    expect(&place.tarball("left-pad", "1.0.0").await, 200);
    for path in
        ["left-pad/-/left-pad-1.1.0.tgz", "-/tarball/left-pad/2.0.0", "left-pad/2.0.0", "left-pad/1.1.0"]
    {
        is_cooling(&place.ann.get(&at(path)).await);
    }
    assert!(!place.asked().iter().any(|asked| asked.contains("2.0.0") || asked.contains("1.1.0")));
}

#[tokio::test]
async fn they_come_out_of_it_in_time_by_themselves() {
    let place = young(json!({ "cooldownDays": 7, "freshSeconds": 86400 })).await;
    let before = place.ann.get(&at("left-pad")).await;
    let day = 86_400;
    place.wait(6 * day - 1);
    is_cooling(&place.tarball("left-pad", "1.1.0").await);
    place.wait(2);
    expect(&place.tarball("left-pad", "1.1.0").await, 200);
    expect(&place.ann.get(&at("left-pad")).await, 200);
    place.app.settle().await;
    place.asked();
    let document = place.ann.get(&at("left-pad")).await;
    assert_ne!(document.header("etag"), before.header("etag"));
    assert_eq!(keys(&document.json()["versions"]), ["1.0.0", "1.1.0"]);
    assert_eq!(document.json()["dist-tags"], json!({ "latest": "1.1.0", "old": "1.0.0" }));
    // As soon as it is time, and not when the document is old: it is asked for, and has not changed.
    place.wait(day - 3_600 + 10);
    expect(&place.ann.get(&at("left-pad")).await, 200);
    place.app.settle().await;
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
    let document = packument(&place.ann, "left-pad").await;
    assert_eq!(keys(&document["versions"]), ["1.0.0", "1.1.0", "2.0.0"]);
    assert_eq!(document["dist-tags"], json!({ "latest": "2.0.0", "next": "2.0.0", "old": "1.0.0" }));
    assert_eq!(document.get("policyRestrictions"), None);
}

#[tokio::test]
async fn some_packages_are_exempt() {
    let place = young(json!({ "cooldownDays": 7, "cooldownExcept": ["@types/*", "right-pad"] })).await;
    for name in ["@types/node", "right-pad"] {
        publish_young(&place, name);
        let path = name.replace('/', "%2f");
        assert_eq!(keys(&packument(&place.ann, &path).await["versions"]).len(), 3, "{name}");
        expect(&place.tarball(&path, "2.0.0").await, 200);
    }
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]).len(), 1);
}

#[tokio::test]
async fn what_is_published_here_has_none() {
    let place = young(json!({ "cooldownDays": 365 })).await;
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
    let document = packument(&place.ann, "own").await;
    assert_eq!(document["dist-tags"], json!({ "latest": "1.0.0" }));
    assert_eq!(document.get("policyRestrictions"), None);
    expect(&place.tarball("own", "1.0.0").await, 200);
    expect(&place.ann.get(&at("own/1.0.0")).await, 200);
}

#[tokio::test]
async fn the_setting_acts_at_once() {
    let place = young(json!({})).await;
    let open = place.ann.get(&at("left-pad")).await;
    assert_eq!(keys(&open.json()["versions"]).len(), 3);
    expect(&place.tarball("left-pad", "2.0.0").await, 200);
    place.asked();
    place.set(json!({ "cooldownDays": 7 })).await;
    let known = [("if-none-match", open.header("etag"))];
    let closed = place.ann.get_with(&at("left-pad"), &known).await;
    expect(&closed, 200);
    assert_eq!(keys(&closed.json()["versions"]), ["1.0.0"]);
    assert_eq!(closed.json()["dist-tags"], json!({ "latest": "1.0.0", "old": "1.0.0" }));
    is_cooling(&place.tarball("left-pad", "2.0.0").await);
    is_cooling(&place.ann.get(&at("left-pad/2.0.0")).await);
    assert_eq!(place.ann.get(&at("left-pad/latest")).await.json()["version"], "1.0.0");
    place.set(json!({ "cooldownExcept": ["left-*"] })).await;
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]).len(), 3);
    expect(&place.tarball("left-pad", "2.0.0").await, 200);
    place.set(json!({ "cooldownExcept": [], "cooldownDays": 0 })).await;
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]).len(), 3);
    assert_eq!(place.asked(), Vec::<String>::new(), "all of it is here");
}

/// A document without any version, and with the reason.
fn tells_why(document: &Value) {
    assert!(keys(&document["versions"]).is_empty(), "{document}");
    let why = document["policyRestrictions"]["message"].as_str().unwrap();
    assert!(why.contains("younger than the 7 days"), "{why}");
}

#[tokio::test]
async fn a_package_all_of_which_is_too_young_is_there_as_soon_as_the_rule_is_another() {
    let place = place_with("private", json!({ "cooldownDays": 7 })).await;
    place.up.publish_at(&version("left-pad", "2.0.0"), "2026-09-21T13:13:20.000Z");
    for _ in 0..2 {
        tells_why(&packument(&place.ann, "left-pad").await);
        is_cooling(&place.tarball("left-pad", "2.0.0").await);
    }
    place.set(json!({ "cooldownDays": 0 })).await;
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["2.0.0"]);
    expect(&place.tarball("left-pad", "2.0.0").await, 200);
    // And gone as soon as it is the first one again.
    place.set(json!({ "cooldownDays": 7 })).await;
    is_cooling(&place.tarball("left-pad", "2.0.0").await);
    tells_why(&packument(&place.ann, "left-pad").await);
    // Nobody else gets the name meanwhile.
    expect(&place.ann.publish("libs", &NpmPackage::new("left-pad", "9.0.0")).await, 409);
}

#[tokio::test]
async fn a_cooldown_ends_even_while_the_upstream_is_down() {
    let place = young(json!({ "cooldownDays": 7 })).await;
    packument(&place.ann, "left-pad").await;
    place.up.misbehave("/npm/left-pad", Some(Misbehaviour::Status(500)));
    place.wait(8 * 86_400);
    expect(&place.ann.get(&at("left-pad")).await, 200);
    place.app.settle().await;
    // It is served as it was, and what is asked for by its number is judged by its age.
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["1.0.0"]);
    expect(&place.tarball("left-pad", "2.0.0").await, 503);
    place.up.misbehave("/npm/left-pad", None);
    place.wait(60);
    expect(&place.tarball("left-pad", "2.0.0").await, 200);
    expect(&place.ann.get(&at("left-pad")).await, 200);
    place.app.settle().await;
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]).len(), 3);
}

#[tokio::test]
async fn a_version_whose_registry_says_no_time_or_a_time_to_come_is_as_old_as_it_is_known() {
    let place = place_with("private", json!({ "cooldownDays": 7 })).await;
    for (name, time) in
        [("timeless", None), ("future", Some("2036-01-01T00:00:00.000Z")), ("nonsense", Some("soon"))]
    {
        place.up.publish(&version(name, "1.0.0"));
        place.up.edit(name, |document| match time {
            None => document["time"] = json!({}),
            Some(time) => document["time"]["1.0.0"] = time.into(),
        });
        tells_why(&packument(&place.ann, name).await);
        expect(&place.tarball(name, "1.0.0").await, 403);
    }
    place.wait(7 * 86_400 + 1);
    for name in ["timeless", "future", "nonsense"] {
        tells_why(&packument(&place.ann, name).await);
        place.app.settle().await;
        assert_eq!(keys(&packument(&place.ann, name).await["versions"]), ["1.0.0"], "{name}");
        expect(&place.tarball(name, "1.0.0").await, 200);
    }
}

#[tokio::test]
async fn pre_releases_and_deprecated_versions_are_latest_only_where_there_is_nothing_better() {
    let place = place().await;
    for number in ["1.0.0", "1.2.0", "1.3.0-rc.1"] {
        place.up.publish(&version("left-pad", number));
    }
    place.up.deprecate("left-pad", "1.2.0", "broken");
    place.up.publish_at(&version("left-pad", "1.4.0"), "2026-09-21T13:13:20.000Z");
    place.set(json!({ "cooldownDays": 1 })).await;
    assert_eq!(packument(&place.ann, "left-pad").await["dist-tags"]["latest"], "1.0.0");
}
