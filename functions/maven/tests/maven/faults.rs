//! Storage that fails as AWS fails, at every call.

use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::{Actor, TestApp, TestResponse};

use super::support::{artifact_metadata, check, file, jar, pom, publish, put, texts};

async fn prepared(files: &[(String, Vec<u8>)]) -> (TestApp, Actor) {
    let app = TestApp::on_aws().await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    for (path, bytes) in files {
        publish(&ann, path, bytes.clone()).await;
    }
    app.settle().await;
    (app, ann)
}

/// Maven prints the title and the detail of a problem document.
fn sentence(response: &TestResponse) -> String {
    assert_eq!(response.header("content-type"), "application/problem+json");
    let body = response.json();
    assert_eq!(body["status"], 503);
    body["detail"].as_str().unwrap().to_owned()
}

/// The first file of an artifact.
struct FirstFile;

impl Change for FirstFile {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        prepared(&[]).await
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        put(ann, &file("1.0.0", ".jar"), jar("1.0.0")).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        let stored = check(app).await;
        let done = !stored.live.is_empty();
        let reader = app.restarted().token(ann.secret());
        let read = reader.get(&file("1.0.0", ".jar")).await;
        assert_eq!(read.status, if done { 200 } else { 404 }, "{}", read.text());
        assert!(!done || read.body == jar("1.0.0"));
        done
    }

    fn sentence(&self, response: &TestResponse) -> String {
        sentence(response)
    }
}

/// The POM that makes a version one that clients resolve.
struct Pom;

impl Change for Pom {
    type Place = Actor;

    async fn prepare(&self) -> (TestApp, Actor) {
        let before = [(file("1.0.0", ".jar"), jar("1.0.0")), (file("0.9", ".pom"), pom("0.9").into())];
        prepared(&before).await
    }

    async fn ask(&self, ann: &Actor) -> TestResponse {
        put(ann, &file("1.0.0", ".pom"), pom("1.0.0")).await
    }

    async fn is_done(&self, app: &TestApp, ann: &Actor) -> bool {
        check(app).await;
        let reader = app.restarted().token(ann.secret());
        let metadata = reader.get(&artifact_metadata()).await;
        assert_eq!(metadata.status, 200, "{}", metadata.text());
        let done = texts(&metadata.text(), "release") == ["1.0.0"];
        let read = reader.get(&file("1.0.0", ".pom")).await;
        assert_eq!(read.status, if done { 200 } else { 404 }, "{}", read.text());
        done
    }

    fn sentence(&self, response: &TestResponse) -> String {
        sentence(response)
    }
}

fn enough(tally: Tally) {
    assert!(tally.cases > 50 && tally.unnoticed > 20, "{tally:?}");
}

#[tokio::test]
async fn the_first_file_is_whole_or_not_there() {
    enough(every_call_fails(&FirstFile).await);
}

#[tokio::test]
async fn a_pom_completes_a_version_or_does_not() {
    enough(every_call_fails(&Pom).await);
}

/// Maven looks into the next repository for what is not there, and Gradle remembers that it is not.
#[tokio::test]
async fn reads_say_that_storage_fails_and_never_that_there_is_nothing() {
    let (app, ann) = Pom.prepare().await;
    for path in [
        file("1.0.0", ".jar"),
        file("1.0.0", ".jar.sha1"),
        artifact_metadata(),
        format!("{}.sha1", artifact_metadata()),
    ] {
        let read = async |app: &TestApp| app.token(ann.secret()).get(&path).await;
        let tally = every_read_fails(&Pom, &app, read).await;
        assert!(tally.cases >= 15 && tally.unnoticed >= 8, "{path}: {tally:?}");
    }
}
