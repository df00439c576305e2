//! Files that are left to the `events` function, because a request has a limit.

use granary_testing::entities::{EntityUpload, new_entity, put_signed};
use granary_testing::{Actor, TestApp};
use serde_json::json;

use crate::support::{FIRST, SECOND, expect, fetched, listed, path, staged, stored};

/// More than is verified while the client waits.
const LARGE: usize = 64 * 1024 * 1024 + 1;

async fn limited() -> (TestApp, Actor, String) {
    let app = TestApp::with(|config| config.max_body = Some(6_000_000)).await;
    let ann = app.account_token("ann", &["write"]).await;
    let entity = new_entity(&ann, "app", "my-app").await;
    (app, ann, entity)
}

#[tokio::test]
async fn a_large_file_is_verified_behind_the_answer() {
    let (app, ann, entity) = limited().await;
    new_entity(&ann, "service", "mail").await;
    let upload = EntityUpload::of(FIRST, &vec![7; LARGE])
        .lockfile(b"{}")
        .confirm_with("set_as_active", true)
        .confirm_with("service_dependencies", json!(["mail"]))
        .confirm_with("package_json", json!({ "name": "x" }));
    let begun = upload.ask(&ann, &entity).await.json();
    expect(&upload.confirmed(&ann, &entity, &begun).await, 400, &["storage_path", "has not arrived"]);
    assert_eq!(put_signed(&begun["package"], &upload.package).await, 200);
    expect(&upload.confirmed(&ann, &entity, &begun).await, 400, &["package_lock_path", "has not arrived"]);
    assert_eq!(put_signed(&begun["lockfile"], b"{}").await, 200);
    let other = upload.clone().confirm_with("file_size_bytes", LARGE + 1);
    expect(&other.confirmed(&ann, &entity, &begun).await, 400, &["file_size_bytes"]);
    for _ in 0..2 {
        let accepted = upload.confirmed(&ann, &entity, &begun).await;
        expect(&accepted, 202, &[]);
        assert_eq!(accepted.json(), json!({ "status": "processing", "version": FIRST }));
    }
    assert_eq!(listed(&ann, &entity).await, Vec::<String>::new(), "not verified yet");
    app.settle().await;
    let done = upload.confirmed(&ann, &entity, &begun).await;
    expect(&done, 200, &[]);
    let version = done.json()["version"].clone();
    assert_eq!((&done.json()["status"], &version["is_active"]), (&json!("exists"), &json!(true)));
    assert_eq!(version["service_dependencies"], json!(["mail"]));
    assert_eq!(version["package_json"], json!({ "name": "x" }));
    assert_eq!((&version["created_by"], &version["has_lockfile"]), (&json!("user:ann"), &json!(true)));
    let download = ann.get(&path(&entity, &format!("/{FIRST}/download"))).await.json();
    assert!(fetched(&download["download_url"]).await.1 == upload.package);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(stored(&app, &entity).await.live, [FIRST]);
}

#[tokio::test]
async fn an_upload_that_fails_behind_the_answer_says_why() {
    let (app, ann, entity) = limited().await;
    let large = |byte: u8| EntityUpload::of(FIRST, &vec![byte; LARGE]);
    let (first, second) = (large(1), large(2));
    let (begun, begun_second) = (first.sent(&ann, &entity).await, second.sent(&ann, &entity).await);
    for (upload, begun) in [(&first, &begun), (&second, &begun_second)] {
        expect(&upload.confirmed(&ann, &entity, begun).await, 202, &[]);
    }
    app.settle().await;
    let held = stored(&app, &entity).await;
    assert_eq!(held.live, [FIRST], "whichever came first");
    let answers =
        [first.confirmed(&ann, &entity, &begun).await, second.confirmed(&ann, &entity, &begun_second).await];
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let lost = answers.iter().find(|answer| answer.status == 409).unwrap();
    expect(lost, 409, &["this upload has failed", FIRST, "begin a new one"]);
    assert_eq!(staged(&app).await, Vec::<String>::new());
}

/// Two of the same sources that are both under way: whichever comes first is made, and is what both are told of.
#[tokio::test]
async fn of_two_of_the_same_sources_the_first_is_made_and_becomes_the_active_one() {
    let (app, ann, entity) = limited().await;
    let first = EntityUpload::of(FIRST, &vec![1; LARGE]);
    let twin = EntityUpload::of(SECOND, &vec![3; LARGE]).sources(&first.source_hash);
    // Only the first one leaves the choice to others; the messages come in any order.
    let twin = twin.confirm_with("set_as_active", true);
    let begun = [first.sent(&ann, &entity).await, twin.sent(&ann, &entity).await];
    for (upload, begun) in [&first, &twin].into_iter().zip(&begun) {
        expect(&upload.confirmed(&ann, &entity, begun).await, 202, &[]);
    }
    app.settle().await;
    let held = stored(&app, &entity).await;
    assert_eq!((held.live.len(), held.active.as_ref()), (1, held.live.first()));
    for (upload, begun) in [&first, &twin].into_iter().zip(&begun) {
        let answer = upload.confirmed(&ann, &entity, begun).await;
        expect(&answer, 200, &[]);
        assert_eq!(answer.json()["version"]["version"], held.live[0].as_str());
        assert_eq!(answer.json()["version"]["is_active"], true);
    }
    assert_eq!(staged(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_small_file_is_verified_at_once_everywhere() {
    let (app, ann, entity) = limited().await;
    EntityUpload::new(FIRST).made(&ann, &entity).await;
    assert_eq!(stored(&app, &entity).await.live, [FIRST]);
    // And a large one where a request has no limit.
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["write"]).await;
    let entity = new_entity(&ann, "app", "my-app").await;
    EntityUpload::of(FIRST, &vec![9; LARGE]).made(&ann, &entity).await;
    assert_eq!(stored(&app, &entity).await.bytes, LARGE as u64);
}
