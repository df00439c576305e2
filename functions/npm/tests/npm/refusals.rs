//! Publishes that are refused, with the reason, and leave nothing behind.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, Stored, TestApp, TestResponse};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::support::{at, private, publish};

/// Checks that a request was refused with a status and a text, and that nothing was stored.
async fn refused(
    app: &TestApp,
    before: &Stored,
    response: &TestResponse,
    what: &str,
    status: u16,
    text: &str,
) {
    assert_eq!(response.status, status, "{what}: {}", response.text());
    let error = response.error();
    assert!(error.contains(text), "{what}: '{error}' does not say '{text}'");
    assert!(response.json()["code"].is_string(), "{what}");
    assert_eq!(app.check_consistency("libs").await, *before, "{what}");
}

/// A publish of `pad` that only one thing is wrong with.
fn broken(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = NpmPackage::new("pad", "1.0.0").body();
    change(&mut body);
    body
}

fn attachment(body: &mut Value) -> &mut Value {
    &mut body["_attachments"]["pad-1.0.0.tgz"]
}

#[tokio::test]
async fn bodies_that_contradict_themselves() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("kept", "1.0.0")).await;
    let before = app.check_consistency("libs").await;
    let other_name = NpmPackage::new("other", "1.0.0").tarball();
    let other_version = NpmPackage::new("pad", "1.0.1").tarball();
    let table: Vec<(&str, Value, &str)> = vec![
        ("the body is of another package", broken(|b| b["name"] = "other".into()), "path"),
        ("the body has no name", broken(|b| b["name"] = Value::Null), "path"),
        (
            "the manifest is of another package",
            broken(|b| b["versions"]["1.0.0"]["name"] = "other".into()),
            "not of package 'pad'",
        ),
        (
            "the manifest has another version",
            broken(|b| b["versions"]["1.0.0"]["version"] = "1.0.1".into()),
            "another version",
        ),
        (
            "the tarball is of another package",
            NpmPackage::new("pad", "1.0.0").body_with(&other_name),
            "'other'",
        ),
        (
            "the tarball has another version",
            NpmPackage::new("pad", "1.0.0").body_with(&other_version),
            "'1.0.1'",
        ),
        (
            "two versions",
            broken(|b| b["versions"]["2.0.0"] = json!({ "name": "pad", "version": "2.0.0" })),
            "exactly one version",
        ),
        ("no version", broken(|b| b["versions"] = json!({})), "exactly one version"),
        ("versions are a list", broken(|b| b["versions"] = json!([])), "exactly one version"),
        ("the manifest is a text", broken(|b| b["versions"]["1.0.0"] = "x".into()), "not an object"),
        ("no attachment", broken(|b| b["_attachments"] = json!({})), "no tarball"),
        (
            "two tarballs",
            broken(|b| {
                let second = attachment(b).clone();
                b["_attachments"]["second.tgz"] = second;
            }),
            "one tarball",
        ),
        ("an attachment without data", broken(|b| attachment(b)["data"] = Value::Null), "data"),
        ("attachments are a list", broken(|b| b["_attachments"] = json!([])), "_attachments"),
        (
            "wrong shasum",
            broken(|b| b["versions"]["1.0.0"]["dist"]["shasum"] = "0".repeat(40).into()),
            "dist.shasum",
        ),
        (
            "wrong integrity",
            broken(|b| b["versions"]["1.0.0"]["dist"]["integrity"] = "sha512-AAAA".into()),
            "dist.integrity",
        ),
        (
            "one wrong digest among several",
            broken(|b| {
                let right = b["versions"]["1.0.0"]["dist"]["integrity"].as_str().unwrap().to_owned();
                b["versions"]["1.0.0"]["dist"]["integrity"] = format!("{right} sha256-AAAA").into();
            }),
            "dist.integrity",
        ),
        ("wrong length", broken(|b| attachment(b)["length"] = 7.into()), "7 bytes"),
        ("not base64", broken(|b| attachment(b)["data"] = "!!!!".into()), "base64"),
        (
            "base64 that breaks off",
            broken(|b| {
                let data = attachment(b)["data"].as_str().unwrap().trim_end_matches('=').to_owned();
                attachment(b)["data"] = data[..data.len() / 4 * 4 - 3].into();
            }),
            "base64",
        ),
        ("no gzip", NpmPackage::new("pad", "1.0.0").body_with(b"no gzip at all"), "tarball"),
        ("an empty tarball", NpmPackage::new("pad", "1.0.0").body_with(b""), "tarball"),
        (
            "a tarball that breaks off",
            NpmPackage::new("pad", "1.0.0").body_with(&NpmPackage::new("pad", "1.0.0").tarball()[..200]),
            "tarball",
        ),
    ];
    for (what, body, text) in table {
        let response = ann.put_json(&at("pad"), &body).await;
        refused(&app, &before, &response, what, 400, text).await;
    }
}

