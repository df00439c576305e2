//! Files whose verification takes longer than whoever confirms them has them to itself.

use std::time::Duration;

use granary_storage::Key;
use granary_storage::rows::{HandoverRow, UploadStatus};
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Log, TestApp};

use crate::consistency::Checks as _;
use crate::{HELD, NAME, held, pass, sent, stocked};

/// How long whoever confirms an upload has it to itself, in milliseconds.
const LEASE: i64 = 120_000;

/// A little more than how often it says that it is at work.
const RENEWAL: Duration = Duration::from_secs(31);

async fn handover(app: &TestApp, id: &str) -> HandoverRow {
    app.state().storage().get(&Key::Handover(id.into())).await.unwrap().unwrap()
}

/// Waits until the row of an upload has changed, or it is clear that it does not.
async fn changed(app: &TestApp, before: &HandoverRow) {
    for _ in 0..5_000 {
        if handover(app, &before.id).await.rev != before.rev {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("nobody says that the upload is worked on");
}

#[tokio::test]
async fn whoever_verifies_a_large_file_keeps_it() {
    let (app, admin) = stocked().await;
    let upload = sent(&admin, "1", b"large").await;
    let (client, id) = (admin.clone(), upload.clone());
    let confirming =
        held(&app, (Service::S3, "GetObject", 1), async move { client.confirm(&id).await }).await;
    let begun = handover(&app, &upload).await;
    app.clock.advance_millis(LEASE - 1_000);
    pass(RENEWAL).await;
    changed(&app, &begun).await;
    // Past the lease that it began with.
    app.clock.advance_millis(LEASE / 2);
    app.sweep().await;
    assert_eq!(handover(&app, &upload).await.status, UploadStatus::Processing);
    let kept = app.check_product("ann", NAME).await.unwrap();
    assert!(kept.live.is_empty(), "nobody else may do the work meanwhile: {kept:?}");
    assert_eq!(app.outbox().await.len(), 1, "should it die after all");
    pass(HELD).await;
    let confirmed = confirming.await.unwrap();
    assert_eq!(confirmed.status, 201, "{}", confirmed.text());
    assert_eq!(app.check_product("ann", NAME).await.unwrap().live, ["1"]);
    assert!(app.outbox().await.is_empty());
    assert_eq!(admin.confirm(&upload).await.status, 200);
}

/// The id of an upload is a secret: whoever knows it can confirm it.
#[tokio::test]
async fn an_upload_that_could_not_be_kept_is_not_named_in_the_log() {
    let (log, _guard) = Log::keep("info,granary_publish=trace,granary_storage=trace");
    let (app, admin) = stocked().await;
    tracing::callsite::rebuild_interest_cache();
    let upload = sent(&admin, "1", b"large").await;
    let (client, id) = (admin.clone(), upload.clone());
    let confirming =
        held(&app, (Service::S3, "GetObject", 1), async move { client.confirm(&id).await }).await;
    app.probe.inject(Target::operation(Service::DynamoDb, "TransactWriteItems", 1), Fault::Refuse);
    pass(RENEWAL).await;
    for _ in 0..5_000 {
        if log.text().contains("could not be kept") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    pass(HELD).await;
    assert_eq!(confirming.await.unwrap().status, 201);
    let log = log.text();
    assert!(log.contains("the handover could not be kept"), "{log}");
    assert!(log.contains(&upload[..8]) && !log.contains(&upload), "{log}");
    assert_eq!(app.check_product("ann", NAME).await.unwrap().live, ["1"]);
}
