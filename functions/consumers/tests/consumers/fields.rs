//! What is refused, with the field named.

use std::ops::RangeInclusive;

use granary_storage::rows::{ConsumerRef, ConsumerRow, Permission};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::composer::manifest;
use granary_testing::{Actor, TestApp, tenant_of};
use serde_json::{Value, json};

use crate::{NAME, consumer, expect, package, permit, shop};

/// Asks for things that are refused: path, body, and words of the reason.
async fn refuse(actor: &Actor, cases: &[(&str, Value, Vec<&str>)]) {
    for (path, body, words) in cases {
        let response = actor.post_json(path, body).await;
        assert_eq!(response.status, 400, "{path} {body}: {}", response.text());
        expect(&response, 400, words);
    }
}

#[tokio::test]
async fn bad_fields_of_packages_and_versions_are_named() {
    let (_app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let versions = format!("/versions/package/{one}");
    let cases: Vec<(&str, Value, Vec<&str>)> = vec![
        ("/packages", json!({}), vec!["'name' is required"]),
        ("/packages", json!({ "name": 1 }), vec!["'name'", "string"]),
        ("/packages", json!({ "name": "nameless" }), vec!["name: ", "vendor/name"]),
        ("/packages", json!({ "name": NAME }), vec!["name: ", "taken", "package 1"]),
        ("/packages", json!({ "name": "ACME/tool" }), vec!["name: ", "taken"]),
        ("/packages", json!({ "name": "a/b", "status": 2 }), vec!["'status'", "0"]),
        ("/packages", json!({ "name": "a/b", "status": "1" }), vec!["'status'"]),
        ("/packages", json!({ "name": "a/b", "status": true }), vec!["'status'"]),
        ("/packages", json!({ "name": "a/b", "description": 5 }), vec!["'description'"]),
        ("/packages", json!({ "name": "a/b", "description": "x".repeat(1_001) }), vec!["description: "]),
        ("/packages", json!({ "name": "a/b", "descripton": "x" }), vec!["unknown field 'descripton'"]),
        ("/packages", json!({ "name": "a/b", "repo_id": "other" }), vec!["repo_id: ", "'other'"]),
        ("/packages", json!({ "name": "a/b", "repo_id": "B" }), vec!["repo_id: "]),
        ("/packages", json!({ "name": "a/b", "type": "nuget" }), vec!["type: "]),
        ("/packages", json!({ "name": "a", "type": "npm" }), vec!["repo_id: ", "npm"]),
        ("/packages", json!({ "name": "a", "type": "npm", "repo_id": "shop" }), vec!["repo_id: ", "npm"]),
        ("/packages", json!({ "name": "a", "type": "kmp" }), vec!["name: ", "npm or swift"]),
        (&versions, json!({}), vec!["'name' is required"]),
        (&versions, json!({ "name": "one" }), vec!["name: ", "version"]),
        (&versions, json!({ "name": "1.0 as 2.0" }), vec!["name: "]),
        (&versions, json!({ "name": "1.0", "filename": "a/b.zip" }), vec!["filename: "]),
        (&versions, json!({ "name": "1.0", "filename": ".." }), vec!["filename: "]),
        (&versions, json!({ "name": "1.0", "filename": "a\u{0}.zip" }), vec!["filename: "]),
        (&versions, json!({ "name": "1.0", "filename": "a".repeat(256) }), vec!["filename: "]),
        (&versions, json!({ "name": "1.0", "status": -1 }), vec!["'status'"]),
        (&versions, json!({ "name": "1.0", "size": 5 }), vec!["sha256: "]),
        (&versions, json!({ "name": "1.0", "sha256": "00".repeat(32) }), vec!["size: "]),
        (&versions, json!({ "name": "1.0", "sha256": "00", "size": 1 }), vec!["sha256: "]),
        (&versions, json!({ "name": "1.0", "sha256": "00".repeat(32), "size": 0 }), vec!["size: "]),
        (&versions, json!({ "name": "1.0", "package_id": one }), vec!["unknown field 'package_id'"]),
    ];
    refuse(&ann, &cases).await;
    for (path, count) in [("/packages", 1), (versions.as_str(), 0)] {
        assert_eq!(ann.get(path).await.json().as_array().unwrap().len(), count, "{path}");
    }
}

#[tokio::test]
async fn bad_fields_of_consumers_and_permissions_are_named() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let (customer, _) = consumer(&app, &ann).await;
    let taken = ann.get(&format!("/consumers/{customer}")).await.json()["public_key"].clone();
    let permission =
        |version: &str| json!({ "consumer_id": customer, "package_id": one, "version": version });
    let long = "a".repeat(201);
    let pattern = "1.*||".repeat(2_000);
    let cases: Vec<(&str, Value, Vec<&str>)> = vec![
        ("/consumers", json!({}), vec!["'email' is required"]),
        ("/consumers", json!({ "email": "one" }), vec!["email: ", "'one'"]),
        ("/consumers", json!({ "email": "a@b", "public_key": "short" }), vec!["public_key: ", "10 to 200"]),
        ("/consumers", json!({ "email": "a@b", "private_key": long }), vec!["private_key: ", "10 to 200"]),
        ("/consumers", json!({ "email": "a@b", "public_key": "with:a:colon" }), vec!["public_key: "]),
        ("/consumers", json!({ "email": "a@b", "private_key": "art_looks-like-one" }), vec!["private_key: "]),
        (
            "/consumers",
            json!({ "email": "a@b", "public_key": taken }),
            vec!["public_key: ", "another consumer"],
        ),
        (
            "/consumers",
            json!({ "email": "a@b", "publickey": "1234567890" }),
            vec!["unknown field 'publickey'"],
        ),
        ("/permissions", json!({ "package_id": one, "version": "*" }), vec!["'consumer_id' is required"]),
        (
            "/permissions",
            json!({ "consumer_id": customer, "version": "*" }),
            vec!["'package_id' is required"],
        ),
        (
            "/permissions",
            json!({ "consumer_id": customer, "package_id": one }),
            vec!["'version' is required"],
        ),
        (
            "/permissions",
            json!({ "consumer_id": 99, "package_id": one, "version": "*" }),
            vec!["consumer_id: ", "99"],
        ),
        (
            "/permissions",
            json!({ "consumer_id": customer, "package_id": 99, "version": "*" }),
            vec!["package_id: ", "99"],
        ),
        (
            "/permissions",
            json!({ "consumer_id": "1", "package_id": one, "version": "*" }),
            vec!["'consumer_id'"],
        ),
        (
            "/permissions",
            json!({ "consumer_id": 1.5, "package_id": one, "version": "*" }),
            vec!["'consumer_id'"],
        ),
        ("/permissions", permission("five"), vec!["version: "]),
        ("/permissions", permission(""), vec!["version: "]),
        ("/permissions", permission("^^^"), vec!["version: "]),
        ("/permissions", permission(&pattern), vec!["version: "]),
    ];
    refuse(&ann, &cases).await;
    assert_eq!(ann.get("/consumers").await.json().as_array().unwrap().len(), 1);
    let path = format!("/consumers/{customer}/packages/{one}");
    assert_eq!(ann.get(&path).await.json(), json!([]));
}

