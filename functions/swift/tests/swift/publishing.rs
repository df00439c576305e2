//! What a publish may carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use granary_testing::TestApp;
use granary_testing::swift::{MANIFEST, PublishForm, simple_archive, source_archive};

use crate::support::{REPO, at, noise, problem, published, put, sha256, url, with};

#[tokio::test]
async fn signatures_are_kept_and_given_back() {
    let (_app, ann) = with("private").await;
    let archive = simple_archive("signed");
    let signature = [0x30, 0x82, 0xff, 0x00, 0x0d, 0x0a, 0x2d, 0x2d];
    let form = PublishForm::new(&archive)
        .signature(&signature)
        .metadata(r#"{"description":"Zähl mit"}"#)
        .part("metadata-signature", "application/octet-stream", "binary", b"metadata signature");
    assert_eq!(form.put(&ann, &at("mona/LinkedList/1.0.0")).await.status, 201);
    let info = ann.get(&at("mona/LinkedList/1.0.0")).await.json();
    let expected = serde_json::json!([{
        "name": "source-archive", "type": "application/zip", "checksum": sha256(&archive),
        "signing": { "signatureBase64Encoded": STANDARD.encode(signature), "signatureFormat": "cms-1.0.0" },
    }]);
    assert_eq!(info["resources"], expected);
    assert_eq!(info["metadata"]["description"], "Zähl mit");
    for method in ["GET", "HEAD"] {
        let download = ann.request(method, &at("mona/LinkedList/1.0.0.zip"), &[], "").await;
        assert_eq!(download.header("x-swift-package-signature-format"), "cms-1.0.0");
        assert_eq!(download.header("x-swift-package-signature"), STANDARD.encode(signature));
    }
    assert_eq!(ann.get(&at("mona/LinkedList/1.0.0.zip")).await.body.to_vec(), archive);
    let long = vec![7; 6_001];
    let form = PublishForm::new(&archive).signature(&long);
    assert_eq!(form.put(&ann, &at("mona/LinkedList/1.0.1")).await.status, 201);
    let info = ann.get(&at("mona/LinkedList/1.0.1")).await.json();
    assert_eq!(info["resources"][0]["signing"]["signatureBase64Encoded"], STANDARD.encode(&long));
    // No header for one that many proxies would not pass on.
    assert_eq!(ann.get(&at("mona/LinkedList/1.0.1.zip")).await.header("x-swift-package-signature"), "");
    published(&ann, "1.1.0").await;
    let unsigned = ann.get(&at("mona/LinkedList/1.1.0")).await.json();
    assert!(unsigned["resources"][0].get("signing").is_none());
    assert_eq!(
        ann.get(&at("mona/LinkedList/1.1.0.zip")).await.header("x-swift-package-signature-format"),
        ""
    );
}

#[tokio::test]
async fn signatures_that_do_not_fit_together_are_refused() {
    let (_app, ann) = with("private").await;
    let form = PublishForm::new(&simple_archive("x"));
    let bare_signature =
        form.clone().part("source-archive-signature", "application/octet-stream", "binary", b"s");
    let other_format = form.clone().signature(b"s").header("x-swift-package-signature-format", "pgp");
    let only_header = form.clone().header("x-swift-package-signature-format", "cms-1.0.0");
    let signed_nothing = form.clone().part("metadata-signature", "application/octet-stream", "binary", b"s");
    let empty = form.clone().signature(b"");
    let large = form.clone().signature(&vec![7; 64 * 1024 + 1]);
    for (form, reason) in [
        (bare_signature, "X-Swift-Package-Signature-Format"),
        (other_format, "'pgp'"),
        (only_header, "source-archive-signature"),
        (signed_nothing, "metadata"),
        (empty, "signature"),
        (large, "signature"),
    ] {
        let detail = problem(&form.put(&ann, &at("mona/LinkedList/1.0.0")).await, 422);
        assert!(detail.contains(reason), "{detail}");
    }
    assert_eq!(form.put(&ann, &at("mona/LinkedList/1.0.0")).await.status, 201);
}

#[tokio::test]
async fn every_encoding_of_a_part_is_decoded_before_it_counts() {
    let (_app, ann) = with("private").await;
    let archive = simple_archive("encoded");
    let encoded = STANDARD.encode(&archive);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let wrapped = lines.join("\r\n");
    let form = |content: &str| {
        let mut form =
            PublishForm::default().header("content-type", "multipart/form-data; boundary=b0undary-1");
        form = form.part("source-archive", "application/zip", "BASE64", content.as_bytes());
        form.part(
            "metadata",
            "application/json",
            "quoted-printable",
            b"{\"description\":\"Z=C3=A4hl =\r\nmit\"}",
        )
    };
    for (version, content) in [("1.0.0", encoded.as_str()), ("1.0.1", &wrapped)] {
        assert_eq!(form(content).put(&ann, &at(&format!("mona/LinkedList/{version}"))).await.status, 201);
        let info = ann.get(&at(&format!("mona/LinkedList/{version}"))).await.json();
        assert_eq!(info["resources"][0]["checksum"], sha256(&archive));
        assert_eq!(info["metadata"]["description"], "Zähl mit");
    }
    for (encoding, content) in [("base64", "%%%"), ("uuencode", "x"), ("quoted-printable", "x")] {
        let form = PublishForm::default()
            .header("content-type", "multipart/form-data; boundary=b0undary-1")
            .part("source-archive", "application/zip", encoding, content.as_bytes());
        problem(&form.put(&ann, &at("mona/LinkedList/2.0.0")).await, 422);
    }
}

#[tokio::test]
async fn forms_that_cannot_be_used_say_why() {
    let (_app, ann) = with("private").await;
    let archive = simple_archive("x");
    let form = PublishForm::new(&archive);
    let twice = form.clone().part("source-archive", "application/zip", "binary", &archive);
    let unknown = form.clone().part("readme", "text/plain", "binary", b"x");
    let none = PublishForm::default()
        .header("content-type", "multipart/form-data; boundary=b0undary-1")
        .metadata("{}");
    let no_boundary = form.clone().header("content-type", "multipart/form-data");
    let bad_metadata = form.clone().metadata("{");
    let nameless = form.clone().metadata(r#"{"author":{"email":"a@example.com"}}"#);
    let dated = form.clone().metadata(r#"{"originalPublicationTime":"yesterday"}"#);
    for (form, reason) in [
        (twice, "twice"),
        (unknown, "'readme'"),
        (none, "source-archive"),
        (no_boundary, "boundary"),
        (bad_metadata, "metadata"),
        (nameless, "author"),
        (dated, "originalPublicationTime"),
    ] {
        let detail = problem(&form.put(&ann, &at("mona/LinkedList/1.0.0")).await, 422);
        assert!(detail.contains(reason), "{reason}: {detail}");
    }
    let too_large = form.clone().metadata(&format!("{{\"x\":\"{}\"}}", "y".repeat(128 * 1024)));
    problem(&too_large.put(&ann, &at("mona/LinkedList/1.0.0")).await, 413);
    let text = ann
        .request("PUT", &at("mona/LinkedList/1.0.0"), &[("content-type", "text/plain")], archive.clone())
        .await;
    assert!(problem(&text, 415).contains("text/plain"));
    let cut = form.body();
    let headers = form.headers();
    let broken =
        ann.request("PUT", &at("mona/LinkedList/1.0.0"), &headers, cut[..cut.len() - 20].to_vec()).await;
    problem(&broken, 422);
    assert_eq!(ann.get(&at("mona/LinkedList")).await.status, 404);
}

#[tokio::test]
async fn versions_that_no_client_can_tell_apart_are_one_release() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let detail = problem(&put(&ann, "mona/LinkedList/1.0.0+a", &simple_archive("a")).await, 409);
    assert!(detail.contains("1.0.0+a") && detail.contains("exists"), "{detail}");
    problem(&ann.get(&at("mona/LinkedList/1.0.0+a")).await, 404);
    // In any order: an older one may follow a newer one.
    for version in ["2.0.0-RC.1", "0.9.0", "1.0.1-beta.1+build.5"] {
        published(&ann, version).await;
    }
    problem(&put(&ann, "mona/LinkedList/2.0.0-rc.1", &simple_archive("x")).await, 409);
    let list = ann.get(&at("mona/LinkedList")).await.json();
    let order: Vec<&String> = list["releases"].as_object().unwrap().keys().collect();
    assert_eq!(order, ["2.0.0-RC.1", "1.0.1-beta.1+build.5", "1.0.0", "0.9.0"]);
}

#[tokio::test]
async fn build_metadata_may_look_like_a_suffix() {
    let (_app, ann) = with("private").await;
    for version in ["1.0.0+linux.json", "1.1.0+linux.zip", "1.2.0+linux"] {
        let archive = published(&ann, version).await;
        let info = ann.get(&at(&format!("mona/LinkedList/{version}"))).await.json();
        assert_eq!(info["version"], version);
        let info = ann.get(&at(&format!("mona/LinkedList/{version}.json"))).await.json();
        assert_eq!(info["version"], version);
        let download = ann.get(&at(&format!("mona/LinkedList/{version}.zip"))).await;
        assert_eq!((download.status, download.body.to_vec()), (200, archive), "{version}");
        assert_eq!(ann.get(&at(&format!("mona/LinkedList/{version}/Package.swift"))).await.text(), MANIFEST);
        let encoded = version.replace('+', "%2B");
        assert_eq!(ann.get(&at(&format!("mona/LinkedList/{encoded}.zip"))).await.status, 200, "{encoded}");
    }
    problem(&ann.get(&at("mona/LinkedList/1.1.0+linux")).await, 404);
    problem(&put(&ann, "mona/LinkedList/2.0.0-a.zip", &simple_archive("x")).await, 400);
}

#[tokio::test]
async fn the_first_spelling_is_shown_and_every_spelling_is_the_same_package() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let response = put(&ann, "MONA/linkedlist/1.1.0", &simple_archive("x")).await;
    assert_eq!((response.status, response.header("location")), (201, url("mona/LinkedList/1.1.0").as_str()));
    assert_eq!(ann.get(&at("mOnA/lInKeDlIsT/1.1.0")).await.json()["id"], "mona.LinkedList");
    let packages = ann.get(&format!("/api/repos/{REPO}/packages")).await.text();
    assert!(packages.contains("mona.LinkedList") && !packages.contains("linkedlist"), "{packages}");
}

#[tokio::test]
async fn a_request_over_the_limit_names_the_way_out() {
    let app = TestApp::with(|config| config.max_body = Some(100_000)).await;
    let ann = app.repo("ann", REPO, &["swift"], "private").await;
    let noise = noise(200_000);
    let archive = source_archive(&[("L/Package.swift", MANIFEST), ("L/noise", &noise)]);
    assert!(archive.len() > 100_000);
    let form = PublishForm::new(&archive);
    let length = form.body().len().to_string();
    for form in [form.clone(), form.header("content-length", &length)] {
        let detail = problem(&form.put(&ann, &at("mona/LinkedList/1.0.0")).await, 413);
        assert!(detail.contains("granary push"), "{detail}");
    }
    let raw = ann
        .request("PUT", &at("mona/LinkedList/1.0.0"), &[("content-type", "application/zip")], archive)
        .await;
    let detail = problem(&raw, 413);
    assert!(
        detail
            .contains("granary push swift LinkedList.zip --repo swifts --id mona.LinkedList --version 1.0.0"),
        "{detail}"
    );
    assert_eq!(ann.get(&at("mona/LinkedList")).await.status, 404);
}

#[tokio::test]
async fn a_refused_form_is_read_to_its_end() {
    let (app, ann) = with("private").await;
    // More than what clients, sockets and parsers hold on their way.
    let large = vec![7; 8 * 1024 * 1024];
    let unknown = PublishForm::new(&simple_archive("x")).part("readme", "text/plain", "binary", &large);
    let odd = PublishForm::default().header("content-type", "multipart/form-data; boundary=b0undary-1").part(
        "source-archive",
        "application/zip",
        "quoted-printable",
        &large,
    );
    let no_boundary = PublishForm::new(&large).header("content-type", "multipart/form-data");
    for form in [unknown, odd, no_boundary] {
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        let bytes = form.body();
        let length = bytes.len();
        let pieces: Vec<Vec<u8>> = bytes.chunks(64 * 1024).map(<[u8]>::to_vec).collect();
        let stream = futures::stream::iter(pieces).map(move |piece| {
            counter.fetch_add(piece.len(), Ordering::Relaxed);
            Ok::<_, std::io::Error>(piece)
        });
        let body = axum::body::Body::from_stream(stream);
        let response = ann.request("PUT", &at("mona/LinkedList/1.0.0"), &form.headers(), body).await;
        problem(&response, 422);
        assert_eq!(seen.load(Ordering::Relaxed), length, "{:?}", form.headers());
    }
    assert!(app.blobs().await.is_empty());
}
