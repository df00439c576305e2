//! A repository with an upstream.

use granary_testing::npm::NpmPackage;
use granary_testing::upstream::FakeUpstream;
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::npm::support::REPO;

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
    let app = TestApp::with(|config| {
        config.kmp.allow_private_sources = true;
        config.secret_keys = granary_upstream::seal::Keys::new(vec![[7; 32]]);
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
        let mut body = json!({ "name": name, "packageType": "npm", "url": self.up.npm_url() });
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

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.app.clock.advance_millis(seconds * 1000);
    }
}

/// A version with something in it.
pub(crate) fn version(name: &str, version: &str) -> NpmPackage {
    NpmPackage::new(name, version).file("package/index.js", version.as_bytes())
}
