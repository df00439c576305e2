//! `POST /api/packages/upload`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use futures::{StreamExt as _, stream};
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestResponse};
use serde_json::json;

use crate::support::{REPO, private, usage};

/// A form as curl sends it: fields in this order, a file where the name is `file`.
pub(crate) async fn form(
    actor: &Actor,
    fields: &[(&str, &str)],
    file: Option<(&str, &[u8])>,
    file_at: usize,
) -> TestResponse {
    let mut body = Vec::new();
    let mut part = |head: String, content: &[u8]| {
        body.extend_from_slice(format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    for index in 0..=fields.len() {
        if let (true, Some((name, bytes))) = (index == file_at.min(fields.len()), file) {
            let type_line = "\r\nContent-Type: application/octet-stream";
            part(format!("name=\"file\"; filename=\"{name}\"{type_line}"), bytes);
        }
        if let Some((name, value)) = fields.get(index) {
            part(format!("name=\"{name}\""), value.as_bytes());
        }
    }
    body.extend_from_slice(b"--x--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    actor.request("POST", "/api/packages/upload", &headers, body).await
}

const RAW: [(&str, &str); 5] = [
    ("repoId", REPO),
    ("packageName", "my-tool"),
    ("version", "1.0.0"),
    ("packageType", "raw"),
    ("description", "My tool binary"),
];

#[tokio::test]
async fn plain_files_wherever_the_file_stands() {
    let (app, ann) = private().await;
    for (at, name) in [(0, "first.zip"), (3, "middle.zip"), (9, "last.zip")] {
        let response = form(&ann, &RAW, Some((name, b"zipped")), at).await;
        assert_eq!(response.status, 201, "{}", response.text());
        assert_eq!(
            response.json(),
            json!({ "ok": true, "packageType": "raw", "packageName": "my-tool", "version": "1.0.0", "file": name })
        );
        assert_eq!(ann.get(&format!("/api/raw/files/my-tool/1.0.0/{name}")).await.text(), "zipped");
    }
    assert_eq!(ann.get("/api/raw/files/my-tool").await.json()["description"], "My tool binary");
    assert_eq!(form(&ann, &RAW, Some(("last.zip", b"zipped")), 9).await.status, 201, "the same again");
    assert_eq!(form(&ann, &RAW, Some(("last.zip", b"other")), 9).await.status, 409);
    assert_eq!(usage(&app).await, (18, 1, 1));
}

#[tokio::test]
async fn an_npm_tarball() {
    let (_app, ann) = private().await;
    let tarball = NpmPackage::new("hello", "1.0.0").tarball();
    let fields = [("repoId", REPO), ("packageName", "hello"), ("version", "1.0.0"), ("packageType", "npm")];
    let response = form(&ann, &fields, Some(("hello.tgz", &tarball)), 9).await;
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(response.json()["file"], "hello-1.0.0.tgz");
    let packument = ann.get("/api/npm/files/hello").await.json();
    assert_eq!(packument["dist-tags"]["latest"], "1.0.0");
    let other = [("repoId", REPO), ("packageName", "other"), ("version", "1.0.0"), ("packageType", "npm")];
    let refused = form(&ann, &other, Some(("hello.tgz", &tarball)), 9).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(form(&ann, &fields, Some(("hello.tgz", b"no tarball")), 9).await.status, 400);
}

#[tokio::test]
async fn maven_files() {
    let (_app, ann) = private().await;
    let fields = [
        ("repoId", REPO),
        ("packageName", "app"),
        ("version", "1.0"),
        ("packageType", "maven"),
        ("groupId", "com.example"),
        ("artifactId", "app"),
    ];
    let pom = b"<project><groupId>com.example</groupId><artifactId>app</artifactId><version>1.0</version></project>";
    for (sent, bytes, stored) in [
        ("app-1.0.jar", &b"jar"[..], "app-1.0.jar"),
        ("pom.xml.pom", pom, "app-1.0.pom"),
        ("app-1.0-sources.jar", b"sources", "app-1.0-sources.jar"),
    ] {
        let response = form(&ann, &fields, Some((sent, bytes)), 2).await;
        assert_eq!(response.status, 201, "{sent}: {}", response.text());
        assert_eq!(
            (response.json()["file"].as_str(), response.json()["packageName"].as_str()),
            (Some(stored), Some("com.example:app"))
        );
        let file = ann.get(&format!("/api/maven/files/com/example/app/1.0/{stored}")).await;
        assert_eq!(file.body.as_ref(), bytes);
    }
    let wrong =
        b"<project><groupId>org.other</groupId><artifactId>app</artifactId><version>1.0</version></project>";
    assert_eq!(form(&ann, &fields, Some(("x.pom", wrong)), 9).await.status, 400);
}

#[tokio::test]
async fn malformed_forms_store_nothing() {
    let (app, ann) = private().await;
    let file = Some(("f.zip", &b"zipped"[..]));
    let without = |name: &str| RAW.into_iter().filter(|(field, _)| *field != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| {
        let mut fields = without(name);
        fields.push((name, value));
        fields
    };
    for (fields, named) in [
        (without("repoId"), "repoId"),
        (without("packageName"), "packageName"),
        (without("version"), "version"),
        (without("packageType"), "packageType"),
        (with("packageType", "swift"), "scope.name"),
        (with("packageName", "../x"), "packageName"),
        (with("surprise", "x"), "surprise"),
        ([RAW.to_vec(), vec![("version", "2")]].concat(), "twice"),
    ] {
        for at in [0, 9] {
            let response = form(&ann, &fields, file, at).await;
            assert_eq!(response.status, 400, "{fields:?}: {}", response.text());
            assert!(response.error().contains(named), "{named}: {}", response.error());
        }
    }
    assert_eq!(form(&ann, &RAW, None, 0).await.status, 400);
    assert_eq!(form(&ann, &RAW, Some(("", b"x")), 0).await.status, 400);
    let long = "x".repeat(20_000);
    let mut fields = without("description");
    fields.push(("description", &long));
    assert_eq!(form(&ann, &fields, file, 9).await.status, 400);
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    for body in
        ["", "--x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nhalf"]
    {
        let response = ann.request("POST", "/api/packages/upload", &headers, body).await;
        assert_eq!(response.status, 400, "{body}: {}", response.text());
    }
    let json = ann.post_json("/api/packages/upload", &json!({})).await;
    assert_eq!(json.status, 400, "{}", json.text());
    assert_eq!(usage(&app).await, (0, 0, 0));
    assert_eq!(app.state().storage().list_objects("", None).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn who_may_send_a_form() {
    let (app, ann) = private().await;
    let file = Some(("f.zip", &b"zipped"[..]));
    assert_eq!(form(&app.anonymous(), &RAW, file, 9).await.status, 401);
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    let reader = app.account_token("ann", &["read"]).await;
    for at in [0, 9] {
        assert_eq!(form(&eve, &RAW, file, at).await.status, 404);
        assert_eq!(form(&reader, &RAW, file, at).await.status, 403, "{at}");
    }
    assert_eq!(usage(&app).await, (0, 0, 0));
    assert_eq!(form(&ann, &RAW, file, 0).await.status, 201);
}

#[tokio::test]
async fn a_form_over_the_limit_is_told_the_way_out() {
    let app = granary_testing::TestApp::with(|config| config.max_body = Some(100)).await;
    let ann = app.repo("ann", REPO, &["raw"], "private").await;
    let headers = [("content-type", "multipart/form-data; boundary=x"), ("content-length", "101")];
    let response = ann.request("POST", "/api/packages/upload", &headers, "x".repeat(101)).await;
    assert_eq!(response.status, 413, "{}", response.text());
    assert!(response.error().contains("granary push"), "{}", response.error());
}

/// Bytes without end, or nearly: as many as are asked for, in pieces. Gives the number asked for as well.
fn endless(beginning: &'static [u8]) -> (Body, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let pieces =
        stream::iter(std::iter::once(beginning.to_vec()).chain((0..4_000).map(|_| vec![b'x'; 16_384])));
    let pieces = pieces.map(move |piece| {
        counted.fetch_add(piece.len(), Ordering::Relaxed);
        Ok::<_, std::io::Error>(piece)
    });
    (Body::from_stream(pieces), asked)
}

#[tokio::test]
async fn what_is_no_field_is_not_kept_in_memory() {
    let (_app, ann) = private().await;
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    for beginning in [&b""[..], b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\""] {
        let (body, asked) = endless(beginning);
        let response = ann.request("POST", "/api/packages/upload", &headers, body).await;
        assert_eq!(response.status, 400, "{}", response.text());
        let asked = asked.load(Ordering::Relaxed);
        assert!(asked < 2_000_000, "{asked} bytes were taken");
    }
}

#[tokio::test]
async fn a_large_file_in_many_pieces() {
    let (_app, ann) = private().await;
    let mut body = Vec::new();
    for (name, value) in RAW {
        body.push(
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes(),
        );
    }
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large.bin\"\r\n\r\n";
    body.push(file.as_bytes().to_vec());
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    body.extend(bytes.chunks(10_007).map(<[u8]>::to_vec));
    body.push(b"\r\n--x--\r\n".to_vec());
    let body = Body::from_stream(stream::iter(body.into_iter().map(Ok::<_, std::io::Error>)));
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    let response = ann.request("POST", "/api/packages/upload", &headers, body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let file = ann.get("/api/raw/files/my-tool/1.0.0/large.bin").await;
    assert_eq!(file.status, 302);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let stored = client.get(file.header("location")).send().await.unwrap().bytes().await.unwrap();
    assert!(stored == bytes);
}
