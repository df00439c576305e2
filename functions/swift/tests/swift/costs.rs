//! How many storage calls a request makes.

use granary_testing::TestApp;
use granary_testing::swift::{MANIFEST, simple_archive, source_archive};

use crate::support::{at, noise, published, put, with};

fn calls(app: &TestApp) -> Vec<String> {
    app.probe.calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn a_publish_takes_one_transaction() {
    let (app, ann) = with("private").await;
    // The second one has the manifest of the first one, which is found to be there.
    for (version, found) in [("1.0.0", None), ("1.1.0", Some("HeadObject"))] {
        app.probe.reset();
        assert_eq!(
            put(&ann, &format!("mona/LinkedList/{version}"), &simple_archive(version)).await.status,
            201
        );
        let mut made = calls(&app);
        made.sort();
        let mut expected = vec![
            "BatchGetItem",
            "PutObject",
            "PutObject",
            "SendMessage",
            "TransactWriteItems",
            "UpdateItem",
            "UpdateItem",
        ];
        expected.extend(found);
        expected.sort_unstable();
        assert_eq!(made, expected);
    }
    // That it exists is known before its bytes are looked at.
    app.probe.reset();
    assert_eq!(put(&ann, "mona/LinkedList/1.0.0", b"no zip").await.status, 409);
    assert_eq!(calls(&app), ["BatchGetItem"]);
}

#[tokio::test]
async fn reading_takes_at_most_two_calls() {
    let (app, ann) = with("private").await;
    let padding = noise(400_000);
    let large = source_archive(&[("L/Package.swift", MANIFEST), ("L/x", &padding)]);
    put(&ann, "mona/LinkedList/1.1.0", &large).await;
    for n in 0..20 {
        published(&ann, &format!("1.0.{n}")).await;
    }
    app.settle().await;
    for (path, expected) in [
        ("mona/LinkedList", &["BatchGetItem", "GetObject"][..]),
        ("mona/LinkedList/1.0.7", &["BatchGetItem", "GetObject"]),
        ("mona/LinkedList/1.0.7/Package.swift", &["BatchGetItem", "GetObject"]),
        ("mona/LinkedList/1.0.7.zip", &["BatchGetItem", "GetObject"]),
        ("mona/LinkedList/9.0.0", &["BatchGetItem"]),
        ("mona/None", &["BatchGetItem"]),
        ("mona/LinkedList/1.0.7/Package.swift?swift-version=4", &["BatchGetItem"]),
    ] {
        let reader = app.restarted().token(ann.secret());
        app.probe.reset();
        let first = reader.get(&at(path)).await;
        assert_eq!(calls(&app), expected, "{path}");
        app.probe.reset();
        reader.get(&at(path)).await;
        assert_eq!(calls(&app), ["BatchGetItem"], "{path} again");
        if !first.header("etag").is_empty() {
            app.probe.reset();
            let unchanged = reader.get_with(&at(path), &[("if-none-match", first.header("etag"))]).await;
            assert_eq!((unchanged.status, unchanged.header("content-version")), (304, "1"), "{path}");
            assert_eq!(calls(&app), ["BatchGetItem"], "{path} unchanged");
        }
    }
}
