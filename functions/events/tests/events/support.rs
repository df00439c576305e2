//! What many of the tests do.

use granary_events::{SweepReport, sweep};
use granary_storage::Queue;
use granary_storage::rows::{Event, OutboxRow};
use granary_testing::npm::NpmPackage;
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp};

/// Longer than a publish may take from claim to commit, in milliseconds.
pub(crate) const CLAIM: i64 = 3_600_001;

/// A registry with the private repository `libs` of `ann`, and her token of all scopes.
pub(crate) async fn private() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    (app, ann)
}

/// Publishes versions of a package.
pub(crate) async fn publish_all(actor: &Actor, name: &str, versions: &[&str]) {
    for version in versions {
        let response = actor.publish("libs", &NpmPackage::new(name, version)).await;
        assert_eq!(response.status, 201, "{name}@{version}: {}", response.text());
    }
}

/// Paths of all stored documents.
pub(crate) async fn documents(app: &TestApp) -> Vec<String> {
    app.state().storage().list_objects("documents/", None).await.unwrap()
}

/// Takes all messages off the queue without handling them.
pub(crate) async fn lose_messages(app: &TestApp) -> Vec<OutboxRow> {
    let mut lost = Vec::new();
    for _ in 0..100 {
        let messages = app.state().storage().receive(Queue::Events, 0).await.unwrap();
        if messages.is_empty() {
            return lost;
        }
        for message in messages {
            app.state().storage().acknowledge(Queue::Events, &message).await.unwrap();
            lost.push(serde_json::from_str(&message.body).unwrap());
        }
    }
    panic!("messages never end");
}

/// Handles everything in the outbox, whatever its age, and what is announced again.
pub(crate) async fn sweep_all(app: &TestApp) -> SweepReport {
    let report = sweep(app.state(), true).await.unwrap();
    app.settle().await;
    report
}

/// How many events of a kind wait in the outbox.
pub(crate) async fn waiting(app: &TestApp, of: fn(&Event) -> bool) -> usize {
    app.outbox().await.iter().filter(|row| of(&row.event)).count()
}

/// Whether an event is about a changed package.
pub(crate) fn is_change(event: &Event) -> bool {
    matches!(event, Event::PackageChanged { .. })
}

/// Whether an event is about deleted files.
pub(crate) fn is_release(event: &Event) -> bool {
    matches!(event, Event::BlobsReleased { .. })
}

/// A moment at which work breaks off: before one of its calls, or after one of its commits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interruption {
    /// Which call or commit, from 1.
    pub(crate) nth: usize,
    /// Whether it is the answer to a commit that is lost.
    pub(crate) after_commit: bool,
}

impl Interruption {
    /// All moments, of which a test takes as many as its work has: see [`Self::is_reached`].
    pub(crate) fn all() -> [Vec<Self>; 2] {
        [false, true].map(|after_commit| (1..=60).map(|nth| Self { nth, after_commit }).collect())
    }

    /// Lets what comes break off.
    pub(crate) fn arm(self, app: &TestApp) {
        app.probe.reset();
        if self.after_commit {
            let commit = Target::operation(Service::DynamoDb, "TransactWriteItems", self.nth);
            app.probe.inject(commit, Fault::LoseAnswer);
        } else {
            app.probe.inject(Target::any(self.nth), Fault::Refuse);
        }
    }

    /// Whether the work came that far; nothing breaks off any more.
    pub(crate) fn is_reached(self, app: &TestApp) -> bool {
        let of_kind = |operation: &str| !self.after_commit || operation == "TransactWriteItems";
        let calls = app.probe.calls().iter().filter(|call| of_kind(&call.operation)).count();
        app.probe.reset();
        assert!(self.nth < 60, "it never ends");
        calls >= self.nth
    }
}
