use granary_http::RepoAccess;
use granary_http::permit::Write;
use granary_publish::digests::Digests;
use granary_publish::upload::state::{Worker, begin, load, replace};
use granary_storage::rows::{CallerRef, Event, UploadRow, UploadStatus};
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{lose_messages, sweep_all, waiting};

/// Longer than whoever verifies a session has it to itself, in milliseconds.
const LEASE: i64 = 120_001;

const DAY: i64 = 24 * 3_600_000;

fn is_upload(event: &Event) -> bool {
    matches!(event, Event::UploadCompleted { .. })
}

/// A session of `bob`, who may write, with one file that has been sent.
struct Sent {
    app: TestApp,
    ann: Actor,
    id: String,
}

impl Sent {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let ann = app.repo("ann", "files", &["raw"], "private").await;
        app.add_member("ann", "files", "bob", "write").await;
        let bob = app.account_token("bob", &["write"]).await;
        let file = json!({ "name": "f", "size": 5, "sha256": Digests::of(b"bytes").sha256 });
        let body = json!({ "repoId": "files", "packageType": "raw", "packageName": "tool", "version": "1.0",
            "files": [file] });
        let response = bob.post_json("/api/uploads", &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        let upload = response.json()["upload"].clone();
        assert_eq!(send(&upload["files"][0], b"bytes").await, 200);
        let id = upload["id"].as_str().unwrap().to_owned();
        Self { app, ann, id }
    }

    async fn row(&self) -> Option<UploadRow> {
        load(self.app.state().storage(), &self.id, self.app.state().now()).await.unwrap()
    }

    /// Completes it as if it were too large for a request.
    async fn complete(&self) {
        let (state, mut row) = (self.app.state(), self.row().await.unwrap());
        let caller = CallerRef::User("bob".parse().unwrap());
        let access = RepoAccess::<Write>::again(state, &caller, &row.repo, None).await.unwrap();
        let by = (&access.principal, caller);
        let begun =
            begin(state.storage(), state.ids(), state.now(), &mut row, by, Worker::Events).await.unwrap();
        assert!(begun.is_some());
    }

    async fn status(&self) -> (UploadStatus, String) {
        let row = self.row().await.unwrap();
        (row.status, row.error.unwrap_or_default())
    }

    async fn staged(&self) -> usize {
        self.app.state().storage().list_objects("staging/", None).await.unwrap().len()
    }

    async fn file(&self) -> u16 {
        self.ann.get("/api/raw/files/tool/1.0/f").await.status
    }

    async fn publishes(&self) -> usize {
        let audit = self.app.audit("repo:files").await;
        audit.iter().filter(|row| row["action"] == "package.publish").count()
    }
}

