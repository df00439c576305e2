//! `npm audit`, keys of signatures, provenance.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use granary_storage::rows::LicenceConstraint;
use granary_testing::npm::NpmPackage;
use granary_testing::{EventShape, PUBLIC_URL};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::support::{INSTALL, accepting, at, packument, private};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const BULK: &str = "-/npm/v1/security/advisories/bulk";
const QUICK: &str = "-/npm/v1/security/audits/quick";

#[tokio::test]
async fn the_bulk_audit_finds_nothing_and_says_so() {
    let (app, ann) = private().await;
    let body = json!({ "left-pad": ["1.0.0"], "@acme/pad": ["1.0.0", "2.0.0"] }).to_string();
    for actor in [&ann, &app.anonymous()] {
        let plain =
            actor.request("POST", &at(BULK), &[("content-type", "application/json")], body.clone()).await;
        assert_eq!((plain.status, plain.json()), (200, json!({})), "{}", plain.text());
        // npm and Bun send it gzip'd.
        let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let zipped = actor.request("POST", &at(BULK), &headers, gzip(body.as_bytes())).await;
        assert_eq!((zipped.status, zipped.json()), (200, json!({})), "{}", zipped.text());
    }
    let empty = ann.request("POST", &at(BULK), &[], "{}").await;
    assert_eq!((empty.status, empty.json()), (200, json!({})));
}

