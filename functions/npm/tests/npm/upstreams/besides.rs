//! What is asked besides packages: advisories, keys, attestations, search; and what administrators do about packages.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use granary_testing::TestResponse;
use granary_testing::npm::NpmPackage;
use granary_testing::upstream::Misbehaviour;
use serde_json::{Value, json};

use super::support::{Place, expect, impatient, place, place_with, version};
use crate::npm::support::{at, keys, packument, publish};

fn gzip(body: &Value) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.to_string().as_bytes()).unwrap();
    encoder.finish().unwrap()
}

async fn audit(place: &Place, path: &str, body: &Value) -> TestResponse {
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    place.ann.request("POST", &at(path), &headers, gzip(body)).await
}

fn advisory() -> Value {
    json!({ "id": 1, "url": "https://example.com/1", "title": "Bad", "severity": "high", "vulnerable_versions": "<2.0.0" })
}

#[tokio::test]
async fn advisories_are_asked_for_public_names_alone() {
    let place = place_with("private", json!({ "owned": ["@acme/*"] })).await;
    place.up.publish(&version("left-pad", "1.0.0"));
    packument(&place.ann, "left-pad").await;
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
    place
        .up
        .set_advisories(json!({ "left-pad": [advisory()], "own": [advisory()], "unknown": [advisory()] }));
    place.up.forget();
    let asked =
        json!({ "left-pad": ["1.0.0"], "own": ["1.0.0"], "@acme/tool": ["1.0.0"], "unknown": ["1.0.0"] });
    let answer = audit(&place, "-/npm/v1/security/advisories/bulk", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), json!({ "left-pad": [advisory()] }));
    let requests = place.up.requests();
    assert_eq!(requests.len(), 1);
    let sent: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(sent, json!({ "left-pad": ["1.0.0"] }), "nothing else leaves");
    assert_eq!(requests[0].header("authorization"), None);
}

#[tokio::test]
async fn the_older_form_asks_the_same_question() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    packument(&place.ann, "left-pad").await;
    place.up.set_advisories(json!({ "left-pad": [advisory()] }));
    place.up.forget();
    let tree = json!({ "name": "secret-app", "dependencies": {
        "own": { "version": "1.0.0", "dependencies": { "left-pad": { "version": "1.0.0" } } },
        "left-pad": { "version": "3.0.0" },
    } });
    let answer = audit(&place, "-/npm/v1/security/audits/quick", &tree).await.json();
    assert_eq!(answer["metadata"]["vulnerabilities"]["high"], 1, "{answer}");
    assert_eq!(answer["advisories"]["1"]["findings"][0]["version"], "1.0.0");
    assert_eq!(answer["advisories"]["1"]["module_name"], "left-pad");
    let sent = String::from_utf8(place.up.requests()[0].body.to_vec()).unwrap();
    assert!(!sent.contains("own") && !sent.contains("secret-app"), "{sent}");
}

#[tokio::test]
async fn an_upstream_without_advisories_knows_none_and_one_that_fails_says_nothing() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    packument(&place.ann, "left-pad").await;
    let (path, asked) = ("-/npm/v1/security/advisories/bulk", json!({ "left-pad": ["1.0.0"] }));
    for (status, expected) in [(404, 200), (405, 200), (501, 200), (500, 503), (401, 502)] {
        place.up.misbehave("/npm/-/", Some(Misbehaviour::Status(status)));
        let answer = audit(&place, path, &asked).await;
        assert_eq!(answer.status, expected, "{status}: {}", answer.text());
        if expected == 200 {
            assert_eq!(answer.json(), json!({}));
        }
    }
    // Where nothing came from an upstream nobody is asked.
    assert_eq!(audit(&place, path, &json!({ "own": ["1.0.0"] })).await.json(), json!({}));
}