#[tokio::test]
async fn bodies_that_are_no_object_are_refused() {
    let (_app, ann) = shop().await;
    for (path, body) in [
        ("/packages", r#"{"name":"a/b","name":"a/c"}"#),
        ("/consumers", r#"{"email":"a@b","email":"c@d"}"#),
        ("/permissions", "[]"),
        ("/permissions", ""),
        ("/permissions", "{"),
    ] {
        let response = ann.request("POST", path, &[("content-type", "application/json")], body).await;
        expect(&response, 400, &[]);
    }
}

#[tokio::test]
async fn updates_are_checked_as_well() {
    let (app, ann) = shop().await;
    let (one, two) = (package(&ann, NAME).await, package(&ann, "acme/other").await);
    let (customer, _) = consumer(&app, &ann).await;
    let permission = permit(&ann, customer, one, "1.*").await;
    let number = crate::published(&ann, one, "1.0").await;
    for (path, body, words) in [
        (format!("/packages/{two}"), json!({ "name": NAME }), vec!["name: ", "taken"]),
        (format!("/packages/{one}"), json!({ "name": "acme/new" }), vec!["name: ", "has versions"]),
        (format!("/packages/{one}"), json!({ "repo_id": "shop" }), vec!["unknown field"]),
        (format!("/versions/{number}"), json!({ "name": "1.1" }), vec!["name: ", "published"]),
        (format!("/versions/{number}"), crate::announced("1.0", b"x"), vec!["sha256: ", "published"]),
        (format!("/consumers/{customer}"), json!({ "public_key": "short" }), vec!["public_key: "]),
        (format!("/permissions/{permission}"), json!({ "version": "x.y.z.q" }), vec!["version: "]),
        (format!("/permissions/{permission}"), json!({ "consumer_id": 9 }), vec!["consumer_id: "]),
        (format!("/permissions/{permission}"), json!({ "package_id": 9 }), vec!["package_id: "]),
    ] {
        for method in ["PUT", "PATCH"] {
            let response = ann.json(method, &path, &body).await;
            assert_eq!(response.status, 400, "{method} {path} {body}: {}", response.text());
            expect(&response, 400, &words);
        }
    }
}

/// Gives a consumer permissions with these numbers, as if it had been given them one by one: each 20 for another package
/// from this one on.
async fn fill(app: &TestApp, number: u64, package: u64, permissions: RangeInclusive<u64>, version: &str) {
    let (storage, tenant) = (app.state().storage(), tenant_of("ann"));
    let key = Key::Consumer(tenant.clone(), number);
    let mut row: ConsumerRow = storage.get(&key).await.unwrap().unwrap();
    let now = app.state().now();
    let given = Permission { package_id: package, version: version.into(), created_at: now, updated_at: now };
    let packages = (0..).map(|index| package + index / 20);
    let all = permissions.clone().zip(packages);
    row.permissions = all.map(|(id, package_id)| (id, Permission { package_id, ..given.clone() })).collect();
    storage.put(&key, &row).await.unwrap();
    storage.put(&Key::ConsumerKey(row.public_key.consumer_hash()), &row).await.unwrap();
    for batch in permissions.collect::<Vec<_>>().chunks(100) {
        let mut transaction = Transaction::new();
        for id in batch {
            let found = ConsumerRef { consumer_id: number };
            transaction.put("permission", &Key::Permission(tenant.clone(), *id), &found).unwrap();
        }
        assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Done));
    }
}

