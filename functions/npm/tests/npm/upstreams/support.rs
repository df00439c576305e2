//! A repository with an upstream.

use std::time::Duration;

use granary_http::Config;
use granary_testing::npm::NpmPackage;
use granary_testing::upstream::FakeUpstream;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

use crate::npm::support::{REPO, at};

/// A registry with the repository `libs` of `ann`, which has the fake registry `up` as its upstream `public`.
pub(crate) struct Place {
    pub(crate) app: TestApp,
    pub(crate) up: FakeUpstream,
    pub(crate) ann: Actor,
}

/// A private repository.
pub(crate) async fn place() -> Place {
    place_with("private", json!({})).await
}

/// One of this visibility, the upstream with more settings.
pub(crate) async fn place_with(visibility: &str, settings: Value) -> Place {
    place_where(visibility, settings, |_| {}).await
}

/// One that waits for its upstream a second and a half, and takes tarballs of a megabyte.
pub(crate) async fn impatient() -> Place {
    place_where("private", json!({}), |config| {
        config.upstream_patience = Duration::from_millis(1_500);
        config.upstream_file_patience = Some(Duration::from_millis(1_500));
        config.max_file = 1_000_000;
    })
    .await
}

/// One of a registry with other settings.
pub(crate) async fn place_where(
    visibility: &str,
    settings: Value,
    change: impl FnOnce(&mut Config),
) -> Place {
    let app = TestApp::with(|config| {
        config.kmp.allow_private_sources = true;
        config.secret_keys = granary_upstream::seal::Keys::new(vec![[7; 32]]);
        change(config);
    })
    .await;
    let up = FakeUpstream::start().await;
    let ann = app.npm_repo("ann", REPO, visibility).await;
    let place = Place { app, up, ann };
    place.connect("public", settings).await;
    place
}

impl Place {
    /// Adds the fake registry as an upstream.
    pub(crate) async fn connect(&self, name: &str, settings: Value) {
        self.connect_to(name, &self.up, settings).await;
    }

    /// Adds another fake registry as an upstream.
    pub(crate) async fn connect_to(&self, name: &str, up: &FakeUpstream, settings: Value) {
        let mut body = json!({ "name": name, "packageType": "npm", "url": up.npm_url() });
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let made = self.app.user("ann").post_json(&format!("/api/repos/{REPO}/upstreams"), &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }

    /// Changes the upstream.
    pub(crate) async fn set(&self, settings: Value) {
        let path = format!("/api/repos/{REPO}/upstreams/public");
        let changed = self.app.user("ann").patch_json(&path, &settings).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    }

    /// Removes the upstream.
    pub(crate) async fn disconnect(&self) {
        let path = format!("/api/repos/{REPO}/upstreams/public");
        let removed = self.app.user("ann").delete(&path).await;
        assert_eq!(removed.status, 200, "{}", removed.text());
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.app.clock.advance_millis(seconds * 1000);
    }

    /// Lets what is kept become old, has it read by somebody, and has the upstream asked again.
    pub(crate) async fn refresh(&self, name: &str) -> TestResponse {
        self.wait(301);
        let stale = self.ann.get(&at(name)).await;
        self.app.settle().await;
        stale
    }

    /// The tarball of a version.
    pub(crate) async fn tarball(&self, name: &str, version: &str) -> TestResponse {
        self.ann.get(&at(&format!("-/tarball/{name}/{version}"))).await
    }

    /// What the upstream was asked since this was asked last.
    pub(crate) fn asked(&self) -> Vec<String> {
        asked(&self.up)
    }

    /// How many records of the repository's audit log are of an action.
    pub(crate) async fn recorded(&self, action: &str) -> usize {
        let rows = self.app.audit(&format!("repo:{REPO}")).await;
        rows.iter().filter(|row| row["action"] == action).count()
    }
}

/// What a registry was asked since this was asked last.
pub(crate) fn asked(up: &FakeUpstream) -> Vec<String> {
    let asked = up.asked();
    up.forget();
    asked
}

/// Checks a status.
#[track_caller]
pub(crate) fn expect(response: &TestResponse, status: u16) {
    assert_eq!(response.status, status, "{}", response.text());
}

/// A version with something in it.
pub(crate) fn version(name: &str, version: &str) -> NpmPackage {
    NpmPackage::new(name, version).file("package/index.js", version.as_bytes())
}

/// Bytes that cannot be packed.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = || {
        state ^= state << 7;
        state ^= state >> 9;
        u8::try_from(state >> 56).unwrap()
    };
    std::iter::repeat_with(next).take(length).collect()
}