/// An HTTP API takes it for text by its type, and damages the bytes of gzip.
#[tokio::test]
async fn audits_find_nothing_behind_a_gateway_either() {
    let (app, ann) = private().await;
    let authorization = format!("Bearer {}", ann.secret());
    let body = gzip(json!({ "left-pad": ["1.0.0"] }).to_string().as_bytes());
    let length = body.len().to_string();
    for (path, expected) in [(BULK, json!({})), (QUICK, json!([]))] {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("content-length", &length),
            ("authorization", &authorization),
        ];
        let answer = app.event(EventShape::HttpApi, "POST", &at(path), &headers, &body).await;
        let found: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 200, "{found}");
        assert_eq!(found.get("advisories").map_or(found.clone(), |_| found["muted"].clone()), expected);
    }
    // What arrives whole is looked at as ever.
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    let answer = app.event(EventShape::HttpApi, "POST", &at(BULK), &headers, b"[]").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn hostile_audit_bodies_are_refused() {
    let (_app, ann) = private().await;
    let bomb = gzip(&vec![b' '; 40 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let zipped = [("content-encoding", "gzip")];
    let none: [(&str, &str); 0] = [];
    let table = [
        ("a bomb", zipped.as_slice(), bomb, 413),
        ("what is no gzip", &zipped, b"{}".to_vec(), 400),
        ("gzip that breaks off", &zipped, gzip(b"{}")[..12].to_vec(), 400),
        ("another encoding", &[("content-encoding", "br")], b"{}".to_vec(), 400),
        ("too much", &none, vec![b' '; 5 * 1024 * 1024], 413),
        ("deep nesting", &[], deep.into_bytes(), 400),
        ("a key twice", &[], br#"{"a":[],"a":[]}"#.to_vec(), 400),
        ("a list", &[], b"[]".to_vec(), 400),
        ("nothing", &[], Vec::new(), 400),
    ];
    for (what, headers, body, status) in table {
        let response = ann.request("POST", &at(BULK), headers, body).await;
        assert_eq!(response.status, status, "{what}: {}", response.text());
        assert!(!response.error().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn the_older_audit_has_the_shape_that_pnpm_10_reads() {
    let (app, _) = private().await;
    for path in [QUICK, "-/npm/v1/security/audits"] {
        let response = app.anonymous().post_json(&at(path), &json!({})).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        let none = json!({ "info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0 });
        assert_eq!(
            response.json(),
            json!({
                "actions": [], "advisories": {}, "muted": [],
                "metadata": {
                    "vulnerabilities": none, "dependencies": 0, "devDependencies": 0, "optionalDependencies": 0,
                    "totalDependencies": 0,
                },
            })
        );
    }
    let body =
        json!({ "name": "x", "dependencies": { "a": { "version": "1.0.0" }, "b": { "version": "1.0.0" } } });
    let headers = [("content-encoding", "gzip")];
    let response =
        app.anonymous().request("POST", &at(QUICK), &headers, gzip(body.to_string().as_bytes())).await;
    assert_eq!(response.json()["metadata"]["totalDependencies"], 2);
}

#[tokio::test]
async fn no_keys_are_a_list_without_keys() {
    let (app, _) = private().await;
    let response = app.anonymous().get(&at("-/npm/v1/keys")).await;
    assert_eq!((response.status, response.json()), (200, json!({ "keys": [] })));
}

/// A Sigstore bundle whose statement is about a tarball.
fn bundle(name: &str, version: &str, tarball: &[u8]) -> String {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{
            "name": format!("pkg:npm/{}@{version}", name.replacen('@', "%40", 1)),
            "digest": { "sha512": hex::encode(sha2::Sha512::digest(tarball)) },
        }],
        "predicate": {},
    });
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "dsseEnvelope": { "payload": STANDARD.encode(statement.to_string()), "payloadType": "application/vnd.in-toto+json", "signatures": [] },
    })
    .to_string()
}

/// A publish body with a bundle beside the tarball.
fn with_bundle(package: &NpmPackage, bundle: &str) -> Value {
    let mut body = package.body();
    body["_attachments"][format!("{}-{}.sigstore", package.name, package.version)] = json!({
        "content_type": "application/vnd.dev.sigstore.bundle.v0.3+json", "data": bundle, "length": bundle.len(),
    });
    body
}

#[tokio::test]
async fn provenance_is_kept_and_served_with_the_version() {
    let (app, ann) = private().await;
    let package = NpmPackage::new("@acme/pad", "1.0.0");
    let text = bundle("@acme/pad", "1.0.0", &package.tarball());
    let response = ann.put_json(&at("@acme%2fpad"), &with_bundle(&package, &text)).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let url = format!("{PUBLIC_URL}/api/npm/libs/-/npm/v1/attestations/@acme%2fpad@1.0.0");
    let shown = json!({ "url": url, "provenance": { "predicateType": "https://slsa.dev/provenance/v1" } });
    for accept in ["application/json", INSTALL] {
        let document = accepting(&ann, &at("@acme%2fpad"), accept).await.json();
        assert_eq!(document["versions"]["1.0.0"]["dist"]["attestations"], shown, "{accept}");
        assert_eq!(
            document["versions"]["1.0.0"]["dist"]["fileCount"], 3,
            "the bundle is no file of the package"
        );
    }
    for path in
        [url.strip_prefix(PUBLIC_URL).unwrap().to_owned(), at("-/npm/v1/attestations/@acme/pad@1.0.0")]
    {
        let served = ann.get(&path).await;
        assert_eq!(served.status, 200, "{path}: {}", served.text());
        let attestation = served.json()["attestations"][0].clone();
        assert_eq!(attestation["predicateType"], "https://slsa.dev/provenance/v1");
        assert_eq!(attestation["bundle"], serde_json::from_str::<Value>(&text).unwrap());
    }
    let mut licensed = app.licence("ann", &["@acme/pad"], |_| ()).await;
    let path = at("-/npm/v1/attestations/@acme/pad@1.0.0");
    assert_eq!(licensed.actor.get(&path).await.body, ann.get(&path).await.body);
    app.change_licence(&mut licensed, |row| row.constraint = LicenceConstraint::Version(">1.0.0".into()))
        .await;
    assert_eq!(licensed.actor.get(&path).await.status, 404);
    let stored = app.check_consistency("libs").await;
    assert_eq!(stored.blobs.len(), 2);
    // The same again is a retry, and deleting the version deletes both.
    assert_eq!(ann.put_json(&at("@acme%2fpad"), &with_bundle(&package, &text)).await.status, 201);
    assert_eq!(ann.delete(&at("@acme%2fpad/-rev/undefined")).await.status, 200);
    assert_eq!(ann.get(&at("-/npm/v1/attestations/@acme/pad@1.0.0")).await.status, 404);
    app.clock.advance_millis(3_600_001);
    app.settle().await;
    granary_events::sweep(app.state(), true).await.unwrap();
    assert!(app.check_consistency("libs").await.blobs.is_empty());
}

#[tokio::test]
async fn provenance_of_something_else_is_refused_with_the_publish() {
    let (app, ann) = private().await;
    let before = app.check_consistency("libs").await;
    let package = NpmPackage::new("pad", "1.0.0");
    let tarball = package.tarball();
    for (what, text) in [
        ("another package", bundle("other", "1.0.0", &tarball)),
        ("another version", bundle("pad", "1.0.1", &tarball)),
        ("other bytes", bundle("pad", "1.0.0", b"other")),
        ("no bundle", "{}".to_owned()),
        ("no JSON", "nonsense".to_owned()),
        ("nothing", String::new()),
    ] {
        let response = ann.put_json(&at("pad"), &with_bundle(&package, &text)).await;
        assert_eq!(response.status, 400, "{what}: {}", response.text());
        assert_eq!(app.check_consistency("libs").await, before, "{what}");
    }
    let mut only_bundle = with_bundle(&package, &bundle("pad", "1.0.0", &tarball));
    only_bundle["_attachments"].as_object_mut().unwrap().shift_remove("pad-1.0.0.tgz");
    assert_eq!(ann.put_json(&at("pad"), &only_bundle).await.status, 400);
    assert_eq!(app.check_consistency("libs").await, before);
}

#[tokio::test]
async fn a_version_without_provenance_has_no_attestations() {
    let (_app, ann) = private().await;
    super::support::publish_all(&ann, "pad", &["1.0.0"]).await;
    assert_eq!(packument(&ann, "pad").await["versions"]["1.0.0"]["dist"].get("attestations"), None);
    for path in ["pad@1.0.0", "pad@9.9.9", "unknown@1.0.0"] {
        let response = ann.get(&at(&format!("-/npm/v1/attestations/{path}"))).await;
        assert_eq!(response.status, 404, "{path}: {}", response.text());
    }
    for path in ["pad", "pad@latest", "@1.0.0", "@a@1.0.0"] {
        let response = ann.get(&at(&format!("-/npm/v1/attestations/{path}"))).await;
        assert!(response.status == 400 || response.status == 404, "{path}: {}", response.text());
    }
}