#[tokio::test]
async fn audits_that_hang_are_not_waited_for_again_and_again() {
    let place = impatient().await;
    for name in ["left-pad", "other"] {
        place.up.publish(&version(name, "1.0.0"));
    }
    place.up.set_advisories(json!({ "left-pad": [advisory()] }));
    packument(&place.ann, "left-pad").await;
    place.up.misbehave("/npm/-/", Some(Misbehaviour::Hang));
    place.asked();
    let (path, asked) = ("-/npm/v1/security/advisories/bulk", json!({ "left-pad": ["1.0.0"] }));
    for _ in 0..5 {
        expect(&audit(&place, path, &asked).await, 503);
    }
    assert_eq!(place.asked().len(), 3);
    // Packages are another matter.
    packument(&place.ann, "other").await;
    place.up.misbehave("/npm/-/", None);
    expect(&audit(&place, path, &asked).await, 503);
    place.wait(6);
    assert_eq!(audit(&place, path, &asked).await.json(), json!({ "left-pad": [advisory()] }));
}

#[tokio::test]
async fn signatures_can_be_verified_with_the_keys_of_the_upstream() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    let keys = place.ann.get(&at("-/npm/v1/keys")).await.json();
    let signature = &packument(&place.ann, "left-pad").await["versions"]["1.0.0"]["dist"]["signatures"][0];
    assert_eq!(keys["keys"][0]["keyid"], signature["keyid"]);
    place.up.forget();
    place.ann.get(&at("-/npm/v1/keys")).await;
    assert_eq!(place.up.asked(), Vec::<String>::new(), "they are kept for an hour");
    assert_eq!(place.app.anonymous().get(&at("-/npm/v1/keys")).await.json(), json!({ "keys": [] }));
}

#[tokio::test]
async fn attestations_are_handed_on_as_they_are_and_kept() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.publish(&version("left-pad", "1.1.0"));
    let theirs = json!({ "attestations": [{ "predicateType": "https://slsa.dev/provenance/v1", "bundle": { "x": 1 } }] });
    place.up.attest("left-pad", "1.1.0", theirs.clone());
    let document = packument(&place.ann, "left-pad").await;
    assert!(document["versions"]["1.1.0"]["dist"]["attestations"]["provenance"].is_object());
    let path = at("-/npm/v1/attestations/left-pad@1.1.0");
    assert_eq!(place.ann.get(&path).await.json()["attestations"], theirs["attestations"]);
    place.up.misbehave("/npm/-/", Some(Misbehaviour::Status(500)));
    assert_eq!(place.ann.get(&path).await.json()["attestations"], theirs["attestations"]);
    assert_eq!(place.ann.get(&at("-/npm/v1/attestations/left-pad@1.0.0")).await.status, 404);
}

/// Has the upstream publish two versions of `left-pad`, the newer one with attestations, and has its document fetched. These
/// attestations, and their path.
async fn attested(place: &Place) -> (Value, String) {
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.publish(&version("left-pad", "1.1.0"));
    let theirs = json!({ "attestations": [{ "predicateType": "https://slsa.dev/provenance/v1", "bundle": { "x": 1 } }] });
    place.up.attest("left-pad", "1.1.0", theirs.clone());
    packument(&place.ann, "left-pad").await;
    place.asked();
    (theirs, at("-/npm/v1/attestations/left-pad@1.1.0"))
}

#[tokio::test]
async fn attestations_of_a_version_that_nobody_gets_are_refused_like_its_manifest() {
    let place = place().await;
    let (theirs, path) = attested(&place).await;
    let refused = async |code: &str| {
        let attestations = place.ann.get(&path).await;
        let manifest = place.ann.get(&at("left-pad/1.1.0")).await;
        for answer in [&attestations, &manifest] {
            expect(answer, 403);
            assert_eq!(answer.json()["code"], code);
        }
        assert_eq!(attestations.error(), manifest.error());
    };
    let given = async || {
        let answer = place.ann.get(&path).await;
        expect(&answer, 200);
        assert_eq!(answer.json()["attestations"], theirs["attestations"]);
    };
    let admin = place.app.user("ann");
    let aside = json!({ "version": "1.1.0", "reason": "looks odd" });
    let quarantine = "/api/repos/libs/quarantine/npm/left-pad";
    expect(&admin.put_json(quarantine, &aside).await, 200);
    refused("QUARANTINED").await;
    assert_eq!(place.asked(), Vec::<String>::new());
    expect(&admin.delete(&format!("{quarantine}?version=1.1.0")).await, 200);
    given().await;
    // Also when they are kept, and when the version is.
    expect(&admin.put_json(quarantine, &aside).await, 200);
    refused("QUARANTINED").await;
    expect(&admin.delete(&format!("{quarantine}?version=1.1.0")).await, 200);
    expect(&place.tarball("left-pad", "1.1.0").await, 200);
    let rule =
        json!({ "packageType": "npm", "name": "left-*", "versions": ">=1.1.0", "reason": "steals tokens" });
    let made = admin.post_json("/api/repos/libs/blocks", &rule).await;
    expect(&made, 201);
    refused("BLOCKED").await;
    let id = made.json()["block"]["id"].as_str().unwrap().to_owned();
    expect(&admin.delete(&format!("/api/repos/libs/blocks/{id}")).await, 200);
    given().await;
    place.up.unpublish("left-pad", "1.1.0");
    place.refresh("left-pad").await;
    refused("REMOVED_UPSTREAM").await;
}

