//! Jobs that are done when their time is up.

use futures::future::join;
use granary_kmp::drive::{Progress, drive};
use granary_kmp::token;
use granary_model::kmp::BuildStatus;
use granary_publish::digests::Digests;
use granary_storage::rows::BuildRow;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestResponse};
use serde_json::{Value, json};

use super::support::{MINUTE, Place};

/// The default, in minutes.
const DEADLINE: i64 = 180;

/// A job that has claimed its build and sent its package, which it is about to hand over.
struct Job {
    actor: Actor,
    build: BuildRow,
    upload: Value,
}

impl Job {
    /// One that is there a minute before its time is up.
    async fn new(place: &Place) -> Self {
        let queued = place.step(&place.build_of("1.0.0", false).await).await;
        place.app.clock.advance_millis((DEADLINE - 1) * MINUTE);
        let issued = token::issue(&place.app.state().kmp_work(), &queued).await.unwrap();
        let actor = place.app.token(issued.token.expose());
        let claim = json!({ "runId": queued.run_id, "attempt": 1 });
        let claimed = actor.post_json(&format!("/api/kmp/builds/{}/start", queued.id), &claim).await;
        assert_eq!(claimed.status, 200, "{}", claimed.text());
        let tarball = NpmPackage::new("@apps/lib", "1.0.0").tarball();
        let digest = Digests::of(&tarball).sha256;
        let body = json!({
            "repoId": "apps", "packageType": "npm", "packageName": "@apps/lib", "version": "1.0.0",
            "files": [{ "name": "lib.tgz", "size": tarball.len(), "sha256": digest }],
        });
        let begun = actor.post_json("/api/uploads", &body).await;
        assert_eq!(begun.status, 201, "{}", begun.text());
        let upload = begun.json()["upload"].clone();
        send(&upload, tarball).await;
        Self { actor, build: place.read(&queued).await, upload }
    }

    async fn complete(&self) -> TestResponse {
        let body = json!({ "npm": { "uploadId": self.upload["id"] } });
        self.actor.post_json(&format!("/api/kmp/builds/{}/complete", self.build.id), &body).await
    }
}

/// Sends the bytes of an upload, unless the store has them already.
async fn send(upload: &Value, bytes: Vec<u8>) {
    let file = &upload["files"][0];
    if file["status"] != "pending" {
        return;
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(file["url"].as_str().unwrap()).body(bytes);
    let headers = file["headers"].as_object().unwrap().iter();
    for (name, value) in headers.filter(|(name, _)| *name != "content-length") {
        request = request.header(name, value.as_str().unwrap());
    }
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
}

/// Whether the package is to be seen.
async fn is_published(place: &Place) -> bool {
    place.app.user("ann").get("/api/npm/apps/@apps%2flib").await.status == 200
}

/// How the upload is, and why.
async fn session(place: &Place, job: &Job) -> (String, String) {
    let path = format!("/api/uploads/{}", job.upload["id"].as_str().unwrap());
    let response = place.app.user("ann").get(&path).await;
    let upload = response.json()["upload"].clone();
    let text = |name: &str| upload[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("error"))
}

#[tokio::test]
async fn what_comes_before_anybody_has_looked_at_the_clock_is_published() {
    let place = Place::new().await;
    let job = Job::new(&place).await;
    place.app.clock.advance_millis(2 * MINUTE);
    let handed_over = job.complete().await;
    assert_eq!(handed_over.status, 202, "{}", handed_over.text());
    // Whoever is about to give it up has read it before.
    let work = place.app.state().kmp_work();
    assert_eq!(drive(&work, &job.build).await.unwrap(), Progress::Overtaken);
    let done = place.step(&job.build).await;
    assert_eq!((done.status, done.error.as_deref()), (BuildStatus::Success, None));
    assert!(is_published(&place).await);
    assert!(!place.github.runs()[0].is_cancelled);
}

#[tokio::test]
async fn what_comes_after_it_was_given_up_is_refused_with_the_reason() {
    let place = Place::new().await;
    let job = Job::new(&place).await;
    place.app.clock.advance_millis(MINUTE);
    let failed = place.step(&job.build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    let refused = job.complete().await;
    assert!(matches!(refused.status, 401 | 403 | 409), "{} {}", refused.status, refused.text());
    assert_eq!(place.read(&job.build).await, failed);
    assert!(!is_published(&place).await);
    assert!(place.github.runs()[0].is_cancelled);
}

#[tokio::test]
async fn at_the_same_moment_it_is_either_and_never_half() {
    for _ in 0..8 {
        let place = Place::new().await;
        let job = Job::new(&place).await;
        place.app.clock.advance_millis(MINUTE);
        let work = place.app.state().kmp_work();
        let (handed_over, given_up) = join(job.complete(), drive(&work, &job.build)).await;
        let given_up = given_up.unwrap();
        let done = place.step(&job.build).await;
        let is_done = handed_over.status == 202;
        assert_eq!(given_up, if is_done { Progress::Overtaken } else { Progress::Moved });
        let expected = if is_done { BuildStatus::Success } else { BuildStatus::Failed };
        assert_eq!(done.status, expected, "{}", handed_over.text());
        assert_eq!((done.npm_published, is_published(&place).await), (is_done, is_done));
        assert_ne!(session(&place, &job).await.0, "processing");
    }
}

/// What cannot be published is given up as well, half an hour later, and its job learns of it from its upload.
#[tokio::test]
async fn what_was_handed_over_does_not_wait_for_ever() {
    let place = Place::new().await;
    let job = Job::new(&place).await;
    assert_eq!(job.complete().await.status, 202);
    assert_eq!(session(&place, &job).await.0, "processing");
    place.app.clock.advance_millis(31 * MINUTE);
    let failed = place.step(&job.build).await;
    assert_eq!((failed.status, failed.results.as_ref()), (BuildStatus::Failed, None));
    let (status, error) = session(&place, &job).await;
    assert_eq!((status.as_str(), Some(error.as_str())), ("failed", failed.error.as_deref()));
    assert!(!is_published(&place).await);
    let report = granary_kmp_builder::sweep(place.app.state()).await.unwrap();
    assert_eq!(report.due + report.waiting, 0);
}
