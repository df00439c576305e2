//! Who may do what, and what strangers learn.

use axum::body::Body;
use granary_testing::Actor;
use granary_testing::swift::{PublishForm, simple_archive};

use crate::support::{REPO, at, problem, published, put, with};

async fn statuses(actor: &Actor) -> [u16; 8] {
    [
        actor.get(&at("mona/LinkedList")).await.status,
        actor.get(&at("mona/LinkedList/1.0.0")).await.status,
        actor.get(&at("mona/LinkedList/1.0.0/Package.swift")).await.status,
        actor.head(&at("mona/LinkedList/1.0.0.zip")).await.status,
        actor.get(&at("availability")).await.status,
        actor.request("POST", &at("login"), &[], Body::empty()).await.status,
        put(actor, "mona/New/1.0.0", &simple_archive("new")).await.status,
        actor.delete(&at("mona/Old/1.0.0")).await.status,
    ]
}

#[tokio::test]
async fn roles_and_scopes() {
    for (visibility, anonymous, stranger) in [
        ("private", [401; 8], [404; 8]),
        ("public", [200, 200, 200, 200, 200, 401, 401, 401], [200, 200, 200, 200, 200, 200, 403, 403]),
    ] {
        for (role, expected) in [
            ("read", [200, 200, 200, 200, 200, 200, 403, 403]),
            ("write", [200, 200, 200, 200, 200, 200, 201, 403]),
            ("admin", [200, 200, 200, 200, 200, 200, 201, 200]),
        ] {
            let (app, ann) = with(visibility).await;
            published(&ann, "1.0.0").await;
            put(&ann, "mona/Old/1.0.0", &simple_archive("old")).await;
            app.add_member("ann", REPO, role, role).await;
            let member = app.account_token(role, &["read", "write", "admin"]).await;
            assert_eq!(statuses(&member).await, expected, "{visibility} {role}");
            let reader = app.account_token(role, &["read"]).await;
            assert_eq!(statuses(&reader).await, [200, 200, 200, 200, 200, 200, 403, 403]);
            assert_eq!(statuses(&app.anonymous()).await, anonymous, "{visibility}");
            let other = app.account_token("eve", &["read", "write", "admin"]).await;
            assert_eq!(statuses(&other).await, stranger, "{visibility}");
        }
    }
}

#[tokio::test]
async fn hidden_and_absent_read_alike() {
    let (app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    for actor in [eve, app.anonymous()] {
        for method in ["GET", "HEAD", "PUT", "DELETE", "POST"] {
            let mut answers = Vec::new();
            for path in [
                "mona/LinkedList/1.0.0",
                "mona/LinkedList/2.0.0",
                "mona/None/1.0.0",
                "mona/_x/1.0.0",
                "mona/LinkedList/1.0.0.zip",
                "mona/LinkedList",
            ] {
                answers.push(actor.request(method, &at(path), &[], Body::empty()).await.visible());
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "{method}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn tokens_that_no_longer_count_are_refused_everywhere() {
    let (app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let body = serde_json::json!({ "name": "ci", "scopes": ["write"] });
    let created = app.user("ann").post_json("/api/auth/token", &body).await.json();
    let token = app.token(created["rawToken"].as_str().unwrap());
    assert_eq!(token.request("POST", &at("login"), &[], "").await.status, 200);
    let path = format!("/api/auth/token?tokenId={}", created["token"]["id"].as_str().unwrap());
    let revoked = app.user("ann").delete(&path).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    problem(&token.request("POST", &at("login"), &[], "").await, 401);
    problem(&token.get(&at("mona/LinkedList")).await, 401);
    problem(&PublishForm::new(&simple_archive("x")).put(&token, &at("mona/X/1.0.0")).await, 401);
}

#[tokio::test]
async fn a_token_counts_until_its_day_and_no_longer() {
    let (app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let body = serde_json::json!({ "name": "ci", "scopes": ["read"], "expiresInDays": 1 });
    let created = app.user("ann").post_json("/api/auth/token", &body).await.json();
    let token = app.token(created["rawToken"].as_str().unwrap());
    assert_eq!(token.request("POST", &at("login"), &[], "").await.status, 200);
    app.clock.advance_millis(2 * 86_400_000);
    problem(&token.request("POST", &at("login"), &[], "").await, 401);
    problem(&token.get(&at("mona/LinkedList")).await, 401);
}

#[tokio::test]
async fn a_repository_of_another_kind_has_no_packages() {
    let (app, _ann) = with("private").await;
    let ann = app.repo("ann", "libs", &["npm"], "private").await;
    let response = ann.request("PUT", "/api/swift/libs/mona/X/1.0.0", &[], "x").await;
    assert!(problem(&response, 404).contains("packageTypes"));
}
