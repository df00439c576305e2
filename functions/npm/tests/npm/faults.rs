//! Storage that fails as AWS fails, at every call.

use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::json;

use super::support::{REPO, at, packument, publish_all};

/// A registry as on AWS with these versions of `pad`, and its owner's token.
async fn prepared(versions: &[&str]) -> (TestApp, Actor) {
    let app = TestApp::on_aws().await;
    let ann = app.npm_repo("ann", REPO, "private").await;
    publish_all(&ann, "pad", versions).await;
    (app, ann)
}

/// What readers with an empty memory see and what is stored agree. Gives the live versions.
async fn live(app: &TestApp, ann: &Actor) -> Vec<String> {
    let stored = app.check_consistency(REPO).await;
    let reader = app.restarted().token(ann.secret());
    if stored.live.is_empty() && stored.tombstones.is_empty() {
        assert_eq!(reader.get(&at("pad")).await.status, 404);
        return stored.live;
    }
    let listed = packument(&reader, "pad").await["versions"].clone();
    let listed: Vec<String> =
        listed.as_object().unwrap().keys().map(|version| format!("pad@{version}")).collect();
    assert_eq!(listed, stored.live);
    for version in &listed {
        let version = version.strip_prefix("pad@").unwrap();
        let tarball = reader.get(&at(&format!("pad/-/pad-{version}.tgz"))).await;
        assert_eq!(tarball.body.to_vec(), NpmPackage::new("pad", version).tarball());
    }
    listed
}

/// The first version of a package, or another one.
struct Publish {
    before: &'static [&'static str],
    version: &'static str,
}

impl Change for Publish {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        prepared(self.before).await
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        ann.publish(REPO, &NpmPackage::new("pad", self.version)).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let live = live(app, ann).await;
        let done = live.contains(&format!("pad@{}", self.version));
        assert_eq!(live.len(), self.before.len() + usize::from(done));
        // One record of the publish, however often the call that wrote it was made.
        let records = app.audit(&format!("repo:{REPO}")).await;
        let published = records.iter().filter(|record| record["action"] == "package.publish").count();
        assert_eq!(published, live.len());
        done
    }
}

/// The removal of a version, which takes the tag with it.
struct Unpublish;

impl Change for Unpublish {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        prepared(&["1.0.0", "2.0.0"]).await
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        ann.delete(&at("pad/-/pad-2.0.0.tgz/-rev/undefined")).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let done = live(app, ann).await == ["pad@1.0.0"];
        let reader = app.restarted().token(ann.secret());
        let latest = packument(&reader, "pad").await["dist-tags"]["latest"].clone();
        assert_eq!(latest, if done { "1.0.0" } else { "2.0.0" });
        done
    }
}

/// Another version as `latest`.
struct Tag;

impl Change for Tag {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        prepared(&["1.0.0", "2.0.0"]).await
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        ann.put_json(&at("-/package/pad/dist-tags/latest"), &json!("1.0.0")).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        assert_eq!(live(app, ann).await.len(), 2);
        let reader = app.restarted().token(ann.secret());
        packument(&reader, "pad").await["dist-tags"]["latest"] == "1.0.0"
    }
}

fn check(tally: Tally) {
    assert!(tally.cases > 30 && tally.unnoticed > 20, "{tally:?}");
}

#[tokio::test]
async fn a_first_publish_is_whole_or_not_there() {
    check(every_call_fails(&Publish { before: &[], version: "1.0.0" }).await);
}

#[tokio::test]
async fn a_second_publish_is_whole_or_not_there() {
    check(every_call_fails(&Publish { before: &["1.0.0"], version: "2.0.0" }).await);
}

#[tokio::test]
async fn a_removal_is_whole_or_not_there() {
    check(every_call_fails(&Unpublish).await);
}

#[tokio::test]
async fn a_tag_is_moved_or_not() {
    check(every_call_fails(&Tag).await);
}

/// npm takes a 404 of one registry for a reason to install a package of the same name from another one.
#[tokio::test]
async fn reads_say_that_storage_fails_and_never_that_there_is_nothing() {
    let (app, ann) = prepared(&["1.0.0"]).await;
    let publish = Publish { before: &[], version: "1.0.0" };
    for path in [
        "pad",
        "pad/1.0.0",
        "pad/latest",
        "pad/-/pad-1.0.0.tgz",
        "-/package/pad/dist-tags",
        "-/v1/search?text=pad",
    ] {
        let read = async |app: &TestApp| app.token(ann.secret()).get(&at(path)).await;
        let tally = every_read_fails(&publish, &app, read).await;
        assert!(tally.cases >= 15 && tally.unnoticed >= 8, "{path}: {tally:?}");
    }
}
