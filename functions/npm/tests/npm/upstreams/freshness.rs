//! How old what is kept may be, when the upstream is asked again, and what readers get meanwhile.

use std::time::Duration;

use futures::future::join_all;
use granary_testing::TestResponse;
use granary_testing::npm::NpmPackage;
use granary_testing::upstream::Misbehaviour;
use serde_json::json;

use super::support::{Place, expect, place, place_with, version};
use crate::npm::support::{INSTALL, accepting, at, keys, packument, publish};

/// A place where `left-pad` is kept.
async fn kept() -> Place {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    packument(&place.ann, "left-pad").await;
    place.asked();
    place
}

async fn read(place: &Place) -> TestResponse {
    let answer = place.ann.get(&at("left-pad")).await;
    expect(&answer, 200);
    answer
}

#[tokio::test]
async fn what_is_fresh_is_not_asked_for_again() {
    let place = kept().await;
    place.up.publish(&version("left-pad", "2.0.0"));
    for (passed, ttl) in [(0, 300), (100, 200), (199, 1)] {
        place.wait(passed);
        let answer = read(&place).await;
        assert_eq!(keys(&answer.json()["versions"]), ["1.0.0"]);
        assert_eq!(
            answer.header("cache-status"),
            format!("granary; hit; ttl={ttl}; detail=\"upstream public\"")
        );
        place.app.settle().await;
    }
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_old_is_served_and_asked_for_again_by_one_event() {
    let place = kept().await;
    place.up.publish(&version("left-pad", "2.0.0"));
    place.wait(301);
    for _ in 0..5 {
        let stale = read(&place).await;
        assert_eq!(keys(&stale.json()["versions"]), ["1.0.0"]);
        assert_eq!(stale.header("cache-status"), "granary; hit; ttl=-1; detail=\"upstream public\"");
    }
    assert_eq!(place.asked(), Vec::<String>::new(), "nobody waits for it");
    place.app.settle().await;
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
    let fresh = read(&place).await;
    assert_eq!(keys(&fresh.json()["versions"]), ["1.0.0", "2.0.0"]);
    assert_eq!(fresh.header("cache-status"), "granary; hit; ttl=300; detail=\"upstream public\"");
    place.app.settle().await;
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn each_way_of_reading_makes_it_be_asked_again() {
    for path in ["left-pad", "left-pad/1.0.0", "-/package/left-pad/dist-tags"] {
        let place = kept().await;
        place.wait(301);
        expect(&place.ann.get(&at(path)).await, 200);
        place.app.settle().await;
        assert_eq!(place.asked(), ["GET /npm/left-pad"], "{path}");
    }
}

#[tokio::test]
async fn how_long_it_is_fresh_is_a_setting() {
    let place = place_with("private", json!({ "freshSeconds": 3600 })).await;
    place.up.publish(&version("left-pad", "1.0.0"));
    packument(&place.ann, "left-pad").await;
    place.wait(3599);
    assert!(read(&place).await.header("cache-status").contains("ttl=1;"));
    place.app.settle().await;
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
    place.set(json!({ "freshSeconds": 60 })).await;
    assert!(read(&place).await.header("cache-status").contains("ttl=-3539;"));
    place.app.settle().await;
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
}

#[tokio::test]
async fn an_unchanged_document_is_not_sent_again_and_keeps_its_tag() {
    let place = kept().await;
    let before = read(&place).await;
    place.refresh("left-pad").await;
    let request = place.up.requests().pop().unwrap();
    assert!(request.header("if-none-match").unwrap().starts_with('"'));
    assert!(request.header("if-modified-since").unwrap().contains("2015"));
    let after = read(&place).await;
    assert_eq!((before.header("etag"), &before.body), (after.header("etag"), &after.body));
    assert!(after.header("cache-status").contains("ttl=300;"));
    let etag = before.header("etag");
    let known = place.ann.get_with(&at("left-pad"), &[("if-none-match", etag)]).await;
    expect(&known, 304);
}

#[tokio::test]
async fn new_versions_tags_and_deprecations_come_with_the_next_refresh() {
    let place = kept().await;
    let before = read(&place).await.header("etag").to_owned();
    place.up.publish(&version("left-pad", "1.1.0"));
    place.up.publish(&version("left-pad", "2.0.0-rc.1").tag("next"));
    place.up.deprecate("left-pad", "1.0.0", "use 1.1.0");
    place.refresh("left-pad").await;
    for accept in ["application/json", INSTALL] {
        let document = accepting(&place.ann, &at("left-pad"), accept).await.json();
        assert_eq!(keys(&document["versions"]), ["1.0.0", "1.1.0", "2.0.0-rc.1"]);
        assert_eq!(document["dist-tags"], json!({ "latest": "1.1.0", "next": "2.0.0-rc.1" }));
        assert_eq!(document["versions"]["1.0.0"]["deprecated"], "use 1.1.0");
    }
    assert_ne!(read(&place).await.header("etag"), before);
    expect(&place.ann.get_with(&at("left-pad"), &[("if-none-match", &before)]).await, 200);
    place.up.deprecate("left-pad", "1.0.0", "");
    place.up.tag("left-pad", "latest", "1.0.0");
    place.up.edit("left-pad", |document| {
        document["dist-tags"].as_object_mut().unwrap().shift_remove("next");
    });
    place.refresh("left-pad").await;
    let document = packument(&place.ann, "left-pad").await;
    assert_eq!(document["dist-tags"], json!({ "latest": "1.0.0" }));
    assert_eq!(document["versions"]["1.0.0"].get("deprecated"), None);
}

#[tokio::test]
async fn many_readers_at_once_ask_the_upstream_once() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.misbehave("/npm/left-pad", Some(Misbehaviour::Delay(Duration::from_millis(100))));
    let documents = (0..12).map(|_| place.ann.get("/api/npm/libs/left-pad"));
    let files = (0..12).map(|_| place.ann.get("/api/npm/libs/left-pad/-/left-pad-1.0.0.tgz"));
    let (documents, files) = tokio::join!(join_all(documents), join_all(files));
    for answer in &documents {
        expect(answer, 200);
        assert_eq!(answer.body, documents[0].body);
    }
    let bytes = version("left-pad", "1.0.0").tarball();
    for answer in &files {
        expect(answer, 200);
        assert_eq!(answer.body.to_vec(), bytes);
    }
    assert_eq!(place.asked(), ["GET /npm/left-pad", "GET /npm/left-pad/-/left-pad-1.0.0.tgz"]);
    assert_eq!((place.recorded("package.discover").await, place.recorded("package.fetch").await), (1, 1));
    let missing = join_all((0..12).map(|_| place.ann.get("/api/npm/libs/nothing"))).await;
    assert!(missing.iter().all(|answer| answer.status == 404));
    assert_eq!(place.asked(), ["GET /npm/nothing"]);
}

#[tokio::test]
async fn two_processes_at_once_keep_one_document() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.misbehave("/npm/left-pad", Some(Misbehaviour::Delay(Duration::from_millis(100))));
    let other = place.app.restarted().token(place.ann.secret());
    let (path, file) = (at("left-pad"), at("left-pad/-/left-pad-1.0.0.tgz"));
    let (one, two) = tokio::join!(place.ann.get(&path), other.get(&path));
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!((one.header("etag"), &one.body), (two.header("etag"), &two.body));
    assert_eq!(place.recorded("package.discover").await, 1);
    let (one, two) = tokio::join!(place.ann.get(&file), other.get(&file));
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!(one.body, two.body);
    assert_eq!(place.recorded("package.fetch").await, 1);
}

