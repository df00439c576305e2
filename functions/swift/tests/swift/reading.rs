//! What readers get besides what the suites check.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_http::cdn::Cdn;
use granary_testing::TestApp;
use granary_testing::swift::{MANIFEST, PublishForm, simple_archive, source_archive};

use crate::support::{REPO, at, links, noise, problem, published, put, url, with};

#[tokio::test]
async fn ranges_and_conditions_of_an_archive() {
    let (_app, ann) = with("private").await;
    let archive = published(&ann, "1.0.0").await;
    let path = at("mona/LinkedList/1.0.0.zip");
    let head = ann.head(&path).await;
    assert_eq!((head.status, head.header("content-length")), (200, archive.len().to_string().as_str()));
    assert!(
        head.body.is_empty() && !head.header("last-modified").is_empty() && !head.header("digest").is_empty()
    );
    let part = ann.get_with(&path, &[("range", "bytes=0-15")]).await;
    assert_eq!((part.status, part.body.to_vec()), (206, archive[..16].to_vec()));
    assert_eq!(part.header("content-version"), "1");
    let unchanged = ann.get_with(&path, &[("if-none-match", head.header("etag"))]).await;
    assert_eq!((unchanged.status, unchanged.header("content-version")), (304, "1"));
    let beyond = ann.get_with(&path, &[("range", "bytes=999999-")]).await;
    assert_eq!(beyond.status, 416);
}

