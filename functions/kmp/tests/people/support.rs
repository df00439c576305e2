//! A registry with a repository that watches, its source, and GitHub.

use std::collections::BTreeMap;
use std::time::Duration;

use granary_kmp::poll::new_build;
use granary_kmp::{store, watched};
use granary_model::RepoId;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildResults, BuildRow, WatchedRow};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::github::FakeGithub;
use granary_testing::kmp::watch;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::Value;

/// The repository that watches.
pub(super) const REPO: &str = "apps";

/// Where its libraries are.
pub(super) const WATCHED: &str = "/api/repos/apps/kmp/watched";

/// Where its builds are.
pub(super) const BUILDS: &str = "/api/repos/apps/kmp/builds";

/// Where it is told to look.
pub(super) const POLL: &str = "/api/repos/apps/kmp/poll";

pub(super) struct Place {
    pub(super) app: TestApp,
    pub(super) github: FakeGithub,
    /// The owner, with a token of all scopes.
    pub(super) ann: Actor,
}

impl Place {
    /// With GitHub, and a source that has `com.example:lib` 1.0.0.
    pub(super) async fn new() -> Self {
        // The machine may stand still for a minute.
        Self::patient(Duration::from_mins(10)).await
    }

    /// The same, where requests look for new versions for so long.
    pub(super) async fn patient(patience: Duration) -> Self {
        let github = FakeGithub::start().await;
        let app = TestApp::with(|config| {
            github.configure(config);
            config.kmp.source_patience = Duration::from_mins(10);
            config.kmp.poll_patience = patience;
        })
        .await;
        github.keep_time(&app.clock);
        let source = github.library("com.example", "lib", &["1.0.0"]);
        let ann = app.kmp_repo("ann", REPO, &source, "private").await;
        app.probe.reset();
        Self { app, github, ann }
    }

    /// Watches a library, and gives its id.
    pub(super) async fn watch(&self, artifact: &str) -> String {
        let made = self.ann.post_json(WATCHED, &watch("com.example", artifact)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        self.app.clock.advance_millis(1);
        made.json()["watched"]["id"].as_str().unwrap().to_owned()
    }

    /// Changes what the source has of a library.
    pub(super) fn publish(&self, artifact: &str, versions: &[&str]) {
        self.github.library("com.example", artifact, versions);
    }

    /// Looks at the source, and gives what came of the only library.
    pub(super) async fn poll(&self) -> Value {
        let response = self.ann.post_json(POLL, &Value::Null).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["results"][0].clone()
    }

    /// Makes a build as a test wants it.
    pub(super) async fn build(
        &self,
        watched: &str,
        version: &str,
        change: impl FnOnce(&mut BuildRow),
    ) -> BuildRow {
        let (work, repo) = (self.app.state().kmp_work(), repo());
        let library: WatchedRow = watched::load(work.storage, &repo, watched).await.unwrap().unwrap();
        let mut row = new_build(&work, &library, &version.parse().unwrap(), BuildStatus::Discovered);
        change(&mut row);
        let mut transaction = Transaction::new();
        store::add(&mut transaction, &row).unwrap();
        assert!(matches!(work.storage.commit(transaction).await.unwrap(), Commit::Done));
        row
    }

    /// Makes a build with this status.
    pub(super) async fn build_in(&self, watched: &str, version: &str, status: BuildStatus) -> BuildRow {
        self.build(watched, version, |row| at(row, status)).await
    }

    /// The build as it is, if it is there.
    pub(super) async fn read(&self, id: &str) -> Option<BuildRow> {
        store::load(&self.app.state().kmp_work(), &repo(), id).await.unwrap()
    }

    /// The builds of the repository, newest first.
    pub(super) async fn builds(&self) -> Vec<Value> {
        let response = self.ann.get(BUILDS).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["builds"].as_array().unwrap().clone()
    }

    /// Tells a build to begin again.
    pub(super) async fn retry(&self, id: &str) -> TestResponse {
        self.ann.post_json(&format!("{BUILDS}/{id}"), &serde_json::json!({ "action": "retry" })).await
    }

    /// All that is left in the partition of the repository, and in the lists that lead there.
    pub(super) async fn left(&self) -> Vec<String> {
        let storage = self.app.state().storage();
        let mut left: Vec<Value> = storage.list_all(&Key::Watched(repo(), String::new()), "").await.unwrap();
        for part in 0..store::SHARDS {
            for first in [
                Key::WatchedOfAll(part, repo(), String::new()),
                Key::BuildUnderWay(part, repo(), String::new()),
            ] {
                left.extend(storage.list_all::<Value>(&first, "").await.unwrap());
            }
        }
        let first = Key::WatcherOf("libs".parse().unwrap(), String::new(), repo(), String::new());
        left.extend(storage.list_all::<Value>(&first, "").await.unwrap());
        // In an order of their fields that is always the same.
        left.into_iter().map(|row| sorted(&row)).collect()
    }
}

fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, String> =
                members.iter().map(|(name, value)| (name, sorted(value))).collect();
            format!("{members:?}")
        }
        value => value.to_string(),
    }
}

/// Puts a build into a state.
pub(super) fn at(row: &mut BuildRow, status: BuildStatus) {
    row.status = status;
    row.attempt = u32::from(status != BuildStatus::Discovered);
    let is_over = status == BuildStatus::Success;
    (row.npm_published, row.swift_published) = (is_over, is_over);
    row.error = (status == BuildStatus::Failed).then(|| "the compiler has failed".to_owned());
}

/// Puts a build where its packages are being published.
pub(super) fn publishing(row: &mut BuildRow) {
    at(row, BuildStatus::Building);
    row.results = Some(BuildResults { npm: Some("upload".into()), swift: None });
}

pub(super) fn repo() -> RepoId {
    REPO.parse().unwrap()
}

/// Checks a status; of an error also that its body is `{"error","code"}` and that the message has these words.
#[track_caller]
pub(super) fn expect(response: &TestResponse, status: u16, words: &[&str]) {
    assert_eq!(response.status, status, "{}", response.text());
    if status < 400 {
        return;
    }
    let body = response.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    for word in words {
        assert!(body["error"].as_str().unwrap().contains(word), "{word}: {body}");
    }
}
