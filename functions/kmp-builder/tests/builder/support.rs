//! A registry with a library and its build, and the GitHub that it goes to.

use std::time::Duration;

use granary_http::Config;
use granary_kmp::poll::new_build;
use granary_kmp::store::{self, BuildMessage};
use granary_model::RepoId;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Outputs, PollState, RepoRow, WatchedRow};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::TestApp;
use granary_testing::github::FakeGithub;
use serde_json::{Value, json};

/// A minute, in milliseconds.
pub(super) const MINUTE: i64 = 60_000;

/// A registry, a repository `apps` that watches `com.example:lib`, and GitHub.
pub(super) struct Place {
    pub(super) app: TestApp,
    pub(super) github: FakeGithub,
    pub(super) repo: RepoId,
}

impl Place {
    /// With a library that has everything.
    pub(super) async fn new() -> Self {
        Self::of(FakeGithub::start().await, FakeGithub::configure).await
    }

    /// With a GitHub, and a way to be known there.
    pub(super) async fn of(github: FakeGithub, configure: impl FnOnce(&FakeGithub, &mut Config)) -> Self {
        let app = TestApp::with(|config| {
            configure(&github, config);
            // The machine may stand still for a minute.
            config.kmp.source_patience = Duration::from_mins(10);
            config.kmp.poll_patience = Duration::from_mins(10);
        })
        .await;
        github.keep_time(&app.clock);
        let source = github.file("com/example/lib/1.0.0/lib-1.0.0.module", module(true, true).to_string());
        let session = app.user("ann");
        let body = json!({
            "name": "apps", "packageTypes": ["kmp"],
            "kmpConfig": { "sourceType": "external", "sourceUrl": "https://repo.example.com/maven" },
        });
        let made = session.post_json("/api/repos", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let repo: RepoId = "apps".parse().unwrap();
        let place = Self { app, github, repo };
        place.set_source(&source).await;
        place
    }

    /// The same registry as another process finds it.
    pub(super) fn restarted(&self) -> Self {
        Self { app: self.app.restarted(), github: self.github.clone(), repo: self.repo.clone() }
    }

    /// Says where the library comes from. Not through the interface: what that takes is not what is looked at here.
    pub(super) async fn set_source(&self, source: &str) {
        let key = Key::Repo(self.repo.clone());
        let storage = self.app.state().storage();
        let mut row: RepoRow = storage.get(&key).await.unwrap().unwrap();
        row.kmp_config.as_mut().unwrap().source_url = Some(source.to_owned());
        storage.put(&key, &row).await.unwrap();
    }

    /// Gives out another root module of version 1.0.0.
    pub(super) fn set_module(&self, module: impl Into<bytes::Bytes>) {
        self.github.file("com/example/lib/1.0.0/lib-1.0.0.module", module);
    }

    /// A new build that waits to be handed over.
    pub(super) async fn build(&self) -> BuildRow {
        self.build_of("1.0.0", true).await
    }

    /// A build of a version.
    pub(super) async fn build_of(&self, version: &str, swift: bool) -> BuildRow {
        let work = self.app.state().kmp_work();
        let repo: RepoRow = work.storage.get(&Key::Repo(self.repo.clone())).await.unwrap().unwrap();
        let watched = WatchedRow {
            id: work.ids.next(work.now),
            repo: self.repo.clone(),
            repo_uid: repo.uid,
            group: "com.example".parse().unwrap(),
            artifact: "lib".parse().unwrap(),
            outputs: Outputs {
                npm: Some("@apps/lib".parse().unwrap()),
                swift: Some("apps.lib".parse().unwrap()),
                enable_npm: true,
                enable_swift: swift,
                apple_targets: vec!["iosArm64".parse().unwrap()],
            },
            created_at: work.now,
            updated_at: work.now,
            rev: 1,
            poll: PollState::default(),
        };
        let row = new_build(&work, &watched, &version.parse().unwrap(), BuildStatus::Pending);
        let mut transaction = Transaction::new();
        store::add(&mut transaction, &row).unwrap();
        // Whose library is gone gets no token.
        let library = Key::Watched(watched.repo.clone(), watched.id.clone());
        transaction.put_new("watched", &library, &watched).unwrap();
        assert!(matches!(work.storage.commit(transaction).await.unwrap(), Commit::Done));
        row
    }

    /// The build as it is.
    pub(super) async fn read(&self, build: &BuildRow) -> BuildRow {
        self.app.read_build(build).await
    }

    /// Writes a build as a test wants it.
    pub(super) async fn write(&self, build: &BuildRow) {
        self.app.write_build(build).await;
    }

    /// A message about the build comes in.
    pub(super) async fn hint(&self, build: &BuildRow) -> granary_model::Result<()> {
        granary_kmp_builder::follow_up(self.app.state(), &message(build), 1).await
    }

    /// A message about the build comes in, and all goes well.
    pub(super) async fn step(&self, build: &BuildRow) -> BuildRow {
        self.hint(build).await.unwrap();
        self.read(build).await
    }

    /// Handles messages until none is there.
    pub(super) async fn drain(&self) {
        for _ in 0..100 {
            if granary_kmp_builder::consume_once(self.app.state(), 0).await.unwrap() == 0 {
                return;
            }
        }
        panic!("messages never end");
    }

    /// Goes on as the schedule does, a minute each time, while runs go on as well; the build has to end.
    pub(super) async fn until_it_ends(&self, build: &BuildRow) -> BuildRow {
        for _ in 0..400 {
            granary_kmp_builder::sweep(self.app.state()).await.unwrap();
            self.drain().await;
            let row = self.read(build).await;
            if !row.status.is_under_way() {
                return row;
            }
            self.github.advance("failure");
            self.app.clock.advance_millis(MINUTE);
        }
        panic!("the build never ends: {:?}", self.read(build).await);
    }

    /// Each attempt has been started once at most.
    pub(super) fn assert_no_doubles(&self) {
        let doubled: Vec<_> = self.github.dispatches().into_iter().filter(|(_, count)| *count > 1).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
    }
}

/// The message about a build.
pub(super) fn message(build: &BuildRow) -> String {
    let message = BuildMessage { repo: build.repo.clone(), build: build.id.clone() };
    serde_json::to_string(&message).unwrap()
}

/// A root module of a library with these variants.
pub(super) fn module(js: bool, ios: bool) -> Value {
    let variant = |platform: &str, target: Option<&str>, module: &str| {
        let mut attributes =
            json!({ "org.gradle.usage": "kotlin-api", "org.jetbrains.kotlin.platform.type": platform });
        if let Some(target) = target {
            attributes["org.jetbrains.kotlin.native.target"] = json!(target);
        }
        let place = json!({ "group": "com.example", "module": module, "version": "1.0.0" });
        json!({ "name": module, "attributes": attributes, "available-at": place })
    };
    let mut variants = Vec::new();
    if js {
        variants.push(variant("js", None, "lib-js"));
    }
    if ios {
        variants.push(variant("native", Some("ios_arm64"), "lib-iosarm64"));
    }
    json!({
        "formatVersion": "1.1",
        "component": { "group": "com.example", "module": "lib", "version": "1.0.0" },
        "variants": variants,
    })
}
