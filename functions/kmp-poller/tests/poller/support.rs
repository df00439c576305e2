//! A registry with a repository that watches, and where its libraries come from.

use std::time::Duration;

use granary_kmp::poll::{PollOutcome, poll_watched};
use granary_kmp::{store, watched};
use granary_kmp_poller::{PollMessage, consume_once, follow_up};
use granary_model::RepoId;
use granary_storage::rows::{PollState, RepoRow, WatchedRef, WatchedRow};
use granary_storage::{Key, Queue};
use granary_testing::kmp::{root_module, watch};
use granary_testing::source::FakeSource;
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

/// How long a source of these tests may take: the machine may stand still for a minute.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long it may take where nothing is to come.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// Where the list of versions of the library is in its source.
pub(crate) const LIST: &str = "com/example/lib/maven-metadata.xml";

/// A registry of which `apps`, of `ann`, watches `com.example:lib`.
pub(crate) struct Place {
    pub(crate) app: TestApp,
    pub(crate) source: FakeSource,
    /// The owner, with a token of all scopes.
    pub(crate) ann: Actor,
    /// Id of the library.
    pub(crate) id: String,
}

impl Place {
    /// With a source elsewhere that has nothing yet.
    pub(crate) async fn new() -> Self {
        Self::waiting(PATIENCE).await
    }

    /// The same, and a source that does not answer is not waited for.
    pub(crate) async fn impatient() -> Self {
        Self::waiting(IMPATIENCE).await
    }

    async fn waiting(patience: Duration) -> Self {
        let source = FakeSource::start().await;
        let app = TestApp::with(|config| {
            config.kmp.allow_private_sources = true;
            config.kmp.source_patience = patience;
            config.kmp.poll_patience = Duration::from_mins(10);
            config.kmp.debounce = Duration::ZERO;
        })
        .await;
        let ann = app.kmp_repo("ann", "apps", &source.url(), "private").await;
        let id = watch_one(&ann, "apps", "lib").await;
        app.probe.reset();
        Self { app, source, ann, id }
    }

    /// With the private Maven repository `libs`, of the same owner, as its source.
    pub(crate) async fn here() -> Self {
        let place = Self::new().await;
        place.app.repo("ann", "libs", &["maven"], "private").await;
        place.comes_from("libs").await;
        place
    }

    /// Makes a repository here the source.
    pub(crate) async fn comes_from(&self, repo: &str) {
        self.set(&json!({ "kmpConfig": { "sourceType": "artifacts", "sourceRepoId": repo } })).await;
    }

    /// Makes the fake the source.
    pub(crate) async fn comes_from_elsewhere(&self) {
        self.set(&json!({ "kmpConfig": { "sourceType": "external", "sourceUrl": self.source.url() } })).await;
    }

    /// Makes the repository one that watches nothing. No request does that while libraries are watched; one of them may have
    /// been added at the same moment.
    pub(crate) async fn becomes_another(&self, types: &[&str]) {
        let package_types = types.iter().map(|kind| kind.parse().unwrap()).collect();
        let row = RepoRow { package_types, kmp_config: None, ..self.repo().await };
        self.app.state().storage().put(&Key::Repo(apps()), &row).await.unwrap();
    }

