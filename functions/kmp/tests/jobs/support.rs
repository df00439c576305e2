//! A registry with a build that a run at GitHub is to do, and its job.

use granary_kmp::drive::drive;
use granary_kmp::poll::new_build;
use granary_kmp::settings::Builder;
use granary_kmp::{store, token};
use granary_model::Clock as _;
use granary_model::RepoId;
use granary_model::kmp::BuildStatus;
use granary_publish::digests::Digests;
use granary_storage::rows::{BuildRow, Dispatch, Outputs, PollState, RepoRow, WatchedRow};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::github::{FakeGithub, REPOSITORY};
use granary_testing::npm::NpmPackage;
use granary_testing::swift::simple_archive;
use granary_testing::{Actor, PUBLIC_URL, TestApp, TestIssuer, TestResponse};
use serde_json::{Value, json};

/// The repository that packages are published to.
pub(super) const REPO: &str = "apps";

/// The run that builds.
pub(super) const RUN: u64 = 7;

/// Name of the npm package, and where it is read.
pub(super) const NPM: &str = "@apps/lib";
const PACKUMENT: &str = "/api/npm/apps/@apps%2flib";

pub(super) struct Place {
    pub(super) app: TestApp,
    pub(super) github: FakeGithub,
    /// Who signs ID tokens of jobs.
    pub(super) issuer: TestIssuer,
    /// Its address.
    pub(super) issuer_url: String,
    /// The owner, with a token of all scopes.
    pub(super) ann: Actor,
}

impl Place {
    /// With a repository of type `kmp` and no other.
    pub(super) async fn new() -> Self {
        Self::of_types(&["kmp"]).await
    }