#[tokio::test]
async fn what_is_not_there_is_remembered_for_a_short_while() {
    let place = place().await;
    for _ in 0..3 {
        for path in ["tool", "tool/-/tool-1.0.0.tgz", "tool/latest"] {
            expect(&place.ann.get(&at(path)).await, 404);
        }
        place.wait(19);
    }
    assert_eq!(place.asked(), ["GET /npm/tool"]);
    place.up.publish(&version("tool", "1.0.0"));
    place.wait(5);
    expect(&place.ann.get(&at("tool")).await, 200);
    assert_eq!(place.asked(), ["GET /npm/tool"]);
    // No longer than documents are fresh.
    place.set(json!({ "freshSeconds": 5 })).await;
    expect(&place.ann.get(&at("other")).await, 404);
    place.wait(5);
    expect(&place.ann.get(&at("other")).await, 404);
    assert_eq!(place.asked(), ["GET /npm/other", "GET /npm/other"]);
}

#[tokio::test]
async fn what_is_missing_or_failing_upstream_hides_nothing_that_is_published_here() {
    let place = place().await;
    expect(&place.ann.get(&at("tool")).await, 404);
    publish(&place.ann, &NpmPackage::new("tool", "1.0.0")).await;
    expect(&place.ann.get(&at("tool")).await, 200);
    expect(&place.tarball("tool", "1.0.0").await, 200);
    place.up.misbehave("/npm/other", Some(Misbehaviour::Status(500)));
    expect(&place.ann.get(&at("other")).await, 503);
    publish(&place.ann, &NpmPackage::new("other", "1.0.0")).await;
    expect(&place.ann.get(&at("other")).await, 200);
}

