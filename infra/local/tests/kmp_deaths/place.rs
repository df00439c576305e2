//! A registry that can be killed, with libraries, and the GitHub that its builds go to.

use std::time::Duration;

use granary_model::{Clock as _, SystemClock};
use granary_testing::TestIssuer;
use granary_testing::github::{FakeGithub, FakeRun, REPOSITORY};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::server::Server;

/// Where the builds of the repository are.
const BUILDS: &str = "/api/repos/apps/kmp/builds";

/// How often something is looked at until it has happened, and how long is waited each time. Together ten minutes at least: what
/// a dead process had to itself is free after two, the schedule comes every half minute, and the machine may stand still for one.
const LOOKS: usize = 12_000;
const PAUSE: Duration = Duration::from_millis(50);

/// A registry with a repository `apps` that watches a Maven repository.
pub(super) struct Place {
    pub(super) server: Server,
    pub(super) github: FakeGithub,
    issuer: TestIssuer,
    issuer_url: String,
    client: Client,
    token: String,
}

impl Place {
    /// With more variables than are needed to reach GitHub.
    pub(super) async fn new(more: &[(&'static str, &str)]) -> Self {
        let github = FakeGithub::start().await;
        let issuer = TestIssuer::default();
        let issuer_url = github.file("jwks.json", issuer.jwks().to_string());
        let discovery = json!({ "issuer": issuer_url, "jwks_uri": format!("{issuer_url}/jwks.json") });
        github.file(".well-known/openid-configuration", discovery.to_string());
        let mut variables = github.variables().to_vec();
        variables.push(("GRANARY_GITHUB_OIDC_ISSUER", issuer_url.clone()));
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let server = Server::start(&variables).await;
        let token = server.token();
        let client = Client::builder().no_proxy().build().unwrap();
        let place = Self { server, github, issuer, issuer_url, client, token };
        let config = json!({ "sourceType": "external", "sourceUrl": place.github.file("nothing", "") });
        let body = json!({ "name": "apps", "packageTypes": ["kmp"], "kmpConfig": config });
        place.expect(Method::POST, "/api/repos", Some(&body), 201).await;
        place
    }

    /// Watches a library that has one version, 1.0.0, of which an npm package is made.
    pub(super) async fn watch(&self, artifact: &str) {
        self.github.library("com.example", artifact, &["1.0.0"]);
        let body = json!({
            "groupId": "com.example", "artifactId": artifact, "npmPackageName": format!("@apps/{artifact}"),
            "enableSwift": false,
        });
        self.expect(Method::POST, "/api/repos/apps/kmp/watched", Some(&body), 201).await;
    }

    /// Looks for new versions.
    pub(super) async fn poll(&self) -> Value {
        self.expect(Method::POST, "/api/repos/apps/kmp/poll", None, 200).await
    }

    /// Looks for new versions until this library, of which nobody has seen one, has a build. Once is enough unless the machine
    /// stands still for longer than a look may take.
    pub(super) async fn find(&self, artifact: &str) {
        for _ in 0..LOOKS {
            let answer = self.poll().await;
            let results = answer["results"].as_array().unwrap();
            let found = results.iter().find(|result| result["artifactId"] == artifact).unwrap();
            // Somebody else may have made it: what there was no time for is looked at by the registry itself.
            if found["buildsTriggered"] == 1 || self.known(artifact).await.is_some() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{artifact} is not found:\n{}", self.server.log());
    }

    /// The build of a library, if it has one already.
    async fn known(&self, artifact: &str) -> Option<Value> {
        let builds = self.builds().await;
        let mut of_it = builds.iter().filter(|build| build["artifactId"] == artifact);
        let build = of_it.next().cloned();
        assert!(of_it.next().is_none(), "{artifact} has two builds: {builds:?}");
        build
    }

    /// The build of a library.
    pub(super) async fn build(&self, artifact: &str) -> Value {
        self.known(artifact)
            .await
            .unwrap_or_else(|| panic!("{artifact} has no build:\n{}", self.server.log()))
    }

    /// All builds.
    pub(super) async fn builds(&self) -> Vec<Value> {
        let list = self.expect(Method::GET, BUILDS, None, 200).await;
        list["builds"].as_array().unwrap().clone()
    }

    /// Waits until the build of a library is there and has this status.
    pub(super) async fn until(&self, artifact: &str, status: &str) -> Value {
        for _ in 0..LOOKS {
            if let Some(build) = self.known(artifact).await {
                if build["status"] == status {
                    return build;
                }
                assert!(
                    !is_over(&build),
                    "{artifact} is not to become {status} any more: {build}\n{}",
                    self.server.log()
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{artifact} never becomes {status}:\n{}", self.server.log());
    }

    /// Tells what has become of a run, as GitHub does.
    pub(super) async fn tell(&self, run: u64) {
        let hint = self.github.webhook(run);
        let mut request = self.client.post(format!("{}/api/kmp/webhooks/github", self.server.url()));
        for (name, value) in hint.headers() {
            request = request.header(name, value);
        }
        assert_eq!(request.body(hint.body).send().await.unwrap().status().as_u16(), 204);
    }

    /// Runs go on at GitHub, which tells of each, until all builds are over.
    pub(super) async fn until_all_end(&self) -> Vec<Value> {
        for _ in 0..LOOKS {
            let builds = self.builds().await;
            if builds.iter().all(is_over) {
                return builds;
            }
            self.github.advance("failure");
            for run in self.github.runs() {
                self.tell(run.id).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("not all end: {:?}\n{}", self.builds().await, self.server.log());
    }

    /// Begins a build again.
    async fn retry(&self, build: &Value) {
        let path = format!("{BUILDS}/{}", build["id"].as_str().unwrap());
        self.expect(Method::POST, &path, Some(&json!({ "action": "retry" })), 200).await;
    }

    /// Begins a build again that is over, and gives its new run. The registry answers before that is started if the machine stands
    /// still, and if it does so for longer than a build may take here, the build is over without a run, and is begun once more.
    pub(super) async fn begin_again(&self, build: &Value) -> FakeRun {
        let before = self.runs(build).len();
        self.retry(build).await;
        for _ in 0..LOOKS {
            let now = self.build(build["artifactId"].as_str().unwrap()).await;
            if let Some(run) = self.runs(build).get(before) {
                return run.clone();
            }
            if is_over(&now) {
                self.retry(build).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("there is no run of {build}:\n{}", self.server.log());
    }

    /// The runs of all attempts of a build, in their order.
    pub(super) fn runs(&self, build: &Value) -> Vec<FakeRun> {
        let of_it = format!("{}.", build["id"].as_str().unwrap());
        self.github.runs().into_iter().filter(|run| run.input.starts_with(&of_it)).collect()
    }

    /// No attempt was started twice.
    pub(super) fn assert_no_doubles(&self) {
        let doubled: Vec<_> = self.github.dispatches().into_iter().filter(|(_, count)| *count > 1).collect();
        assert!(doubled.is_empty(), "{doubled:?}\n{}", self.server.log());
    }

    /// An answer with this status.
    pub(super) async fn expect(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Value {
        let (found, text) = self.send(method, path, &self.token, body).await.unwrap();
        assert_eq!(found, status, "{path}: {text}\n{}", self.server.log());
        serde_json::from_str(&text).unwrap()
    }

    /// Calls with a token. An error: the connection broke.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<(u16, String)> {
        call(&self.client, method, &format!("{}{path}", self.server.url()), token, body).await
    }

    /// Sends bytes to an address that was given for them.
    pub(super) async fn put(&self, file: &Value, bytes: Vec<u8>) {
        let mut request = self.client.put(file["url"].as_str().unwrap()).body(bytes);
        let headers = file["headers"].as_object().unwrap().iter();
        for (name, value) in headers.filter(|(name, _)| *name != "content-length") {
            request = request.header(name, value.as_str().unwrap());
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    }

    /// The client, for calls that go on while the server dies.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The token of a build, for the ID token of the job of its run.
    pub(super) async fn job_token(&self, build: &Value) -> String {
        let now = SystemClock.now().seconds();
        let workflow = format!("{REPOSITORY}/.github/workflows/kmp-build.yml@refs/heads/main");
        let claims = json!({
            "iss": self.issuer_url, "aud": self.server.url(), "sub": format!("repo:{REPOSITORY}:ref:refs/heads/main"),
            "iat": now, "nbf": now, "exp": now + 300,
            "repository": REPOSITORY, "repository_id": "1", "ref": "refs/heads/main",
            "workflow_ref": workflow, "job_workflow_ref": workflow, "event_name": "workflow_dispatch",
            "run_id": build["githubRunId"].to_string(), "run_attempt": "1",
        });
        let path = format!("/api/kmp/builds/{}/token", build["id"].as_str().unwrap());
        let identity = self.issuer.id_token(&claims);
        let (status, text) = self.send(Method::POST, &path, &identity, None).await.unwrap();
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }
}

/// Calls an address with a token.
pub(super) async fn call(
    client: &Client,
    method: Method,
    address: &str,
    token: &str,
    body: Option<&Value>,
) -> reqwest::Result<(u16, String)> {
    let mut request = client.request(method, address).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?))
}

/// Whether a build has ended.
pub(super) fn is_over(build: &Value) -> bool {
    build["status"] == "success" || build["status"] == "failed"
}
