//! Deaths while a job hands over what it has made, and while that is published.

use std::time::Duration;

use granary_publish::digests::Digests;
use granary_testing::npm::NpmPackage;
use reqwest::Method;
use serde_json::{Value, json};

use super::place::{Place, call, is_over};

/// A job that has sent its package and is about to say so.
struct Job {
    artifact: String,
    /// Where it says so, without the server's address.
    path: String,
    token: String,
    body: Value,
}

impl Job {
    async fn new(place: &mut Place, artifact: &str) -> Self {
        place.watch(artifact).await;
        place.find(artifact).await;
        let queued = place.until(artifact, "queued").await;
        let token = place.job_token(&queued).await;
        let builds = format!("/api/kmp/builds/{}", queued["id"].as_str().unwrap());
        let claim = json!({ "runId": queued["githubRunId"], "attempt": 1 });
        // It has claimed its build, and goes on when the server is back.
        let claimed =
            place.send(Method::POST, &format!("{builds}/start"), &token, Some(&claim)).await.unwrap();
        assert_eq!(claimed.0, 200, "{}", claimed.1);
        place.server.die_and_return().await;
        assert_eq!(place.build(artifact).await["status"], "building");
        let name = format!("@apps/{artifact}");
        let tarball = NpmPackage::new(&name, "1.0.0").tarball();
        let digest = Digests::of(&tarball).sha256;
        let begin = json!({
            "repoId": "apps", "packageType": "npm", "packageName": name, "version": "1.0.0",
            "files": [{ "name": "lib.tgz", "size": tarball.len(), "sha256": digest }],
        });
        let (status, text) = place.send(Method::POST, "/api/uploads", &token, Some(&begin)).await.unwrap();
        assert_eq!(status, 201, "{text}");
        let begun: Value = serde_json::from_str(&text).unwrap();
        place.put(&begun["upload"]["files"][0], tarball).await;
        let body = json!({ "npm": { "uploadId": begun["upload"]["id"] } });
        Self { artifact: artifact.into(), path: format!("{builds}/complete"), token, body }
    }

    /// Says so again, as a job does whose connection broke.
    async fn complete(&self, place: &Place) -> u16 {
        let (status, text) =
            place.send(Method::POST, &self.path, &self.token, Some(&self.body)).await.unwrap();
        assert!(status < 500, "{text}");
        status
    }
}

#[tokio::test]
async fn what_a_job_hands_over_is_published_once_whenever_the_server_dies() {
    let mut place = Place::new(&[("GRANARY_KMP_POLL_INTERVAL", "86400")]).await;
    let mut jobs = Vec::new();
    for (round, millis) in [0_u64, 5, 10, 20, 40, 80, 160, 320, 640].into_iter().enumerate() {
        let job = Job::new(&mut place, &format!("lib{round}")).await;
        let (client, address) = (place.client(), format!("{}{}", place.server.url(), job.path));
        let (token, body) = (job.token.clone(), job.body.clone());
        let saying =
            tokio::spawn(async move { call(&client, Method::POST, &address, &token, Some(&body)).await });
        // Before it has arrived, while it is written down, while the package is verified and published, and after that.
        tokio::time::sleep(Duration::from_millis(millis)).await;
        place.server.die_and_return().await;
        if let Ok((status, text)) = saying.await.unwrap() {
            assert_eq!(status, 202, "{text}");
        }
        let build = place.build(&job.artifact).await;
        let again = job.complete(&place).await;
        // The token of a build ends with it.
        let expected: &[u16] = if is_over(&build) { &[200, 401, 403] } else { &[200, 202, 401, 403] };
        assert!(expected.contains(&again), "{again} for {build}");
        jobs.push(job);
    }
    for job in &jobs {
        let build = place.until(&job.artifact, "success").await;
        assert_eq!((build["npmPublished"].as_bool(), build["error"].as_str()), (Some(true), None));
        let path = format!("/api/npm/apps/@apps%2f{}", job.artifact);
        let packument = place.expect(Method::GET, &path, None, 200).await;
        assert_eq!(packument["dist-tags"], json!({ "latest": "1.0.0" }));
        assert_eq!(packument["versions"].as_object().unwrap().len(), 1);
    }
    assert_eq!(place.github.runs().len(), jobs.len());
    place.assert_no_doubles();
    // What is published stays so, whatever its run comes to at last.
    place.server.die_and_return().await;
    let ended = place.until_all_end().await;
    assert!(ended.iter().all(|build| build["status"] == "success"), "{ended:?}");
}