#[tokio::test]
async fn head_says_what_get_would() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    for (path, status) in [
        ("mona/LinkedList", 200),
        ("mona/LinkedList/1.0.0", 200),
        ("mona/LinkedList/1.0.0/Package.swift", 200),
        ("mona/LinkedList/1.0.0/Package.swift?swift-version=4", 303),
        ("mona/LinkedList/2.0.0", 404),
        ("identifiers?url=x", 404),
        ("availability", 200),
        ("", 200),
    ] {
        let head = ann.head(&at(path)).await;
        let get = ann.get(&at(path)).await;
        assert_eq!((head.status, head.body.len()), (status, 0), "{path}");
        for name in ["content-type", "content-length", "link", "etag", "content-version", "location"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn large_archives_are_redirected_only_where_the_client_survives_it() {
    let noise = noise(6_000_000);
    let archive = source_archive(&[("L/Package.swift", MANIFEST), ("L/noise", &noise)]);
    assert!(archive.len() > 4 * 1024 * 1024, "{}", archive.len());
    let old = ("user-agent", "SwiftPackageManager/5.9.0");
    let new = ("user-agent", "SwiftPackageManager/6.2.4");
    // One process: everything can be streamed.
    let app = TestApp::new().await;
    let ann = app.repo("ann", REPO, &["swift"], "private").await;
    let response = put(&ann, "mona/L/1.0.0", &archive).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let path = at("mona/L/1.0.0.zip");
    let streamed = ann.get_with(&path, &[old]).await;
    assert_eq!((streamed.status, streamed.body.to_vec() == archive), (200, true));
    assert_eq!(streamed.header("content-length"), archive.len().to_string());
    assert!(!streamed.header("digest").is_empty());
    let part = ann.get_with(&path, &[old, ("range", "bytes=10-19")]).await;
    assert_eq!((part.status, part.body.to_vec()), (206, archive[10..20].to_vec()));
    let redirected = ann.get_with(&path, &[new]).await;
    assert_eq!((redirected.status, redirected.header("content-version")), (303, "1"));
    assert!(!redirected.header("digest").is_empty());
    let address = redirected.header("location").to_owned();
    assert!(address.contains("response-content-type=application%2Fzip"), "{address}");
    // A function cannot, and says so instead of sending the client where it will fail.
    let app = TestApp::with(|config| config.max_body = Some(6_000_000)).await;
    let ann = app.repo("ann", REPO, &["swift"], "public").await;
    let response = put(&ann, "mona/L/1.0.0", &archive).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let refused = ann.get_with(&path, &[old]).await;
    assert!(problem(&refused, 501).contains("6.2.3"));
    assert_eq!(ann.get_with(&path, &[new]).await.status, 303);
    assert_eq!(app.anonymous().get_with(&path, &[old]).await.status, 303);
    // With a distribution everybody can be redirected.
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = STANDARD.encode(key.to_pkcs8v1().unwrap().as_ref());
    let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
    let fronted = TestApp::with(|config| {
        config.max_body = Some(6_000_000);
        config.cdn = Some(Arc::new(Cdn::new("https://cdn.example.com", "K1", &key).unwrap()));
    });
    let fronted = fronted.await;
    let bob = fronted.repo("bob", REPO, &["swift"], "private").await;
    assert_eq!(put(&bob, "mona/L/1.0.0", &archive).await.status, 201);
    for agent in [old, new] {
        let redirected = bob.get_with(&path, &[agent]).await;
        assert_eq!(redirected.status, 303);
        let address = redirected.header("location");
        assert!(address.starts_with("https://cdn.example.com/blobs/sha256/"), "{address}");
        assert!(address.contains("application%2Fzip") && address.contains("&Key-Pair-Id=K1&"), "{address}");
    }
    // What fits is sent in place.
    published(&ann, "1.0.0").await;
    assert_eq!(ann.get_with(&at("mona/LinkedList/1.0.0.zip"), &[old]).await.status, 200);
}

#[tokio::test]
async fn alternates_are_announced_so_that_every_client_finds_them() {
    let (_app, ann) = with("private").await;
    let tools = |version: &str| format!("// swift-tools-version:{version}\nlet v = \"{version}\"\n");
    let (five, main, nine, ten) = (tools("5.0"), tools("5.7"), tools("5.9"), tools("5.10"));
    let archive = source_archive(&[
        ("L/Package.swift", main.as_str()),
        ("L/Package@swift-5.swift", five.as_str()),
        ("L/Package@swift-5.7.swift", main.as_str()),
        ("L/Package@swift-5.9.swift", nine.as_str()),
        ("L/Package@swift-6.0.swift", ten.as_str()),
        ("L/Package@swift-6.1.swift", "let no_tools_version = 1\n"),
        ("L/Sources/Package@swift-5.8.swift", "not a manifest"),
    ]);
    let response = put(&ann, "mona/L/1.0.0", &archive).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let manifest = ann.get(&at("mona/L/1.0.0/Package.swift")).await;
    let announced: Vec<(String, String)> =
        links(&manifest).into_iter().map(|(_, fields)| (fields[1].clone(), fields[2].clone())).collect();
    let pair = |file: &str, tools: &str| {
        (format!("filename=\"{file}\""), format!("swift-tools-version=\"{tools}\""))
    };
    assert_eq!(
        announced,
        [
            pair("Package@swift-5.0.swift", "5.0"),
            pair("Package@swift-5.9.swift", "5.9"),
            pair("Package@swift-6.0.swift", "5.10"),
            pair("Package@swift-6.1.swift", "6.1"),
        ]
    );
    for (version, text) in [("5.0.0", &five), ("5", &five), ("5.9.0", &nine), ("5.10.0", &ten), ("6.0", &ten)]
    {
        let found = ann.get(&at(&format!("mona/L/1.0.0/Package.swift?swift-version={version}"))).await;
        assert_eq!((found.status, &found.text()), (200, text), "{version}");
    }
    for bad in ["x", "5.x", "", "5.9.0.1"] {
        problem(&ann.get(&at(&format!("mona/L/1.0.0/Package.swift?swift-version={bad}"))).await, 400);
    }
}

#[tokio::test]
async fn what_clients_fail_on_is_mended() {
    let (_app, ann) = with("private").await;
    let metadata = r#"{
        "author": { "name": "Mona", "organization": { "name": "Octo" } },
        "originalPublicationTime": "2026-02-16T14:30:00.123+01:00",
        "repositoryURLs": ["https://example.com/a,b;c>\"x", "https://example.com/second"]
    }"#;
    PublishForm::new(&simple_archive("x")).metadata(metadata).put(&ann, &at("mona/L/1.0.0")).await;
    let info = ann.get(&at("mona/L/1.0.0")).await.json();
    assert_eq!(info["metadata"]["originalPublicationTime"], "2026-02-16T13:30:00Z");
    assert_eq!(info["metadata"]["author"]["organization"]["name"], "Octo");
    let list = ann.get(&at("mona/L")).await;
    let addresses: Vec<String> = links(&list).into_iter().map(|(address, _)| address).collect();
    assert_eq!(
        addresses,
        [
            url("mona/L/1.0.0"),
            "https://example.com/a%2Cb%3Bc%3E%22x".into(),
            "https://example.com/second".into()
        ]
    );
    assert!(links(&list).iter().all(|(_, fields)| fields.len() == 1));
}

#[tokio::test]
async fn paths_that_name_nothing_are_problems() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    for (path, status) in [
        ("mona%2FLinkedList", 400),
        ("mona/LinkedList/%2e%2e", 400),
        ("mona//1.0.0", 400),
        ("-invalid/LinkedList", 404),
        ("mona/_invalid", 404),
        ("mona/LinkedList/latest", 404),
        ("mona/LinkedList/1.0", 404),
        ("mona/LinkedList/1.0.0/Other.swift", 404),
        ("mona", 404),
    ] {
        problem(&ann.get(&at(path)).await, status);
    }
    for (method, path) in [
        ("POST", "mona/LinkedList"),
        ("PUT", "mona/LinkedList"),
        ("DELETE", "mona/LinkedList"),
        ("PATCH", ""),
        ("GET", "login"),
    ] {
        let refused = ann.request(method, &at(path), &[], "").await;
        problem(&refused, 405);
        assert!(refused.header("allow").contains("PUT"));
    }
}

