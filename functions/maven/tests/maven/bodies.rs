//! Bodies that break off, lie about their length, are too large, or take their time.

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use futures::SinkExt as _;
use futures::channel::mpsc;
use granary_testing::TestApp;

use super::support::{artifact_metadata, at, check, file, jar, private, publish, publish_version, put};

#[tokio::test]
async fn a_client_that_disappears_leaves_nothing() {
    let (app, ann) = private().await;
    for path in [file("1.0.0", ".jar"), file("1.0.0", ".pom"), file("1.0.0", ".jar.sha1")] {
        let chunks: Vec<Result<Bytes, std::io::Error>> =
            vec![Ok(Bytes::from_static(b"half of it")), Err(std::io::Error::other("gone"))];
        let body = Body::from_stream(futures::stream::iter(chunks));
        let response = ann.send(Request::put(&path).body(body).unwrap()).await;
        assert_eq!(response.status, 400, "{path}: {}", response.text());
        assert_eq!(ann.get(&path).await.status, 404);
    }
    let stored = check(&app).await;
    assert_eq!((stored.live.len(), stored.blobs), (0, 0));
}

#[tokio::test]
async fn a_body_must_be_as_long_as_it_says() {
    let (app, ann) = private().await;
    for length in ["3", "300"] {
        let response =
            ann.request("PUT", &file("1.0.0", ".jar"), &[("content-length", length)], jar("1.0.0")).await;
        assert_eq!(response.status, 400, "{}", response.text());
    }
    assert_eq!(check(&app).await.blobs, 0);
}

#[tokio::test]
async fn files_over_the_limit_of_a_request_name_the_way_out() {
    let app = TestApp::with(|config| config.max_body = Some(1_000)).await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    publish(&ann, &file("1.0.0", ".jar"), vec![b'x'; 1_000]).await;
    for headers in [vec![], vec![("content-length", "2000")]] {
        let response = ann.request("PUT", &file("2.0.0", ".jar"), &headers, vec![b'x'; 2_000]).await;
        assert_eq!(response.status, 413, "{}", response.text());
        let problem = response.json();
        assert_eq!(problem["code"], "PAYLOAD_TOO_LARGE");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`granary push maven ") && detail.contains("--repo libs`"), "{detail}");
        assert!(detail.contains("com.example:hello-lib:2.0.0") && detail.contains("1000 bytes"), "{detail}");
    }
    // Metadata of many versions is not stored, so its size does not matter.
    assert_eq!(put(&ann, &artifact_metadata(), vec![b'x'; 5_000]).await.status, 200);
    assert_eq!(check(&app).await.live.len(), 2);
}

#[tokio::test]
async fn a_repository_holds_no_more_than_its_quota() {
    let app = TestApp::with(|config| config.repo_quota = Some(100)).await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    publish(&ann, &file("1.0.0", ".jar"), vec![b'x'; 60]).await;
    for path in [file("1.0.0", ".zip"), file("2.0.0", ".jar"), at("g/other/1/other-1.jar")] {
        let response = put(&ann, &path, vec![b'y'; 60]).await;
        assert_eq!(response.status, 403, "{}", response.text());
        assert!(response.error().contains("quota"), "{}", response.error());
    }
    publish(&ann, &file("1.0.0", ".zip"), vec![b'y'; 40]).await;
    assert_eq!(put(&ann, &file("1.0.0", ".jar"), vec![b'x'; 60]).await.status, 200, "a retry takes no room");
    assert_eq!(ann.delete(&at("com/example/hello-lib/1.0.0")).await.status, 204);
    publish(&ann, &file("2.0.0", ".jar"), vec![b'z'; 100]).await;
    check(&app).await;
}

#[tokio::test]
async fn replacing_a_literal_snapshot_counts_the_difference() {
    let app = TestApp::with(|config| config.repo_quota = Some(100)).await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    for (size, status) in [(60_u8, 201), (90, 201), (101, 403), (10, 201), (100, 201)] {
        let response = put(&ann, &file("1-SNAPSHOT", ".jar"), vec![size; usize::from(size)]).await;
        assert_eq!(response.status, status, "{size}: {}", response.text());
        check(&app).await;
    }
}

#[tokio::test]
async fn a_right_that_is_gone_during_the_upload_does_not_count() {
    let (app, ann) = private().await;
    app.add_member("ann", "libs", "bob", "write").await;
    let bob = app.account_token("bob", &["write"]).await;
    for removed in [false, true] {
        let path = file(if removed { "2.0.0" } else { "1.0.0" }, ".jar");
        let (mut sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
        let uploading = bob.send(Request::put(&path).body(Body::from_stream(receiver)).unwrap());
        let sending = async {
            sender.send(Ok(Bytes::from_static(b"first"))).await.unwrap();
            // The channel takes this one only when the body has been read so far.
            sender.send(Ok(Bytes::new())).await.unwrap();
            if removed {
                assert_eq!(app.user("ann").delete("/api/repos/libs/members?userId=bob").await.status, 200);
            }
            app.clock.advance_millis(3_000);
            sender.send(Ok(Bytes::from_static(b"second"))).await.unwrap();
            drop(sender);
        };
        let (response, ()) = futures::join!(uploading, sending);
        assert_eq!(response.status, if removed { 404 } else { 201 }, "{}", response.text());
        assert_eq!(ann.get(&path).await.status, if removed { 404 } else { 200 });
    }
    check(&app).await;
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (app, ann) = private().await;
    publish(&ann, &file("1.0.0", "-javadoc.jar"), "").await;
    let response = ann.get(&file("1.0.0", "-javadoc.jar")).await;
    assert_eq!((response.status, response.body.len()), (200, 0));
    publish_version(&ann, "1.0.0").await;
    check(&app).await;
}