#[tokio::test]
async fn a_consumer_has_at_most_500_permissions() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let (customer, _) = consumer(&app, &ann).await;
    fill(&app, customer, one + 1, 1_001..=1_499, "1.*").await;
    let last = permit(&ann, customer, one, "1.*").await;
    let body = json!({ "consumer_id": customer, "package_id": one, "version": "2.*" });
    expect(&ann.post_json("/permissions", &body).await, 400, &["version: ", "500"]);
    // One that it has can be changed.
    let path = format!("/permissions/{last}");
    expect(&ann.patch_json(&path, &json!({ "version": "2.*" })).await, 200, &[]);
    let key = Key::Consumer(tenant_of("ann"), customer);
    let row: ConsumerRow = app.state().storage().get(&key).await.unwrap().unwrap();
    assert_eq!(row.permissions.len(), 500);
    assert_eq!(ann.delete(&format!("/consumers/{customer}")).await.status, 204);
    for gone in [last, 1_001, 1_499] {
        expect(&ann.get(&format!("/permissions/{gone}")).await, 404, &["permission"]);
    }
}

#[tokio::test]
async fn a_consumer_has_at_most_20_permissions_for_one_package() {
    let (app, ann) = shop().await;
    let (one, two) = (package(&ann, NAME).await, package(&ann, "acme/other").await);
    let (customer, _) = consumer(&app, &ann).await;
    let mut last = 0;
    for number in 0..20 {
        last = permit(&ann, customer, one, &format!("1.{number}")).await;
    }
    let other = permit(&ann, customer, two, "*").await;
    let body = json!({ "consumer_id": customer, "package_id": one, "version": "2.*" });
    expect(&ann.post_json("/permissions", &body).await, 400, &["version: ", "20 permissions", "'||'"]);
    let path = format!("/permissions/{other}");
    expect(&ann.patch_json(&path, &json!({ "package_id": one })).await, 400, &["version: ", "20"]);
    let path = format!("/permissions/{last}");
    expect(&ann.patch_json(&path, &json!({ "version": "1.19||2.*" })).await, 200, &[]);
    // One that has more from earlier can be changed, and can have fewer.
    fill(&app, customer, one, 1_001..=1_020, "1.*").await;
    let key = Key::Consumer(tenant_of("ann"), customer);
    let mut row: ConsumerRow = app.state().storage().get(&key).await.unwrap().unwrap();
    let given = row.permissions[&1_001].clone();
    row.permissions.extend([(last, given.clone()), (other, given)]);
    app.state().storage().put(&key, &row).await.unwrap();
    app.state().storage().put(&Key::ConsumerKey(row.public_key.consumer_hash()), &row).await.unwrap();
    let path = format!("/consumers/{customer}");
    expect(&ann.patch_json(&path, &json!({ "email": "two@example.com" })).await, 200, &[]);
    expect(&ann.post_json("/permissions", &body).await, 400, &["version: ", "20"]);
    assert_eq!(ann.delete(&format!("/permissions/{other}")).await.status, 204);
}

#[tokio::test]
async fn what_a_consumer_may_have_fits_into_its_row() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let (customer, _) = consumer(&app, &ann).await;
    let long = vec!["1.2.3"; 110].join("||");
    fill(&app, customer, one + 1, 1_001..=1_300, &long).await;
    let body = |version: &str| json!({ "consumer_id": customer, "package_id": one, "version": version });
    let mut given = 0;
    let refused = loop {
        let response = ann.post_json("/permissions", &body(&long)).await;
        if response.status != 201 {
            break response;
        }
        given += 1;
    };
    expect(&refused, 400, &["version: ", "bytes"]);
    assert!((1..20).contains(&given), "{given}");
}

#[tokio::test]
async fn what_an_archive_says_of_itself_has_to_fit() {
    let (_app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let body = json!({ "name": "1.2" });
    let number = crate::id(&crate::made(&ann, &format!("/versions/package/{one}"), body).await);
    let mut other_version = manifest(NAME, "1.2");
    other_version["version"] = json!("1.3");
    for (bytes, words) in [
        (crate::zip("acme/other", "1.2"), ["name", "acme/other"]),
        (granary_testing::composer::archive(&other_version), ["version", "1.3"]),
        (b"no zip".to_vec(), ["archive", "zip"]),
        (Vec::new(), ["archive", "zip"]),
    ] {
        expect(&crate::put_zip(&ann, number, &bytes).await, 400, &words[..1]);
    }
    let shown = ann.get(&format!("/versions/{number}")).await.json();
    assert!(shown["upload_url"].is_string(), "{shown}");
    assert_eq!(crate::put_zip(&ann, number, &crate::zip(NAME, "1.2")).await.status, 200);
}
