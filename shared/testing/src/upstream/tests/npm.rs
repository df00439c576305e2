//! The npm registry.

use std::io::Write as _;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use granary_publish::digests::Digests;

use super::*;
use crate::npm::NpmPackage;

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// The document of a package.
async fn document(upstream: &FakeUpstream, name: &str) -> Value {
    json_of(&format!("{}/{name}", upstream.npm_url())).await
}

#[tokio::test]
async fn a_version_is_shown_with_all_that_belongs_to_it() {
    let upstream = FakeUpstream::start().await;
    let package = NpmPackage::new("@acme/pad", "1.0.0").member("license", json!("MIT"));
    upstream.publish(&package);
    let tarball = package.tarball();
    let digests = Digests::of(&tarball);
    for name in ["@acme/pad", "@acme%2fpad", "@acme%2Fpad"] {
        assert_eq!(document(&upstream, name).await["name"], "@acme/pad");
    }
    let shown = document(&upstream, "@acme%2fpad").await;
    assert_eq!(shown["dist-tags"], json!({ "latest": "1.0.0" }));
    assert_eq!(shown["license"], "MIT");
    assert_eq!(shown["readme"], "# @acme/pad\n");
    assert_eq!(shown["time"]["1.0.0"], shown["time"]["created"]);
    let version = &shown["versions"]["1.0.0"];
    assert_eq!((&version["_id"], &version["main"]), (&json!("@acme/pad@1.0.0"), &json!("index.js")));
    let dist = &version["dist"];
    let url = format!("{}/@acme/pad/-/pad-1.0.0.tgz", upstream.npm_url());
    assert_eq!(dist["tarball"], url);
    assert_eq!(dist["shasum"], digests.sha1.to_string());
    assert_eq!(dist["integrity"], digests.integrity());
    let unpacked = inflated(&tarball);
    let mut unpacked = tar::Archive::new(unpacked.as_slice());
    let sizes: Vec<u64> = unpacked.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
    assert_eq!(dist["fileCount"], sizes.len());
    assert_eq!(dist["unpackedSize"], sizes.iter().sum::<u64>());
    let answer = get(&url, &[]).await;
    assert_eq!(header(&answer, "content-type"), "application/octet-stream");
    assert_eq!(answer.bytes().await.unwrap(), tarball);
    assert_eq!(bytes_of(&url.replace("@acme/", "@acme%2f")).await, tarball);
    assert_eq!(status(&url.replace("1.0.0", "1.0.1")).await, 404);
}

#[tokio::test]
async fn versions_are_signed_by_the_key_that_is_shown() {
    let upstream = FakeUpstream::start().await;
    upstream.publish(&NpmPackage::new("pad", "1.0.0"));
    let dist = document(&upstream, "pad").await["versions"]["1.0.0"]["dist"].clone();
    let url = format!("{}/-/npm/v1/keys", upstream.npm_url());
    let key = json_of(&url).await["keys"][0].clone();
    assert_eq!(dist["signatures"][0]["keyid"], key["keyid"]);
    let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let signed = format!("pad@1.0.0:{}", dist["integrity"].as_str().unwrap());
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, decoded(&key["key"]));
    public.verify(signed.as_bytes(), &decoded(&dist["signatures"][0]["sig"])).unwrap();
    upstream.set_keys(json!({ "keys": [] }));
    assert_eq!(json_of(&url).await, json!({ "keys": [] }));
}

#[tokio::test]
async fn times_and_tags_move_with_each_version() {
    let upstream = FakeUpstream::start().await;
    upstream.publish(&NpmPackage::new("pad", "1.0.0").tag("old"));
    upstream.publish_at(&NpmPackage::new("pad", "2.0.0-beta").tag("beta"), "2026-11-01T10:00:00.000Z");
    let shown = document(&upstream, "pad").await;
    let tags = json!({ "latest": "1.0.0", "old": "1.0.0", "beta": "2.0.0-beta" });
    assert_eq!(shown["dist-tags"], tags, "the first one is the latest in any case");
    assert_eq!(shown["time"]["2.0.0-beta"], "2026-11-01T10:00:00.000Z");
    assert_eq!(shown["time"]["modified"], "2026-11-01T10:00:00.000Z");
    assert!(shown["time"]["1.0.0"].as_str().unwrap().starts_with("2015-"));
    upstream.publish(&NpmPackage::new("pad", "1.1.0"));
    upstream.tag("pad", "beta", "1.1.0");
    let tags = json!({ "latest": "1.1.0", "old": "1.0.0", "beta": "1.1.0" });
    let shown = document(&upstream, "pad").await;
    assert_eq!(shown["dist-tags"], tags);
    assert_eq!(shown["time"]["modified"], "2026-11-01T10:00:02.000Z", "each change is later than the last");
}

