//! The audit log of a repository.

use granary_testing::TestApp;
use serde_json::json;

use super::*;

#[tokio::test]
async fn administrators_read_it() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let adam = member(&app, &ann, "libs", "adam", "admin").await;
    let wim = member(&app, &ann, "libs", "wim", "write").await;
    let publisher = app.account_token("ann", &["admin"]).await;
    let package = granary_testing::npm::NpmPackage::new("left-pad", "1.0.0");
    app.clock.advance_millis(1);
    expect(&publisher.publish("libs", &package).await, 201);
    let path = "/api/repos/libs/audit";
    for actor in [&ann, &adam, &publisher, &repo_token(&app, &ann, "libs", "admin").await] {
        let log = actor.get(path).await;
        expect(&log, 200);
        let publish = log.json()["entries"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["action"] == "package.publish")
            .cloned()
            .unwrap();
        assert_eq!(
            publish,
            json!({
                "id": publish["id"], "at": "2026-09-21T14:13:20.001Z", "actor": "user:ann", "action": "package.publish",
                "target": publish["target"], "detail": null,
            })
        );
        assert!(publish["target"].as_str().unwrap().contains("left-pad"), "{publish}");
    }
    let bob = app.known_user("bob").await;
    let reader = repo_token(&app, &ann, "libs", "read").await;
    for (actor, status) in [(wim, 403), (reader, 403), (bob, 404), (app.anonymous(), 401)] {
        expect(&actor.get(path).await, status);
    }
    // Everybody may read a public repository, and nobody else its log.
    expect(&ann.patch_json("/api/repos/libs", &json!({ "visibility": "public" })).await, 200);
    expect(&app.user("bob").get(path).await, 403);
    expect(&app.anonymous().get(path).await, 401);
    expect(&ann.get("/api/repos/libs/audit?month=2026-9").await, 400);
}

#[tokio::test]
async fn the_next_repository_of_a_name_does_not_read_what_was_before() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    member(&app, &ann, "libs", "secret-member", "read").await;
    app.clock.advance_millis(1);
    expect(&ann.delete("/api/repos/libs").await, 200);
    app.sweep().await;
    app.clock.advance_millis(1);
    let bob = repo(&app, "bob", "libs").await;
    assert!(app.audit("repo:libs").await.len() > 3, "it is still kept");
    for query in ["", "?limit=1", "?limit=200"] {
        let log = bob.get(&format!("/api/repos/libs/audit{query}")).await;
        assert_eq!(column(&log, "entries", "actor"), ["user:bob"], "{query}");
        // A page more may say that there is nothing, and no page says more.
        if let Some(next) = log.json()["next"].as_str() {
            let rest = bob.get(&format!("/api/repos/libs/audit{query}&cursor={next}")).await.json();
            assert_eq!(rest, json!({ "entries": [], "month": "2026-09" }));
        }
    }
}
