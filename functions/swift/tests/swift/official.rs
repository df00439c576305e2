//! The checks of the official compatibility suite, A1 to F3 of the reference.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_testing::swift::{MANIFEST, PublishForm, source_archive};
use granary_testing::{Actor, TestResponse};

use crate::support::{JSON, at, problem, published, related, sha256, url, with};

/// A name, or a whole path, in the other case.
fn flipped(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect()
}

async fn get(actor: &Actor, rest: &str) -> TestResponse {
    actor.get_with(&at(rest), &[JSON]).await
}

fn is_json(response: &TestResponse) {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("content-version"), "1");
}

#[tokio::test]
async fn a_releases_are_listed_whole_and_in_every_spelling() {
    let (_app, ann) = with("private").await;
    let metadata =
        r#"{"repositoryURLs":["https://example.com/mona/LinkedList","git@example.com:mona/LinkedList.git"]}"#;
    for version in ["1.0.0", "1.10.0", "2.0.0-rc.1", "1.2.0", "2.0.0"] {
        let form = PublishForm::new(&granary_testing::swift::simple_archive(version)).metadata(metadata);
        assert_eq!(form.put(&ann, &at(&format!("mona/LinkedList/{version}"))).await.status, 201);
    }
    assert_eq!(ann.delete(&at("mona/LinkedList/1.2.0?reason=broken")).await.status, 200);
    for path in [
        "mona/LinkedList",
        "mona/LinkedList.json",
        &flipped("mona/LinkedList"),
        &flipped("mona/LinkedList.json"),
    ] {
        let list = get(&ann, path).await;
        is_json(&list);
        let body = list.json();
        let releases = body["releases"].as_object().unwrap();
        let order: Vec<&str> = releases.keys().map(String::as_str).collect();
        assert_eq!(order, ["2.0.0", "2.0.0-rc.1", "1.10.0", "1.2.0", "1.0.0"], "{path}");
        for (version, release) in releases {
            if version == "1.2.0" {
                let expected =
                    serde_json::json!({ "problem": { "status": 410, "title": "Gone", "detail": "broken" } });
                assert_eq!(release, &expected);
            } else {
                assert_eq!(
                    release,
                    &serde_json::json!({ "url": url(&format!("mona/LinkedList/{version}")) })
                );
            }
        }
        assert_eq!(related(&list, "latest-version"), [url("mona/LinkedList/2.0.0")]);
        assert_eq!(related(&list, "canonical"), ["https://example.com/mona/LinkedList"]);
        assert_eq!(related(&list, "alternate"), ["git@example.com:mona/LinkedList.git"]);
    }
    for path in ["mona/Unknown", "mona/Unknown.json"] {
        assert!(!problem(&get(&ann, path).await, 404).is_empty());
    }
}

#[tokio::test]
async fn b_a_release_says_what_it_is_and_what_stands_beside_it() {
    let (_app, ann) = with("private").await;
    let mut archives = Vec::new();
    for version in ["1.0.0", "1.1.0-Beta.1", "1.1.0"] {
        archives.push(published(&ann, version).await);
    }
    for path in ["mona/LinkedList/1.1.0-Beta.1", "mona/LinkedList/1.1.0-Beta.1.json"] {
        for path in [path.to_owned(), flipped(path)] {
            let info = get(&ann, &path).await;
            is_json(&info);
            let body = info.json();
            assert_eq!((&body["id"], &body["version"]), (&"mona.LinkedList".into(), &"1.1.0-Beta.1".into()));
            let resources = serde_json::json!([
                { "name": "source-archive", "type": "application/zip", "checksum": sha256(&archives[1]) }
            ]);
            assert_eq!(body["resources"], resources);
            assert_eq!(body["metadata"], serde_json::json!({}));
            assert_eq!(body["publishedAt"].as_str().unwrap().len(), "2026-02-16T14:30:00Z".len());
            assert_eq!(related(&info, "latest-version"), [url("mona/LinkedList/1.1.0")]);
            assert_eq!(related(&info, "successor-version"), [url("mona/LinkedList/1.1.0")]);
            assert_eq!(related(&info, "predecessor-version"), [url("mona/LinkedList/1.0.0")]);
        }
    }
    let first = get(&ann, "mona/LinkedList/1.0.0").await;
    assert!(related(&first, "predecessor-version").is_empty());
    let last = get(&ann, "mona/LinkedList/1.1.0").await;
    assert!(related(&last, "successor-version").is_empty());
    for path in ["mona/LinkedList/9.0.0", "mona/LinkedList/9.0.0.json", "mona/Unknown/1.0.0"] {
        problem(&get(&ann, path).await, 404);
    }
}