#[tokio::test]
async fn attestations_of_what_was_published_here_are_in_quarantine_with_it() {
    let place = place().await;
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
    let path = at("-/npm/v1/attestations/own@1.0.0");
    expect(&place.ann.get(&path).await, 404);
    let (admin, quarantine) = (place.app.user("ann"), "/api/repos/libs/quarantine/npm/own");
    expect(&admin.put_json(quarantine, &json!({ "version": "1.0.0", "reason": "looks odd" })).await, 200);
    let refused = place.ann.get(&path).await;
    expect(&refused, 403);
    assert_eq!(refused.json()["code"], "QUARANTINED");
    expect(&admin.delete(&format!("{quarantine}?version=1.0.0")).await, 200);
    expect(&place.ann.get(&path).await, 404);
}

#[tokio::test]
async fn attestations_of_a_version_in_its_cooldown_are_refused_and_not_asked_for() {
    let place = place_with("private", json!({ "cooldownDays": 7 })).await;
    // The clock stands at 2026-09-21T14:13:20Z.
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.publish_at(&version("left-pad", "1.1.0"), "2026-09-20T14:13:20.000Z");
    place.up.attest("left-pad", "1.1.0", json!({ "attestations": [] }));
    packument(&place.ann, "left-pad").await;
    place.asked();
    let refused = place.ann.get(&at("-/npm/v1/attestations/left-pad@1.1.0")).await;
    expect(&refused, 403);
    assert_eq!(refused.json()["code"], "COOLDOWN");
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_has_nothing_fetched_gets_the_attestations_that_are_kept() {
    let place = place_with("public", json!({ "anonymous": false })).await;
    let (theirs, path) = attested(&place).await;
    let anybody = place.app.anonymous();
    let customer = place.app.licence("ann", &["left-pad"], |_| {}).await.actor;
    for reader in [&anybody, &customer] {
        let refused = reader.get(&path).await;
        expect(&refused, 401);
        assert!(refused.error().contains("'public'") && refused.error().contains("token"));
    }
    assert_eq!(place.asked(), Vec::<String>::new());
    // Once somebody with a token has had them fetched, everybody gets them.
    for reader in [&place.ann, &anybody, &customer, &place.ann] {
        let answer = reader.get(&path).await;
        expect(&answer, 200);
        assert_eq!(answer.json()["attestations"], theirs["attestations"]);
    }
    assert_eq!(place.asked(), ["GET /npm/-/npm/v1/attestations/left-pad@1.1.0"]);
}

#[tokio::test]
async fn attestations_that_are_not_there_are_asked_for_once_in_a_while() {
    let place = place().await;
    let (_, path) = attested(&place).await;
    place.up.misbehave("/npm/-/npm/v1/attestations/", Some(Misbehaviour::Status(404)));
    for _ in 0..3 {
        expect(&place.ann.get(&path).await, 404);
    }
    assert_eq!(place.asked().len(), 1);
    place.up.misbehave("/npm/-/npm/v1/attestations/", None);
    expect(&place.ann.get(&path).await, 404);
    place.wait(61);
    expect(&place.ann.get(&path).await, 200);
    assert_eq!(place.asked().len(), 1);
}

#[tokio::test]
async fn a_search_finds_what_is_here_first_and_elsewhere_only_if_that_is_wanted() {
    let place = place().await;
    for number in 0..3 {
        publish(&place.ann, &NpmPackage::new(&format!("pad-own-{number}"), "1.0.0")).await;
        place.up.publish(&version(&format!("pad-far-{number}"), "1.0.0"));
    }
    place.up.publish(&version("pad-own-1", "9.0.0"));
    let names = async |query: &str| {
        let found = place.ann.get(&at(&format!("-/v1/search?text=pad&{query}"))).await.json();
        let objects = found["objects"].as_array().unwrap().clone();
        let names: Vec<String> =
            objects.iter().map(|hit| hit["package"]["name"].as_str().unwrap().to_owned()).collect();
        (names, found["total"].as_u64().unwrap())
    };
    assert_eq!(names("size=20").await.0.len(), 3);
    assert_eq!(place.up.asked(), Vec::<String>::new(), "words that are searched for go nowhere");
    place.set(json!({ "search": true })).await;
    let (all, _) = names("size=20").await;
    assert_eq!(all[..3], ["pad-own-0", "pad-own-1", "pad-own-2"]);
    assert_eq!(all.iter().filter(|name| name.starts_with("pad-far-")).count(), 3, "{all:?}");
    assert_eq!(
        all.iter().filter(|name| *name == "pad-own-1").count(),
        1,
        "that of the upstream is not shown"
    );
    assert_eq!(names("size=2&from=0").await.0, ["pad-own-0", "pad-own-1"]);
    place.up.misbehave("/npm/-/v1/search", Some(Misbehaviour::Status(500)));
    for _ in 0..5 {
        assert_eq!(
            names("size=20").await,
            (vec!["pad-own-0".into(), "pad-own-1".into(), "pad-own-2".into()], 3)
        );
    }
    packument(&place.ann, "pad-far-0").await;
    place.up.misbehave("/npm/-/v1/search", None);
    assert_eq!(names("size=20").await.0.len(), 6, "at once");
}

#[tokio::test]
async fn a_rule_acts_at_once_on_documents_and_files() {
    let place = place().await;
    for number in ["1.0.0", "1.1.0", "1.2.0"] {
        place.up.publish(&version("left-pad", number));
    }
    packument(&place.ann, "left-pad").await;
    assert_eq!(place.tarball("left-pad", "1.2.0").await.status, 200);
    let rule =
        json!({ "packageType": "npm", "name": "left-*", "versions": ">=1.1.0", "reason": "steals tokens" });
    let admin = place.app.user("ann");
    let made = admin.post_json("/api/repos/libs/blocks", &rule).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let document = packument(&place.ann, "left-pad").await;
    assert_eq!(keys(&document["versions"]), ["1.0.0"]);
    assert_eq!(document["dist-tags"], json!({ "latest": "1.0.0" }));
    assert!(document["policyRestrictions"]["message"].as_str().unwrap().contains("steals tokens"));
    for number in ["1.2.0", "1.1.0"] {
        let refused = place.tarball("left-pad", number).await;
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (403, Some("BLOCKED")),
            "{}",
            refused.text()
        );
    }
    let manifest = place.ann.get(&at("left-pad/1.1.0")).await;
    assert_eq!((manifest.status, manifest.json()["code"].as_str()), (403, Some("BLOCKED")));
    let id = made.json()["block"]["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.delete(&format!("/api/repos/libs/blocks/{id}")).await.status, 200);
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["1.0.0", "1.1.0", "1.2.0"]);
    assert_eq!(place.tarball("left-pad", "1.2.0").await.status, 200);
}

