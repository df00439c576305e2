//! Headers, conditions, ranges, media types.

use granary_testing::EventShape;
use granary_testing::probe::{Fault, Service, Target};

use crate::support::{at, stored, with};

#[tokio::test]
async fn a_download_says_what_it_is() {
    let (app, ann) = with("private").await;
    stored(&ann, "a/1/page.html", "<script>alert(1)</script>").await;
    let file = ann.get(&at("a/1/page.html")).await;
    assert_eq!(file.header("content-type"), "text/html");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"page.html\"");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(file.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(file.header("content-length"), "25");
    assert!(!file.header("last-modified").is_empty());
    let head = ann.head(&at("a/1/page.html")).await;
    assert_eq!(head.status, 200);
    assert!(head.body.is_empty());
    for name in ["content-type", "content-length", "etag", "last-modified", "content-disposition"] {
        assert_eq!(head.header(name), file.header(name), "{name}");
    }
    app.state().downloads().flush(app.state().storage(), app.state().now()).await.unwrap();
    let repo = ann.get("/api/repos/files").await.json();
    assert_eq!(repo["repo"]["downloadCount"], 1, "HEAD is no download");
}

#[tokio::test]
async fn types_follow_the_extension() {
    let (_app, ann) = with("private").await;
    for (name, expected) in [
        ("f.zip", "application/zip"),
        ("f.json", "application/json"),
        ("f.txt", "text/plain"),
        ("f.tar.gz", "application/gzip"),
        ("f", "application/octet-stream"),
        ("f.unheard-of", "application/octet-stream"),
    ] {
        stored(&ann, &format!("a/1/{name}"), name).await;
        let kind = ann.get(&at(&format!("a/1/{name}"))).await.header("content-type").to_owned();
        assert_eq!(kind, expected, "{name}");
    }
}

