//! Watched libraries: their forms, changes, names that are taken, and their end.

use granary_model::kmp::BuildStatus;
use granary_storage::Key;
use granary_storage::rows::WatchedRef;
use granary_testing::kmp::watch;
use granary_testing::{START, TestApp};
use serde_json::{Value, json};

use super::support::{BUILDS, Place, WATCHED, expect, publishing, repo};

#[tokio::test]
async fn a_library_is_watched_as_it_was_asked_for() {
    let place = Place::new().await;
    let body = json!({
        "groupId": "com.example", "artifactId": "my-library", "npmPackageName": "@my-kmp-repo/my-library",
        "swiftScope": "my-kmp-repo", "swiftName": "my-library", "enableNpm": true, "enableSwift": true,
        "appleTargets": ["iosArm64", "macosArm64"],
    });
    let made = place.ann.post_json(WATCHED, &body).await;
    expect(&made, 201, &[]);
    let shown = made.json()["watched"].clone();
    let id = shown["id"].as_str().unwrap().to_owned();
    let moment = granary_model::Timestamp::from_millis(START).to_string();
    let mut expected = body.clone();
    for (name, value) in [
        ("id", json!(id)),
        ("repoId", json!("apps")),
        ("lastPolledAt", Value::Null),
        ("lastPollError", Value::Null),
        ("createdAt", json!(moment)),
        ("updatedAt", json!(moment)),
    ] {
        expected[name] = value;
    }
    assert_eq!(shown, expected);
    assert_eq!(place.ann.get(&format!("{WATCHED}/{id}")).await.json(), json!({ "watched": expected }));
    assert_eq!(place.ann.get(WATCHED).await.json(), json!({ "watched": [expected] }));
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let place = Place::new().await;
    let only_npm = json!({
        "groupId": "com.example", "artifactId": "web", "enableSwift": false, "npmPackageName": "web",
    });
    let shown = place.ann.post_json(WATCHED, &only_npm).await.json()["watched"].clone();
    assert_eq!(
        (&shown["enableNpm"], &shown["enableSwift"], &shown["appleTargets"], &shown["swiftName"]),
        (&json!(true), &json!(false), &json!([]), &Value::Null)
    );
    place.app.clock.advance_millis(1);
    let only_swift = json!({
        "groupId": "com.example", "artifactId": "apple", "enableNpm": false, "swiftScope": "a", "swiftName": "b",
    });
    let shown = place.ann.post_json(WATCHED, &only_swift).await.json()["watched"].clone();
    assert_eq!(
        (&shown["enableNpm"], &shown["enableSwift"], &shown["npmPackageName"]),
        (&json!(false), &json!(true), &Value::Null)
    );
    let order: Vec<Value> = place.ann.get(WATCHED).await.json()["watched"].as_array().unwrap().clone();
    assert_eq!((&order[0]["artifactId"], &order[1]["artifactId"]), (&json!("web"), &json!("apple")));
}

#[tokio::test]
async fn nothing_is_watched_or_made_twice() {
    let place = Place::new().await;
    let first = place.watch("lib").await;
    let with = |changes: Value| {
        let mut body = watch("com.example", "other");
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        body
    };
    for (body, words) in [
        (with(json!({ "artifactId": "lib" })), ["com.example:lib", "watched already"]),
        (with(json!({ "npmPackageName": "@apps/lib" })), ["npm package", "@apps/lib"]),
        // As Swift compares them. New npm names have no upper case.
        (with(json!({ "swiftName": "LIB" })), ["Swift package", "apps.LIB"]),
    ] {
        expect(&place.ann.post_json(WATCHED, &body).await, 409, &words);
    }
    let second = place.ann.post_json(WATCHED, &with(json!({}))).await;
    expect(&second, 201, &[]);
    let second = format!("{WATCHED}/{}", second.json()["watched"]["id"].as_str().unwrap());
    let taken = json!({ "npmPackageName": "@apps/lib" });
    expect(&place.ann.patch_json(&second, &taken).await, 409, &["@apps/lib"]);
    // What is no longer used is free.
    let renamed = json!({ "npmPackageName": "@apps/renamed" });
    expect(&place.ann.patch_json(&format!("{WATCHED}/{first}"), &renamed).await, 200, &[]);
    expect(&place.ann.patch_json(&second, &taken).await, 200, &[]);
    expect(&place.ann.delete(&format!("{WATCHED}/{first}")).await, 200, &[]);
    expect(&place.ann.post_json(WATCHED, &watch("com.example", "lib")).await, 409, &["@apps/lib"]);
    expect(&place.ann.delete(&second).await, 200, &[]);
    expect(&place.ann.post_json(WATCHED, &watch("com.example", "lib")).await, 201, &[]);
}

