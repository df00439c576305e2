//! What cannot be watched, listed or built.

use granary_testing::kmp::watch;
use serde_json::{Value, json};

use super::support::{BUILDS, Place, WATCHED, expect};

/// A library with some fields changed; `null` takes one away.
fn with(changes: &Value) -> Value {
    let mut body = watch("com.example", "lib");
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body
}

#[tokio::test]
async fn coordinates_are_names_and_nothing_else() {
    let place = Place::new().await;
    let shell = [
        "a;rm -rf /",
        "$(id)",
        "`id`",
        "a b",
        "a'b",
        "a\"b",
        "a|b",
        "a&b",
        "a>b",
        "a\nb",
        "../a",
        "a/b",
        "a\\b",
        "",
        ".",
        "a..b",
        "${x}",
        "a#b",
        "a%2fb",
        "-\u{0}",
        "é",
        "a:b",
        "*",
    ];
    for text in shell {
        for field in ["groupId", "artifactId", "npmPackageName", "swiftScope", "swiftName"] {
            // npm takes it, and it does no harm there.
            if (field, text) == ("npmPackageName", "a..b") {
                continue;
            }
            let body = with(&json!({ field: text }));
            let response = place.ann.post_json(WATCHED, &body).await;
            expect(&response, 400, &[field]);
        }
        let body = with(&json!({ "appleTargets": [text] }));
        expect(&place.ann.post_json(WATCHED, &body).await, 400, &["appleTargets", "unknown target"]);
        let build = json!({ "watchedPackageId": "x", "version": text });
        expect(&place.ann.post_json(BUILDS, &build).await, 400, &["version"]);
    }
    assert_eq!(place.ann.get(WATCHED).await.json(), json!({ "watched": [] }));
}

#[tokio::test]
async fn fields_are_there_and_of_their_kind() {
    let place = Place::new().await;
    for (changes, word) in [
        (json!({ "groupId": null }), "groupId"),
        (json!({ "artifactId": null }), "artifactId"),
        (json!({ "npmPackageName": null }), "npmPackageName"),
        (json!({ "swiftScope": null }), "swiftScope"),
        (json!({ "swiftName": null }), "swiftName"),
        (json!({ "swiftName": null, "swiftScope": null }), "enableSwift"),
        (json!({ "enableNpm": false, "enableSwift": false }), "nothing to build"),
        (json!({ "enableNpm": "yes" }), "true or false"),
        (json!({ "enableSwift": 1 }), "true or false"),
        (json!({ "groupId": 1 }), "groupId"),
        (json!({ "appleTargets": "iosArm64" }), "appleTargets"),
        (json!({ "appleTargets": [1] }), "appleTargets"),
        (json!({ "appleTargets": ["linuxX64"] }), "linuxX64"),
        (json!({ "appleTargets": ["iosarm64"] }), "iosarm64"),
        (json!({ "appleTargets": ["iosArm64", "iosArm64"] }), "twice"),
        (json!({ "swiftTargets": [] }), "swiftTargets"),
        (json!({ "groupId": "g".repeat(300) }), "groupId"),
        (json!({ "appleTargets": ["iosArm32"] }), "iosArm32"),
        // Programs would take these for options of theirs.
        (json!({ "groupId": "--help" }), "groupId"),
        (json!({ "artifactId": "--help" }), "artifactId"),
        (json!({ "artifactId": "-" }), "artifactId"),
    ] {
        expect(&place.ann.post_json(WATCHED, &with(&changes)).await, 400, &[word]);
    }
    for body in ["", "[]", "{", "null", "\"x\""] {
        let headers = [("content-type", "application/json")];
        for path in [WATCHED, BUILDS] {
            expect(&place.ann.request("POST", path, &headers, body).await, 400, &["JSON"]);
        }
    }
    assert_eq!(place.left().await, Vec::<String>::new());
}

/// What npm takes for old packages only cannot be built, so it cannot be watched either.
#[tokio::test]
async fn npm_packages_have_names_that_new_ones_may_have() {
    let place = Place::new().await;
    let path = format!("{WATCHED}/{}", place.watch("lib").await);
    let before = place.ann.get(&path).await.json();
    for name in ["JSONStream", "@apps/Lib", "@Apps/lib", "@apps/_lib", "@_apps/lib"] {
        let words = ["npmPackageName: ", name, "npm package"];
        let new = with(&json!({ "artifactId": "other", "swiftName": "other", "npmPackageName": name }));
        expect(&place.ann.post_json(WATCHED, &new).await, 400, &words);
        expect(&place.ann.patch_json(&path, &json!({ "npmPackageName": name })).await, 400, &words);
    }
    assert_eq!(place.ann.get(&path).await.json(), before);
    assert_eq!(place.ann.get(WATCHED).await.json()["watched"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn builds_are_asked_for_in_their_form() {
    let place = Place::new().await;
    let id = place.watch("lib").await;
    for (body, word) in [
        (json!({ "version": "1.0.0" }), "watchedPackageId"),
        (json!({ "watchedPackageId": id }), "version"),
        (json!({ "watchedPackageId": id, "version": "1.0-SNAPSHOT" }), "snapshot"),
        (json!({ "watchedPackageId": id, "version": "2024.1.2.3" }), "semantic"),
        (json!({ "watchedPackageId": id, "version": 1 }), "version"),
        (json!({ "watchedPackageId": id, "version": "--help" }), "version"),
        (json!({ "watchedPackageId": id, "version": "1.0.0", "force": true }), "force"),
    ] {
        expect(&place.ann.post_json(BUILDS, &body).await, 400, &[word]);
    }
    let unknown = json!({ "watchedPackageId": "unknown", "version": "1.0.0" });
    expect(&place.ann.post_json(BUILDS, &unknown).await, 404, &["watched package 'unknown' not found"]);
    let long = json!({ "watchedPackageId": "x".repeat(3_000), "version": "1.0.0" });
    expect(&place.ann.post_json(BUILDS, &long).await, 404, &["not found"]);
    for (query, word) in [
        ("status=done", "done"),
        ("status=pending,,nope", "nope"),
        ("stableOnly=1", "stableOnly"),
        ("counts=yes", "counts"),
        ("limit=-1", "query"),
        ("limit=ten", "query"),
        ("limit=1.5", "query"),
    ] {
        expect(&place.ann.get(&format!("{BUILDS}?{query}")).await, 400, &[word]);
    }
    let build = place.build(&id, "1.0.0", |_| {}).await;
    let path = format!("{BUILDS}/{}", build.id);
    for (body, word) in [
        (json!({}), "action"),
        (json!({ "action": "restart" }), "retry"),
        (json!({ "action": 1 }), "action"),
        (json!({ "action": "retry", "version": "2" }), "version"),
    ] {
        expect(&place.ann.post_json(&path, &body).await, 400, &[word]);
    }
    assert_eq!(place.read(&build.id).await.unwrap(), build);
    assert!(place.github.runs().is_empty());
}