#[tokio::test]
async fn versions_and_tags_that_are_none() {
    let (app, ann) = private().await;
    let before = app.check_consistency("libs").await;
    for version in [
        "1",
        "1.0",
        "v1.0.0",
        "latest",
        "01.0.0",
        "1.0.0-",
        "1.0.0 ",
        "1.0.0/..",
        "",
        "99999999999999999999.0.0",
    ] {
        let response = ann.publish("libs", &NpmPackage::new("pad", version)).await;
        refused(&app, &before, &response, version, 400, "semantic version").await;
    }
    for tag in ["1.0.0", "1.x", "x", "*", "^1", "v2", "", "a b", "a/b", "__proto__"] {
        let response = ann.publish("libs", &NpmPackage::new("pad", "1.0.0").tag(tag)).await;
        refused(&app, &before, &response, tag, 400, "dist-tag").await;
    }
    let foreign = broken(|b| b["dist-tags"]["beta"] = "2.0.0".into());
    let response = ann.put_json(&at("pad"), &foreign).await;
    refused(&app, &before, &response, "a tag of another version", 400, "beta").await;
}

#[tokio::test]
async fn json_that_two_readers_could_read_differently() {
    let (app, ann) = private().await;
    let before = app.check_consistency("libs").await;
    let good = NpmPackage::new("pad", "1.0.0").body().to_string();
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let keys: Vec<String> = (0..100_001).map(|n| format!("\"k{n}\":0")).collect();
    let table = [
        (
            "a key twice",
            good.replacen("\"name\":\"pad\"", "\"name\":\"pad\",\"name\":\"pad\"", 1),
            "invalid JSON",
        ),
        ("deep nesting", good.replacen("\"access\":null", &format!("\"access\":{deep}"), 1), "invalid JSON"),
        (
            "a flood of keys",
            good.replacen("\"access\":null", &format!("\"access\":{{{}}}", keys.join(",")), 1),
            "keys",
        ),
        ("a number without end", good.replacen("\"access\":null", "\"access\":1e999999", 1), "invalid JSON"),
        ("half a character", good.replacen("\"access\":null", "\"access\":\"\\ud800\"", 1), "invalid JSON"),
        ("something after the end", format!("{good}x"), "invalid JSON"),
        ("an end that is missing", good[..good.len() - 1].to_owned(), "JSON"),
        ("a list", "[]".to_owned(), "object"),
        ("nothing", String::new(), "JSON"),
        ("neither attachments nor versions", "{}".to_owned(), "_attachments"),
    ];
    for (what, body, text) in table {
        let response = ann.request("PUT", &at("pad"), &[("content-type", "application/json")], body).await;
        refused(&app, &before, &response, what, 400, text).await;
    }
    let invalid = [good.as_bytes(), b"\xff"].concat();
    let response = ann.request("PUT", &at("pad"), &[], invalid).await;
    refused(&app, &before, &response, "bytes that are not UTF-8", 400, "invalid JSON").await;
    let huge =
        good.replacen("\"access\":null", &format!("\"access\":\"{}\"", "x".repeat(9 * 1024 * 1024)), 1);
    let response = ann.request("PUT", &at("pad"), &[], huge).await;
    refused(&app, &before, &response, "9 MiB beside the tarball", 413, "").await;
}

#[tokio::test]
async fn a_manifest_that_would_not_fit_into_its_row_is_refused_before_anything_is_stored() {
    let (app, ann) = private().await;
    let before = app.check_consistency("libs").await;
    // Base64 of noise: compresses to three quarters, so 900,000 characters stay far over 300,000 bytes.
    let noise: Vec<u8> = (0..21_000_u32).flat_map(|n| sha2::Sha256::digest(n.to_be_bytes())).collect();
    let package = NpmPackage::new("pad", "1.0.0").member("config", json!({ "x": STANDARD.encode(noise) }));
    let response = ann.publish("libs", &package).await;
    refused(&app, &before, &response, "a manifest over the limit", 413, "manifest").await;
}

