//! Builds that are begun by hand.

use granary_model::kmp::BuildStatus;
use granary_storage::rows::Dispatch;
use granary_testing::github::{Doing, Trick};
use granary_testing::kmp::{root_module, watch};
use granary_testing::{Mishap, TestApp};
use serde_json::{Value, json};

use super::support::{BUILDS, Place, WATCHED, expect, publishing};

#[tokio::test]
async fn only_what_is_over_or_was_noted_begins_again() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for status in BuildStatus::ALL {
        let version = format!("1.{}.0", status as u8);
        place.publish("lib", &[&version]);
        let build = place.build_in(&watched, &version, status).await;
        let response = place.retry(&build.id).await;
        if status.may_retry() {
            expect(&response, 200, &[]);
            assert_eq!(response.json(), json!({ "success": true, "status": "pending" }));
            let begun = place.read(&build.id).await.unwrap();
            assert_eq!((begun.status, begun.attempt), (BuildStatus::Queued, build.attempt + 1), "{status}");
            assert_eq!((begun.error, begun.run_id.is_some()), (None, true));
        } else {
            expect(&response, 409, &[status.as_str(), "failed", "discovered"]);
            assert_eq!(place.read(&build.id).await.unwrap(), build);
        }
    }
    assert_eq!(place.github.runs().len(), 2);
    expect(&place.retry("unknown").await, 404, &["build 'unknown' not found"]);
}

#[tokio::test]
async fn a_refusal_of_github_is_told() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Failed).await;
    place.github.trick(Doing::Dispatch, Trick::status(422));
    let refused = place.retry(&build.id).await;
    expect(&refused, 502, &["could not be started"]);
    assert_eq!(refused.json()["code"], "BAD_GATEWAY");
    assert!(!refused.text().contains(granary_testing::github::TOKEN));
    let failed = place.read(&build.id).await.unwrap();
    assert_eq!((failed.status, failed.attempt), (BuildStatus::Failed, build.attempt + 1));
    assert!(failed.error.is_some());
    // And again, when GitHub has come to its senses.
    expect(&place.retry(&build.id).await, 200, &[]);
    assert_eq!(place.read(&build.id).await.unwrap().status, BuildStatus::Queued);
    assert!(place.github.dispatches().values().all(|count| *count == 1));
}

#[tokio::test]
async fn what_cannot_be_built_is_told_before_anything_is_spent() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Discovered).await;
    let module = root_module("com.example", "lib", "1.0.0", false, &["ios_arm64"]).to_string();
    place.github.file("com/example/lib/1.0.0/lib-1.0.0.module", module);
    expect(&place.retry(&build.id).await, 422, &["JavaScript"]);
    assert_eq!(place.read(&build.id).await.unwrap().status, BuildStatus::Failed);
    // A version that the source does not have.
    let body = json!({ "watchedPackageId": watched, "version": "9.9.9" });
    expect(&place.ann.post_json(BUILDS, &body).await, 422, &["lib-9.9.9.module"]);
    assert_eq!(place.github.count(Doing::Dispatch), 0);
    // What npm and Swift could not call it.
    let odd = place.build_in(&watched, "2024.1.2.3", BuildStatus::Discovered).await;
    expect(&place.retry(&odd.id).await, 400, &["2024.1.2.3", "semantic"]);
    assert_eq!(place.read(&odd.id).await.unwrap(), odd);
}

#[tokio::test]
async fn without_anybody_who_builds_it_waits() {
    let app = TestApp::new().await;
    let ann = app.kmp_repo("ann", "apps", "https://repo.example.com/m2", "private").await;
    let made = ann.post_json(WATCHED, &watch("com.example", "lib")).await.json();
    let body = json!({ "watchedPackageId": made["watched"]["id"], "version": "1.0.0" });
    let build = ann.post_json(BUILDS, &body).await;
    expect(&build, 201, &[]);
    assert_eq!(build.json()["build"]["status"], "pending");
}

#[tokio::test]
async fn of_a_version_there_is_one_build() {
    let place = Place::new().await;
    place.publish("lib", &["1.0.0", "2.0.0"]);
    let watched = place.watch("lib").await;
    let body = |version: &str| json!({ "watchedPackageId": watched, "version": version });
    let made = place.ann.post_json(BUILDS, &body("1.0.0")).await;
    expect(&made, 201, &[]);
    let made = made.json()["build"].clone();
    assert_eq!((&made["status"], &made["version"]), (&json!("queued"), &json!("1.0.0")));
    // It is under way: shown, and nothing else.
    let again = place.ann.post_json(BUILDS, &body("1.0.0")).await;
    expect(&again, 200, &[]);
    assert_eq!(again.json()["build"], made);
    assert_eq!(place.github.runs().len(), 1);
    for status in [BuildStatus::Discovered, BuildStatus::Failed] {
        let version = if status == BuildStatus::Failed { "2.0.0" } else { "1.5.0" };
        place.publish("lib", &[version]);
        let old = place.build_in(&watched, version, status).await;
        let begun = place.ann.post_json(BUILDS, &body(version)).await;
        expect(&begun, 200, &[]);
        assert_eq!(begun.json()["build"]["id"], json!(old.id));
        assert_eq!(begun.json()["build"]["status"], "queued");
    }
    assert_eq!(place.builds().await.len(), 3);
    let wanted = body("3.0.0");
    let many = (0..6).map(|_| place.ann.post_json(BUILDS, &wanted));
    place.publish("lib", &["3.0.0"]);
    let statuses: Vec<u16> =
        futures::future::join_all(many).await.iter().map(|response| response.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| *status < 300), "{statuses:?}");
    assert!(place.github.dispatches().values().all(|count| *count == 1));
}

