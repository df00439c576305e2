//! An upstream that is taken away, or becomes another registry.

use std::time::Duration;

use granary_testing::npm::NpmPackage;
use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use serde_json::json;

use super::support::{Place, asked, expect, place, version};
use crate::npm::support::{at, keys, packument, publish};

/// Asks for everything of `tool`, of which nothing may be there.
async fn nothing_of_tool(place: &Place) {
    for path in [
        "tool",
        "tool?write=true",
        "tool/1.0.0",
        "tool/latest",
        "tool/-/tool-1.0.0.tgz",
        "-/tarball/tool/1.0.0",
        "-/package/tool/dist-tags",
    ] {
        let answer = place.ann.get(&at(path)).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
}

async fn with_tool() -> Place {
    let place = place().await;
    place.up.publish(&version("tool", "1.0.0"));
    packument(&place.ann, "tool").await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
    place
}

#[tokio::test]
async fn what_came_from_an_upstream_goes_with_it_at_once() {
    let place = with_tool().await;
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
    place.asked();
    place.disconnect().await;
    nothing_of_tool(&place).await;
    let cold = place.app.restarted();
    expect(&cold.token(place.ann.secret()).get(&at("-/tarball/tool/1.0.0")).await, 404);
    place.app.settle().await;
    nothing_of_tool(&place).await;
    assert_eq!(place.asked(), Vec::<String>::new());
    expect(&place.tarball("own", "1.0.0").await, 200);
    // The bytes go as well, once nobody can be reading them any more.
    place.wait(3_601);
    granary_events::sweep_blobs(place.app.state()).await.unwrap();
    let stored = place.app.check_consistency("libs").await;
    assert_eq!(stored.blobs.len(), 1, "{:?}", stored.blobs);
}

#[tokio::test]
async fn its_names_are_free_afterwards() {
    let place = with_tool().await;
    place.disconnect().await;
    place.app.settle().await;
    place.wait(10);
    publish(&place.ann, &NpmPackage::new("tool", "1.0.0")).await;
    place.app.settle().await;
    let document = packument(&place.ann, "tool").await;
    assert_eq!(keys(&document["versions"]), ["1.0.0"]);
    let created = document["time"]["created"].as_str().unwrap();
    assert!(created.starts_with("2026-09-21"), "it is new: {created}");
    let tarball = place.tarball("tool", "1.0.0").await;
    assert_eq!(tarball.body.to_vec(), NpmPackage::new("tool", "1.0.0").tarball());
    // From now on it is owned here, whatever upstream there is.
    place.connect("public", json!({})).await;
    place.asked();
    place.wait(1_000);
    assert_eq!(packument(&place.ann, "tool").await, document);
    expect(&place.tarball("tool", "9.9.9").await, 404);
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_next_upstream_may_have_its_names() {
    for settled in [true, false] {
        let place = with_tool().await;
        place.disconnect().await;
        if settled {
            place.app.settle().await;
        }
        let second = FakeUpstream::start().await;
        second.publish(&version("tool", "1.0.0").file("package/other.js", b"other"));
        second.publish(&version("tool", "2.0.0"));
        place.connect_to("second", &second, json!({})).await;
        place.asked();
        let document = packument(&place.ann, "tool").await;
        assert_eq!(keys(&document["versions"]), ["1.0.0", "2.0.0"], "{settled}");
        place.app.settle().await;
        let tarball = place.tarball("tool", "1.0.0").await;
        assert_eq!(tarball.status, 200, "{settled}: {}", tarball.text());
        assert_eq!(
            granary_publish::digests::Digests::of(&tarball.body).integrity(),
            document["versions"]["1.0.0"]["dist"]["integrity"].as_str().unwrap(),
            "the bytes of the one that it comes from now"
        );
        assert_eq!(place.asked(), Vec::<String>::new());
        place.app.settle().await;
        expect(&place.tarball("tool", "1.0.0").await, 200);
    }
}

#[tokio::test]
async fn another_address_is_another_upstream() {
    let place = with_tool().await;
    let second = FakeUpstream::start().await;
    second.publish(&version("tool", "1.0.0").file("package/other.js", b"other"));
    second.publish(&version("tool", "3.0.0"));
    place.set(json!({ "url": second.npm_url() })).await;
    place.asked();
    // Before anything is cleared: nothing of the one before is mixed in.
    let document = packument(&place.ann, "tool").await;
    assert_eq!(keys(&document["versions"]), ["1.0.0", "3.0.0"]);
    let early = place.tarball("tool", "1.0.0").await;
    if early.status == 200 {
        assert_ne!(early.body.to_vec(), version("tool", "1.0.0").tarball());
    } else {
        assert_eq!(early.status, 503, "{}", early.text());
    }
    place.app.settle().await;
    place.wait(10);
    let tarball = place.tarball("tool", "1.0.0").await;
    assert_eq!(tarball.status, 200, "{}", tarball.text());
    assert_eq!(
        granary_publish::digests::Digests::of(&tarball.body).integrity(),
        document["versions"]["1.0.0"]["dist"]["integrity"].as_str().unwrap()
    );
    assert_eq!(place.asked(), Vec::<String>::new());
    assert!(asked(&second).contains(&"GET /npm/tool".to_owned()));
    // The same address in other letters is no other one.
    let same = second.npm_url().replace("http:", "HTTP:");
    place.set(json!({ "url": same })).await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
    assert_eq!(asked(&second), Vec::<String>::new());
}

#[tokio::test]
async fn another_address_without_the_package_has_nothing_of_it() {
    let place = with_tool().await;
    let second = FakeUpstream::start().await;
    place.set(json!({ "url": second.npm_url() })).await;
    nothing_of_tool(&place).await;
    place.app.settle().await;
    nothing_of_tool(&place).await;
    publish(&place.ann, &NpmPackage::new("tool", "1.0.0")).await;
    place.wait(100);
    second.publish(&version("tool", "9.0.0"));
    assert_eq!(keys(&packument(&place.ann, "tool").await["versions"]), ["1.0.0"]);
}

#[tokio::test]
async fn another_address_gets_no_credential_of_the_one_before() {
    let place = place().await;
    place.set(json!({ "credential": { "token": "for-the-first-one" } })).await;
    place.up.require(Some("Bearer for-the-first-one"));
    place.up.publish(&version("tool", "1.0.0"));
    packument(&place.ann, "tool").await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
    let second = FakeUpstream::start().await;
    second.publish(&version("tool", "2.0.0"));
    place.set(json!({ "url": second.npm_url() })).await;
    packument(&place.ann, "tool").await;
    for request in second.requests() {
        assert_eq!(request.header("authorization"), None);
    }
    assert_eq!(second.requests().len(), 1);
}

#[tokio::test]
async fn a_package_that_the_upstream_may_not_have_any_more_is_the_next_ones() {
    let place = with_tool().await;
    let second = FakeUpstream::start().await;
    second.publish(&version("tool", "1.0.0").file("package/other.js", b"other"));
    place.connect_to("second", &second, json!({})).await;
    place.set(json!({ "names": ["@types/*"] })).await;
    let document = packument(&place.ann, "tool").await;
    place.app.settle().await;
    place.wait(10);
    let tarball = place.tarball("tool", "1.0.0").await;
    assert_eq!(tarball.status, 200, "{}", tarball.text());
    assert_eq!(
        granary_publish::digests::Digests::of(&tarball.body).integrity(),
        document["versions"]["1.0.0"]["dist"]["integrity"].as_str().unwrap()
    );
}

#[tokio::test]
async fn a_fetch_under_way_keeps_no_name_for_an_upstream_that_is_none_any_more() {
    let place = place().await;
    place.up.publish(&version("tool", "1.0.0"));
    place.up.misbehave("/npm/tool", Some(Misbehaviour::Delay(Duration::from_millis(400))));
    let path = at("tool");
    let removing = async {
        // Until the upstream has been asked.
        for _ in 0..200 {
            if !place.up.requests().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        place.disconnect().await;
        place.app.settle().await;
    };
    let (answer, ()) = tokio::join!(place.ann.get(&path), removing);
    assert!([200, 404, 503].contains(&answer.status), "{}", answer.text());
    place.app.settle().await;
    nothing_of_tool(&place).await;
    publish(&place.ann, &NpmPackage::new("tool", "1.0.0")).await;
    assert_eq!(keys(&packument(&place.ann, "tool").await["versions"]), ["1.0.0"]);
}