#[tokio::test]
async fn clients_choose_the_form() {
    let upstream = FakeUpstream::start().await;
    let scripts = json!({ "postinstall": "node index.js" });
    let package = NpmPackage::new("pad", "1.0.0").member("scripts", scripts).member("os", json!(["linux"]));
    upstream.publish(&package);
    let url = format!("{}/pad", upstream.npm_url());
    for (accept, expected) in [
        (ABBREVIATED, ABBREVIATED),
        ("application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", ABBREVIATED),
        ("application/json; q=1.0, application/vnd.npm.install-v1+json; q=0.5", "application/json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ] {
        assert_eq!(header(&get(&url, &[("accept", accept)]).await, "content-type"), expected, "{accept}");
    }
    let full = get(&url, &[]).await;
    let abbreviated = get(&url, &[("accept", ABBREVIATED)]).await;
    assert_ne!(header(&full, "etag"), header(&abbreviated, "etag"));
    let full: Value = full.json().await.unwrap();
    let abbreviated: Value = abbreviated.json().await.unwrap();
    assert_eq!(
        abbreviated,
        json!({
            "name": "pad", "dist-tags": { "latest": "1.0.0" }, "modified": full["time"]["modified"],
            "versions": { "1.0.0": {
                "name": "pad", "version": "1.0.0", "os": ["linux"], "hasInstallScript": true,
                "dist": full["versions"]["1.0.0"]["dist"],
            }},
        })
    );
}

#[tokio::test]
async fn who_has_a_document_does_not_get_it_again() {
    let upstream = FakeUpstream::start().await;
    upstream.publish(&NpmPackage::new("pad", "1.0.0"));
    let url = format!("{}/pad", upstream.npm_url());
    let first = get(&url, &[]).await;
    let (etag, modified) = (header(&first, "etag").to_owned(), header(&first, "last-modified").to_owned());
    assert!(etag.starts_with('"') && first.headers().get("content-encoding").is_none());
    let again = get(&url, &[("if-none-match", &etag)]).await;
    assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag.as_str()));
    let zipped = get(&url, &[("accept-encoding", "br, gzip")]).await;
    assert_eq!((header(&zipped, "content-encoding"), header(&zipped, "etag")), ("gzip", etag.as_str()));
    assert_eq!(inflated(&zipped.bytes().await.unwrap()), first.bytes().await.unwrap());
    let plain = get(&url, &[("accept-encoding", "gzip;q=0")]).await;
    assert_eq!(plain.headers().get("content-encoding"), None);
    upstream.tag("pad", "next", "1.0.0");
    let changed = get(&url, &[("if-none-match", &etag)]).await;
    assert_eq!(changed.status(), 200);
    assert_ne!(header(&changed, "last-modified"), modified);
}

