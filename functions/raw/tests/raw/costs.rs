//! How many storage calls a request makes.

use granary_testing::TestApp;

use crate::support::{at, put, stored, with};

fn calls(app: &TestApp) -> Vec<String> {
    app.probe.calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn an_upload_takes_five_calls() {
    let (app, ann) = with("private").await;
    for path in ["a/1/f", "a/1/g", "a/2/f"] {
        app.probe.reset();
        assert_eq!(put(&ann, path, path).await.status, 201);
        let expected = ["BatchGetItem", "UpdateItem", "PutObject", "TransactWriteItems", "SendMessage"];
        assert_eq!(calls(&app), expected, "{path}");
    }
    app.probe.reset();
    assert_eq!(put(&ann, "a/1/f", "a/1/f").await.status, 201);
    assert_eq!(calls(&app), ["BatchGetItem"]);
    app.probe.reset();
    assert_eq!(put(&ann, "a/1/f", "other").await.status, 409);
    assert_eq!(calls(&app), ["BatchGetItem"]);
}

#[tokio::test]
async fn a_download_takes_at_most_two_calls_however_many_files_there_are() {
    let (app, ann) = with("private").await;
    for n in 0..40 {
        stored(&ann, &format!("a/1/f{n}"), format!("{n}")).await;
    }
    stored(&ann, "a/1/large", vec![7; 300_000]).await;
    let fresh = app.restarted();
    let reader = fresh.token(ann.secret());
    for (method, path, expected) in [
        ("GET", "a/1/f7", &["BatchGetItem", "GetObject"][..]),
        ("GET", "a/1/f7", &["BatchGetItem"]),
        ("HEAD", "a/1/f8", &["BatchGetItem"]),
        ("GET", "a/1/large", &["BatchGetItem"]),
        ("GET", "a/1/none", &["BatchGetItem"]),
        ("GET", "a/1", &["BatchGetItem", "Query"]),
    ] {
        app.probe.reset();
        reader.request(method, &at(path), &[], axum::body::Body::empty()).await;
        assert_eq!(calls(&app), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn the_list_is_rendered_once() {
    let (app, ann) = with("private").await;
    stored(&ann, "a/1/f", "f").await;
    app.settle().await;
    let reader = app.restarted().token(ann.secret());
    app.probe.reset();
    let list = reader.get(&at("a")).await;
    assert_eq!(calls(&app), ["BatchGetItem", "GetObject"]);
    app.probe.reset();
    reader.get(&at("a")).await;
    assert_eq!(calls(&app), ["BatchGetItem"]);
    app.probe.reset();
    reader.get_with(&at("a"), &[("if-none-match", list.header("etag"))]).await;
    assert_eq!(calls(&app), ["BatchGetItem"]);
}