#[tokio::test]
async fn what_is_kept_is_served_while_the_upstream_fails() {
    let html = Misbehaviour::StatusWith(200, vec![("content-type", "text/html".into())], b"<html>".to_vec());
    for (how, says) in [
        (Misbehaviour::Status(500), "it answered 500"),
        (Misbehaviour::Status(503), "it answered 503"),
        (Misbehaviour::Status(429), "it answered 429"),
        (Misbehaviour::Status(401), "it answered 401"),
        (Misbehaviour::Status(403), "it answered 403"),
        (Misbehaviour::Short, "the connection broke"),
        (html, "no packument"),
        (Misbehaviour::RedirectLoop, "redirects"),
        (Misbehaviour::Redirect("http://127.0.0.1:9/".into()), "no connection"),
    ] {
        let place = kept().await;
        expect(&place.tarball("left-pad", "1.0.0").await, 200);
        let before = read(&place).await;
        place.up.publish(&version("left-pad", "1.0.1"));
        place.up.misbehave("/npm", Some(how.clone()));
        let stale = place.refresh("left-pad").await;
        assert!(!stale.header("cache-status").contains("failing"), "nobody knows yet");
        let answer = read(&place).await;
        assert_eq!((answer.header("etag"), &answer.body), (before.header("etag"), &before.body), "{how:?}");
        let status = answer.header("cache-status");
        assert!(status.starts_with("granary; hit; ttl=-1; detail=\"upstream public failing: "), "{status}");
        assert!(status.contains(says), "{status}");
        expect(&place.tarball("left-pad", "1.0.0").await, 200);
        // Not at once again, whoever reads.
        place.asked();
        for _ in 0..14 {
            place.wait(2);
            read(&place).await;
            place.app.settle().await;
        }
        assert_eq!(place.asked(), Vec::<String>::new(), "{how:?}");
        place.up.misbehave("/npm", None);
        place.up.publish(&version("left-pad", "1.1.0"));
        place.refresh("left-pad").await;
        let answer = read(&place).await;
        assert_eq!(keys(&answer.json()["versions"]), ["1.0.0", "1.0.1", "1.1.0"], "{how:?}");
        assert!(!answer.header("cache-status").contains("failing"));
    }
}

#[tokio::test]
async fn an_upstream_that_wants_to_be_left_alone_is_for_as_long_as_it_says() {
    let place = kept().await;
    let busy = |seconds: &str| {
        Some(Misbehaviour::StatusWith(429, vec![("retry-after", seconds.to_owned())], Vec::new()))
    };
    place.up.misbehave("/npm", busy("120"));
    place.refresh("left-pad").await;
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
    place.up.misbehave("/npm", None);
    place.up.publish(&version("other", "1.0.0"));
    for _ in 0..4 {
        place.wait(29);
        read(&place).await;
        place.app.settle().await;
        let refused = place.ann.get(&at("other")).await;
        expect(&refused, 503);
    }
    assert_eq!(place.asked(), Vec::<String>::new(), "not for other packages either");
    place.wait(5);
    read(&place).await;
    place.app.settle().await;
    expect(&place.ann.get(&at("other")).await, 200);
    assert_eq!(place.asked(), ["GET /npm/left-pad", "GET /npm/other"]);
    // Nobody is left alone for ever.
    place.up.misbehave("/npm", busy("99999999999999999999"));
    place.refresh("left-pad").await;
    place.up.misbehave("/npm", None);
    place.asked();
    place.wait(3_601);
    read(&place).await;
    place.app.settle().await;
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
}