    pub(super) async fn of_types(types: &[&str]) -> Self {
        let github = FakeGithub::start().await;
        let issuer = TestIssuer::default();
        let issuer_url = github.file("jwks.json", issuer.jwks().to_string());
        let discovery = json!({ "issuer": issuer_url, "jwks_uri": format!("{issuer_url}/jwks.json") });
        github.file(".well-known/openid-configuration", discovery.to_string());
        let app = TestApp::with(|config| {
            github.configure(config);
            if let Builder::Github(settings) = &mut config.kmp.builder {
                settings.oidc_issuer.clone_from(&issuer_url);
            }
        })
        .await;
        github.keep_time(&app.clock);
        let libs = app.repo("ann", "libs", &["maven"], "private").await;
        let body = json!({
            "name": REPO, "packageTypes": types, "visibility": "private",
            "kmpConfig": { "sourceType": "artifacts", "sourceRepoId": "libs" },
        });
        let made = app.user("ann").post_json("/api/repos", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        Self { app, github, issuer, issuer_url, ann: libs }
    }

    /// A build of version 1.0.0 that run [`RUN`] was started for.
    pub(super) async fn build(&self) -> BuildRow {
        self.build_of("1.0.0", |_| {}).await
    }

    pub(super) async fn build_of(&self, version: &str, change: impl FnOnce(&mut BuildRow)) -> BuildRow {
        let work = self.app.state().kmp_work();
        let repo: RepoId = REPO.parse().unwrap();
        let row: RepoRow = work.storage.get(&Key::Repo(repo.clone())).await.unwrap().unwrap();
        let watched = WatchedRow {
            id: "watched".into(),
            repo,
            repo_uid: row.uid,
            group: "com.example".parse().unwrap(),
            artifact: "lib".parse().unwrap(),
            outputs: Outputs {
                npm: Some(NPM.parse().unwrap()),
                swift: Some("apps.lib".parse().unwrap()),
                enable_npm: true,
                enable_swift: true,
                apple_targets: vec!["iosArm64".parse().unwrap()],
            },
            created_at: work.now,
            updated_at: work.now,
            rev: 1,
            poll: PollState::default(),
        };
        let key = Key::Watched(watched.repo.clone(), watched.id.clone());
        work.storage.put(&key, &watched).await.unwrap();
        let mut row = new_build(&work, &watched, &version.parse().unwrap(), BuildStatus::Pending);
        row.status = BuildStatus::Queued;
        row.dispatch = Dispatch::Sent(work.now.millis());
        row.run_id = Some(RUN);
        change(&mut row);
        let mut transaction = Transaction::new();
        store::add(&mut transaction, &row).unwrap();
        assert!(matches!(work.storage.commit(transaction).await.unwrap(), Commit::Done));
        row
    }

    /// The build as it is.
    pub(super) async fn read(&self, build: &BuildRow) -> BuildRow {
        self.app.read_build(build).await
    }

    /// Writes a build as a test wants it.
    pub(super) async fn write(&self, build: &BuildRow) {
        self.app.write_build(build).await;
    }

    /// What GitHub says of the job of a run.
    pub(super) fn claims(&self) -> Value {
        let now = self.app.clock.now().seconds();
        let workflow = format!("{REPOSITORY}/.github/workflows/kmp-build.yml@refs/heads/main");
        json!({
            "iss": self.issuer_url, "aud": PUBLIC_URL, "sub": format!("repo:{REPOSITORY}:ref:refs/heads/main"),
            "iat": now, "nbf": now, "exp": now + 300,
            "repository": REPOSITORY, "repository_id": "1", "ref": "refs/heads/main",
            "workflow_ref": workflow, "job_workflow_ref": workflow, "event_name": "workflow_dispatch",
            "run_id": RUN.to_string(), "run_attempt": "1",
        })
    }

    /// Exchanges an ID token with these claims.
    pub(super) async fn exchange(&self, build: &str, claims: &Value) -> TestResponse {
        self.exchange_token(build, &self.issuer.id_token(claims)).await
    }

    pub(super) async fn exchange_token(&self, build: &str, token: &str) -> TestResponse {
        self.app.token(token).request("POST", &format!("/api/kmp/builds/{build}/token"), &[], "").await
    }

    /// The job of a build, as it has proved itself.
    pub(super) async fn job(&self, build: &BuildRow) -> Job {
        let response = self.exchange(&build.id, &self.claims()).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let actor = self.app.token(response.json()["token"].as_str().unwrap());
        Job { actor, build: build.clone() }
    }

    /// A job with a token that was made without GitHub.
    pub(super) async fn local_job(&self, build: &BuildRow) -> Job {
        let issued = token::issue(&self.app.state().kmp_work(), build).await.unwrap();
        Job { actor: self.app.token(issued.token.expose()), build: build.clone() }
    }

    /// A build whose job has handed over both packages, and the sessions.
    pub(super) async fn handed_over(&self, build: &BuildRow) -> (Job, Value, Value) {
        let job = self.job(build).await;
        assert_eq!(job.start(RUN, 1).await.status, 200);
        let (npm, swift) = (job.upload_npm().await, job.upload_swift().await);
        let response = job.complete(&uploads(&npm, &swift)).await;
        assert_eq!(response.status, 202, "{}", response.text());
        (job, npm, swift)
    }

    /// Goes on with a build until it ends.
    pub(super) async fn go_on(&self, build: &BuildRow) -> BuildRow {
        for _ in 0..20 {
            let row = self.read(build).await;
            if !row.status.is_under_way() {
                return row;
            }
            drive(&self.app.state().kmp_work(), &row).await.unwrap();
        }
        panic!("the build never ends: {:?}", self.read(build).await);
    }

    /// Whether a version is to be seen: the npm package, and the Swift one.
    pub(super) async fn seen(&self, version: &str) -> (bool, bool) {
        (self.sees_npm(version).await, self.sees_swift(version).await)
    }

    pub(super) async fn sees_npm(&self, version: &str) -> bool {
        let response = self.ann.get(PACKUMENT).await;
        assert!(matches!(response.status, 200 | 404), "{}", response.text());
        response.status == 200 && response.json()["versions"].get(version).is_some()
    }

    pub(super) async fn sees_swift(&self, version: &str) -> bool {
        let response = self.ann.get(&format!("/api/swift/apps/apps/lib/{version}")).await;
        assert!(matches!(response.status, 200 | 404), "{}", response.text());
        response.status == 200
    }

    /// The packument.
    pub(super) async fn packument(&self) -> Value {
        let response = self.ann.get(PACKUMENT).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// How a session is.
    pub(super) async fn session(&self, upload: &Value) -> (String, String) {
        let response = self.ann.get(&path(upload)).await;
        let upload = response.json()["upload"].clone();
        let text = |name: &str| upload[name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("error"))
    }

    /// How often something was done to the repository, by its log.
    pub(super) async fn logged(&self, action: &str) -> usize {
        let log = self.app.audit(&format!("repo:{REPO}")).await;
        log.iter().filter(|row| row["action"] == action).count()
    }
}

/// The job of a build.
pub(super) struct Job {
    pub(super) actor: Actor,
    pub(super) build: BuildRow,
}

impl Job {
    pub(super) async fn start(&self, run: u64, attempt: u64) -> TestResponse {
        let path = format!("/api/kmp/builds/{}/start", self.build.id);
        self.actor.post_json(&path, &json!({ "runId": run, "attempt": attempt })).await
    }

    pub(super) async fn complete(&self, body: &Value) -> TestResponse {
        self.actor.post_json(&format!("/api/kmp/builds/{}/complete", self.build.id), body).await
    }

    fn version(&self) -> String {
        self.build.package_version.as_ref().unwrap().to_string()
    }

    /// The tarball that the job makes.
    pub(super) fn tarball(&self) -> Vec<u8> {
        NpmPackage::new(NPM, &self.version()).tarball()
    }

    /// The archive that it makes.
    pub(super) fn archive(&self) -> Vec<u8> {
        simple_archive(&self.version())
    }

    /// What is said of the npm package before it is sent.
    pub(super) fn npm(&self, tarball: &[u8]) -> Value {
        json!({
            "repoId": REPO, "packageType": "npm", "packageName": NPM, "version": self.version(),
            "files": [announced("lib.tgz", tarball)],
        })
    }

    /// What is said of the Swift package before it is sent.
    pub(super) fn swift(&self, archive: &[u8]) -> Value {
        json!({
            "repoId": REPO, "packageType": "swift", "scope": "apps", "packageName": "lib", "version": self.version(),
            "files": [announced("lib.zip", archive)],
        })
    }

    pub(super) async fn begin(&self, body: &Value) -> Value {
        let response = self.actor.post_json("/api/uploads", body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["upload"].clone()
    }

    /// Begins a session and sends the bytes, where they have to be sent.
    pub(super) async fn upload(&self, body: &Value, bytes: &[u8]) -> Value {
        let upload = self.begin(body).await;
        send(&upload, bytes).await;
        upload
    }

    pub(super) async fn upload_npm(&self) -> Value {
        let tarball = self.tarball();
        self.upload(&self.npm(&tarball), &tarball).await
    }

    pub(super) async fn upload_swift(&self) -> Value {
        let archive = self.archive();
        self.upload(&self.swift(&archive), &archive).await
    }
}

/// A file as it is announced.
pub(super) fn announced(name: &str, bytes: &[u8]) -> Value {
    json!({ "name": name, "size": bytes.len(), "sha256": Digests::of(bytes).sha256 })
}

/// Sends the bytes of a session with one file.
pub(super) async fn send(upload: &Value, bytes: &[u8]) {
    let file = &upload["files"][0];
    if file["status"] != "pending" {
        return;
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(file["url"].as_str().unwrap()).body(bytes.to_vec());
    for (name, value) in
        file["headers"].as_object().unwrap().iter().filter(|(name, _)| *name != "content-length")
    {
        request = request.header(name, value.as_str().unwrap());
    }
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
}

/// Path of a session.
pub(super) fn path(upload: &Value) -> String {
    format!("/api/uploads/{}", upload["id"].as_str().unwrap())
}

/// What a job says that has both.
pub(super) fn uploads(npm: &Value, swift: &Value) -> Value {
    json!({ "npm": { "uploadId": npm["id"] }, "swift": { "uploadId": swift["id"] } })
}
