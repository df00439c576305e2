//! Index documents: rendered once, and old ones removed.

use granary_events::{Progress, SweepReport, handle};
use granary_testing::probe::{Fault, Service, Target};

use super::support::{documents, is_change, lose_messages, private, publish_all, sweep_all, waiting};

/// How many documents were stored since the probe was reset.
fn stored(app: &granary_testing::TestApp) -> usize {
    app.probe.calls().iter().filter(|call| call.operation == "PutObject").count()
}

fn revisions(paths: &[String]) -> Vec<u64> {
    let mut revisions: Vec<u64> = paths
        .iter()
        .map(|path| path.rsplit('/').next().unwrap().split('.').next().unwrap().parse().unwrap())
        .collect();
    revisions.sort_unstable();
    revisions
}

#[tokio::test]
async fn a_change_is_rendered_in_both_forms_and_leaves_the_outbox() {
    let (app, ann) = private().await;
    publish_all(&ann, "@acme/pad", &["1.0.0"]).await;
    assert!(documents(&app).await.is_empty());
    assert_eq!(waiting(&app, is_change).await, 1);
    app.settle().await;
    assert_eq!(revisions(&documents(&app).await), [1, 1]);
    assert!(app.outbox().await.is_empty());
    // A reader with an empty memory gets the stored one.
    let reader = app.restarted().token(ann.secret());
    app.probe.reset();
    assert_eq!(reader.get("/api/npm/libs/@acme%2fpad").await.status, 200);
    let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["BatchGetItem", "GetObject"]);
}

#[tokio::test]
async fn twenty_changes_in_a_row_are_one_rendering() {
    let (app, ann) = private().await;
    let versions: Vec<String> = (0..20).map(|n| format!("1.{n}.0")).collect();
    publish_all(&ann, "pad", &versions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(waiting(&app, is_change).await, 20);
    app.probe.reset();
    app.settle().await;
    assert_eq!(stored(&app), 2, "both forms, once");
    assert_eq!(revisions(&documents(&app).await), [20, 20]);
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn documents_of_old_revisions_go_but_for_the_one_before() {
    let (app, ann) = private().await;
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        publish_all(&ann, "pad", &[version]).await;
        app.settle().await;
    }
    // A reader may have read the head just before the last change.
    assert_eq!(revisions(&documents(&app).await), [3, 3, 4, 4]);
}

#[tokio::test]
async fn packages_whose_names_begin_alike_keep_their_documents() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    publish_all(&ann, "pad-2", &["1.0.0"]).await;
    publish_all(&ann, "@pad/x", &["1.0.0"]).await;
    app.settle().await;
    for version in ["1.1.0", "1.2.0", "1.3.0"] {
        publish_all(&ann, "pad", &[version]).await;
        app.settle().await;
    }
    let left = documents(&app).await;
    for part in ["/npm/pad-2/1.", "/npm/@pad/x/1."] {
        assert_eq!(left.iter().filter(|path| path.contains(part)).count(), 2, "{part}: {left:?}");
    }
}

#[tokio::test]
async fn a_lost_message_costs_time_and_nothing_else() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    assert_eq!(lose_messages(&app).await.len(), 1);
    app.settle().await;
    assert!(documents(&app).await.is_empty());
    let report = granary_events::sweep(app.state(), false).await.unwrap();
    assert_eq!(report, SweepReport::default(), "its message may still be on the way");
    app.clock.advance_millis(20_000);
    let report = granary_events::sweep(app.state(), false).await.unwrap();
    assert_eq!(report, SweepReport { finished: 1, ..SweepReport::default() });
    assert_eq!(revisions(&documents(&app).await), [1, 1]);
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn a_message_that_could_not_be_sent_is_lost_in_the_same_way() {
    let (app, ann) = private().await;
    app.probe.reset();
    app.probe.inject(Target::operation(Service::Sqs, "SendMessage", 1), Fault::Refuse);
    publish_all(&ann, "pad", &["1.0.0"]).await;
    app.settle().await;
    assert_eq!(waiting(&app, is_change).await, 1);
    assert_eq!(sweep_all(&app).await.finished, 1);
    assert_eq!(revisions(&documents(&app).await), [1, 1]);
}

#[tokio::test]
async fn repeated_and_reordered_messages_are_harmless() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0", "1.2.0"]).await;
    let mut rows = lose_messages(&app).await;
    rows.reverse();
    for row in rows.iter().chain(&rows).chain(&rows) {
        assert_eq!(handle(app.state(), row).await.unwrap(), Progress::Finished);
    }
    let paths = documents(&app).await;
    assert_eq!(revisions(&paths), [3, 3]);
    publish_all(&ann, "pad", &["1.3.0"]).await;
    app.settle().await;
    // A message of long ago brings nothing back.
    for row in &rows {
        handle(app.state(), row).await.unwrap();
    }
    assert_eq!(revisions(&documents(&app).await), [3, 3, 4, 4]);
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn a_package_without_versions_needs_no_documents() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    app.settle().await;
    assert_eq!(ann.delete("/api/npm/libs/pad/-rev/undefined").await.status, 200);
    app.probe.reset();
    app.settle().await;
    assert_eq!(stored(&app), 0);
    assert_eq!(waiting(&app, is_change).await, 0);
    publish_all(&ann, "pad", &["1.1.0"]).await;
    app.settle().await;
    assert_eq!(revisions(&documents(&app).await), [3, 3]);
}

#[tokio::test]
async fn an_event_that_fails_stays_and_is_tried_again() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    lose_messages(&app).await;
    // Whichever call fails, nothing is lost. Receiving is not among them.
    let mut failures = 0;
    for n in 1..=12 {
        app.probe.reset();
        app.probe.inject(Target::any(n), Fault::Refuse);
        let report = granary_events::sweep(app.state(), true).await;
        let calls = app.probe.count();
        app.probe.reset();
        match report {
            Ok(SweepReport { failed: 0, .. }) if calls < n => break,
            Ok(report) => failures += report.failed,
            Err(_) => failures += 1,
        }
        if app.outbox().await.is_empty() {
            publish_all(&ann, "pad", &[&format!("1.0.{n}")]).await;
            lose_messages(&app).await;
        }
    }
    assert!(failures > 3, "{failures}");
    let report = sweep_all(&app).await;
    assert_eq!(report.failed, 0);
    assert!(app.outbox().await.is_empty());
    let rev = app.check_consistency("libs").await.live.len() as u64;
    assert!(revisions(&documents(&app).await).ends_with(&[rev, rev]));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_does_not_stop_the_others() {
    let (app, ann) = private().await;
    app.state().storage().send(granary_storage::Queue::Events, "no event").await.unwrap();
    publish_all(&ann, "pad", &["1.0.0"]).await;
    app.settle().await;
    assert_eq!(revisions(&documents(&app).await), [1, 1]);
}