/// A body that counts how much of it was read.
fn counted(chunks: usize, chunk: &[u8]) -> (Body, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&read);
    let chunk = Bytes::copy_from_slice(chunk);
    let chunks = stream::iter((0..chunks).map(move |_| {
        counter.fetch_add(chunk.len(), std::sync::atomic::Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(chunk.clone())
    }));
    (Body::from_stream(chunks), read)
}

#[tokio::test]
async fn a_body_over_the_limit_is_read_to_its_end_and_answered_with_the_way_out() {
    let app = TestApp::with(|config| config.max_body = Some(100_000)).await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    let before = app.check_consistency("libs").await;
    let length = 50 * 10_000;
    for headers in [vec![], vec![("content-length", length.to_string())]] {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // npm waits more than a minute if a large PUT is answered and the connection closed.
        let (body, read) = counted(50, &[b' '; 10_000]);
        let response = ann.request("PUT", &at("pad"), &headers, body).await;
        assert_eq!(read.load(std::sync::atomic::Ordering::SeqCst), length, "{headers:?}");
        refused(&app, &before, &response, "over the limit", 413, "100000 bytes").await;
        assert!(response.error().contains("granary push npm <tarball> --repo libs"), "{}", response.text());
        assert_eq!(response.json()["code"], "PAYLOAD_TOO_LARGE");
    }
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
}

#[tokio::test]
async fn a_tarball_over_the_limit_of_files_is_refused() {
    let app = TestApp::with(|config| config.max_file = 1_000).await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    let before = app.check_consistency("libs").await;
    let noise: Vec<u8> = (0..4_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let response = ann.publish("libs", &NpmPackage::new("pad", "1.0.0").file("x", &noise)).await;
    refused(&app, &before, &response, "over the limit of files", 413, "1000").await;
}

#[tokio::test]
async fn a_refused_body_is_read_to_its_end_whatever_the_reason() {
    let (_app, ann) = private().await;
    let app = granary_testing::TestApp::new().await;
    let stranger: Actor = app.anonymous();
    for (actor, status) in [(&ann, 400), (&stranger, 401)] {
        let (body, read) = counted(100, &[b'x'; 10_000]);
        let response = actor.request("PUT", &at("pad"), &[], body).await;
        assert_eq!(response.status, status, "{}", response.text());
        assert_eq!(read.load(std::sync::atomic::Ordering::SeqCst), 1_000_000);
    }
}

#[tokio::test]
async fn a_repository_of_another_type_takes_no_packages() {
    let app = TestApp::new().await;
    let body = json!({ "name": "jars", "packageTypes": ["maven"] });
    assert_eq!(app.user("ann").post_json("/api/repos", &body).await.status, 201);
    let ann = app.account_token("ann", &["read", "write", "admin"]).await;
    let response = ann.publish("jars", &NpmPackage::new("pad", "1.0.0")).await;
    assert_eq!(response.status, 404, "{}", response.text());
    assert!(response.error().contains("npm"), "{}", response.text());
    assert!(app.blobs().await.is_empty());
}

#[tokio::test]
async fn the_quota_is_never_exceeded() {
    let size = NpmPackage::new("pad", "1.0.0").tarball().len() as u64;
    let app = TestApp::with(|config| config.repo_quota = Some(size * 2 + size / 2)).await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    let packages: Vec<NpmPackage> = (0..6).map(|n| NpmPackage::new("pad", &format!("1.0.{n}"))).collect();
    let answers =
        futures::future::join_all(packages.iter().map(|package| ann.publish("libs", package))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 403, 403, 403, 403]);
    let refused = answers.iter().find(|answer| answer.status == 403).unwrap();
    assert!(refused.error().contains("quota"), "{}", refused.text());
    assert_eq!(app.check_consistency("libs").await.live.len(), 2);
    // Room that becomes free can be used.
    assert_eq!(ann.delete(&at("pad/-rev/undefined")).await.status, 200);
    publish(&ann, &NpmPackage::new("pad", "2.0.0")).await;
}
