//! The checks of Gitea's own test, G1 to G12 of the reference.

use granary_testing::swift::{PublishForm, source_archive};

use crate::support::{at, problem, published, related, sha256, url, with};

const MANIFEST: &str =
    "// swift-tools-version:5.7\n//\n//  Package.swift\n//\n//\n//  Created by ann on 21.10.24.\n//";
const OLDER: &str = "// swift-tools-version:5.6\n//\n//  Package@swift-5.6.swift\n";

/// An archive without a folder, as that test makes it.
fn bare() -> Vec<u8> {
    source_archive(&[("Package.swift", MANIFEST), ("Package@swift-5.6.swift", OLDER)])
}

#[tokio::test]
async fn g1_logging_in() {
    let (app, ann) = with("private").await;
    let basic = |user: &str| {
        use base64::Engine as _;
        let pair = format!("{user}:{}", ann.secret());
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    for path in [at("").trim_end_matches('/').to_owned(), at(""), at("login"), "/login".into()] {
        let refused = app.anonymous().request("POST", &path, &[], "").await;
        problem(&refused, 401);
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"Granary\"", "{path}");
        let bearer = ann.request("POST", &path, &[], "").await;
        assert_eq!((bearer.status, bearer.header("content-version")), (200, "1"), "{path}");
        for user in ["token", "ann", "anybody"] {
            let credentials = basic(user);
            let headers = [("authorization", credentials.as_str())];
            assert_eq!(app.anonymous().request("POST", &path, &headers, "").await.status, 200, "{path}");
        }
        let wrong = app.token("art_nonsense").request("POST", &path, &[], "").await;
        problem(&wrong, 401);
        assert_eq!(wrong.header("www-authenticate"), "Bearer realm=\"Granary\"");
        let digest = [("authorization", "Digest username=\"ann\"")];
        problem(&app.anonymous().request("POST", &path, &digest, "").await, 501);
    }
}

#[tokio::test]
async fn g2_types_that_nobody_serves() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let unknown = [("accept", "application/unknown")];
    for path in [
        "mona/LinkedList",
        "mona/LinkedList.json",
        "mona/LinkedList/1.0.0",
        "mona/LinkedList/1.0.0.json",
        "mona/LinkedList/1.0.0.zip",
        "mona/LinkedList/1.0.0/Package.swift",
        "identifiers?url=https://example.com/a/b",
    ] {
        problem(&ann.get_with(&at(path), &unknown).await, 400);
        let newer = [("accept", "application/vnd.swift.registry.v2+json")];
        problem(&ann.get_with(&at(path), &newer).await, 415);
        let bogus = [("accept", "application/vnd.swift.registry.vbogus+json")];
        problem(&ann.get_with(&at(path), &bogus).await, 400);
    }
    let form = PublishForm::new(&bare()).header("accept", "application/unknown");
    problem(&form.put(&ann, &at("mona/LinkedList/2.0.0")).await, 400);
    assert_eq!(ann.get(&at("mona/LinkedList/2.0.0")).await.status, 404);
}

#[tokio::test]
async fn g3_g4_names_and_credentials() {
    let (app, ann) = with("private").await;
    for path in
        ["sc_ope/package/1.0.0", "scope/pack~age/1.0.0", "scope/package/1_0.0", "scope/package/1.0.0.zip"]
    {
        problem(&PublishForm::new(&bare()).put(&ann, &at(path)).await, 400);
    }
    problem(&PublishForm::new(&bare()).put(&app.anonymous(), &at("scope/package/1.0.0")).await, 401);
}

#[tokio::test]
async fn g5_to_g12_a_life_of_a_package() {
    let (_app, ann) = with("private").await;
    let metadata = r#"{
        "name":"test-package", "version":"1.0.3", "description":"Package Description",
        "codeRepository":"https://example.com/gitea/gitea",
        "author":{ "@type":"Person", "givenName":"Gitea", "middleName":"Forge", "familyName":"Author" }
    }"#;
    let form = PublishForm::new(&bare()).metadata(metadata);
    assert_eq!(form.put(&ann, &at("test-scope/test_package/1.0.3")).await.status, 201);
    problem(&form.put(&ann, &at("test-scope/test_package/1.0.3")).await, 409);
    // As a part with a file name, which SwiftPM never sends and curl always does.
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"source-archive\"; filename=\"a.zip\"\r\nContent-Type: application/octet-stream\r\n\r\n".to_vec();
    body.extend_from_slice(&bare());
    body.extend_from_slice(b"\r\n--b--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let as_file = ann.request("PUT", &at("test-scope/test_package/1.0.2"), &headers, body).await;
    assert_eq!(as_file.status, 201, "{}", as_file.text());

    let download = ann.get(&at("test-scope/test_package/1.0.3.zip")).await;
    assert_eq!((download.status, download.header("content-version")), (200, "1"));
    assert_eq!(download.header("content-type"), "application/zip");
    for path in ["test-scope/test_package", "test-scope/test_package.json"] {
        let list = ann.get(&at(path)).await;
        assert_eq!((list.status, list.header("content-version")), (200, "1"));
        let latest = format!("<{}>; rel=\"latest-version\"", url("test-scope/test_package/1.0.3"));
        assert!(list.header("link").starts_with(&latest), "{}", list.header("link"));
        assert_eq!(list.json()["releases"].as_object().unwrap().len(), 2);
    }
    for path in ["test-scope/test_package/1.0.3", "test-scope/test_package/1.0.3.json"] {
        let body = ann.get(&at(path)).await.json();
        assert_eq!((&body["id"], &body["version"]), (&"test-scope.test_package".into(), &"1.0.3".into()));
        assert_eq!(body["resources"].as_array().unwrap().len(), 1);
        assert_eq!(body["resources"][0]["checksum"], sha256(&download.body));
        assert_eq!(body["metadata"]["author"]["name"], "Gitea Forge Author");
        assert_eq!(body["metadata"]["author"]["givenName"], "Gitea");
        assert_eq!(body["metadata"]["description"], "Package Description");
        assert_eq!(body["metadata"]["codeRepository"], "https://example.com/gitea/gitea");
    }
    let manifest = ann.get(&at("test-scope/test_package/1.0.3/Package.swift")).await;
    assert_eq!((manifest.status, manifest.text()), (200, MANIFEST.to_owned()));
    assert_eq!(related(&manifest, "alternate").len(), 1);
    for version in ["5.6", "5.6.0"] {
        let path = format!("test-scope/test_package/1.0.3/Package.swift?swift-version={version}");
        let alternate = ann.get(&at(&path)).await;
        assert_eq!((alternate.status, alternate.text()), (200, OLDER.to_owned()), "{version}");
    }
    let other = ann.get(&at("test-scope/test_package/1.0.3/Package.swift?swift-version=1.0")).await;
    assert_eq!((other.status, other.header("content-version")), (303, "1"));
    assert_eq!(other.header("location"), url("test-scope/test_package/1.0.3/Package.swift"));

    problem(&ann.get(&at("identifiers")).await, 400);
    problem(&ann.get(&at("identifiers?url=https://unknown.host/")).await, 404);
    let found = ann.get(&at("identifiers?url=https://example.com/gitea/gitea")).await;
    assert_eq!((found.status, found.header("content-version")), (200, "1"));
    assert_eq!(found.json(), serde_json::json!({ "identifiers": ["test-scope.test_package"] }));
}