    /// Changes the repository that watches.
    pub(crate) async fn set(&self, settings: &Value) {
        let response = self.ann.patch_json("/api/repos/apps", settings).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// Gives the source of the library these versions.
    pub(crate) fn versions(&self, versions: &[&str]) {
        self.source.library("com.example", "lib", versions);
    }

    /// Looks at the library, a minute after the last time.
    pub(crate) async fn poll(&self) -> PollOutcome {
        self.app.clock.advance_millis(60_000);
        let (row, repo) = (self.row().await, self.repo().await);
        poll_watched(&self.app.state().kmp_work(), &row, &repo).await.unwrap()
    }

    /// The only thing that is wrong.
    pub(crate) async fn error(&self) -> String {
        let outcome = self.poll().await;
        assert_eq!(outcome.errors.len(), 1, "{outcome:?}");
        assert_eq!(outcome.builds_triggered, 0, "{outcome:?}");
        assert_eq!(self.state().await.error.as_ref(), outcome.errors.first());
        outcome.errors[0].clone()
    }

    /// The library as it is.
    pub(crate) async fn row(&self) -> WatchedRow {
        watched::load(self.app.state().storage(), &apps(), &self.id).await.unwrap().unwrap()
    }

    /// What is known from looking at it.
    pub(crate) async fn state(&self) -> PollState {
        self.row().await.poll
    }

    /// The repository that watches.
    pub(crate) async fn repo(&self) -> RepoRow {
        self.app.state().storage().get(&Key::Repo(apps())).await.unwrap().unwrap()
    }

    /// The builds, newest first: version and status.
    pub(crate) async fn builds(&self) -> Vec<(String, String)> {
        let response = self.ann.get("/api/repos/apps/kmp/builds").await;
        assert_eq!(response.status, 200, "{}", response.text());
        let builds = response.json()["builds"].as_array().unwrap().clone();
        let text = |build: &Value, name: &str| build[name].as_str().unwrap().to_owned();
        builds.iter().map(|build| (text(build, "version"), text(build, "status"))).collect()
    }

    /// Where the library is.
    pub(crate) fn place(&self) -> WatchedRef {
        WatchedRef { repo: apps(), id: self.id.clone() }
    }

    /// A message that asks for a look.
    pub(crate) fn message(&self) -> String {
        serde_json::to_string(&self.place()).unwrap()
    }

    /// Follows up a message that has come for the first time.
    pub(crate) async fn follow_up(&self, message: &str) {
        follow_up(self.app.state(), message, 1).await.unwrap();
    }

    /// Whether the library is in the list of all.
    pub(crate) async fn is_listed(&self) -> bool {
        let key = Key::WatchedOfAll(store::shard(&self.id), apps(), self.id.clone());
        self.app.state().storage().get::<WatchedRef>(&key).await.unwrap().is_some()
    }

    /// Whether a publish into a repository leads to the library.
    pub(crate) async fn is_watching(&self, source: &str) -> bool {
        let key = Key::WatcherOf(source.parse().unwrap(), "com.example:lib".into(), apps(), self.id.clone());
        self.app.state().storage().get::<WatchedRef>(&key).await.unwrap().is_some()
    }

    /// Takes all messages off the queue.
    pub(crate) async fn messages(&self) -> Vec<PollMessage> {
        let storage = self.app.state().storage();
        let mut messages = Vec::new();
        loop {
            let received = storage.receive(Queue::KmpPoll, 0).await.unwrap();
            if received.is_empty() {
                return messages;
            }
            for message in received {
                storage.acknowledge(Queue::KmpPoll, &message).await.unwrap();
                messages.push(serde_json::from_str(&message.body).unwrap());
            }
        }
    }

    /// Consumes messages until there are none; gives how many there were.
    pub(crate) async fn consume(&self) -> usize {
        let mut consumed = 0;
        for _ in 0..1_000 {
            match consume_once(self.app.state(), 0).await.unwrap() {
                0 => return consumed,
                more => consumed += more,
            }
        }
        panic!("messages never end");
    }

    /// Publishes a version of a library into a repository here as Gradle does: every module, the root one first.
    pub(crate) async fn publish(&self, actor: &Actor, repo: &str, version: &str) {
        self.publish_module(actor, repo, "lib", version).await;
        for end in ["js", "iosarm64", "macosarm64"] {
            self.publish_module(actor, repo, &format!("lib-{end}"), version).await;
        }
    }

    /// Publishes one module of it.
    pub(crate) async fn publish_module(&self, actor: &Actor, repo: &str, artifact: &str, version: &str) {
        let module = root_module("com.example", artifact, version, true, &["ios_arm64", "macos_arm64"]);
        let pom = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId>\
             <artifactId>{artifact}</artifactId><version>{version}</version></project>"
        );
        for (end, body) in [("module", module.to_string()), ("pom", pom)] {
            let file = format!("com/example/{artifact}/{version}/{artifact}-{version}.{end}");
            let put = actor.request("PUT", &format!("/api/maven/{repo}/{file}"), &[], body).await;
            assert!(put.status < 300, "{file}: {} {}", put.status, put.text());
        }
    }

    /// What is in the queue of dead letters: bodies and reasons.
    pub(crate) async fn dead_letters(&self) -> Vec<(String, String)> {
        let messages = self.app.state().storage().receive(Queue::DeadLetters, 0).await.unwrap();
        messages.into_iter().map(|message| (message.body, message.reason.unwrap())).collect()
    }
}

/// Watches a library, and gives its id.
pub(crate) async fn watch_one(actor: &Actor, repo: &str, artifact: &str) -> String {
    let path = format!("/api/repos/{repo}/kmp/watched");
    let made = actor.post_json(&path, &watch("com.example", artifact)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["watched"]["id"].as_str().unwrap().to_owned()
}

/// The repository that watches.
pub(crate) fn apps() -> RepoId {
    "apps".parse().unwrap()
}

/// Pairs of version and status.
pub(crate) fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(version, status)| ((*version).to_owned(), (*status).to_owned())).collect()
}