#[tokio::test]
async fn c_manifests_and_their_alternates() {
    let (_app, ann) = with("private").await;
    let older = MANIFEST.replace("5.7", "4.2");
    let archive = source_archive(&[
        ("LinkedList/Package.swift", MANIFEST),
        ("LinkedList/Package@swift-4.2.swift", &older),
        ("LinkedList/Sources/a.swift", ""),
    ]);
    crate::support::put(&ann, "mona/LinkedList/1.0.0", &archive).await;
    let accept = [("accept", "application/vnd.swift.registry.v1+swift")];
    for path in ["mona/LinkedList/1.0.0/Package.swift", "MONA/lINKEDlIST/1.0.0/Package.swift"] {
        let manifest = ann.get_with(&at(path), &accept).await;
        assert_eq!((manifest.status, manifest.text()), (200, MANIFEST.to_owned()));
        assert_eq!(manifest.header("content-type"), "text/x-swift");
        assert_eq!(manifest.header("content-version"), "1");
        assert_eq!(manifest.header("content-disposition"), "attachment; filename=\"Package.swift\"");
        assert_eq!(manifest.header("content-length"), MANIFEST.len().to_string());
        let alternates = crate::support::links(&manifest);
        assert_eq!(alternates.len(), 1);
        assert_eq!(alternates[0].0, url("mona/LinkedList/1.0.0/Package.swift?swift-version=4.2"));
        let fields =
            ["rel=\"alternate\"", "filename=\"Package@swift-4.2.swift\"", "swift-tools-version=\"4.2\""];
        assert_eq!(alternates[0].1, fields);
    }
    let alternate = ann.get_with(&at("mona/LinkedList/1.0.0/Package.swift?swift-version=4.2"), &accept).await;
    assert_eq!((alternate.status, alternate.text()), (200, older));
    assert_eq!(alternate.header("content-type"), "text/x-swift");
    assert_eq!(alternate.header("content-version"), "1");
    assert_eq!(alternate.header("content-disposition"), "attachment; filename=\"Package@swift-4.2.swift\"");
    assert_eq!(alternate.header("link"), "");
    let none = ann.get_with(&at("mona/LinkedList/1.0.0/Package.swift?swift-version=5.0"), &accept).await;
    assert_eq!(
        (none.status, none.header("location")),
        (303, url("mona/LinkedList/1.0.0/Package.swift").as_str())
    );
    assert_eq!(none.header("content-version"), "1");
    problem(&ann.get_with(&at("mona/LinkedList/2.0.0/Package.swift"), &accept).await, 404);
}

#[tokio::test]
async fn d_archives() {
    let (_app, ann) = with("private").await;
    let archive = published(&ann, "1.0.0").await;
    let accept = [("accept", "application/vnd.swift.registry.v1+zip")];
    let checksum = get(&ann, "mona/LinkedList/1.0.0").await.json()["resources"][0]["checksum"].clone();
    assert_eq!(checksum, sha256(&archive));
    for (path, name) in [
        ("mona/LinkedList/1.0.0.zip", "LinkedList-1.0.0.zip"),
        ("MONA/lINKEDlIST/1.0.0.zip", "lINKEDlIST-1.0.0.zip"),
    ] {
        let download = ann.get_with(&at(path), &accept).await;
        assert_eq!((download.status, download.body.to_vec()), (200, archive.clone()));
        assert_eq!(download.header("content-type"), "application/zip");
        assert_eq!(download.header("content-version"), "1");
        assert_eq!(download.header("content-length"), archive.len().to_string());
        assert_eq!(download.header("content-disposition"), format!("attachment; filename=\"{name}\""));
        let digest = granary_publish::digests::Digests::of(&archive).sha256;
        assert_eq!(download.header("digest"), format!("sha-256={}", STANDARD.encode(digest.as_bytes())));
    }
    problem(&ann.get_with(&at("mona/LinkedList/2.0.0.zip"), &accept).await, 404);
}

#[tokio::test]
async fn e_identifiers_by_the_address_of_a_source() {
    let (_app, ann) = with("private").await;
    let metadata = r#"{"repositoryURLs":["https://example.com/mona/LinkedList.git"]}"#;
    for package in ["mona/LinkedList", "acme/List-Fork"] {
        let form = PublishForm::new(&granary_testing::swift::simple_archive(package)).metadata(metadata);
        assert_eq!(form.put(&ann, &at(&format!("{package}/1.0.0"))).await.status, 201);
    }
    for source in [
        "https://example.com/mona/LinkedList.git",
        "https://example.com/mona/LinkedList",
        "HTTPS://EXAMPLE.COM/MONA/lINKEDlIST.GIT",
        "git@example.com:mona/LinkedList.git",
        "ssh://git@example.com/mona/LinkedList",
    ] {
        let query: String = form_urlencoded::byte_serialize(source.as_bytes()).collect();
        let found = get(&ann, &format!("identifiers?url={query}")).await;
        is_json(&found);
        let expected = serde_json::json!({ "identifiers": ["acme.List-Fork", "mona.LinkedList"] });
        assert_eq!(found.json(), expected, "{source}");
    }
    problem(&get(&ann, "identifiers?url=https://example.com/mona/Other").await, 404);
}

#[tokio::test]
async fn f_publishing_the_way_the_suite_does() {
    let (_app, ann) = with("private").await;
    let archive = granary_testing::swift::simple_archive("suite");
    let encoded = STANDARD.encode(&archive);
    let mut body = Vec::new();
    let parts = [
        ("source-archive", "application/zip", "base64", archive.len(), encoded.as_bytes()),
        ("metadata", "application/json", "quoted-printable", 2, b"{}"),
    ];
    for (name, kind, encoding, length, content) in parts {
        let head = format!(
            "--boundary\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--boundary--\r\n");
    let headers =
        [JSON, ("content-type", "multipart/form-data; boundary=\"boundary\""), ("prefer", "respond-async")];
    let response = ann.request("PUT", &at("mona/LinkedList/1.0.0"), &headers, body.clone()).await;
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(response.header("content-version"), "1");
    assert_eq!(response.header("location"), url("mona/LinkedList/1.0.0"));
    assert_eq!(ann.get(&at("mona/LinkedList/1.0.0.zip")).await.body.to_vec(), archive);
    for path in ["mona/LinkedList/1.0.0", "MONA/lINKEDlIST/1.0.0"] {
        let again = ann.request("PUT", &at(path), &headers, body.clone()).await;
        assert!(problem(&again, 409).contains("exists"));
    }
}
