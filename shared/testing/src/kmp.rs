//! Libraries of Kotlin Multiplatform as their sources give them out, and repositories that watch them.

use granary_kmp::{store, watched};
use granary_storage::rows::{BuildRow, Outputs, WatchedRow};
use granary_storage::{Commit, Key, Transaction};
use serde_json::{Value, json};

use crate::actor::Actor;
use crate::app::TestApp;
use crate::github::FakeGithub;

/// `maven-metadata.xml` of a library.
pub fn metadata(group: &str, artifact: &str, versions: &[&str]) -> String {
    let versions: Vec<String> =
        versions.iter().map(|version| format!("<version>{version}</version>")).collect();
    let versions = versions.concat();
    format!(
        "<metadata><groupId>{group}</groupId><artifactId>{artifact}</artifactId><versioning><versions>{versions}</versions>\
         </versioning></metadata>"
    )
}

/// The metadata of the root module of a version, with a variant for JavaScript and some for Apple's systems.
///
/// The latter by the names that the compiler has for them (`ios_arm64`). Each variant is in a module of its own.
pub fn root_module(group: &str, artifact: &str, version: &str, js: bool, apple: &[&str]) -> Value {
    let variant = |platform: &str, target: Option<&str>, end: &str| {
        let mut attributes =
            json!({ "org.gradle.usage": "kotlin-api", "org.jetbrains.kotlin.platform.type": platform });
        if let Some(target) = target {
            attributes["org.jetbrains.kotlin.native.target"] = target.into();
        }
        let module = format!("{artifact}-{end}");
        json!({
            "name": format!("{end}ApiElements"), "attributes": attributes,
            "available-at": { "group": group, "module": module, "version": version },
        })
    };
    let js = js.then(|| variant("js", None, "js"));
    let apple = apple.iter().map(|konan| variant("native", Some(konan), &konan.replace('_', "")));
    let variants: Vec<Value> = js.into_iter().chain(apple).collect();
    json!({
        "formatVersion": "1.1",
        "component": { "group": group, "module": artifact, "version": version },
        "variants": variants,
    })
}

impl FakeGithub {
    /// Gives out a library of these versions as a Maven repository does, and says where that is. Each has everything.
    pub fn library(&self, group: &str, artifact: &str, versions: &[&str]) -> String {
        let folder = format!("{}/{artifact}", group.replace('.', "/"));
        for version in versions {
            let module = root_module(group, artifact, version, true, &["ios_arm64", "macos_arm64"]);
            self.file(&format!("{folder}/{version}/{artifact}-{version}.module"), module.to_string());
        }
        self.file(&format!("{folder}/maven-metadata.xml"), metadata(group, artifact, versions))
    }
}

impl TestApp {
    /// Makes a repository of type `kmp` that watches an address, and gives the owner's token of all scopes.
    pub async fn kmp_repo(&self, owner: &str, name: &str, source: &str, visibility: &str) -> Actor {
        let body = json!({
            "name": name, "packageTypes": ["kmp"], "visibility": visibility,
            "kmpConfig": { "sourceType": "external", "sourceUrl": source },
        });
        let response = self.user(owner).post_json("/api/repos", &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        self.account_token(owner, &["read", "write", "admin"]).await
    }
}

impl TestApp {
    /// Adds libraries `<artifact>0` and so on to a repository that watches, each like the one with this id, without any
    /// request: thousands of them.
    pub async fn watch_many(&self, repo: &str, like: &str, artifact: &str, number: usize) {
        let (state, repo) = (self.state(), repo.parse().unwrap());
        let model = watched::load(state.storage(), &repo, like).await.unwrap().unwrap();
        let numbers: Vec<usize> = (0..number).collect();
        // Each takes five parts of a transaction, which has a hundred.
        for some in numbers.chunks(20) {
            let mut transaction = Transaction::new();
            for at in some {
                let name = format!("{artifact}{at}");
                let outputs = Outputs {
                    npm: Some(format!("@apps/{name}").parse().unwrap()),
                    swift: Some(format!("apps.{name}").parse().unwrap()),
                    ..model.outputs.clone()
                };
                let id = state.ids().next(state.now());
                let row = WatchedRow { id, artifact: name.parse().unwrap(), outputs, ..model.clone() };
                watched::add(&mut transaction, &row, None).unwrap();
            }
            assert!(matches!(state.storage().commit(transaction).await.unwrap(), Commit::Done));
        }
    }
}

impl TestApp {
    /// A build as it is.
    pub async fn read_build(&self, build: &BuildRow) -> BuildRow {
        store::load(&self.state().kmp_work(), &build.repo, &build.id).await.unwrap().unwrap()
    }

    /// Writes a build as a test wants it.
    pub async fn write_build(&self, build: &BuildRow) {
        let key = Key::Build(build.repo.clone(), build.id.clone());
        self.state().storage().put(&key, build).await.unwrap();
    }
}

/// What watches a library and makes an npm and a Swift package of it, both named like its artifact.
pub fn watch(group: &str, artifact: &str) -> Value {
    json!({
        "groupId": group, "artifactId": artifact, "npmPackageName": format!("@apps/{artifact}"),
        "swiftScope": "apps", "swiftName": artifact,
    })
}
