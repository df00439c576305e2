//! When a token was last used, as its owner sees it.

use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{EventShape, TestApp};
use serde_json::json;

use super::*;

/// What the account tokens of a user say of their last use, oldest token first.
async fn last_used(app: &TestApp, user: &str) -> Vec<Value> {
    let mut tokens = app.user(user).get("/api/auth/token").await.json()["tokens"].take();
    let tokens = tokens.as_array_mut().unwrap();
    tokens.iter_mut().map(|token| token["lastUsedAt"].take()).collect()
}

#[tokio::test]
async fn a_use_is_written_once_a_day_and_not_by_the_request() {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["read"]).await;
    assert_eq!(last_used(&app, "ann").await, [json!(null)]);
    assert!(!app.state().counts_are_due(), "people who signed in have no token");
    app.probe.reset();
    for _ in 0..3 {
        expect(&ann.get("/api/repos").await, 200);
    }
    let calls = app.probe.calls();
    assert!(calls.iter().all(|call| call.operation != "UpdateItem"), "{calls:?}");
    assert_eq!(last_used(&app, "ann").await, [json!(null)], "in memory still");
    assert!(app.state().counts_are_due());
    app.probe.reset();
    app.state().write_counts().await.unwrap();
    assert_eq!(app.probe.count(), 1, "{:?}", app.probe.calls());
    assert_eq!(last_used(&app, "ann").await, [json!("2026-09-21")]);

    // The same day, in this process and in another one.
    for app in [&app, &app.restarted()] {
        expect(&app.token(ann.secret()).get("/api/repos").await, 200);
        app.clock.advance_millis(6_000);
        assert!(!app.state().counts_are_due());
        app.probe.reset();
        app.state().write_counts().await.unwrap();
        assert_eq!(app.probe.count(), 0);
    }
    app.clock.advance_millis(86_400_000);
    expect(&ann.get("/api/repos").await, 200);
    app.state().write_counts().await.unwrap();
    assert_eq!(last_used(&app, "ann").await, [json!("2026-09-22")]);
    let me = ann.get("/api/auth/me").await.json();
    assert_eq!(me["token"]["lastUsedAt"], "2026-09-22");
}

#[tokio::test]
async fn what_another_process_has_written_stays() {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["read"]).await;
    let other = app.restarted();
    expect(&ann.get("/api/repos").await, 200);
    app.clock.advance_millis(86_400_000);
    expect(&other.token(ann.secret()).get("/api/repos").await, 200);
    other.state().write_counts().await.unwrap();
    app.state().write_counts().await.unwrap();
    assert_eq!(last_used(&app, "ann").await, [json!("2026-09-22")], "not the day before, which came later");
}

#[tokio::test]
async fn a_token_that_was_revoked_meanwhile_does_not_come_back() {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["read"]).await;
    expect(&ann.get("/api/repos").await, 200);
    let session = app.user("ann");
    let id = column(&session.get("/api/auth/token").await, "tokens", "id").remove(0);
    expect(&session.delete(&format!("/api/auth/token?tokenId={}", id.as_str().unwrap())).await, 200);
    app.state().write_counts().await.unwrap();
    expect(&ann.get("/api/repos").await, 401);
    assert!(last_used(&app, "ann").await.is_empty());
}

#[tokio::test]
async fn a_use_that_could_not_be_written_waits() {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["read"]).await;
    expect(&ann.get("/api/repos").await, 200);
    app.probe.inject(Target::operation(Service::DynamoDb, "UpdateItem", 1), Fault::Refuse);
    assert!(app.state().write_counts().await.is_err());
    assert!(!app.state().counts_are_due(), "not at once");
    app.clock.advance_millis(5_000);
    assert!(app.state().counts_are_due());
    app.state().write_counts().await.unwrap();
    assert_eq!(last_used(&app, "ann").await, [json!("2026-09-21")]);
}

#[tokio::test]
async fn refused_tokens_are_not_used() {
    let app = TestApp::new().await;
    let made = app
        .known_user("ann")
        .await
        .post_json("/api/auth/token", &json!({ "name": "x", "expiresInDays": 1 }))
        .await;
    let token = app.token(made.json()["rawToken"].as_str().unwrap());
    app.clock.advance_millis(86_400_000);
    expect(&token.get("/api/repos").await, 401);
    expect(&app.token(&format!("art_{}", "x".repeat(36))).get("/api/repos").await, 401);
    assert!(!app.state().counts_are_due());
}

#[tokio::test]
async fn tokens_of_organisations_and_repositories_say_it_too() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[]).await;
    let of_org = org_token(&app, &olga, "acme", "admin").await;
    expect(&of_org.post_json("/api/repos", &json!({ "name": "libs", "packageTypes": ["npm"] })).await, 201);
    let of_repo = app.repo_token("olga", "libs", &["read"]).await;
    expect(&of_repo.get("/api/repos/libs").await, 200);
    app.state().write_counts().await.unwrap();
    for path in ["/api/orgs/acme/tokens", "/api/repos/libs/tokens"] {
        assert_eq!(column(&olga.get(path).await, "tokens", "lastUsedAt"), ["2026-09-21"], "{path}");
    }
}

#[tokio::test]
async fn a_function_writes_it_before_its_answer_leaves() {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["read"]).await;
    let bearer = format!("Bearer {}", ann.secret());
    let headers = [("authorization", bearer.as_str())];
    let answer = app.event(EventShape::HttpApi, "GET", "/api/repos", &headers, b"").await;
    assert_eq!(answer.status, 200);
    assert_eq!(last_used(&app, "ann").await, [json!("2026-09-21")]);
}