#[tokio::test]
async fn a_version_of_a_lock_file_that_is_newer_than_what_is_kept_is_looked_for_once() {
    let place = kept().await;
    place.up.publish(&version("left-pad", "1.1.0"));
    place.wait(10);
    expect(&place.tarball("left-pad", "1.1.0").await, 200);
    assert_eq!(place.asked(), ["GET /npm/left-pad", "GET /npm/left-pad/-/left-pad-1.1.0.tgz"]);
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["1.0.0", "1.1.0"]);
    // What is not there is not looked for again and again.
    place.wait(10);
    let before = read(&place).await.header("etag").to_owned();
    for _ in 0..5 {
        expect(&place.tarball("left-pad", "9.9.9").await, 404);
        place.wait(5);
    }
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
    assert_eq!(read(&place).await.header("etag"), before, "nothing has changed");
    place.wait(10);
    expect(&place.tarball("left-pad", "9.9.9").await, 404);
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
}

#[tokio::test]
async fn what_was_kept_and_has_got_lost_is_fetched_again() {
    for path in [
        "left-pad",
        "left-pad/1.0.0",
        "left-pad/latest",
        "left-pad/-/left-pad-1.1.0.tgz",
        "-/package/left-pad/dist-tags",
    ] {
        let place = kept().await;
        place.up.publish(&version("left-pad", "1.1.0"));
        place.refresh("left-pad").await;
        place.asked();
        let storage = place.app.state().storage();
        for object in storage.list_objects("documents/", None).await.unwrap() {
            storage.delete_object(&object).await.unwrap();
        }
        let cold = place.app.restarted();
        let reader = cold.token(place.ann.secret());
        let answer = reader.get(&at(path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(place.asked()[0], "GET /npm/left-pad", "{path}");
        assert_eq!(keys(&packument(&reader, "left-pad").await["versions"]), ["1.0.0", "1.1.0"], "{path}");
        let document = cold.restarted().token(place.ann.secret()).get(&at("left-pad")).await;
        assert_eq!(document.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_was_kept_and_has_got_lost_is_not_there_while_the_upstream_fails() {
    let place = kept().await;
    let storage = place.app.state().storage();
    for object in storage.list_objects("documents/", None).await.unwrap() {
        storage.delete_object(&object).await.unwrap();
    }
    place.up.misbehave("/npm", Some(Misbehaviour::Status(500)));
    let reader = place.app.restarted().token(place.ann.secret());
    expect(&reader.get(&at("left-pad")).await, 503);
    place.up.misbehave("/npm", None);
    place.wait(60);
    expect(&reader.get(&at("left-pad")).await, 200);
}

#[tokio::test]
async fn a_process_that_begins_anew_knows_what_is_kept() {
    let place = kept().await;
    expect(&place.tarball("left-pad", "1.0.0").await, 200);
    let before = read(&place).await;
    place.asked();
    place.up.misbehave("/npm", Some(Misbehaviour::Hang));
    let cold = place.app.restarted().token(place.ann.secret());
    for path in ["left-pad/1.0.0", "left-pad/-/left-pad-1.0.0.tgz", "-/package/left-pad/dist-tags"] {
        expect(&cold.get(&at(path)).await, 200);
    }
    let after = cold.get(&at("left-pad")).await;
    assert_eq!((before.header("etag"), &before.body), (after.header("etag"), &after.body));
    assert_eq!(place.asked(), Vec::<String>::new());
}
