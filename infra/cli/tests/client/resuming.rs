//! Interrupted pushes, and passing troubles.

use serde_json::json;

use super::registry::Registry;
use super::user::User;

const PUSH: &str = "push raw ~/large -r libs -p p -v 1 --jobs 1";

async fn with_large_file() -> (Registry, User, Vec<u8>) {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    let large: Vec<u8> = (0..=250).cycle().take(4000).collect();
    user.write("large", &large);
    (registry, user, large)
}

#[tokio::test]
async fn a_second_run_sends_only_what_is_missing() {
    let (registry, user, large) = with_large_file().await;
    registry.memory().take_first = 6;
    registry.memory().refuse_bodies = Some((1, 400));
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.errors.contains("SomeReason: Some words."), "{ended:?}");
    assert_eq!((user.notes(), registry.count("PUT")), (1, 7));

    let report = user.run(&format!("{PUSH} --json")).await.json();
    assert_eq!(report["versions"][0]["bytesSent"], 1600, "{report}");
    assert_eq!(registry.count("PUT"), 11);
    assert_eq!(registry.count("POST /api/uploads"), 2, "one session, and its end");
    assert_eq!(registry.memory().sessions["upload-1"].bytes(0), large);
    assert_eq!(user.notes(), 0);
}

#[tokio::test]
async fn a_session_that_expired_is_begun_anew() {
    let (registry, user, large) = with_large_file().await;
    registry.memory().take_first = 2;
    registry.memory().refuse_bodies = Some((1, 400));
    user.run(PUSH).await;
    let lost = registry.memory().sessions.remove("upload-1");
    assert!(lost.is_some());
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(registry.memory().sessions["upload-1"].bytes(0), large);
}

#[tokio::test]
async fn a_push_that_ended_while_nobody_looked_is_found_published() {
    let (registry, user, _) = with_large_file().await;
    registry.memory().take_first = 9;
    registry.memory().refuse_bodies = Some((1, 400));
    user.run(PUSH).await;
    assert_eq!(user.notes(), 1);
    registry.publish("upload-1");
    let again = user.run(PUSH).await;
    assert!(again.output.starts_with("skipped"), "{again:?}");
    assert_eq!((user.notes(), registry.count("PUT")), (0, 10));
}

#[tokio::test]
async fn changed_bytes_are_another_upload() {
    let (registry, user, mut large) = with_large_file().await;
    registry.memory().take_first = 2;
    registry.memory().refuse_bodies = Some((1, 400));
    user.run(PUSH).await;
    large[0] ^= 1;
    user.write("large", &large);
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(registry.memory().sessions["upload-2"].bytes(0), large);
}

#[tokio::test]
async fn expired_addresses_are_replaced() {
    let (registry, user, large) = with_large_file().await;
    registry.memory().take_first = 3;
    registry.memory().refuse_bodies = Some((1, 403));
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(registry.memory().sessions["upload-1"].bytes(0), large);
    assert_eq!(registry.count("PUT"), 11, "after the first refusal the other old addresses are not tried");
    assert_eq!(registry.count("GET /api/uploads/upload-1"), 1);
}

#[tokio::test]
async fn addresses_that_never_work_are_given_up() {
    let (registry, user, _) = with_large_file().await;
    registry.memory().refuse_bodies = Some((usize::MAX, 403));
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 1);
    assert!(ended.errors.contains("refuses fresh addresses"), "{ended:?}");
    assert_eq!(registry.count("PUT"), 3);
}

#[tokio::test]
async fn storage_and_registry_may_be_busy_for_a_moment() {
    let (registry, user, large) = with_large_file().await;
    registry.memory().refuse_bodies = Some((4, 503));
    registry.memory().busy = 4;
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(registry.memory().sessions["upload-1"].bytes(0), large);
}

#[tokio::test]
async fn connections_may_break() {
    let (registry, user, large) = with_large_file().await;
    registry.memory().drop_connections = 4;
    let report = user.run(&format!("{PUSH} --json")).await.json();
    // What was sent in vain does not count.
    assert_eq!((&report["exitCode"], &report["versions"][0]["bytesSent"]), (&json!(0), &json!(4000)));
    assert_eq!(registry.memory().sessions["upload-1"].bytes(0), large);
    assert_eq!(registry.count("PUT"), 14);
}

#[tokio::test]
async fn but_not_for_ever() {
    let (registry, user, _) = with_large_file().await;
    registry.memory().refuse_bodies = Some((usize::MAX, 503));
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 1);
    assert!(ended.errors.contains("failed 5 times: SomeReason"), "{ended:?}");
    assert_eq!(registry.count("PUT"), 5);
    registry.memory().busy = usize::MAX;
    let ended = user.run(&format!("{PUSH} --json")).await;
    let report = ended.json();
    assert_eq!(
        (ended.code, &report["versions"][0]["error"]["message"]),
        (1, &json!(format!("{}: busy", registry.url)))
    );
}

#[tokio::test]
async fn what_got_lost_on_the_server_is_sent_again() {
    let (registry, user, large) = with_large_file().await;
    registry.memory().lose = Some("large".into());
    let ended = user.run(PUSH).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(registry.memory().sessions["upload-1"].bytes(0), large);
    assert_eq!(registry.count("POST /api/uploads/upload-1/complete"), 2);
}
