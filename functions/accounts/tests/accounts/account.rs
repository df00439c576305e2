//! The caller's own profile and account tokens.

use granary_testing::TestApp;
use serde_json::json;

use super::*;

#[tokio::test]
async fn users_see_themselves() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let user = json!({
        "uid": "ann", "displayName": "Name of ann", "email": "ann@example.com", "avatarUrl": null,
        "createdAt": "2026-09-21T14:13:20.000Z", "instanceAdmin": false,
    });
    assert_eq!(ann.get("/api/auth/me").await.json(), json!({ "user": user }));
    let token = app.account_token("ann", &["write"]).await;
    let me = token.get("/api/auth/me").await.json();
    assert_eq!(me["user"], user);
    assert_eq!((&me["token"]["scopes"], &me["token"]["tokenType"]), (&json!(["write"]), &json!("account")));
    assert_eq!(app.user("root").get("/api/auth/me").await.json()["user"]["instanceAdmin"], true);
    expect(&app.anonymous().get("/api/auth/me").await, 401);
    let olga = org(&app, "olga", "acme", &[]).await;
    expect(&org_token(&app, &olga, "acme", "admin").await.get("/api/auth/me").await, 403);
}

#[tokio::test]
async fn account_tokens_are_made_by_people() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let body = json!({ "name": "laptop", "scopes": ["read", "write"], "expiresInDays": 365 });
    let made = ann.post_json("/api/auth/token", &body).await;
    expect(&made, 201);
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.json();
    let raw = made["rawToken"].as_str().unwrap();
    let token = json!({
        "id": made["token"]["id"], "tokenType": "account", "name": "laptop", "tokenPrefix": &raw[..12],
        "scopes": ["read", "write"], "expiresAt": "2027-09-21T14:13:20.000Z", "createdAt": "2026-09-21T14:13:20.000Z",
        "lastUsedAt": null,
    });
    assert_eq!(made, json!({ "token": token, "rawToken": raw }));
    assert!(raw.starts_with("art_"));
    assert_eq!(ann.get("/api/auth/token").await.json(), json!({ "tokens": [token] }));
    assert_eq!(app.user("bob").get("/api/auth/token").await.json(), json!({ "tokens": [] }));

    let path = format!("/api/auth/token?tokenId={}", made["token"]["id"].as_str().unwrap());
    let holder = app.token(raw);
    let admin = app.account_token("ann", &["admin"]).await;
    let olga = org(&app, "olga", "acme", &[]).await;
    let org_admin = org_token(&app, &olga, "acme", "admin").await;
    for actor in [&holder, &admin, &org_admin] {
        expect(&actor.get("/api/auth/token").await, 403);
        expect(&actor.post_json("/api/auth/token", &json!({ "name": "x" })).await, 403);
        expect(&actor.post_json("/api/auth/token", &json!({})).await, 403);
        expect(&actor.delete(&path).await, 403);
    }
    expect(&app.anonymous().get("/api/auth/token").await, 401);
    expect(&app.anonymous().post_json("/api/auth/token", &json!({})).await, 401);
    expect(&app.anonymous().delete(&path).await, 401);

    expect(&app.user("bob").delete(&path).await, 404);
    expect(&holder.get("/api/auth/me").await, 200);
    let deleted = ann.delete(&path).await;
    assert_eq!(deleted.json(), json!({ "ok": true }));
    expect(&holder.get("/api/auth/me").await, 401);
    expect(&ann.delete(&path).await, 404);
    expect(&ann.delete("/api/auth/token").await, 400);
    assert_eq!(actions(&app, "user:ann").await, ["token.create", "token.create", "token.revoke"]);
}

#[tokio::test]
async fn bad_requests_are_named() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    for (body, word) in [
        (json!({}), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "name": "x", "scopes": [] }), "scopes"),
        (json!({ "name": "x", "scopes": ["all"] }), "scopes"),
        (json!({ "name": "x", "expiresInDays": 0 }), "expiresInDays"),
        (json!({ "name": "x", "expiresInDays": 4000 }), "expiresInDays"),
        (json!({ "name": "x", "expiresInDays": true }), "expiresInDays"),
    ] {
        let answer = ann.post_json("/api/auth/token", &body).await;
        expect(&answer, 400);
        assert!(answer.error().contains(word), "{body}: {}", answer.error());
    }
    assert_eq!(ann.get("/api/auth/token").await.json(), json!({ "tokens": [] }));
}

#[tokio::test]
async fn an_expired_token_is_refused_and_still_listed() {
    let app = TestApp::new().await;
    let made =
        app.user("ann").post_json("/api/auth/token", &json!({ "name": "x", "expiresInDays": 1 })).await;
    let token = app.token(made.json()["rawToken"].as_str().unwrap());
    app.clock.advance_millis(86_399_999);
    expect(&token.get("/api/auth/me").await, 200);
    app.clock.advance_millis(1);
    expect(&token.get("/api/auth/me").await, 401);
    assert_eq!(column(&app.user("ann").get("/api/auth/token").await, "tokens", "name"), ["x"]);
}