#[tokio::test]
async fn a_release_has_its_own_description_and_no_other() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let long = "ä".repeat(20_000);
    let form = PublishForm::new(&simple_archive("2")).metadata(&format!("{{\"description\":\"{long}\"}}"));
    assert_eq!(form.put(&ann, &at("mona/LinkedList/2.0.0")).await.status, 201);
    assert_eq!(ann.get(&at("mona/LinkedList/1.0.0")).await.json()["metadata"], serde_json::json!({}));
    assert_eq!(ann.get(&at("mona/LinkedList/2.0.0")).await.json()["metadata"]["description"], long);
    // Lists show the beginning of the latest one's, and nothing of one that is gone.
    let packages = ann.get(&format!("/api/repos/{REPO}/packages")).await.json();
    assert_eq!(packages["packages"][0]["description"].as_str().unwrap().chars().count(), 1_000, "{packages}");
    assert_eq!(ann.delete(&at("mona/LinkedList/2.0.0")).await.status, 200);
    let packages = ann.get(&format!("/api/repos/{REPO}/packages")).await.json();
    assert!(packages["packages"][0]["description"].is_null(), "{packages}");
}

#[tokio::test]
async fn many_sources_do_not_make_an_answer_that_gateways_refuse() {
    let (_app, ann) = with("private").await;
    let urls: Vec<String> = (0..20).map(|n| format!("https://example.com/{n}/{}", ",".repeat(400))).collect();
    let metadata = serde_json::json!({ "repositoryURLs": urls }).to_string();
    PublishForm::new(&simple_archive("x")).metadata(&metadata).put(&ann, &at("mona/L/1.0.0")).await;
    let list = ann.get(&at("mona/L")).await;
    assert!(list.header("link").len() <= 6_000 && list.header("link").contains("canonical"));
}

#[tokio::test]
async fn packages_are_found_by_their_sources_as_long_as_a_release_names_them() {
    let (_app, ann) = with("private").await;
    let publish = async |version: &str, urls: &[&str]| {
        let metadata = serde_json::json!({ "repositoryURLs": urls }).to_string();
        let form = PublishForm::new(&simple_archive(version)).metadata(&metadata);
        assert_eq!(form.put(&ann, &at(&format!("mona/L/{version}"))).await.status, 201);
    };
    publish("1.0.0", &["https://example.com/mona/libstdc++", "https://example.com/old"]).await;
    publish("1.1.0", &["https://example.com/mona/libstdc++", "https://example.com/somebody-else"]).await;
    let status = async |url: &str| ann.get(&at(&format!("identifiers?url={url}"))).await.status;
    // SwiftPM does not encode a plus.
    assert_eq!(status("https://example.com/mona/libstdc++").await, 200);
    assert_eq!(status("https%3A%2F%2Fexample.com%2Fmona%2Flibstdc%2B%2B").await, 200);
    assert_eq!(status("https://example.com/somebody-else").await, 200);
    assert_eq!(ann.delete(&at("mona/L/1.1.0")).await.status, 200);
    assert_eq!(status("https://example.com/somebody-else").await, 404);
    assert_eq!(status("https://example.com/mona/libstdc++").await, 200);
    assert_eq!(ann.delete(&at("mona/L/1.0.0")).await.status, 200);
    assert_eq!(status("https://example.com/old").await, 404);
}

#[tokio::test]
async fn what_is_accepted_goes_by_what_is_there() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0+linux.zip").await;
    let json = [("accept", "application/json")];
    assert_eq!(ann.get_with(&at("mona/LinkedList/1.0.0+linux.zip"), &json).await.status, 200);
    problem(&ann.get_with(&at("mona/LinkedList/1.0.0+linux.zip.zip"), &json).await, 400);
    let zip = [("accept", "application/zip")];
    assert_eq!(ann.get_with(&at("mona/LinkedList/1.0.0+linux.zip.zip"), &zip).await.status, 200);
}
