//! What an upstream has no longer, and what comes back.

use serde_json::json;

use super::support::{Place, expect, place, place_with, version};
use crate::npm::support::{INSTALL, accepting, at, keys, packument};

/// A place where both versions of `left-pad` are kept, with a third one of which only the document is known.
async fn kept(settings: serde_json::Value) -> Place {
    let place = place_with("private", settings).await;
    for number in ["1.0.0", "1.1.0", "1.2.0"] {
        place.up.publish(&version("left-pad", number));
    }
    packument(&place.ann, "left-pad").await;
    for number in ["1.0.0", "1.1.0"] {
        expect(&place.tarball("left-pad", number).await, 200);
    }
    place
}

async fn is_refused(place: &Place, number: &str) {
    for path in [format!("left-pad/-/left-pad-{number}.tgz"), format!("-/tarball/left-pad/{number}")] {
        let refused = place.ann.get(&at(&path)).await;
        expect(&refused, 403);
        assert_eq!(refused.json()["code"], "REMOVED_UPSTREAM", "{path}");
        assert!(refused.error().contains("'public'"), "{}", refused.error());
    }
}

#[tokio::test]
async fn a_version_that_is_gone_upstream_is_neither_listed_nor_served() {
    let place = kept(json!({})).await;
    place.up.unpublish("left-pad", "1.1.0");
    expect(&place.tarball("left-pad", "1.1.0").await, 200);
    place.refresh("left-pad").await;
    for accept in ["application/json", INSTALL] {
        let document = accepting(&place.ann, &at("left-pad"), accept).await;
        assert!(!document.text().contains("1.1.0"), "{}", document.text());
    }
    is_refused(&place, "1.1.0").await;
    expect(&place.ann.head(&at("left-pad/-/left-pad-1.1.0.tgz")).await, 403);
    expect(&place.ann.get(&at("left-pad/1.1.0")).await, 403);
    let cold = Place { ann: place.app.restarted().token(place.ann.secret()), ..place };
    is_refused(&cold, "1.1.0").await;
    expect(&cold.tarball("left-pad", "1.0.0").await, 200);
}

#[tokio::test]
async fn a_version_that_was_never_kept_is_just_not_there() {
    let place = kept(json!({})).await;
    place.up.unpublish("left-pad", "1.2.0");
    place.refresh("left-pad").await;
    assert_eq!(packument(&place.ann, "left-pad").await["dist-tags"], json!({ "latest": "1.1.0" }));
    place.wait(10);
    expect(&place.tarball("left-pad", "1.2.0").await, 404);
    expect(&place.ann.get(&at("left-pad/1.2.0")).await, 404);
}

#[tokio::test]
async fn lock_files_may_go_on_getting_what_is_gone() {
    let place = kept(json!({ "removed": "keep" })).await;
    place.up.unpublish("left-pad", "1.1.0");
    place.refresh("left-pad").await;
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["1.0.0", "1.2.0"]);
    let tarball = place.tarball("left-pad", "1.1.0").await;
    assert_eq!(tarball.body.to_vec(), version("left-pad", "1.1.0").tarball());
    // The setting acts at once, in both directions.
    place.set(json!({ "removed": "refuse" })).await;
    is_refused(&place, "1.1.0").await;
    place.set(json!({ "removed": "keep" })).await;
    expect(&place.tarball("left-pad", "1.1.0").await, 200);
    place.up.remove("left-pad");
    place.refresh("left-pad").await;
    expect(&place.ann.get(&at("left-pad")).await, 404);
    expect(&place.tarball("left-pad", "1.0.0").await, 200);
    place.wait(10);
    assert!([403, 404].contains(&place.tarball("left-pad", "1.2.0").await.status));
}

#[tokio::test]
async fn a_version_that_comes_back_is_there_again() {
    let place = kept(json!({})).await;
    place.up.unpublish("left-pad", "1.1.0");
    place.refresh("left-pad").await;
    is_refused(&place, "1.1.0").await;
    place.up.publish(&version("left-pad", "1.1.0"));
    place.refresh("left-pad").await;
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["1.0.0", "1.2.0", "1.1.0"]);
    expect(&place.tarball("left-pad", "1.1.0").await, 200);
    assert_eq!(place.recorded("package.fetch").await, 2, "it was here all the time");
}

#[tokio::test]
async fn a_package_that_is_gone_upstream_is_not_there() {
    let place = kept(json!({})).await;
    place.up.remove("left-pad");
    place.refresh("left-pad").await;
    for path in ["left-pad", "left-pad/1.2.0", "left-pad/latest", "-/package/left-pad/dist-tags"] {
        let missing = place.ann.get(&at(path)).await;
        assert_eq!(missing.status, 404, "{path}: {}", missing.text());
    }
    assert!(place.ann.get(&at("left-pad")).await.error().contains("removed from its upstream"));
    is_refused(&place, "1.0.0").await;
    is_refused(&place, "1.1.0").await;
    is_refused(&place, "1.2.0").await;
    // Still the upstream's name.
    let refused = place.ann.publish("libs", &version("left-pad", "9.0.0")).await;
    expect(&refused, 409);
    // It is asked for again, as everything is that becomes old.
    place.asked();
    place.wait(301);
    expect(&place.ann.get(&at("left-pad")).await, 404);
    place.app.settle().await;
    assert_eq!(place.asked(), ["GET /npm/left-pad"]);
}

#[tokio::test]
async fn a_package_that_comes_back_is_there_again() {
    for same in [true, false] {
        let place = place().await;
        let document = {
            place.up.publish(&version("left-pad", "1.0.0"));
            packument(&place.ann, "left-pad").await
        };
        expect(&place.tarball("left-pad", "1.0.0").await, 200);
        place.up.misbehave(
            "/npm/left-pad",
            Some(granary_testing::upstream::Misbehaviour::Status(if same { 404 } else { 410 })),
        );
        place.refresh("left-pad").await;
        expect(&place.ann.get(&at("left-pad")).await, 404);
        place.up.misbehave("/npm/left-pad", None);
        if !same {
            place.up.publish(&version("left-pad", "1.1.0"));
        }
        place.wait(301);
        expect(&place.ann.get(&at("left-pad")).await, 404);
        place.app.settle().await;
        let back = packument(&place.ann, "left-pad").await;
        assert_eq!(back["versions"]["1.0.0"], document["versions"]["1.0.0"], "{same}");
        assert_eq!(keys(&back["versions"]).len(), if same { 1 } else { 2 });
        expect(&place.tarball("left-pad", "1.0.0").await, 200);
    }
}