#[tokio::test]
async fn a_quarantine_acts_at_once_wherever_a_version_came_from() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.up.publish(&version("left-pad", "1.1.0"));
    publish(&place.ann, &NpmPackage::new("own", "1.0.0")).await;
    publish(&place.ann, &NpmPackage::new("own", "1.1.0")).await;
    packument(&place.ann, "left-pad").await;
    let admin = place.app.user("ann");
    for name in ["left-pad", "own"] {
        assert_eq!(place.tarball(name, "1.1.0").await.status, 200);
        let path = format!("/api/repos/libs/quarantine/npm/{name}");
        let put = admin.put_json(&path, &json!({ "version": "1.1.0", "reason": "looks odd" })).await;
        assert_eq!(put.status, 200, "{}", put.text());
        let document = packument(&place.ann, name).await;
        assert_eq!(keys(&document["versions"]), ["1.0.0"], "{name}");
        assert_eq!(document["dist-tags"]["latest"], "1.0.0", "{name}");
        let refused = place.tarball(name, "1.1.0").await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("QUARANTINED")), "{name}");
        assert!(refused.error().contains("looks odd"), "{}", refused.error());
        let all = admin.put_json(&path, &json!({ "reason": "all of it" })).await;
        assert_eq!(all.status, 200, "{}", all.text());
        assert_eq!(place.tarball(name, "1.0.0").await.status, 403, "{name}");
        assert_eq!(admin.delete(&path).await.status, 200);
        assert_eq!(admin.delete(&format!("{path}?version=1.1.0")).await.status, 200);
        assert_eq!(place.tarball(name, "1.1.0").await.status, 200, "{name}");
        assert_eq!(keys(&packument(&place.ann, name).await["versions"]), ["1.0.0", "1.1.0"], "{name}");
    }
    let bob = place.app.known_user("bob").await;
    place.app.add_member("ann", "libs", "bob", "write").await;
    let refused = bob.put_json("/api/repos/libs/quarantine/npm/own", &json!({ "reason": "x" })).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let log = place.app.audit("repo:libs").await;
    let count = |action: &str| log.iter().filter(|entry| entry["action"] == action).count();
    assert_eq!((count("package.quarantine"), count("package.unquarantine")), (4, 4));
}

