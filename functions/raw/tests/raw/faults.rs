//! Storage that fails as AWS fails, at every call.

use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::{Actor, TestApp, TestResponse};

use crate::support::{REPO, at, put, stored, usage};

/// An upload into a version that has a file already.
struct Upload {
    bytes: Vec<u8>,
}

impl Upload {
    fn of(length: usize) -> Self {
        Self { bytes: (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect() }
    }
}

impl Change for Upload {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        let app = TestApp::on_aws().await;
        let ann = app.repo("ann", REPO, &["raw"], "private").await;
        stored(&ann, "a/1/first", "1").await;
        app.settle().await;
        (app, ann)
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        put(ann, "a/1/f", self.bytes.clone()).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let reader = app.restarted().token(ann.secret());
        let list = reader.get(&at("a")).await;
        assert_eq!(list.status, 200, "{}", list.text());
        let done = list.json().pointer("/versions/0/files").unwrap() == 2;
        let file = reader.get_with(&at("a/1/f"), &[("user-agent", "curl/8")]).await;
        assert_eq!(file.status, if done { 200 } else { 404 }, "{}", file.text());
        if done {
            assert!(file.body == self.bytes, "the bytes are those that were sent");
        }
        let bytes = if done { self.bytes.len() as u64 + 1 } else { 1 };
        assert_eq!(usage(app).await, (bytes, 1, 1));
        done
    }
}

fn check(tally: Tally) {
    assert!(tally.cases > 50 && tally.unnoticed > 20, "{tally:?}");
}

#[tokio::test]
async fn an_upload_is_whole_or_not_there() {
    check(every_call_fails(&Upload::of(100)).await);
}

/// What does not stay in memory is sent from a file, which the SDK cannot send again by itself.
#[tokio::test]
async fn so_is_a_large_upload() {
    check(every_call_fails(&Upload::of(1_500_000)).await);
}

#[tokio::test]
async fn reads_say_that_storage_fails_and_never_that_there_is_nothing() {
    let upload = Upload::of(300_000);
    let (app, ann) = upload.prepare().await;
    assert_eq!(upload.ask(&ann).await.status, 201);
    for path in ["a", "a/1", "a/1/first", "a/1/f"] {
        let read = async |app: &TestApp| app.token(ann.secret()).get(&at(path)).await;
        let tally = every_read_fails(&upload, &app, read).await;
        assert!(tally.cases >= 15 && tally.unnoticed >= 8, "{path}: {tally:?}");
    }
}
