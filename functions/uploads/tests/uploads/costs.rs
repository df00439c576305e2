//! How many storage calls the steps of an upload make.

use granary_testing::TestApp;

use crate::support::{begin, complete, path, private, raw, send_all};

fn calls(app: &TestApp) -> Vec<String> {
    app.probe.calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn steps_of_an_upload_of_one_file() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    app.probe.reset();
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    // Right, version and file at the same time, hints, the session.
    assert_eq!(calls(&app), ["BatchGetItem", "GetItem", "BatchGetItem", "Query", "PutItem"]);
    send_all(&upload, &files).await;
    app.probe.reset();
    ann.get(&path(&upload)).await;
    assert_eq!(calls(&app), ["GetItem", "BatchGetItem", "HeadObject"]);
    app.probe.reset();
    assert_eq!(complete(&ann, &upload).await.status, 201);
    let expected = [
        "GetItem",
        "BatchGetItem",
        "HeadObject",
        "TransactWriteItems",
        "GetObject",
        "UpdateItem",
        "HeadObject",
        "CopyObject",
        "GetItem",
        "GetItem",
        "BatchGetItem",
        "TransactWriteItems",
        "SendMessage",
        "TransactWriteItems",
        "DeleteObject",
        "DeleteItem",
    ];
    assert_eq!(calls(&app), expected);
}