#[tokio::test]
async fn an_administrator_takes_a_name_over_and_gives_it_back() {
    let place = place().await;
    place.up.publish(&version("left-pad", "1.0.0"));
    let theirs = place.tarball("left-pad", "1.0.0").await;
    assert_eq!(theirs.status, 200);
    let (admin, path) = (place.app.user("ann"), "/api/repos/libs/origins/npm/left-pad");
    assert_eq!(admin.get(path).await.json()["origin"]["upstream"], "public");
    assert_eq!(place.ann.publish("libs", &NpmPackage::new("left-pad", "1.0.0")).await.status, 409);
    let taken = admin.put_json(path, &json!({ "origin": "local" })).await;
    assert_eq!(taken.json()["origin"]["origin"], "local", "{}", taken.text());
    place.up.forget();
    assert_eq!(place.ann.get(&at("left-pad")).await.status, 404);
    assert_eq!(place.tarball("left-pad", "1.0.0").await.status, 404);
    assert_eq!(place.up.asked(), Vec::<String>::new(), "it is asked of nobody any more");
    // Given back, as nothing was published under it.
    assert_eq!(admin.put_json(path, &json!({ "origin": "upstream" })).await.status, 200);
    assert_eq!(keys(&packument(&place.ann, "left-pad").await["versions"]), ["1.0.0"]);
    assert_eq!(admin.put_json(path, &json!({ "origin": "local" })).await.status, 200);
    place.app.settle().await;
    publish(&place.ann, &NpmPackage::new("left-pad", "1.0.0")).await;
    assert_ne!(place.tarball("left-pad", "1.0.0").await.body, theirs.body, "ours");
    let stays = admin.put_json(path, &json!({ "origin": "upstream" })).await;
    assert_eq!(stays.status, 409, "{}", stays.text());
    let usage = place.app.user("ann").get("/api/repos/libs").await.json();
    assert_eq!(usage["repo"]["packageCount"], 1, "{usage}");
}

#[tokio::test]
async fn a_name_in_other_case_is_taken_over_under_its_own() {
    let place = place().await;
    place.up.publish(&version("JSONStream", "1.0.0"));
    packument(&place.ann, "JSONStream").await;
    assert_eq!(place.ann.publish("libs", &NpmPackage::new("JSONStream", "2.0.0")).await.status, 409);
    let path = "/api/repos/libs/origins/npm/JSONStream";
    let taken = place.app.user("ann").put_json(path, &json!({ "origin": "local" })).await;
    assert_eq!(taken.json()["origin"]["origin"], "local", "{}", taken.text());
    place.app.settle().await;
    publish(&place.ann, &NpmPackage::new("JSONStream", "2.0.0")).await;
    assert_eq!(keys(&packument(&place.ann, "JSONStream").await["versions"]), ["2.0.0"]);
}
