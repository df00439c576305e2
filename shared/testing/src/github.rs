//! A GitHub of a test's own: it counts what it is asked to start, loses answers, and tells of runs by webhooks.
//!
//! It also gives out files, so that a Maven repository elsewhere needs no second server.

mod answers;
mod mishaps;
mod webhook;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use granary_http::Config;
use granary_kmp::settings::{Builder, Github, GithubCredential, Secret};
use granary_model::{Clock as _, FixedClock, SystemClock, Timestamp};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use mishaps::{Doing, Trick};
pub use webhook::Webhook;

/// The repository with the workflow.
pub const REPOSITORY: &str = "acme/builds";

/// The personal token that is taken.
pub const TOKEN: &str = "ghp_testtokentesttokentesttoken";

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "a secret of webhooks";

/// The App's id.
const APP: &str = "4711";

/// How long anything is waited for: the machine of a test may stand still for a minute.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long an App's token is good, in milliseconds.
const TOKEN_MILLIS: i64 = 3_600_000;

/// How old a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It answers with the number of the run.
    Present,
    /// It does so if it is asked to, and does not know the present version of the interface.
    Older,
    /// It does not know how to.
    Oldest,
}

/// A run.
#[derive(Debug, Clone)]
pub struct FakeRun {
    /// Its number.
    pub id: u64,
    /// `<build>.<attempt>`.
    pub input: String,
    /// All inputs.
    pub inputs: BTreeMap<String, String>,
    /// `queued`, `in_progress` or `completed`.
    pub status: &'static str,
    /// Of a completed one.
    pub conclusion: Option<&'static str>,
    /// Whether somebody asked for it to be cancelled.
    pub is_cancelled: bool,
    created_at: Timestamp,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What it is for.
    pub doing: Doing,
    /// `X-GitHub-Api-Version`.
    pub version: String,
    /// What was in `Authorization` after `Bearer`.
    pub credential: String,
}

/// The fake. Clones are the same one.
#[derive(Clone)]
pub struct FakeGithub {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for FakeGithub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeGithub")
    }
}

struct Inner {
    address: String,
    age: Age,
    /// Made when it is needed: that takes a while.
    key: OnceLock<KeyPair>,
    arrived: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clock: Option<Arc<FixedClock>>,
    files: BTreeMap<String, Bytes>,
    runs: Vec<FakeRun>,
    asked: Vec<Asked>,
    tricks: Vec<(Doing, Trick)>,
    /// Tokens of the App with their ends.
    tokens: Vec<(String, Timestamp)>,
}

impl FakeGithub {
    /// Starts one on a port of its own.
    pub async fn start() -> Self {
        Self::of_age(Age::Present).await
    }

