//! Bytes that nobody holds any more.

use granary_events::{Progress, handle, sweep_blobs};
use granary_model::Sha256;
use granary_storage::rows::BlobRow;
use granary_storage::{Key, Upload};
use granary_testing::npm::NpmPackage;
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp};

use super::support::{CLAIM, is_release, lose_messages, private, publish_all, sweep_all, waiting};

async fn blob(app: &TestApp, digest: &str) -> Option<BlobRow> {
    let digest: Sha256 = digest.parse().unwrap();
    app.state().storage().get(&Key::Blob(digest)).await.unwrap()
}

/// A version that was published and deleted at once, with its event still to come; gives its digest.
async fn released(app: &TestApp, actor: &Actor) -> String {
    publish_all(actor, "pad", &["1.0.0"]).await;
    let digest = app.blobs().await.remove(0);
    assert_eq!(actor.delete("/api/npm/libs/pad/-rev/undefined").await.status, 200);
    digest
}

#[tokio::test]
async fn released_bytes_wait_for_the_claim_and_then_go() {
    let (app, ann) = private().await;
    let digest = released(&app, &ann).await;
    app.settle().await;
    // Another publish of the same bytes may be between its claim and its commit.
    assert_eq!((app.blobs().await, waiting(&app, is_release).await), (vec![digest.clone()], 1));
    app.clock.advance_millis(CLAIM);
    let report = sweep_all(&app).await;
    assert_eq!((report.finished, report.waiting, report.failed), (1, 0, 0));
    assert!(app.blobs().await.is_empty());
    assert!(blob(&app, &digest).await.is_none());
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn released_bytes_that_were_published_anew_stay() {
    let (app, ann) = private().await;
    let other = app.npm_repo("ann", "other", "private").await;
    let digest = released(&app, &ann).await;
    app.clock.advance_millis(CLAIM);
    assert_eq!(other.publish("other", &NpmPackage::new("pad", "1.0.0")).await.status, 201);
    for _ in 0..3 {
        sweep_all(&app).await;
        assert_eq!(sweep_blobs(app.state()).await.unwrap(), 0);
        app.clock.advance_millis(CLAIM);
    }
    assert_eq!(app.blobs().await, std::slice::from_ref(&digest));
    assert_eq!(blob(&app, &digest).await.unwrap().refs, 1);
    assert!(app.outbox().await.is_empty());
    assert_eq!(other.get("/api/npm/other/pad/-/pad-1.0.0.tgz").await.status, 200);
}

#[tokio::test]
async fn repeated_messages_of_long_ago_remove_nothing_that_is_held() {
    let (app, ann) = private().await;
    released(&app, &ann).await;
    let old = lose_messages(&app).await;
    app.clock.advance_millis(CLAIM);
    for row in &old {
        handle(app.state(), row).await.unwrap();
    }
    assert!(app.blobs().await.is_empty());
    let other = app.npm_repo("ann", "other", "private").await;
    assert_eq!(other.publish("other", &NpmPackage::new("pad", "1.0.0")).await.status, 201);
    app.clock.advance_millis(CLAIM);
    for row in old.iter().chain(&old) {
        assert_eq!(handle(app.state(), row).await.unwrap(), Progress::Finished);
    }
    assert_eq!(app.blobs().await.len(), 1);
    assert_eq!(other.get("/api/npm/other/pad/-/pad-1.0.0.tgz").await.status, 200);
}

#[tokio::test]
async fn clean_up_that_broke_off_anywhere_is_finished_and_does_not_block_the_bytes_for_ever() {
    // Of the consumer (which has an event) and of the sweep (which finds orphans by itself).
    for by_event in [true, false] {
        for fault in [Fault::Refuse, Fault::LoseAnswer] {
            for n in 1..=12 {
                let (app, ann) = private().await;
                let digest = released(&app, &ann).await;
                if !by_event {
                    lose_messages(&app).await;
                    for row in app.outbox().await {
                        app.state().storage().delete(&Key::Outbox(row.shard, row.id)).await.unwrap();
                    }
                }
                app.clock.advance_millis(CLAIM);
                app.probe.reset();
                app.probe.inject(Target::any(n), fault);
                if by_event {
                    let _may_fail = granary_events::sweep(app.state(), true).await;
                } else {
                    let _may_fail = sweep_blobs(app.state()).await;
                }
                let reached = app.probe.count() >= n;
                app.probe.reset();
                // Later sweeps find what is left, without any message.
                lose_messages(&app).await;
                for _ in 0..3 {
                    app.clock.advance_millis(CLAIM);
                    assert_eq!(sweep_all(&app).await.failed, 0);
                    sweep_blobs(app.state()).await.unwrap();
                }
                let what = format!("by event: {by_event}, call {n} {fault:?}");
                assert!(app.blobs().await.is_empty(), "{what}");
                assert!(blob(&app, &digest).await.is_none(), "{what}: no row stays");
                let other = app.npm_repo("ann", "other", "private").await;
                let again = other.publish("other", &NpmPackage::new("pad", "1.0.0")).await;
                assert_eq!(again.status, 201, "{what}: the same bytes can be published: {}", again.text());
                assert_eq!(other.get("/api/npm/other/pad/-/pad-1.0.0.tgz").await.status, 200, "{what}");
                if !reached {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn two_clean_ups_at_once_never_remove_bytes_that_are_published_in_between() {
    let (app, ann) = private().await;
    let other = app.npm_repo("ann", "other", "private").await;
    released(&app, &ann).await;
    let event = lose_messages(&app).await.into_iter().find(|row| is_release(&row.event)).unwrap();
    app.clock.advance_millis(CLAIM);
    // The first one is held up just before it removes the bytes.
    app.probe.reset();
    app.probe.inject(
        Target::operation(Service::S3, "DeleteObject", 1),
        Fault::Delay(std::time::Duration::from_secs(3)),
    );
    let (state, row) = (app.state().clone(), event.clone());
    let slow = tokio::spawn(async move { handle(&state, &row).await });
    let held = || app.probe.calls().iter().any(|call| call.operation == "DeleteObject");
    for _ in 0..2_000 {
        if held() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(held());
    // The same event again, and a sweep, while the first is at work.
    handle(app.state(), &event).await.unwrap();
    sweep_blobs(app.state()).await.unwrap();
    // A publish of the same bytes is told to come back, or must keep what it stored.
    let early = other.publish("other", &NpmPackage::new("pad", "1.0.0")).await;
    assert!(early.status == 201 || early.status == 503, "{}", early.text());
    slow.await.unwrap().unwrap();
    if early.status == 503 {
        assert_eq!(early.header("retry-after"), "1");
        assert_eq!(other.publish("other", &NpmPackage::new("pad", "1.0.0")).await.status, 201);
    }
    assert_eq!(
        app.restarted().token(other.secret()).get("/api/npm/other/pad/-/pad-1.0.0.tgz").await.status,
        200
    );
    app.clock.advance_millis(CLAIM);
    sweep_all(&app).await;
    sweep_blobs(app.state()).await.unwrap();
    assert_eq!(
        app.restarted().token(other.secret()).get("/api/npm/other/pad/-/pad-1.0.0.tgz").await.status,
        200
    );
}

#[tokio::test]
async fn bytes_without_a_row_are_found_by_the_sweep() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let digest = granary_publish::digests::Digests::of(b"lost").sha256;
    app.state().storage().put_blob(digest, &Upload::Memory(b"lost".as_slice().into())).await.unwrap();
    app.clock.advance_millis(CLAIM);
    assert_eq!(sweep_blobs(app.state()).await.unwrap(), 1);
    assert_eq!(app.check_consistency("libs").await.blobs.len(), 1);
    assert!(blob(&app, &digest.to_string()).await.is_none());
}

#[tokio::test]
async fn a_sweep_goes_through_any_number_of_bytes() {
    let (app, ann) = private().await;
    let versions: Vec<String> = (0..30).map(|n| format!("1.{n}.0")).collect();
    publish_all(&ann, "pad", &versions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let storage = app.state().storage();
    let store = async |n: u32| {
        let bytes = n.to_be_bytes().to_vec();
        let digest = granary_publish::digests::Digests::of(&bytes).sha256;
        storage.put_blob(digest, &Upload::Memory(bytes.into())).await.unwrap();
    };
    let numbers: Vec<u32> = (0..1_100).collect();
    for batch in numbers.chunks(50) {
        futures::future::join_all(batch.iter().map(|n| store(*n))).await;
    }
    app.clock.advance_millis(CLAIM);
    assert_eq!(sweep_blobs(app.state()).await.unwrap(), 1_100, "more than one page of a list");
    assert_eq!(app.check_consistency("libs").await.blobs.len(), 30);
}
