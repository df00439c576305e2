//! Tokens of a repository.

use granary_testing::TestApp;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_token_is_shown_once() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let body = json!({ "name": "customer", "scopes": ["write", "read", "read"], "expiresInDays": 0.5 });
    let made = ann.post_json("/api/repos/libs/tokens", &body).await;
    expect(&made, 201);
    let made = made.json();
    let raw = made["rawToken"].as_str().unwrap();
    assert!(raw.starts_with("rep_") && raw.len() == 40);
    let token = json!({
        "id": made["token"]["id"], "tokenType": "repo", "name": "customer", "tokenPrefix": &raw[..12],
        "scopes": ["read", "write"], "expiresAt": "2026-09-22T02:13:20.000Z", "createdAt": "2026-09-21T14:13:20.000Z",
        "lastUsedAt": null,
    });
    assert_eq!(made, json!({ "token": token, "rawToken": raw }));
    assert_eq!(ann.get("/api/repos/libs/tokens").await.json(), json!({ "tokens": [token] }));

    let plain = ann.post_json("/api/repos/libs/tokens", &json!({ "name": "plain" })).await.json();
    assert_eq!((&plain["token"]["scopes"], &plain["token"]["expiresAt"]), (&json!(["read"]), &json!(null)));
    for bad in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "x".repeat(101) }),
        json!({ "name": "x", "scopes": [] }),
        json!({ "name": "x", "scopes": ["root"] }),
        json!({ "name": "x", "scopes": "read" }),
        json!({ "name": "x", "expiresInDays": 0 }),
        json!({ "name": "x", "expiresInDays": -1 }),
        json!({ "name": "x", "expiresInDays": 3651 }),
        json!({ "name": "x", "expiresInDays": "7" }),
        json!({ "name": "x", "tokenType": "org" }),
    ] {
        expect(&ann.post_json("/api/repos/libs/tokens", &bad).await, 400);
    }
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked_or_expires() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let made =
        ann.post_json("/api/repos/libs/tokens", &json!({ "name": "a", "expiresInDays": 1 })).await.json();
    let token = app.token(made["rawToken"].as_str().unwrap());
    expect(&token.get("/api/repos/libs").await, 200);
    let id = made["token"]["id"].as_str().unwrap();
    let path = format!("/api/repos/libs/tokens?tokenId={id}");
    let bob = app.known_user("bob").await;
    expect(&bob.post_json("/api/repos", &json!({ "name": "bobs", "packageTypes": ["npm"] })).await, 201);
    expect(&bob.delete(&path).await, 404);
    expect(&bob.delete(&path.replace("libs", "bobs")).await, 404);
    expect(&token.get("/api/repos/libs").await, 200);
    expect(&ann.delete(&path).await, 200);
    expect(&token.get("/api/repos/libs").await, 401);
    expect(&ann.delete(&path).await, 404);
    // Longer than any key of a row: not an error of the table.
    expect(&ann.delete(&format!("/api/repos/libs/tokens?tokenId={}", "x".repeat(1100))).await, 404);
    expect(&ann.delete("/api/repos/libs/tokens").await, 400);
    assert_eq!(ann.get("/api/repos/libs/tokens").await.json(), json!({ "tokens": [] }));

    let made =
        ann.post_json("/api/repos/libs/tokens", &json!({ "name": "b", "expiresInDays": 1 })).await.json();
    let token = app.token(made["rawToken"].as_str().unwrap());
    app.clock.advance_millis(86_399_999);
    expect(&token.get("/api/repos/libs").await, 200);
    app.clock.advance_millis(1);
    expect(&token.get("/api/repos/libs").await, 401);
    let ann = app.user("ann");
    assert_eq!(column(&ann.get("/api/repos/libs/tokens").await, "tokens", "name"), ["b"]);
    let expected = ["repo.create", "token.create", "token.create", "token.revoke"];
    assert_eq!(actions(&app, "repo:libs").await, expected);
}

#[tokio::test]
async fn an_organisation_token_manages_them() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[]).await;
    let admin = org_token(&app, &olga, "acme", "admin").await;
    expect(&admin.post_json("/api/repos", &json!({ "name": "libs", "packageTypes": ["npm"] })).await, 201);
    let customer = repo_token(&app, &admin, "libs", "read").await;
    expect(&customer.get("/api/repos/libs").await, 200);
    let id = column(&admin.get("/api/repos/libs/tokens").await, "tokens", "id").remove(0);
    let path = format!("/api/repos/libs/tokens?tokenId={}", id.as_str().unwrap());
    expect(&admin.delete(&path).await, 200);
    expect(&customer.get("/api/repos/libs").await, 401);
}

#[tokio::test]
async fn no_secret_is_kept() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let token = repo_token(&app, &ann, "libs", "read").await;
    let audit = app.audit("repo:libs").await;
    let listed = ann.get("/api/repos/libs/tokens").await.text();
    for text in [format!("{audit:?}"), listed.clone()] {
        assert!(!text.contains(token.secret()), "{text}");
    }
    assert!(!listed.contains("hash"), "{listed}");
}