#[tokio::test]
async fn versions_and_packages_go_away() {
    let upstream = FakeUpstream::start().await;
    for version in ["1.0.0", "1.1.0"] {
        upstream.publish(&NpmPackage::new("pad", version));
    }
    let tarball = |version: &str| format!("{}/pad/-/pad-{version}.tgz", upstream.npm_url());
    upstream.tag("pad", "beta", "1.1.0");
    upstream.unpublish("pad", "1.1.0");
    let shown = document(&upstream, "pad").await;
    assert_eq!(shown["dist-tags"], json!({ "latest": "1.0.0" }));
    assert_eq!(shown["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0.0"]);
    assert!(shown["time"]["1.1.0"].is_string());
    assert_eq!((status(&tarball("1.1.0")).await, status(&tarball("1.0.0")).await), (404, 200));
    upstream.remove("pad");
    assert_eq!(status(&tarball("1.0.0")).await, 404);
    let gone = get(&format!("{}/pad", upstream.npm_url()), &[]).await;
    assert_eq!(gone.status(), 404);
    assert_eq!(gone.text().await.unwrap(), r#"{"error":"Not found"}"#);
}

#[tokio::test]
async fn documents_and_tarballs_become_anything() {
    let upstream = FakeUpstream::start().await;
    upstream.publish(&NpmPackage::new("pad", "1.0.0"));
    let url = format!("{}/pad", upstream.npm_url());
    upstream.deprecate("pad", "1.0.0", "use another");
    let short: Value = get(&url, &[("accept", ABBREVIATED)]).await.json().await.unwrap();
    assert_eq!(short["versions"]["1.0.0"]["deprecated"], "use another");
    upstream.deprecate("pad", "1.0.0", "");
    assert_eq!(document(&upstream, "pad").await["versions"]["1.0.0"].get("deprecated"), None);
    upstream.replace_tarball("pad", "1.0.0", b"other".to_vec());
    assert_eq!(text(&format!("{url}/-/pad-1.0.0.tgz")).await, "other");
    let etag = header(&get(&url, &[]).await, "etag").to_owned();
    upstream.edit("pad", |document| {
        // What the change asks the fake does not wait for the change.
        assert_eq!(upstream.asked().len(), 4);
        document["versions"]["1.0.0"]["dist"]["integrity"] = "sha512-AAAA".into();
        document.as_object_mut().unwrap().shift_remove("time");
    });
    let changed = get(&url, &[("if-none-match", &etag)]).await;
    let changed: Value = changed.json().await.unwrap();
    assert_eq!(changed["versions"]["1.0.0"]["dist"]["integrity"], "sha512-AAAA");
    assert_eq!(changed.get("time"), None);
    for broken in
        [json!({ "versions": [null, { "1.0.0": 7 }] }), json!({ "versions": { "1.0.0": 7 } }), json!([])]
    {
        upstream.edit("pad", |document| *document = broken.clone());
        let short: Value = get(&url, &[("accept", ABBREVIATED)]).await.json().await.unwrap();
        assert_eq!((&short, &document(&upstream, "pad").await), (&broken, &broken));
    }
}

#[tokio::test]
async fn attestations_are_where_the_version_says() {
    let upstream = FakeUpstream::start().await;
    upstream.publish(&NpmPackage::new("@acme/pad", "1.0.0"));
    let url = format!("{}/-/npm/v1/attestations/@acme%2fpad@1.0.0", upstream.npm_url());
    assert_eq!(status(&url).await, 404);
    let attestations = json!({ "attestations": [
        { "predicateType": "https://example.com/publish", "bundle": {} },
        { "predicateType": "https://slsa.dev/provenance/v0.2", "bundle": {} },
    ]});
    upstream.attest("@acme/pad", "1.0.0", attestations.clone());
    let shown = document(&upstream, "@acme/pad").await["versions"]["1.0.0"]["dist"]["attestations"].clone();
    let provenance = json!({ "predicateType": "https://slsa.dev/provenance/v0.2" });
    assert_eq!(shown, json!({ "url": url, "provenance": provenance }));
    assert_eq!(json_of(&url).await, attestations);
    assert_eq!(json_of(&url.replace("%2f", "/")).await, attestations);
}

#[tokio::test]
async fn only_advisories_that_were_asked_for_are_answered() {
    let upstream = FakeUpstream::start().await;
    let url = format!("{}/-/npm/v1/security/advisories/bulk", upstream.npm_url());
    upstream.set_advisories(json!({ "pad": [{ "id": 1 }], "other": [{ "id": 2 }] }));
    let question = json!({ "pad": ["1.0.0"], "unknown": ["1.0.0"] }).to_string();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(question.as_bytes()).unwrap();
    let plain = client().post(&url).body(question);
    let zipped = client().post(&url).header("content-encoding", "gzip").body(gzip.finish().unwrap());
    for request in [plain, zipped] {
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer, json!({ "pad": [{ "id": 1 }] }));
    }
    assert_eq!(client().post(&url).body("what").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn search_finds_names() {
    let upstream = FakeUpstream::start().await;
    for name in ["@acme/pad", "left-pad", "right"] {
        upstream.publish(&NpmPackage::new(name, "1.0.0"));
    }
    let found = async |query: &str| {
        let answer = json_of(&format!("{}/-/v1/search?{query}", upstream.npm_url())).await;
        let names: Vec<String> = answer["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|object| object["package"]["name"].as_str().unwrap().to_owned())
            .collect();
        (names, answer["total"].as_u64().unwrap())
    };
    assert_eq!(found("text=pad").await, (vec!["@acme/pad".into(), "left-pad".into()], 2));
    assert_eq!(found("text=%40acme%2Fpad&size=20").await, (vec!["@acme/pad".into()], 1));
    assert_eq!(found("text=pad&size=1&from=1").await, (vec!["left-pad".into()], 2));
    assert_eq!(found("text=nothing").await, (vec![], 0));
    let hit = json_of(&format!("{}/-/v1/search?text=left", upstream.npm_url())).await["objects"][0].clone();
    let package = &hit["package"];
    assert_eq!((&package["version"], &package["description"]), (&json!("1.0.0"), &json!("Test of left-pad")));
    assert!(package["date"].is_string() && hit["score"]["final"].is_number());
}
