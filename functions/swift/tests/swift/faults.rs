//! Storage that fails as AWS fails, at every call.

use granary_model::PackageType;
use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::swift::simple_archive;
use granary_testing::{Actor, TestApp, TestResponse};

use crate::support::{JSON, REPO, at, problem, published, put};

/// The second release of a package.
struct Publish;

impl Change for Publish {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        let app = TestApp::on_aws().await;
        let ann = app.repo("ann", REPO, &["swift"], "private").await;
        published(&ann, "1.0.0").await;
        app.settle().await;
        (app, ann)
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        put(ann, "mona/LinkedList/1.1.0", &simple_archive("1.1.0")).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let live = app.check_packages(REPO, PackageType::Swift).await.live.len();
        let done = live == 2;
        assert!(done || live == 1);
        let reader = app.restarted().token(ann.secret());
        let list = reader.get_with(&at("mona/LinkedList"), &[JSON]).await;
        assert_eq!(list.json()["releases"].as_object().unwrap().len(), live);
        let archive = reader.get(&at("mona/LinkedList/1.1.0.zip")).await;
        assert_eq!(archive.status, if done { 200 } else { 404 }, "{}", archive.text());
        assert!(!done || archive.body == simple_archive("1.1.0"));
        done
    }

    /// The specification asks for it, even for the same bytes.
    fn done_already(&self) -> &[u16] {
        &[409]
    }

    fn sentence(&self, response: &TestResponse) -> String {
        problem(response, 503)
    }
}

fn enough(tally: Tally) {
    assert!(tally.cases > 50 && tally.unnoticed > 20, "{tally:?}");
}

#[tokio::test]
async fn a_release_is_whole_or_not_there() {
    enough(every_call_fails(&Publish).await);
}

#[tokio::test]
async fn reads_say_that_storage_fails_and_never_that_there_is_nothing() {
    let (app, ann) = Publish.prepare().await;
    for path in [
        "mona/LinkedList",
        "mona/LinkedList/1.0.0",
        "mona/LinkedList/1.0.0.zip",
        "mona/LinkedList/1.0.0/Package.swift",
    ] {
        let read = async |app: &TestApp| app.token(ann.secret()).get(&at(path)).await;
        let tally = every_read_fails(&Publish, &app, read).await;
        assert!(tally.cases >= 15 && tally.unnoticed >= 8, "{path}: {tally:?}");
    }
}
