//! Who may do what, and what strangers learn.

use axum::body::Body;
use granary_testing::Actor;

use crate::support::{REPO, at, put, stored, with};

async fn statuses(actor: &Actor) -> [u16; 6] {
    [
        actor.get(&at("a")).await.status,
        actor.get(&at("a/1")).await.status,
        actor.get(&at("a/1/f")).await.status,
        actor.head(&at("a/1/f")).await.status,
        put(actor, "a/1/new", "bytes").await.status,
        actor.delete(&at("a/1/other")).await.status,
    ]
}

#[tokio::test]
async fn roles_and_scopes() {
    for (visibility, anonymous, stranger) in [
        ("private", [401; 6], [404; 6]),
        ("public", [200, 200, 200, 200, 401, 401], [200, 200, 200, 200, 403, 403]),
    ] {
        let (app, ann) = with(visibility).await;
        stored(&ann, "a/1/f", "one").await;
        for (role, expected) in [
            ("read", [200, 200, 200, 200, 403, 403]),
            ("write", [200, 200, 200, 200, 201, 403]),
            ("admin", [200, 200, 200, 200, 201, 200]),
        ] {
            stored(&ann, &format!("x{role}/1/f"), "x").await;
            if role == "admin" {
                stored(&ann, "a/1/other", "x").await;
            }
            app.add_member("ann", REPO, role, role).await;
            let member = app.account_token(role, &["read", "write", "admin"]).await;
            assert_eq!(statuses(&member).await, expected, "{visibility} {role}");
            let reader = app.account_token(role, &["read"]).await;
            assert_eq!(statuses(&reader).await, [200, 200, 200, 200, 403, 403], "{visibility} {role}");
        }
        assert_eq!(statuses(&app.anonymous()).await, anonymous, "{visibility}");
        let other = app.account_token("eve", &["read", "write", "admin"]).await;
        assert_eq!(statuses(&other).await, stranger, "{visibility}");
        let token = app.repo_token("ann", REPO, &["write"]).await;
        assert_eq!(put(&token, "a/1/by-token", "t").await.status, 201);
        assert_eq!(put(&app.token("art_nonsense"), "a/1/x", "t").await.status, 401);
    }
}

#[tokio::test]
async fn hidden_and_absent_read_alike() {
    let (app, ann) = with("private").await;
    stored(&ann, "a/1/f", "one").await;
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    for actor in [eve, app.anonymous()] {
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let mut answers = Vec::new();
            for path in [at("a/1/f"), at("a/1/none"), at("none/1/f"), at("a/1/bad%22name")] {
                answers.push(actor.request(method, &path, &[], Body::empty()).await.visible());
            }
            answers.dedup();
            assert_eq!(answers.len(), 1, "{method}: {answers:?}");
            let elsewhere = actor.request(method, "/api/raw/nowhere/a/1/f", &[], Body::empty()).await;
            assert_eq!(elsewhere.status, answers[0].0);
        }
    }
}

#[tokio::test]
async fn a_repository_of_another_kind_has_no_files() {
    let (app, _ann) = with("private").await;
    let ann = app.repo("ann", "libs", &["npm"], "private").await;
    let response = ann.request("PUT", "/api/raw/libs/a/1/f", &[], "x").await;
    assert_eq!(response.status, 404);
    assert!(response.error().contains("packageTypes"), "{}", response.error());
}
