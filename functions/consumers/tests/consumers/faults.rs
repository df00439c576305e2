//! Storage that fails as AWS fails, at every call.

use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

use crate::{NAME, REPO, announced, id, made, package, send, versions, zip};

async fn shop_on_aws() -> (TestApp, Actor) {
    let app = TestApp::on_aws().await;
    let ann = app.repo("ann", REPO, &["composer"], "private").await;
    (app, ann)
}

fn enough(tally: Tally) {
    assert!(tally.cases > 20 && tally.unnoticed > 5, "{tally:?}");
}

/// The actions of the seller's own log, of this name.
async fn actions(app: &TestApp, scope: &str, action: &str) -> usize {
    app.audit(scope).await.iter().filter(|row| row["action"] == action).count()
}

/// A new package.
struct Package;

impl Change for Package {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        shop_on_aws().await
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        ann.post_json("/packages", &json!({ "name": NAME })).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let packages = app.restarted().token(ann.secret()).get("/packages").await.json();
        let count = packages.as_array().unwrap().len();
        assert!(count <= 1, "{packages}");
        assert_eq!(actions(app, "repo:shop", "package.sell").await, count);
        count == 1
    }

    fn done_already(&self) -> &[u16] {
        &[400]
    }
}

/// A new version.
struct Version;

impl Change for Version {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        let (app, ann) = shop_on_aws().await;
        package(&ann, NAME).await;
        (app, ann)
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        ann.post_json("/versions/package/1", &announced("1.0", b"bytes")).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let versions = app.restarted().token(ann.secret()).get("/versions/package/1").await.json();
        let count = versions.as_array().unwrap().len();
        assert!(count <= 1, "{versions}");
        count == 1
    }

    fn done_already(&self) -> &[u16] {
        &[400]
    }
}

/// A version whose file has been sent to the bucket.
struct Confirmation;

impl Change for Confirmation {
    type Place = (Actor, Value);

    async fn prepare(&self) -> (TestApp, (Actor, Value)) {
        let (app, ann) = shop_on_aws().await;
        package(&ann, NAME).await;
        let bytes = zip(NAME, "1.0");
        let version = made(&ann, "/versions/package/1", announced("1.0", &bytes)).await;
        assert_eq!(send(&version, &bytes).await, 200);
        (app, (ann, version))
    }

    async fn ask(&self, (ann, version): &(Actor, Value)) -> TestResponse {
        ann.request("POST", &format!("/versions/{}/confirm", id(version)), &[], "").await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, (ann, version): &(Actor, Value)) -> bool {
        let reader = app.restarted().token(ann.secret());
        let found = versions(&reader, NAME).await;
        let shown = reader.get(&format!("/versions/{}", id(version))).await.json();
        assert_eq!(shown.get("upload_url").is_none(), found == ["1.0"], "{shown} {found:?}");
        assert_eq!(actions(app, "repo:shop", "package.publish").await, found.len());
        found == ["1.0"]
    }
}

/// A permission that moves from one consumer to another.
struct Move;

impl Change for Move {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        let (app, ann) = shop_on_aws().await;
        package(&ann, NAME).await;
        for _ in 0..2 {
            made(&ann, "/consumers", json!({ "email": "a@b" })).await;
        }
        made(&ann, "/permissions", json!({ "consumer_id": 1, "package_id": 1, "version": "*" })).await;
        (app, ann)
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        ann.patch_json("/permissions/1", &json!({ "consumer_id": 2 })).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let reader = app.restarted().token(ann.secret());
        let holder = reader.get("/permissions/1").await.json()["consumer_id"].as_u64().unwrap();
        for consumer in 1..=2 {
            let listed = reader.get(&format!("/permissions/consumer/{consumer}/package/1")).await.json();
            assert_eq!(listed.as_array().unwrap().len(), usize::from(consumer == holder));
        }
        assert_eq!(actions(app, "user:ann", "permission.update").await, usize::from(holder == 2));
        holder == 2
    }
}

#[tokio::test]
async fn a_package_gets_one_number() {
    enough(every_call_fails(&Package).await);
}

#[tokio::test]
async fn a_version_gets_one_number() {
    enough(every_call_fails(&Version).await);
}

#[tokio::test]
async fn a_version_is_published_once_and_whole() {
    enough(every_call_fails(&Confirmation).await);
}

#[tokio::test]
async fn a_permission_belongs_to_one_consumer() {
    enough(every_call_fails(&Move).await);
}

#[tokio::test]
async fn reads_fail_as_busy_and_never_as_empty() {
    let (app, ann) = Move.prepare().await;
    for path in ["/packages", "/consumers/email/a@b", "/consumers/1/packages", "/permissions/1"] {
        let secret = ann.secret().to_owned();
        let tally =
            every_read_fails(&Move, &app, async |fresh: &TestApp| fresh.token(&secret).get(path).await).await;
        assert!(tally.cases > 10, "{path} {tally:?}");
    }
}
