//! Storage that fails in the middle, and processes that die there: what is left is the state before or the
//! state after, and asking again leads to the state after.

use granary_testing::probe::{Fault, Target};
use granary_testing::{Actor, Mishap, TestApp, TestResponse};

use super::support::{
    LIB, artifact_metadata, at, build_file, check, file, jar, pom, private, publish, publish_version, texts,
};

/// A change that can be asked for again.
struct Change {
    /// What is there before.
    prepare: fn() -> Vec<(String, Vec<u8>)>,
    request: fn() -> (&'static str, String, Vec<u8>),
    /// Whether the change can be seen: the path, and what is asked of the answer.
    seen_at: fn() -> String,
    is_seen: fn(&TestResponse) -> bool,
    /// Answers to the same request once it is done.
    again: &'static [u16],
}

const FIRST_FILE: Change = Change {
    prepare: Vec::new,
    request: || ("PUT", file("1.0.0", ".jar"), jar("1.0.0")),
    seen_at: || file("1.0.0", ".jar"),
    is_seen: |response| response.status == 200,
    again: &[200],
};

const POM: Change = Change {
    prepare: || vec![(file("1.0.0", ".jar"), jar("1.0.0")), (file("0.9", ".pom"), pom("0.9").into())],
    request: || ("PUT", file("1.0.0", ".pom"), pom("1.0.0").into()),
    seen_at: artifact_metadata,
    is_seen: |response| texts(&response.text(), "release") == ["1.0.0"],
    again: &[200],
};

const ANOTHER_FILE: Change = Change {
    prepare: || vec![(file("1.0.0", ".jar"), jar("1.0.0"))],
    request: || ("PUT", file("1.0.0", "-sources.jar"), b"sources".to_vec()),
    seen_at: || file("1.0.0", "-sources.jar"),
    is_seen: |response| response.status == 200,
    again: &[200],
};

const REPLACEMENT: Change = Change {
    prepare: || vec![(file("1-SNAPSHOT", ".jar"), b"before".to_vec())],
    request: || ("PUT", file("1-SNAPSHOT", ".jar"), b"after".to_vec()),
    seen_at: || file("1-SNAPSHOT", ".jar"),
    is_seen: |response| response.text() == "after",
    again: &[200],
};

const BUILD: Change = Change {
    prepare: || vec![(build_file("1-SNAPSHOT", "20261122.025620-1", ".jar"), b"jar".to_vec())],
    request: || ("PUT", build_file("1-SNAPSHOT", "20261122.025620-1", ".pom"), pom("1-SNAPSHOT").into()),
    seen_at: || file("1-SNAPSHOT", ".pom"),
    is_seen: |response| response.status == 200,
    again: &[200],
};

const DELETION: Change = Change {
    prepare: || vec![(file("1.0.0", ".jar"), jar("1.0.0")), (file("1.0.0", ".pom"), pom("1.0.0").into())],
    request: || ("DELETE", at(&format!("{LIB}/1.0.0")), Vec::new()),
    seen_at: || file("1.0.0", ".jar"),
    is_seen: |response| response.status == 404,
    again: &[404],
};

/// Sends a request while its `n`-th storage call goes wrong; `None` if nobody was left to answer.
async fn send(
    app: &TestApp,
    actor: &Actor,
    request: &(&'static str, String, Vec<u8>),
    n: usize,
    mishap: Mishap,
) -> Option<TestResponse> {
    let ((method, path, body), actor) = (request.clone(), actor.clone());
    app.suffer(n, mishap, async move { actor.request(method, &path, &[], body).await }).await
}

/// Whether a reader with an empty memory sees the change.
async fn is_seen(app: &TestApp, actor: &Actor, change: &Change) -> bool {
    let reader = app.restarted().token(actor.secret());
    (change.is_seen)(&reader.get(&(change.seen_at)()).await)
}

/// Everything that was left half done is finished, and no bytes stay that nobody holds.
async fn finish(app: &TestApp) {
    app.clock.advance_millis(3_600_001);
    app.settle().await;
    let report = granary_events::sweep(app.state(), true).await.unwrap();
    assert_eq!(report.failed, 0, "{report:?}");
    granary_events::sweep_blobs(app.state()).await.unwrap();
    check(app).await;
}

async fn prepared(change: &Change) -> (TestApp, Actor) {
    let (app, ann) = private().await;
    for (path, body) in (change.prepare)() {
        publish(&ann, &path, body).await;
    }
    (app, ann)
}

/// Lets every call of a change go wrong in every way.
async fn every_call_goes_wrong(change: &Change) {
    let request = (change.request)();
    let (app, ann) = prepared(change).await;
    app.probe.reset();
    let response = ann.request(request.0, &request.1, &[], request.2.clone()).await;
    assert!(response.status < 300, "{}", response.text());
    let calls = app.probe.count();
    assert!((3..=9).contains(&calls), "{calls} calls");
    let after = check(&app).await;
    for n in 1..=calls {
        for mishap in Mishap::ALL {
            let what = format!("call {n} {mishap:?}");
            let (app, ann) = prepared(change).await;
            let before = check(&app).await;
            let response = send(&app, &ann, &request, n, mishap).await;
            let stored = check(&app).await;
            let seen = is_seen(&app, &ann, change).await;
            let expected = if seen { &after } else { &before };
            assert_eq!(
                (&stored.live, &stored.deleted, stored.audit),
                (&expected.live, &expected.deleted, expected.audit),
                "{what}: nothing in between"
            );
            if let Some(response) = response {
                let success = response.status < 300;
                assert!(success || response.status == 503, "{what}: {} {}", response.status, response.text());
                assert!(seen || !success, "{what}: acknowledged but not there");
                assert!(success || response.header("retry-after") == "1", "{what}: clients shall repeat it");
            }
            let again = ann.request(request.0, &request.1, &[], request.2.clone()).await;
            if seen {
                assert!(change.again.contains(&again.status), "{what}, again: {}", again.text());
            } else {
                assert!(again.status < 300, "{what}, again: {}", again.text());
            }
            let stored = check(&app).await;
            assert_eq!(
                (&stored.live, &stored.deleted, stored.audit),
                (&after.live, &after.deleted, after.audit),
                "{what}, again"
            );
            assert!(is_seen(&app, &ann, change).await, "{what}, again");
            finish(&app).await;
        }
    }
}

#[tokio::test]
async fn the_first_file_of_an_artifact() {
    every_call_goes_wrong(&FIRST_FILE).await;
}

#[tokio::test]
async fn the_pom_that_completes_a_version() {
    every_call_goes_wrong(&POM).await;
}

#[tokio::test]
async fn a_file_more() {
    every_call_goes_wrong(&ANOTHER_FILE).await;
}

#[tokio::test]
async fn a_literal_snapshot_that_is_replaced() {
    every_call_goes_wrong(&REPLACEMENT).await;
}

#[tokio::test]
async fn the_pom_of_a_build() {
    every_call_goes_wrong(&BUILD).await;
}

#[tokio::test]
async fn a_deletion() {
    every_call_goes_wrong(&DELETION).await;
}

#[tokio::test]
async fn a_read_that_storage_fails_is_a_503_and_never_a_404() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    publish(&ann, &build_file("1-SNAPSHOT", "20261122.025620-1", ".pom"), pom("1-SNAPSHOT")).await;
    for path in [
        file("1.0.0", ".jar"),
        file("1.0.0", ".jar.sha1"),
        file("1-SNAPSHOT", ".pom"),
        artifact_metadata(),
        format!("{}.sha1", artifact_metadata()),
        at(&format!("{LIB}/1-SNAPSHOT/maven-metadata.xml")),
    ] {
        for n in 1..=8 {
            let reader = app.restarted().token(ann.secret());
            app.probe.reset();
            app.probe.inject(Target::any(n), Fault::Refuse);
            let response = reader.get(&path).await;
            let calls = app.probe.calls();
            // What a read stores is for later readers, so this one does not depend on it.
            let expected = match calls.get(n - 1).map(|call| call.operation.as_str()) {
                None | Some("PutObject") => 200,
                Some(_) => 503,
            };
            assert_eq!(response.status, expected, "{path} {n} {calls:?}: {}", response.text());
            app.probe.reset();
            assert_eq!(reader.get(&path).await.status, 200, "{path} {n}: the failure is not kept");
            if calls.len() < n {
                break;
            }
        }
    }
}

#[tokio::test]
async fn downloads_work_while_every_write_fails() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let reader = app.restarted().token(ann.secret());
    app.clock.advance_millis(60_000);
    for _ in 0..4 {
        for operation in ["UpdateItem", "PutItem", "TransactWriteItems"] {
            let target = Target::operation(granary_testing::probe::Service::DynamoDb, operation, 1);
            app.probe.inject(target, Fault::Refuse);
        }
        for path in [file("1.0.0", ".jar"), file("1.0.0", ".pom"), artifact_metadata()] {
            assert_eq!(reader.get(&path).await.status, 200, "{path}");
        }
        app.clock.advance_millis(60_000);
    }
}
