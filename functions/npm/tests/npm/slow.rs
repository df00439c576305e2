//! Bodies that take their time: a right that is gone meanwhile does not count any more.

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use futures::SinkExt as _;
use futures::channel::mpsc;
use granary_testing::npm::NpmPackage;
use serde_json::json;

use super::support::{at, private};

#[tokio::test]
async fn a_member_who_is_removed_during_the_upload_publishes_nothing() {
    let (app, ann) = private().await;
    app.known_user("bob").await;
    let owner = app.user("ann");
    let member = json!({ "userId": "bob", "role": "write" });
    assert_eq!(owner.post_json("/api/repos/libs/members", &member).await.status, 201);
    let bob = app.account_token("bob", &["write"]).await;

    for removed in [false, true] {
        let package = NpmPackage::new("pad", if removed { "2.0.0" } else { "1.0.0" });
        let text = package.body().to_string();
        let (first, second) = text.split_at(text.len() / 2);
        let (mut sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
        let request = Request::put(package.path("libs")).body(Body::from_stream(receiver)).unwrap();
        let (first, second) = (Bytes::from(first.to_owned()), Bytes::from(second.to_owned()));
        let publishing = bob.send(request);
        let sending = async {
            sender.send(Ok(first)).await.unwrap();
            // The channel takes this one only when the body has been read so far.
            sender.send(Ok(Bytes::new())).await.unwrap();
            if removed {
                let path = "/api/repos/libs/members?userId=bob";
                assert_eq!(owner.delete(path).await.status, 200);
            }
            app.clock.advance_millis(3_000);
            sender.send(Ok(second)).await.unwrap();
            drop(sender);
        };
        let (response, ()) = futures::join!(publishing, sending);
        assert_eq!(response.status, if removed { 404 } else { 201 }, "{}", response.text());
    }
    let packument = ann.get(&at("pad")).await.json();
    assert_eq!(packument["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0.0"]);
}

#[tokio::test]
async fn tagging_an_old_version_by_publishing_it_again_is_refused() {
    let (_app, ann) = private().await;
    let package = NpmPackage::new("pad", "1.0.0");
    assert_eq!(ann.publish("libs", &package).await.status, 201);
    let tagged = package.clone().tag("next");
    let answer = ann.publish("libs", &tagged).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(answer.error().contains("npm dist-tag add pad@1.0.0 next"), "{}", answer.error());
    let set = ann.put_json(&at("-/package/pad/dist-tags/next"), &json!("1.0.0")).await;
    assert_eq!(set.status, 201);
    assert_eq!(ann.publish("libs", &tagged).await.status, 201, "now it is a plain retry");
}

#[tokio::test]
async fn manifests_that_only_compress_well_are_refused() {
    let (_app, ann) = private().await;
    let package = NpmPackage::new("pad", "1.0.0").member("x", json!("a".repeat(700_000)));
    let answer = ann.publish("libs", &package).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.error().contains("shorten package.json"), "{}", answer.error());
    assert_eq!(ann.get(&at("pad")).await.status, 404);
}
