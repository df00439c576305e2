//! Storage that fails as AWS fails, at every call.

use std::time::Duration;

use granary_model::Clock as _;
use granary_testing::faults::{Change, Tally, every_call_fails};
use granary_testing::probe::{Answer, Fault, Service, Target};
use granary_testing::{Actor, EventShape, TestApp, TestResponse};
use serde_json::Value;

use crate::support::{REPO, begin, complete, path, raw, send_all, staged, usage};

const FILES: [(&str, &[u8]); 2] = [("f", b"bytes"), ("g", b"more bytes")];

/// The completion of an upload whose bytes have arrived.
struct Completion;

impl Change for Completion {
    type Place = (Actor, Value);

    async fn prepare(&self) -> (TestApp, (Actor, Value)) {
        let app = TestApp::on_aws().await;
        let ann = app.repo("ann", REPO, &["raw"], "private").await;
        let upload = begin(&ann, &raw("tool", "1.0", &FILES)).await;
        send_all(&upload, &FILES).await;
        (app, (ann, upload))
    }

    async fn ask(&self, (ann, upload): &(Actor, Value)) -> TestResponse {
        complete(ann, upload).await
    }

    fn is_long(&self) -> bool {
        true
    }

    /// The client asks again, and the sweep finishes what a request has left.
    async fn ask_again(&self, app: &TestApp, (ann, upload): &(Actor, Value)) -> TestResponse {
        let asked = complete(ann, upload).await;
        assert!(matches!(asked.status, 201 | 202), "{} {}", asked.status, asked.text());
        app.clock.advance_millis(3 * 60_000);
        granary_events::sweep(app.state(), true).await.unwrap();
        app.settle().await;
        granary_events::sweep_uploads(app.state()).await.unwrap();
        assert_eq!(staged(app).await, Vec::<String>::new());
        assert_eq!(ann.get(&path(upload)).await.json()["upload"]["status"], "completed");
        complete(ann, upload).await
    }

    async fn is_done(&self, app: &TestApp, (ann, _): &(Actor, Value)) -> bool {
        let reader = app.restarted().token(ann.secret());
        let version = reader.get("/api/raw/files/tool/1.0").await;
        let audit = app.audit(&format!("repo:{REPO}")).await;
        let published = audit.iter().filter(|row| row["action"] == "package.publish").count();
        if version.status == 404 {
            assert_eq!((usage(app).await, published), ((0, 0, 0), 0));
            return false;
        }
        assert_eq!(version.json()["files"].as_array().unwrap().len(), 2);
        for (name, bytes) in FILES {
            assert_eq!(reader.get(&format!("/api/raw/files/tool/1.0/{name}")).await.body.as_ref(), bytes);
        }
        assert_eq!((usage(app).await, published), ((15, 1, 1), 1));
        true
    }
}

fn enough(tally: Tally) {
    assert!(tally.cases > 50 && tally.unnoticed > 20, "{tally:?}");
}

#[tokio::test]
async fn an_upload_is_published_once_and_whole() {
    enough(every_call_fails(&Completion).await);
}

/// Copying may take minutes, so a function that has not got them leaves the rest to the sweep.
#[tokio::test]
async fn an_upload_whose_copy_hangs_is_finished_later() {
    let (app, (ann, upload)) = Completion.prepare().await;
    app.probe.reset();
    app.probe.inject(Target::operation(Service::S3, "CopyObject", 2), Fault::Delay(Duration::from_hours(24)));
    let deadline = u64::try_from(app.clock.now().millis()).unwrap() + 29_000;
    let authorization = format!("Bearer {}", ann.secret());
    let (path, headers) =
        (format!("{}/complete", path(&upload)), [("authorization", authorization.as_str())]);
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let response = app.event_until(deadline, EventShape::HttpApi, "POST", &path, &headers, b"").await;
    let time = before.elapsed();
    tokio::time::resume();
    app.probe.reset();
    assert_eq!((response.status, time.as_secs()), (503, 26));
    assert_eq!(response.headers["retry-after"], "1");
    let place = (ann, upload);
    assert!(!Completion.is_done(&app, &place).await);
    assert_eq!(Completion.ask_again(&app, &place).await.status, 201);
    assert!(Completion.is_done(&app, &place).await);
}

/// The row of a new upload must not be there, and is, when the call that wrote it is made again.
#[tokio::test]
async fn an_upload_begins_though_answers_are_lost() {
    let app = TestApp::on_aws().await;
    let ann = app.repo("ann", REPO, &["raw"], "private").await;
    app.probe.reset();
    begin(&ann, &raw("tool", "1.0", &FILES)).await;
    let calls = app.probe.count();
    for nth in 1..=calls {
        for fault in [Fault::LoseAnswer, Fault::PerformAndAnswer(Answer::Internal)] {
            app.probe.reset();
            app.probe.inject(Target::any(nth), fault);
            tokio::time::pause();
            begin(&ann, &raw("tool", "1.0", &FILES)).await;
            tokio::time::resume();
            assert_eq!(app.probe.count(), calls + 1, "call {nth} {fault:?}");
        }
    }
}
