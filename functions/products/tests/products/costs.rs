//! Storage calls of each operation.

use granary_testing::TestApp;
use granary_testing::products::ApiCaller;
use serde_json::json;

use crate::{NAME, sent, stocked};

fn calls(app: &TestApp) -> Vec<String> {
    app.probe.calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn reading() {
    let (app, admin) = stocked().await;
    assert_eq!(admin.upload(NAME, "1", b"hello").await.status, 201);
    let token = format!("/api/fetch/{}", admin.secret());
    for (path, expected) in [
        (token.as_str(), vec!["GetItem", "GetItem"]),
        ("/api/tokens", vec!["GetItem", "Query"]),
        ("/api/product/access", vec!["GetItem", "Query"]),
        ("/api/product/list", vec!["GetItem", "Query"]),
        ("/api/product/fetch/my-lib", vec!["GetItem", "GetItem", "Query"]),
        ("/api/product/download/my-lib/1", vec!["GetItem", "GetItem", "GetItem", "GetObject"]),
        ("/api/health", vec!["GetItem", "GetItem", "HeadBucket", "GetQueueAttributes"]),
    ] {
        app.probe.reset();
        assert_eq!(admin.get(path).await.status, 200);
        let mut made = calls(&app);
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        if path == "/api/health" {
            // Those are made at the same time.
            made.sort();
            expected.sort();
        }
        assert_eq!(made, expected, "{path}");
    }
    app.probe.reset();
    assert_eq!(admin.get("/api/product/download/my-lib/1").await.status, 200);
    assert_eq!(calls(&app), ["GetItem"; 3], "small files stay in memory");
}

#[tokio::test]
async fn writing() {
    let (app, admin) = stocked().await;
    let plain = app.register(&admin, false).await;
    let cost = async |method: &str, path: &str, body: serde_json::Value| -> Vec<String> {
        app.probe.reset();
        let response = admin.json(method, path, &body).await;
        assert!(response.status < 300, "{method} {path}: {}", response.text());
        calls(&app)
    };
    let product = json!({ "product": NAME, "token": plain.secret(), "permissions": {}, "version": "1" });
    assert_eq!(cost("PUT", "/api/register", json!({})).await, ["GetItem", "TransactWriteItems"]);
    let create = json!({ "name": "other" });
    assert_eq!(cost("PUT", "/api/product/create", create).await, ["GetItem", "TransactWriteItems"]);
    assert_eq!(
        cost("PUT", "/api/product/modify/addToken", product.clone()).await,
        ["GetItem", "GetItem", "GetItem", "TransactWriteItems"]
    );
    assert_eq!(
        cost("DELETE", "/api/product/modify/deleteToken", product.clone()).await,
        ["GetItem", "GetItem", "TransactWriteItems"]
    );
    app.probe.reset();
    assert_eq!(admin.upload(NAME, "1", b"hello").await.status, 201);
    assert_eq!(
        calls(&app),
        ["GetItem", "GetItem", "GetItem", "GetItem", "UpdateItem", "PutObject", "TransactWriteItems"]
    );
    app.probe.reset();
    assert_eq!(admin.upload(NAME, "1", b"hello").await.status, 400);
    assert_eq!(calls(&app), ["GetItem"; 4], "a version that is there stores nothing");
    let removal = ["GetItem", "GetItem", "GetItem", "TransactWriteItems", "SendMessage"];
    assert_eq!(cost("DELETE", "/api/product/modify/deleteVersion", product).await, removal);
    assert_eq!(admin.upload(NAME, "2", b"hello").await.status, 201);
    assert_eq!(cost("DELETE", "/api/product/delete/my-lib/2", json!({})).await, removal);
    let prune = format!("/api/prune/{}", plain.secret());
    assert_eq!(
        cost("DELETE", &prune, json!({})).await,
        ["GetItem", "GetItem", "TransactWriteItems", "Query"]
    );
    assert_eq!(
        cost("DELETE", "/api/product/delete/my-lib", json!({})).await,
        ["GetItem", "GetItem", "TransactWriteItems", "SendMessage"]
    );
}

#[tokio::test]
async fn in_two_steps() {
    let (app, admin) = stocked().await;
    app.probe.reset();
    assert_eq!(admin.announce(NAME, "1", b"hello").await.status, 200);
    assert_eq!(calls(&app), ["GetItem", "GetItem", "GetItem", "PutItem"]);
    let upload = sent(&admin, "1", b"hello").await;
    app.probe.reset();
    assert_eq!(admin.confirm(&upload).await.status, 201);
    let expected = [
        "GetItem",
        "GetItem",
        "GetItem",
        "HeadObject",
        "TransactWriteItems",
        "GetItem",
        "GetObject",
        "UpdateItem",
        "HeadObject",
        "CopyObject",
        "TransactWriteItems",
        "TransactWriteItems",
        "DeleteObject",
        "DeleteItem",
    ];
    assert_eq!(calls(&app), expected);
    app.probe.reset();
    assert_eq!(admin.confirm(&upload).await.status, 200);
    assert_eq!(calls(&app), ["GetItem"; 3]);
}

/// The organisation or repository that a token is of is looked at besides, at the same time as the product.
#[tokio::test]
async fn of_an_organisation() {
    let (app, _) = stocked().await;
    app.org("ann", "acme", &[]).await;
    let org = app.org_token("ann", "acme", &["read", "write", "admin"]).await;
    let admin: ApiCaller = app.register(&app.api(org.secret()), true).await;
    assert_eq!(admin.create(NAME).await.status, 201);
    assert_eq!(admin.upload(NAME, "1", b"hello").await.status, 201);
    app.probe.reset();
    assert_eq!(admin.fetch(NAME).await.status, 200);
    assert_eq!(calls(&app), ["GetItem", "GetItem", "GetItem", "Query"]);
    app.probe.reset();
    assert_eq!(admin.get("/api/product/list").await.status, 200);
    assert_eq!(calls(&app), ["GetItem", "GetItem", "Query"]);
}

/// Work and memory do not grow with what else there is.
#[tokio::test]
async fn whatever_the_number_of_versions() {
    let (app, admin) = stocked().await;
    for index in 0..40 {
        assert_eq!(admin.upload(NAME, &index.to_string(), index.to_string().as_bytes()).await.status, 201);
    }
    app.probe.reset();
    assert_eq!(admin.upload(NAME, "next", b"next").await.status, 201);
    assert_eq!(app.probe.count(), 7);
    app.probe.reset();
    assert_eq!(admin.delete(&format!("/api/product/delete/{NAME}")).await.status, 204);
    assert_eq!(app.probe.count(), 4);
}
