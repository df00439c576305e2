//! Paths and bodies that must not get through.

use axum::body::Body;
use bytes::Bytes;

use crate::support::{at, put, usage, with};

#[tokio::test]
async fn tricks_with_paths_store_nothing() {
    let (app, ann) = with("private").await;
    for path in [
        "a/1/..",
        "a/../f",
        "../1/f",
        "a/1/%2e%2e",
        "a/%2e%2e/f",
        "a/1/%252e%252e",
        "a/1/..%5cf",
        "a/1/x%2fy",
        "a/1//f",
        "a//1/f",
        "a/./1/f",
        "a/1/%00",
        "a/1/f%00.zip",
        "a/1/f%0d%0aX:%20y",
        "a/1/f;x=1",
        "a;b/1/f",
        "a/1/f.",
        "a/1/f%20",
        "a/1/%20f",
        "a/1/%ef%bc%8e%ef%bc%8e",
        "a/1/%c0%ae%c0%ae",
        "a/1/f%22",
        "a/1/f%3fx",
        "a/1/f%23x",
        "a/1/f%25",
        "a/1/%e2%80%aef",
        "-a/1/f",
        ".a/1/f",
        "a/-1/f",
        "a/1/f%7f",
        "a/1/%2e",
        "a%2fb/1/f",
        "%61%2e%2e%2f/1/f",
    ] {
        let response = put(&ann, path, "bytes").await;
        assert_eq!(response.status, 400, "{path}: {}", response.text());
        assert!(!response.error().is_empty(), "{path}");
    }
    for path in ["a/1/f/g", "a/1/f/../../b/1/f"] {
        let response = put(&ann, path, "bytes").await;
        assert!(matches!(response.status, 400 | 404), "{path}: {}", response.status);
    }
    let long = format!("a/1/{}", "f".repeat(256));
    assert_eq!(put(&ann, &long, "x").await.status, 400);
    assert_eq!(usage(&app).await, (0, 0, 0));
    assert_eq!(app.state().storage().list_objects("", None).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let (app, ann) = with("private").await;
    let pieces = futures::stream::iter([
        Ok(Bytes::from_static(b"half")),
        Err(std::io::Error::other("the client is gone")),
    ]);
    let response = ann.request("PUT", &at("a/1/f"), &[], Body::from_stream(pieces)).await;
    assert_eq!(response.status, 400);
    let short = ann.request("PUT", &at("a/1/f"), &[("content-length", "10")], "half").await;
    assert_eq!(short.status, 400, "{}", short.text());
    assert_eq!(ann.get(&at("a/1/f")).await.status, 404);
    assert_eq!(usage(&app).await, (0, 0, 0));
    assert_eq!(app.state().storage().list_objects("", None).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_over_the_limit_is_told_the_way_out() {
    let app = granary_testing::TestApp::with(|config| config.max_body = Some(10)).await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    for headers in [&[("content-length", "11")][..], &[]] {
        let response = ann.request("PUT", &at("my-tool/1.0/x.zip"), headers, "12345678901").await;
        assert_eq!((response.status, response.json()["code"].as_str()), (413, Some("PAYLOAD_TOO_LARGE")));
        let command = "granary push raw x.zip --repo files --package my-tool --version 1.0";
        assert!(response.error().contains(command), "{}", response.error());
    }
    let app = granary_testing::TestApp::with(|config| config.max_file = 10).await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    assert_eq!(put(&ann, "a/1/f", "12345678901").await.status, 413);
    assert_eq!(put(&ann, "a/1/f", "1234567890").await.status, 201);
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let (_app, ann) = with("private").await;
    assert_eq!(ann.request("POST", &at("a/1/f"), &[], "x").await.status, 405);
    assert_eq!(ann.request("PUT", &at("a"), &[], "x").await.status, 405);
}