#[tokio::test]
async fn what_is_published_is_not_built_again() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let done = place.build_in(&watched, "1.0.0", BuildStatus::Success).await;
    let body = json!({ "watchedPackageId": watched, "version": "1.0.0" });
    expect(&place.ann.post_json(BUILDS, &body).await, 409, &["published", "immutable"]);
    // Nor after its build was deleted.
    expect(&place.ann.delete(&format!("{BUILDS}/{}", done.id)).await, 200, &[]);
    expect(&place.ann.post_json(BUILDS, &body).await, 409, &["published", "immutable"]);
    assert!(place.builds().await.is_empty());
    // Under another name it is not published; what has kept its name still is.
    let renamed = json!({ "npmPackageName": "@apps/renamed" });
    expect(&place.ann.patch_json(&format!("{WATCHED}/{watched}"), &renamed).await, 200, &[]);
    let made = place.ann.post_json(BUILDS, &body).await;
    expect(&made, 201, &[]);
    let build = made.json()["build"].clone();
    assert_eq!((&build["npmPublished"], &build["swiftPublished"]), (&json!(false), &json!(true)));
    let inputs = place.github.runs()[0].inputs.clone();
    assert_eq!((inputs["npm_name"].as_str(), inputs["swift_package"].as_str()), ("@apps/renamed", ""));
}

#[tokio::test]
async fn what_was_switched_on_later_can_be_built_later() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let path = format!("{WATCHED}/{watched}");
    expect(&place.ann.patch_json(&path, &json!({ "enableSwift": false })).await, 200, &[]);
    let done = place
        .build(&watched, "1.0.0", |row| {
            (row.status, row.npm_published) = (BuildStatus::Success, true);
        })
        .await;
    let body = json!({ "watchedPackageId": watched, "version": "1.0.0" });
    expect(&place.ann.post_json(BUILDS, &body).await, 409, &["immutable"]);
    expect(&place.ann.patch_json(&path, &json!({ "enableSwift": true })).await, 200, &[]);
    let begun = place.ann.post_json(BUILDS, &body).await;
    expect(&begun, 200, &[]);
    assert_eq!(begun.json()["build"]["id"], json!(done.id));
    let inputs = place.github.runs()[0].inputs.clone();
    assert_eq!((inputs["npm_name"].as_str(), inputs["swift_package"].as_str()), ("", "apps.lib"));
}

#[tokio::test]
async fn what_nobody_watches_is_not_begun() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let busy = place.build(&watched, "1.0.0", publishing).await;
    expect(&place.ann.delete(&format!("{WATCHED}/{watched}")).await, 200, &[]);
    let key = granary_storage::Key::Build(super::support::repo(), busy.id.clone());
    let failed = granary_storage::rows::BuildRow {
        status: BuildStatus::Failed,
        results: None,
        dispatch: Dispatch::None,
        ..busy
    };
    place.app.state().storage().put(&key, &failed).await.unwrap();
    expect(&place.retry(&failed.id).await, 409, &["no longer watched"]);
}

/// Whatever goes wrong at whichever call: no attempt is dispatched twice, and a later retry or the consumer gets through.
#[tokio::test]
async fn a_retry_that_suffers_starts_no_run_twice() {
    for mishap in [Mishap::Refused, Mishap::AnswerLost] {
        for n in 1..=12 {
            let place = Place::new().await;
            let watched = place.watch("lib").await;
            let build = place.build_in(&watched, "1.0.0", BuildStatus::Failed).await;
            let (ann, path) = (place.ann.clone(), format!("{BUILDS}/{}", build.id));
            let request = async move { ann.post_json(&path, &json!({ "action": "retry" })).await };
            let response = place.app.suffer(n, mishap, request).await.unwrap();
            assert!(matches!(response.status, 200 | 409 | 500 | 503), "{n}: {}", response.text());
            let row = place.read(&build.id).await.unwrap();
            if row.status == BuildStatus::Failed {
                expect(&place.retry(&build.id).await, 200, &[]);
            }
            assert!(place.read(&build.id).await.unwrap().status.is_under_way(), "{mishap:?} {n}");
            let doubled: Vec<Value> = place
                .github
                .dispatches()
                .into_iter()
                .filter(|(_, n)| *n > 1)
                .map(|(id, _)| json!(id))
                .collect();
            assert!(doubled.is_empty(), "{mishap:?} {n}: {doubled:?}");
        }
    }
}