async fn send(address: &Value, bytes: &'static [u8]) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(address["url"].as_str().unwrap()).body(bytes);
    for (name, value) in address["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_completed_upload_is_published_by_its_event() {
    let sent = Sent::new().await;
    sent.complete().await;
    assert_eq!((sent.file().await, sent.status().await.0), (404, UploadStatus::Processing));
    sent.app.settle().await;
    assert_eq!((sent.file().await, sent.status().await.0), (200, UploadStatus::Completed));
    assert_eq!((sent.staged().await, waiting(&sent.app, is_upload).await), (0, 0));
}

#[tokio::test]
async fn a_lost_message_costs_time_and_nothing_else() {
    let sent = Sent::new().await;
    sent.complete().await;
    assert_eq!(lose_messages(&sent.app).await.iter().filter(|row| is_upload(&row.event)).count(), 1);
    assert_eq!(sweep_all(&sent.app).await.failed, 0);
    assert_eq!((sent.file().await, sent.publishes().await), (200, 1));
    // The same event again, because its removal was lost.
    let row = sent.row().await.unwrap();
    sent.app.settle().await;
    assert_eq!(row.rev, sent.row().await.unwrap().rev);
    assert_eq!(sent.publishes().await, 1);
}

#[tokio::test]
async fn an_upload_that_was_accepted_in_time_is_published_however_late() {
    let sent = Sent::new().await;
    sent.app.clock.advance_millis(DAY - 1_000);
    sent.complete().await;
    sent.app.clock.advance_millis(DAY / 2);
    assert_eq!(granary_events::sweep_uploads(sent.app.state()).await.unwrap(), 0);
    sent.app.settle().await;
    assert_eq!((sent.file().await, sent.status().await.0), (200, UploadStatus::Completed));
}

#[tokio::test]
async fn rights_count_at_the_moment_of_publishing() {
    let sent = Sent::new().await;
    sent.complete().await;
    let removed = sent.app.user("ann").delete("/api/repos/files/members?userId=bob").await;
    assert_eq!(removed.status, 200, "{}", removed.text());
    sent.app.settle().await;
    let (status, error) = sent.status().await;
    assert_eq!((sent.file().await, status), (404, UploadStatus::Failed));
    assert!(error.contains("not found"), "{error}");
    assert_eq!((sent.staged().await, waiting(&sent.app, is_upload).await, sent.publishes().await), (0, 0, 0));
}

#[tokio::test]
async fn a_deleted_repository_gets_nothing() {
    let sent = Sent::new().await;
    sent.complete().await;
    assert_eq!(sent.app.user("ann").delete("/api/repos/files").await.status, 200);
    for _ in 0..3 {
        sent.app.settle().await;
        sweep_all(&sent.app).await;
    }
    assert_eq!(sent.status().await.0, UploadStatus::Failed);
    assert_eq!((sent.staged().await, waiting(&sent.app, is_upload).await), (0, 0));
}

#[tokio::test]
async fn whoever_died_at_work_is_replaced_and_whoever_lives_is_not() {
    let sent = Sent::new().await;
    sent.complete().await;
    let mut row = sent.row().await.unwrap();
    row.worked_until = sent.app.state().now().plus_millis(LEASE - 1).millis();
    assert!(replace(sent.app.state().storage(), &mut row).await.unwrap());
    sent.app.settle().await;
    assert_eq!((sent.file().await, waiting(&sent.app, is_upload).await), (404, 1));
    sent.app.clock.advance_millis(LEASE);
    assert_eq!(sweep_all(&sent.app).await.failed, 0);
    assert_eq!((sent.file().await, waiting(&sent.app, is_upload).await), (200, 0));
}

#[tokio::test]
async fn a_store_that_fails_costs_another_attempt() {
    // Reading, storing and committing.
    for target in [
        Target::operation(Service::S3, "GetObject", 1),
        Target::operation(Service::S3, "CopyObject", 1),
        Target::operation(Service::DynamoDb, "TransactWriteItems", 2),
        Target::operation(Service::DynamoDb, "TransactWriteItems", 3),
    ] {
        for fault in [Fault::Refuse, Fault::LoseAnswer] {
            let sent = Sent::new().await;
            sent.complete().await;
            sent.app.probe.reset();
            sent.app.probe.inject(target.clone(), fault);
            lose_messages(&sent.app).await;
            sweep_all(&sent.app).await;
            sent.app.clock.advance_millis(LEASE);
            assert_eq!(sweep_all(&sent.app).await.failed, 0, "{target:?} {fault:?}");
            let state = (sent.file().await, sent.status().await.0, sent.publishes().await);
            assert_eq!(state, (200, UploadStatus::Completed, 1), "{target:?} {fault:?}");
            assert_eq!(waiting(&sent.app, is_upload).await, 0);
            granary_events::sweep_uploads(sent.app.state()).await.unwrap();
            assert_eq!(sent.staged().await, 0);
        }
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_swept() {
    let sent = Sent::new().await;
    assert_eq!(granary_events::sweep_uploads(sent.app.state()).await.unwrap(), 0);
    assert_eq!(sent.staged().await, 1);
    sent.app.clock.advance_millis(DAY);
    assert_eq!(granary_events::sweep_uploads(sent.app.state()).await.unwrap(), 1);
    assert_eq!(sent.staged().await, 0);
    assert!(sent.row().await.is_none());
}
