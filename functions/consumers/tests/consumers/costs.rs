//! How many storage calls the operations make.

use granary_testing::TestApp;
use serde_json::{Value, json};

use crate::{NAME, announced, consumer, id, made, package, permit, send, shop, zip};

fn calls(app: &TestApp) -> Vec<String> {
    app.probe.calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn reading() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    crate::published(&ann, one, "1.0").await;
    let (customer, _) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    for (path, expected) in [
        ("/packages", vec!["BatchGetItem", "Query"]),
        ("/packages/1", vec!["BatchGetItem", "GetItem"]),
        ("/versions/package/1", vec!["BatchGetItem", "GetItem", "Query"]),
        ("/versions/1", vec!["BatchGetItem", "GetItem"]),
        ("/consumers", vec!["BatchGetItem", "Query"]),
        ("/consumers/email/one@example.com", vec!["BatchGetItem", "Query", "BatchGetItem"]),
        ("/consumers/1", vec!["BatchGetItem", "GetItem"]),
        ("/consumers/1/packages", vec!["BatchGetItem", "GetItem", "BatchGetItem"]),
        ("/consumers/1/packages/1", vec!["BatchGetItem", "GetItem", "GetItem"]),
        ("/permissions/1", vec!["BatchGetItem", "GetItem", "GetItem"]),
    ] {
        app.probe.reset();
        assert_eq!(ann.get(path).await.status, 200);
        assert_eq!(calls(&app), expected, "{path}");
    }
}

#[tokio::test]
async fn writing() {
    let (app, ann) = shop().await;
    let cost = async |method: &str, path: &str, body: Value| -> Vec<String> {
        app.probe.reset();
        let response = ann.json(method, path, &body).await;
        assert!(response.status < 300, "{method} {path}: {}", response.text());
        calls(&app)
    };
    assert_eq!(
        cost("POST", "/packages", json!({ "name": NAME, "repo_id": "shop" })).await,
        ["BatchGetItem", "BatchGetItem", "UpdateItem", "TransactWriteItems", "SendMessage"]
    );
    assert_eq!(
        cost("POST", "/versions/package/1", json!({ "name": "1.0" })).await,
        ["BatchGetItem", "GetItem", "BatchGetItem", "Query", "UpdateItem", "TransactWriteItems"]
    );
    assert_eq!(
        cost("POST", "/consumers", json!({ "email": "a@b" })).await,
        ["BatchGetItem", "UpdateItem", "TransactWriteItems"]
    );
    assert_eq!(
        cost("POST", "/permissions", json!({ "consumer_id": 1, "package_id": 1, "version": "*" })).await,
        ["BatchGetItem", "GetItem", "UpdateItem", "GetItem", "TransactWriteItems"]
    );
    assert_eq!(
        cost("PATCH", "/packages/1", json!({ "status": 0 })).await,
        ["BatchGetItem", "GetItem", "BatchGetItem", "TransactWriteItems", "SendMessage"]
    );
    assert_eq!(
        cost("PATCH", "/consumers/1", json!({ "private_key": "another-one" })).await,
        ["BatchGetItem", "GetItem", "TransactWriteItems"]
    );
    assert_eq!(
        cost("PATCH", "/permissions/1", json!({ "version": "1.*" })).await,
        ["BatchGetItem", "GetItem", "GetItem", "GetItem", "TransactWriteItems"]
    );
}

#[tokio::test]
async fn confirming() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let bytes = zip(NAME, "1.0");
    let version = made(&ann, &format!("/versions/package/{one}"), announced("1.0", &bytes)).await;
    assert_eq!(send(&version, &bytes).await, 200);
    app.probe.reset();
    let response = ann.request("POST", &format!("/versions/{}/confirm", id(&version)), &[], "").await;
    assert_eq!(response.status, 200, "{}", response.text());
    let expected = [
        "BatchGetItem",
        "GetItem",
        "GetItem",
        "BatchGetItem",
        "GetObject",
        "UpdateItem",
        "PutObject",
        "TransactWriteItems",
        "SendMessage",
        "DeleteItem",
        "DeleteObject",
    ];
    assert_eq!(calls(&app), expected);
}