#[tokio::test]
async fn parts_and_known_copies() {
    let (_app, ann) = with("private").await;
    stored(&ann, "a/1/f.bin", "0123456789").await;
    let path = at("a/1/f.bin");
    let part = ann.get_with(&path, &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    assert_eq!(part.header("content-length"), "3");
    let tail = ann.get_with(&path, &[("range", "bytes=-3")]).await;
    assert_eq!((tail.status, tail.text().as_str()), (206, "789"));
    let beyond = ann.get_with(&path, &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */10"));
    let whole = ann.get(&path).await;
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let known = ann.get_with(&path, &[("if-none-match", whole.header("etag"))]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let other = ann.get_with(&path, &[("if-none-match", "\"x\"")]).await;
    assert_eq!(other.status, 200);
    let list = ann.get(&at("a")).await;
    let same = ann.get_with(&at("a"), &[("if-none-match", list.header("etag"))]).await;
    assert_eq!(same.status, 304);
    stored(&ann, "a/1/g.bin", "more").await;
    let changed = ann.get_with(&at("a"), &[("if-none-match", list.header("etag"))]).await;
    assert_eq!(changed.status, 200);
}

/// Bytes that are no UTF-8 come out unchanged through every front door, whatever their media type.
#[tokio::test]
async fn bytes_are_never_altered() {
    let (app, ann) = with("public").await;
    let bytes = b"caf\xe9 \xff\xfe\x00 \xc3\x28".to_vec();
    for name in ["f.txt", "f.html", "f.xml", "f.json", "f.js", "f.svg", "f.css", "f.bin", "f"] {
        let path = at(&format!("a/1/{name}"));
        stored(&ann, &format!("a/1/{name}"), bytes.clone()).await;
        assert_eq!(ann.get(&path).await.body.as_ref(), bytes, "{name}");
        for shape in [EventShape::HttpApi, EventShape::FunctionUrl] {
            let answer = app.event(shape, "GET", &path, &[], b"").await;
            assert_eq!((answer.status, answer.was_base64), (200, true), "{name} {shape:?}");
            assert_eq!(answer.body, bytes, "{name} {shape:?}");
        }
    }
}

/// A function stands still after each answer, so a count that only waits may never be written.
#[tokio::test]
async fn a_function_writes_counts_before_it_may_stand_still() {
    let (app, ann) = with("public").await;
    stored(&ann, "a/1/f", "x").await;
    let download = async || {
        let answer = app.event(EventShape::HttpApi, "GET", &at("a/1/f"), &[], b"").await;
        assert_eq!(answer.status, 200);
    };
    let count = async || ann.get("/api/repos/files").await.json()["repo"]["downloadCount"].as_u64().unwrap();
    // Ann's token was used to store it, which is noted with the next counts.
    app.state().write_counts().await.unwrap();
    app.probe.reset();
    download().await;
    assert_eq!(app.probe.count(), 1 + 3 + 1, "rows, the file and three counters, before the answer has left");
    assert_eq!(count().await, 1);
    for _ in 0..3 {
        download().await;
    }
    assert_eq!(count().await, 1, "what comes within seconds is written together");
    app.clock.advance_millis(5_000);
    download().await;
    assert_eq!(count().await, 5);
    // A counter that cannot be written neither fails a download nor is forgotten.
    app.clock.advance_millis(5_000);
    app.probe.inject(Target::operation(Service::DynamoDb, "UpdateItem", 1), Fault::Refuse);
    download().await;
    assert_eq!(count().await, 5);
    app.clock.advance_millis(5_000);
    download().await;
    assert_eq!(count().await, 7);
}

/// Files arrive through a function's front doors as they were sent.
#[tokio::test]
async fn uploads_come_through_every_front_door() {
    let (app, ann) = with("private").await;
    let authorization = format!("Bearer {}", ann.secret());
    let headers = [("authorization", authorization.as_str())];
    for (shape, name) in [(EventShape::HttpApi, "x%20y.bin"), (EventShape::FunctionUrl, "z+1.bin")] {
        let path = at(&format!("a/1/{name}"));
        let answer = app.event(shape, "PUT", &path, &headers, b"\xff\x00\xfe").await;
        assert_eq!(answer.status, 201, "{shape:?} {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(ann.get(&path).await.body.as_ref(), b"\xff\x00\xfe");
    }
}

/// What a gateway has damaged is never stored, and its sender is told what to do.
#[tokio::test]
async fn bytes_that_a_gateway_takes_for_text_are_refused() {
    let (app, ann) = with("private").await;
    let authorization = format!("Bearer {}", ann.secret());
    let bytes = b"caf\xe9";
    for media_type in ["text/plain", "text/xml; charset=iso-8859-1", "application/json", "application/xml"] {
        for length in [Some(bytes.len().to_string()), None] {
            let mut headers = vec![("authorization", authorization.as_str()), ("content-type", media_type)];
            headers.extend(length.as_deref().map(|length| ("content-length", length)));
            let answer = app.event(EventShape::HttpApi, "PUT", &at("a/1/f"), &headers, bytes).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 400, "{media_type} {text}");
            assert!(text.contains("application/octet-stream"), "{text}");
        }
    }
    assert_eq!(ann.get(&at("a/1/f")).await.status, 404, "nothing was stored");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/octet-stream")];
    let answer = app.event(EventShape::HttpApi, "PUT", &at("a/1/f"), &headers, bytes).await;
    assert_eq!(answer.status, 201);
    // Text that is text arrives as it is.
    let headers = [("authorization", authorization.as_str()), ("content-type", "text/plain")];
    let answer =
        app.event(EventShape::HttpApi, "PUT", &at("a/1/g"), &headers, "caf\u{e9} \u{FFFD}".as_bytes()).await;
    assert_eq!(answer.status, 400, "without a length, nobody can tell");
    let text = "caf\u{e9}";
    let answer = app.event(EventShape::HttpApi, "PUT", &at("a/1/g"), &headers, text.as_bytes()).await;
    assert_eq!(answer.status, 201);
    assert_eq!(ann.get(&at("a/1/g")).await.body.as_ref(), text.as_bytes());
}

/// `curl -O` without `-L` saves the body of a redirect as if it were the file, and says nothing.
#[tokio::test]
async fn curl_gets_the_file_without_following() {
    let bytes: Vec<u8> = (0..6_000_000_u32).map(|n| u8::try_from(n % 253).unwrap()).collect();
    let curl = [("user-agent", "curl/8.5.0")];
    let (_app, ann) = with("private").await;
    stored(&ann, "a/1/large", bytes.clone()).await;
    let whole = ann.get_with(&at("a/1/large"), &curl).await;
    assert_eq!((whole.status, whole.header("content-length")), (200, "6000000"));
    assert!(whole.body.as_ref() == bytes);
    let part = ann.get_with(&at("a/1/large"), &[curl[0], ("range", "bytes=5000000-5000009")]).await;
    assert_eq!((part.status, part.header("content-range")), (206, "bytes 5000000-5000009/6000000"));
    assert_eq!(part.body.as_ref(), &bytes[5_000_000..5_000_010]);
    let beyond = ann.get_with(&at("a/1/large"), &[curl[0], ("range", "bytes=6000000-")]).await;
    assert_eq!(beyond.status, 416);
    assert_eq!(ann.get(&at("a/1/large")).await.status, 302, "others are redirected");
    // A function cannot answer with more than 6 MB.
    let app = granary_testing::TestApp::with(|config| config.max_body = Some(10_000_000)).await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    stored(&ann, "a/1/large", bytes.clone()).await;
    stored(&ann, "a/1/medium", bytes[..1_000_000].to_vec()).await;
    assert!(ann.get_with(&at("a/1/medium"), &curl).await.body.as_ref() == &bytes[..1_000_000]);
    let redirect = ann.get_with(&at("a/1/large"), &curl).await;
    assert_eq!(redirect.status, 302);
    assert!(redirect.text().contains("curl -L"));
}