#[tokio::test]
async fn of_many_who_want_a_name_one_gets_it() {
    let place = Place::new().await;
    let attempts = (0..10).map(|number| {
        let mut body = watch("com.example", &format!("lib{number}"));
        body["npmPackageName"] = json!("@apps/wanted");
        let ann = place.ann.clone();
        async move { ann.post_json(WATCHED, &body).await.status }
    });
    let mut statuses = futures::future::join_all(attempts).await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    let list = place.ann.get(WATCHED).await.json();
    assert_eq!(list["watched"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn changes_count_from_now_on() {
    let place = Place::new().await;
    let id = place.watch("lib").await;
    let before = place.build_in(&id, "1.0.0", BuildStatus::Queued).await;
    place.app.clock.advance_millis(1_000);
    let path = format!("{WATCHED}/{id}");
    let seed = json!({ "enableSwift": false, "appleTargets": ["iosArm64"] });
    let changed = place.ann.patch_json(&path, &seed).await;
    expect(&changed, 200, &[]);
    let changed = changed.json()["watched"].clone();
    assert_eq!((&changed["enableSwift"], &changed["appleTargets"]), (&json!(false), &json!(["iosArm64"])));
    // What the request does not name stays.
    assert_eq!((&changed["swiftName"], &changed["npmPackageName"]), (&json!("lib"), &json!("@apps/lib")));
    assert!(changed["updatedAt"].as_str() > changed["createdAt"].as_str());
    assert_eq!(place.ann.get(&path).await.json()["watched"], changed);
    assert_eq!(place.read(&before.id).await.unwrap(), before);
    // A name that is not needed can be given up, and one that is cannot.
    let cleared = place.ann.patch_json(&path, &json!({ "swiftScope": null, "swiftName": null })).await;
    assert_eq!(cleared.json()["watched"]["swiftName"], Value::Null);
    expect(&place.ann.patch_json(&path, &json!({ "enableSwift": true })).await, 400, &["swiftScope"]);
    expect(&place.ann.patch_json(&path, &json!({ "npmPackageName": null })).await, 400, &["npmPackageName"]);
    expect(&place.ann.patch_json(&path, &json!({ "enableNpm": false })).await, 400, &["enableNpm"]);
    expect(&place.ann.patch_json(&path, &json!({ "swiftName": "a" })).await, 400, &["swiftScope"]);
    expect(&place.ann.patch_json(&path, &json!({ "groupId": "org" })).await, 400, &["groupId", "changed"]);
    expect(&place.ann.patch_json(&path, &json!({ "enabled": true })).await, 400, &["enabled"]);
    // Nothing changes nothing, and is on no record.
    let records = place.app.audit("repo:apps").await.len();
    expect(&place.ann.patch_json(&path, &json!({})).await, 200, &[]);
    assert_eq!(place.app.audit("repo:apps").await.len(), records);
}

#[tokio::test]
async fn a_change_stands_beside_a_look() {
    let place = Place::new().await;
    let id = place.watch("lib").await;
    let path = format!("{WATCHED}/{id}");
    let body = json!({ "enableSwift": false });
    let (polled, changed) = tokio::join!(place.poll(), place.ann.patch_json(&path, &body));
    expect(&changed, 200, &[]);
    assert_eq!(polled["newVersions"], json!(["1.0.0"]));
    assert_eq!(place.ann.get(&path).await.json()["watched"]["enableSwift"], json!(false));
}

#[tokio::test]
async fn a_library_leads_to_itself_until_it_is_deleted() {
    let place = Place::new().await;
    place.app.repo("ann", "libs", &["maven"], "private").await;
    let config = json!({ "kmpConfig": { "sourceType": "artifacts", "sourceRepoId": "libs" } });
    expect(&place.ann.patch_json("/api/repos/apps", &config).await, 200, &[]);
    let id = place.watch("lib").await;
    let key = Key::WatcherOf("libs".parse().unwrap(), "com.example:lib".into(), repo(), id.clone());
    let watcher: Option<WatchedRef> = place.app.state().storage().get(&key).await.unwrap();
    assert_eq!(watcher, Some(WatchedRef { repo: repo(), id: id.clone() }));
    // More than are removed with the request, and one of each kind.
    for number in 0..130 {
        place.build_in(&id, &format!("1.{number}.0"), BuildStatus::ALL[number % 6]).await;
    }
    let first = place.builds().await[0]["id"].as_str().unwrap().to_owned();
    expect(&place.ann.delete(&format!("{BUILDS}/{first}")).await, 200, &[]);
    expect(&place.ann.delete(&format!("{WATCHED}/{id}")).await, 200, &[]);
    expect(&place.ann.get(&format!("{WATCHED}/{id}")).await, 404, &["not found"]);
    expect(&place.ann.delete(&format!("{WATCHED}/{id}")).await, 404, &["not found"]);
    place.app.settle().await;
    assert_eq!(place.left().await, Vec::<String>::new());
    assert!(place.builds().await.is_empty());
    let actions: Vec<Value> =
        place.app.audit("repo:apps").await.iter().map(|row| row["action"].clone()).collect();
    assert!(actions.contains(&json!("kmp.watch")) && actions.contains(&json!("kmp.unwatch")), "{actions:?}");
}

#[tokio::test]
async fn what_is_being_published_outlives_its_library_for_a_while() {
    let place = Place::new().await;
    let id = place.watch("lib").await;
    let busy = place.build(&id, "1.0.0", publishing).await;
    place.build_in(&id, "1.1.0", BuildStatus::Failed).await;
    expect(&place.ann.delete(&format!("{WATCHED}/{id}")).await, 200, &[]);
    place.app.settle().await;
    assert_eq!(place.builds().await.len(), 1);
    let done = granary_storage::rows::BuildRow { status: BuildStatus::Success, results: None, ..busy };
    let key = Key::Build(repo(), done.id.clone());
    place.app.state().storage().put(&key, &done).await.unwrap();
    place.app.sweep().await;
    assert!(place.builds().await.is_empty());
    assert_eq!(place.left().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_repository_watches_a_limited_number() {
    let place = Place::new().await;
    let id = place.watch("lib").await;
    let storage = place.app.state().storage();
    let row: Value = storage.get(&Key::Watched(repo(), id)).await.unwrap().unwrap();
    for number in 1..1_000 {
        let id = format!("made-by-hand-{number}");
        let mut row = row.clone();
        row["id"] = json!(id);
        storage.put(&Key::Watched(repo(), id), &row).await.unwrap();
    }
    let refused = place.ann.post_json(WATCHED, &watch("com.example", "more")).await;
    expect(&refused, 409, &["1000", "another repository"]);
}

#[tokio::test]
async fn a_deleted_repository_leaves_nothing_watched() {
    let place = Place::new().await;
    for number in 0..12 {
        let id = place.watch(&format!("lib{number}")).await;
        for (at, status) in BuildStatus::ALL.into_iter().enumerate() {
            place.build_in(&id, &format!("1.{at}.0"), status).await;
        }
    }
    let first = place.builds().await[0]["id"].as_str().unwrap().to_owned();
    expect(&place.ann.delete(&format!("{BUILDS}/{first}")).await, 200, &[]);
    assert!(place.left().await.len() > 100);
    expect(&place.app.user("ann").delete("/api/repos/apps").await, 200, &[]);
    place.app.sweep().await;
    assert_eq!(place.left().await, Vec::<String>::new());
    let source = place.github.library("com.example", "lib", &["1.0.0"]);
    let again = place.app.kmp_repo("ann", "apps", &source, "private").await;
    assert_eq!(again.get(WATCHED).await.json(), json!({ "watched": [] }));
    assert_eq!(again.get(BUILDS).await.json(), json!({ "builds": [] }));
}

#[tokio::test]
async fn other_repositories_watch_nothing() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "plain", "private").await;
    for path in ["watched", "builds", "watched/x", "builds/x"] {
        let response = ann.get(&format!("/api/repos/plain/kmp/{path}")).await;
        expect(&response, 404, &["does not hold kmp packages", "packageTypes"]);
    }
    for (path, body) in [
        ("watched", watch("com.example", "lib")),
        ("poll", json!({})),
        ("builds", json!({ "watchedPackageId": "x", "version": "1.0.0" })),
    ] {
        let response = ann.post_json(&format!("/api/repos/plain/kmp/{path}"), &body).await;
        expect(&response, 404, &["does not hold kmp packages"]);
    }
    expect(&ann.delete("/api/repos/plain/kmp/builds").await, 404, &["does not hold kmp packages"]);
}