    /// Starts one that is older.
    pub async fn of_age(age: Age) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Inner {
            address: format!("http://{}", listener.local_addr().unwrap()),
            age,
            key: OnceLock::new(),
            arrived: Notify::new(),
            state: Mutex::default(),
        };
        let github = Self { inner: Arc::new(inner) };
        tokio::spawn(github.clone().serve(listener));
        github
    }

    async fn serve(self, listener: TcpListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let github = self.clone();
            let service = service_fn(move |request| github.clone().respond(request));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Connections that are broken on purpose end with an error.
            tokio::spawn(async move { connection.await.ok() });
        }
    }

    async fn respond(self, request: Request<Incoming>) -> std::io::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let doing = Doing::of(&parts);
        let header = |name: &str| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let asked = Asked {
            doing,
            version: header("x-github-api-version"),
            credential: header("authorization").trim_start_matches("Bearer ").to_owned(),
        };
        let trick = {
            let mut state = self.state();
            state.asked.push(asked.clone());
            let found = state.tricks.iter().position(|(of, _)| *of == doing);
            found.map(|at| state.tricks.remove(at).1)
        };
        self.inner.arrived.notify_one();
        let act = || self.answer(&asked, &parts, &body);
        mishaps::perform(trick, act).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of the test; without one it is the machine's.
    pub fn keep_time(&self, clock: &Arc<FixedClock>) {
        self.state().clock = Some(Arc::clone(clock));
    }

    fn now(&self) -> Timestamp {
        self.state().clock.as_ref().map_or_else(|| SystemClock.now(), |clock| clock.now())
    }

    /// What makes a registry that is a process of its own have its builds made here, with a personal token.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("GRANARY_GITHUB_API_URL", self.inner.address.clone()),
            ("GRANARY_GITHUB_REPOSITORY", REPOSITORY.into()),
            ("GRANARY_GITHUB_TOKEN", TOKEN.into()),
            ("GRANARY_GITHUB_WEBHOOK_SECRET", WEBHOOK_SECRET.into()),
            ("GRANARY_ALLOW_PRIVATE_SOURCES", "true".into()),
        ]
    }

    /// Makes builds go here, with a personal token.
    pub fn configure(&self, config: &mut Config) {
        self.configure_with(config, GithubCredential::Token(Secret(TOKEN.into())));
    }

    /// Makes builds go here, as an App.
    pub fn configure_app(&self, config: &mut Config) {
        let id = APP.to_owned();
        self.configure_with(config, GithubCredential::App { id, key: Secret(self.app_key()) });
    }

    /// Makes builds go here, with any credential.
    pub fn configure_with(&self, config: &mut Config, credential: GithubCredential) {
        config.kmp.allow_private_sources = true;
        config.kmp.github_patience = PATIENCE;
        config.kmp.builder = Builder::Github(Github {
            api_url: self.inner.address.clone(),
            repository: REPOSITORY.into(),
            workflow: "kmp-build.yml".into(),
            git_ref: "main".into(),
            credential,
            webhook_secret: Some(Secret(WEBHOOK_SECRET.into())),
            oidc_issuer: "https://issuer.example.com".into(),
            oidc_audience: config.public_url.clone(),
        });
    }

    fn key(&self) -> &KeyPair {
        self.inner.key.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    /// The App's private key, in the form that GitHub gives it in.
    pub fn app_key(&self) -> String {
        let der = AsDer::<Pkcs8V1Der<'static>>::as_der(self.key()).unwrap();
        // What is inside of PKCS #8 is PKCS #1.
        pem("RSA PRIVATE KEY", &der.as_ref()[26..])
    }

    /// Gives out a file, and says where the repository is that it is in.
    pub fn file(&self, path: &str, bytes: impl Into<Bytes>) -> String {
        self.state().files.insert(path.to_owned(), bytes.into());
        format!("{}/files", self.inner.address)
    }

    /// What happens to the next call of a kind, after those that were said before.
    pub fn trick(&self, doing: Doing, trick: Trick) {
        self.state().tricks.push((doing, trick));
    }

    /// Waits until there were so many calls of a kind. One test at a time waits.
    ///
    /// # Panics
    /// If they do not come within minutes.
    pub async fn until_asked(&self, doing: Doing, times: usize) {
        let asked = async {
            while self.count(doing) < times {
                self.inner.arrived.notified().await;
            }
        };
        let is_asked = tokio::time::timeout(PATIENCE, asked).await.is_ok();
        assert!(is_asked, "{doing:?} is not asked for {times} times: {:?}", self.asked());
    }

    /// All calls so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How many calls of a kind there were.
    pub fn count(&self, doing: Doing) -> usize {
        self.state().asked.iter().filter(|asked| asked.doing == doing).count()
    }

    /// All runs, in the order in which they were started.
    pub fn runs(&self) -> Vec<FakeRun> {
        self.state().runs.clone()
    }

    /// How many runs were started of each attempt of each build.
    pub fn dispatches(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for run in &self.state().runs {
            *counts.entry(run.input.clone()).or_default() += 1;
        }
        counts
    }

    /// Puts a run into a state.
    pub fn set(&self, id: u64, status: &'static str, conclusion: Option<&'static str>) {
        let mut state = self.state();
        let run = state.runs.iter_mut().find(|run| run.id == id).unwrap();
        (run.status, run.conclusion) = (status, conclusion);
    }

    /// Takes every run that is not over one state further; they end with this conclusion.
    pub fn advance(&self, conclusion: &'static str) {
        for run in &mut self.state().runs {
            (run.status, run.conclusion) = match run.status {
                "queued" => ("in_progress", None),
                "in_progress" => ("completed", Some(conclusion)),
                _ => (run.status, run.conclusion),
            };
        }
    }

    /// Forgets a run, as if somebody had deleted it.
    pub fn forget(&self, id: u64) {
        self.state().runs.retain(|run| run.id != id);
    }

    fn run_json(&self, run: &FakeRun) -> Value {
        serde_json::json!({
            "id": run.id, "name": "kmp-build", "display_title": format!("kmp {}", run.input),
            "event": "workflow_dispatch", "status": run.status, "conclusion": run.conclusion, "run_attempt": 1,
            "html_url": format!("https://github.example/{REPOSITORY}/actions/runs/{}", run.id),
            "url": format!("{}/repos/{REPOSITORY}/actions/runs/{}", self.inner.address, run.id),
            "created_at": run.created_at.rfc3339_seconds(), "run_started_at": run.created_at.rfc3339_seconds(),
        })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
