//! Where large files are sent from.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_http::Config;
use granary_http::cdn::Cdn;
use granary_testing::npm::NpmPackage;
use granary_testing::swift::{MANIFEST, PublishForm, source_archive};
use granary_testing::{Actor, TestApp};

const CDN: &str = "https://cdn.example.com/blobs/sha256/";

/// Bytes that are answered with a redirect.
const LARGE: usize = 300_000;

fn with_cdn(config: &mut Config) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = STANDARD.encode(key.to_pkcs8v1().unwrap().as_ref());
    let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
    config.cdn = Some(Arc::new(Cdn::new("https://cdn.example.com", "K1", &key).unwrap()));
}

async fn stored(actor: &Actor, path: &str, bytes: Vec<u8>) {
    let response = actor.request("PUT", path, &[], bytes).await;
    assert!(response.status == 200 || response.status == 201, "{path}: {}", response.text());
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 7;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// One part of the query of an address, as it stands there.
fn part<'a>(address: &'a str, name: &str) -> &'a str {
    let (_, query) = address.split_once('?').unwrap();
    let mut parts = query.split('&').filter_map(|part| part.split_once('='));
    parts.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn every_protocol_redirects_to_the_distribution() {
    let app = TestApp::with(with_cdn).await;
    let ann = app.repo("ann", "all", &["raw", "maven", "npm"], "private").await;
    let jar = "/api/maven/all/com/example/lib/1.0/lib-1.0.aar";
    stored(&ann, "/api/raw/all/a/1/large.bin", noise(LARGE)).await;
    stored(&ann, jar, noise(LARGE)).await;
    let package = NpmPackage::new("pkg", "1.0.0").file("noise", &noise(LARGE));
    let published = ann.publish("all", &package).await;
    assert_eq!(published.status, 201, "{}", published.text());
    let until = app.state().now().seconds() + 300;
    for (path, disposition) in [
        ("/api/raw/all/a/1/large.bin", "attachment%3B%20filename%3D%22large.bin%22"),
        (jar, "attachment%3B%20filename%3D%22lib-1.0.aar%22"),
        ("/api/npm/all/pkg/-/pkg-1.0.0.tgz", ""),
    ] {
        let response = ann.get(path).await;
        assert_eq!(response.status, 302, "{path}");
        assert_eq!(response.header("cache-control"), "no-store", "{path}");
        let address = response.header("location");
        assert!(address.starts_with(CDN), "{path}: {address}");
        assert_eq!(part(address, "Expires"), until.to_string(), "{path}");
        assert_eq!(part(address, "Key-Pair-Id"), "K1");
        assert!(part(address, "response-content-type").contains("%2F"), "{path}: {address}");
        assert_eq!(part(address, "response-content-disposition"), disposition, "{path}");
        let ranged = ann.get_with(path, &[("range", "bytes=0-9")]).await;
        assert_eq!(ranged.status, 302, "{path}: ranges are the distribution's business");
        assert_eq!(ann.head(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_fits_and_what_curl_asks_for_stays_here() {
    let app = TestApp::with(with_cdn).await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    let curl = [("user-agent", "curl/8.5.0")];
    let (small, large) = (noise(1_000), noise(5_000_000));
    stored(&ann, "/api/raw/files/a/1/small", small.clone()).await;
    stored(&ann, "/api/raw/files/a/1/large", large.clone()).await;
    assert!(ann.get("/api/raw/files/a/1/small").await.body == small);
    assert!(ann.get_with("/api/raw/files/a/1/large", &curl).await.body == large);
    let app = TestApp::with(|config| {
        with_cdn(config);
        config.max_body = Some(6_000_000);
    })
    .await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    stored(&ann, "/api/raw/files/a/1/large", large).await;
    let explained = ann.get_with("/api/raw/files/a/1/large", &curl).await;
    assert!(explained.header("location").starts_with(CDN), "{}", explained.header("location"));
    assert!(explained.text().contains("curl -L"));
    assert_eq!(ann.get("/api/raw/files/a/1/large").await.body.len(), 0);
}

/// The text for curl is nothing for others that are not sent to the storage.
#[tokio::test]
async fn clients_that_keep_their_credentials_get_a_plain_redirect_to_the_distribution() {
    let app = TestApp::with(|config| {
        with_cdn(config);
        config.max_body = Some(8_000_000);
    })
    .await;
    let ann = app.repo("ann", "all", &["swift"], "private").await;
    let noise = STANDARD.encode(noise(5_000_000));
    let archive = source_archive(&[("L/Package.swift", MANIFEST), ("L/noise", &noise)]);
    let published = PublishForm::new(&archive).put(&ann, "/api/swift/all/mona/L/1.0.0").await;
    assert_eq!(published.status, 201, "{}", published.text());
    let old = [("user-agent", "SwiftPackageManager/5.9.0")];
    let redirect = ann.get_with("/api/swift/all/mona/L/1.0.0.zip", &old).await;
    assert_eq!((redirect.status, redirect.text().as_str()), (303, ""));
    let address = redirect.header("location");
    assert!(address.starts_with(CDN), "{address}");
    assert_eq!(part(address, "response-content-type"), "application%2Fzip");
    assert_eq!(part(address, "response-content-disposition"), "attachment%3B%20filename%3D%22L-1.0.0.zip%22");
}

#[tokio::test]
async fn without_a_distribution_redirects_go_to_the_storage() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    stored(&ann, "/api/raw/files/a/1/large", noise(LARGE)).await;
    let response = ann.get("/api/raw/files/a/1/large").await;
    let address = response.header("location");
    assert_eq!(response.status, 302);
    assert!(address.starts_with("http://127.0.0.1:") && address.contains("X-Amz-Signature="), "{address}");
}
