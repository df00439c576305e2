//! The jobs of the workflow against a real registry: what the dispatch says becomes their environment, and they prove
//! themselves as jobs at GitHub do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path as Segment, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use granary_kmp::settings::Builder;
use granary_model::kmp::BuildStatus;
use granary_model::{Clock as _, FixedClock};
use granary_storage::rows::{BuildRow, Outputs};
use granary_testing::TestIssuer;
use granary_testing::github::{FakeGithub, FakeRun, REPOSITORY};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::support::Place;

const WORKFLOW: &str = include_str!("../../../../infra/github/kmp-build.yml");

/// What a job needs to ask for its identity.
const REQUEST_TOKEN: &str = "a token of the job";

/// Exit codes of the scripts.
const DONE: i32 = 0;
const CLAIM_LOST: i32 = 13;
const BUILD_FAILED: i32 = 14;

/// How often a job is looked at, and how long is waited each time: ten minutes together.
const LOOKS: usize = 12_000;
const PAUSE: Duration = Duration::from_millis(50);

/// The part of GitHub that tells jobs who they are.
struct Identities {
    issuer: TestIssuer,
    url: String,
    clock: Arc<FixedClock>,
}

/// The identity of a job of a run. Its address has a query already, to which the audience is added.
async fn identity(
    State(identities): State<Arc<Identities>>,
    Segment(run): Segment<u64>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let word = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = word
        .split_once(' ')
        .is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && token == REQUEST_TOKEN);
    if !is_known {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "unknown job" })));
    }
    if query.get("api-version").map(String::as_str) != Some("2.0") {
        return (StatusCode::BAD_REQUEST, Json(json!({ "message": "the query is lost" })));
    }
    let now = identities.clock.now().seconds();
    let workflow = format!("{REPOSITORY}/.github/workflows/kmp-build.yml@refs/heads/main");
    let claims = json!({
        "iss": identities.url, "aud": query["audience"], "sub": format!("repo:{REPOSITORY}:ref:refs/heads/main"),
        "iat": now, "nbf": now, "exp": now + 300,
        "repository": REPOSITORY, "repository_id": "1", "ref": "refs/heads/main",
        "workflow_ref": workflow, "job_workflow_ref": workflow, "event_name": "workflow_dispatch",
        "run_id": run.to_string(), "run_attempt": "1",
    });
    (StatusCode::OK, Json(json!({ "count": 1, "value": identities.issuer.id_token(&claims) })))
}

/// A registry that jobs reach, and where they get their identities.
struct Site {
    place: Place,
    registry: String,
    identities: String,
}

impl Site {
    async fn new() -> Self {
        let github = FakeGithub::start().await;
        let issuer = TestIssuer::default();
        let url = github.file("jwks.json", issuer.jwks().to_string());
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks.json") });
        github.file(".well-known/openid-configuration", discovery.to_string());
        let (listener, registry) = listen().await;
        let place = Place::of(github, |github, config| {
            config.public_url.clone_from(&registry);
            config.kmp.public_url.clone_from(&registry);
            github.configure(config);
            if let Builder::Github(settings) = &mut config.kmp.builder {
                settings.oidc_issuer.clone_from(&url);
            }
        })
        .await;
        place.app.serve_on(listener);
        let (listener, identities) = listen().await;
        let state = Arc::new(Identities { issuer, url, clock: Arc::clone(&place.app.clock) });
        let router = Router::new().route("/{run}", get(identity)).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { place, registry, identities }
    }

    /// The run that was started last, of this build, as it begins.
    fn run(&self, build: &BuildRow) -> Run<'_> {
        let fake = self.place.github.runs().pop().unwrap();
        assert!(fake.input.starts_with(&build.id), "{fake:?}");
        self.place.github.set(fake.id, "in_progress", None);
        Run { site: self, build: build.clone(), fake, folder: TempDir::new().unwrap() }
    }

    async fn sees_npm(&self) -> bool {
        self.sees("/api/npm/apps/@apps%2flib/1.0.0").await
    }

    async fn sees_swift(&self) -> bool {
        self.sees("/api/swift/apps/apps/lib/1.0.0").await
    }

    async fn sees(&self, path: &str) -> bool {
        let found = self.place.app.user("ann").get(path).await;
        assert!(matches!(found.status, 200 | 404), "{}", found.text());
        found.status == 200
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

fn infra(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/github").join(path)
}

/// A run of the workflow. Its jobs share a folder, which takes the place of GitHub's artifacts.
struct Run<'a> {
    site: &'a Site,
    build: BuildRow,
    fake: FakeRun,
    folder: TempDir,
}

impl Run<'_> {
    fn wants(&self, input: &str) -> bool {
        !self.fake.inputs[input].is_empty()
    }

    /// A program with the environment that the workflow and GitHub give to its jobs, and nothing else.
    fn program(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.env_clear().current_dir(self.folder.path()).kill_on_drop(true);
        for name in ["PATH", "HOME", "TMPDIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        for (name, value) in environment() {
            let value = if let Some(input) = value.strip_prefix("inputs.") {
                &self.fake.inputs[input]
            } else {
                assert_eq!(value, "vars.GRANARY_URL");
                &self.site.registry
            };
            command.env(name, value);
        }
        let identity = format!("{}/{}?api-version=2.0", self.site.identities, self.fake.id);
        command
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", identity)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
            .env("GITHUB_RUN_ID", self.fake.id.to_string())
            .env("GITHUB_RUN_ATTEMPT", "1");
        command
    }

    /// Leaves a package as the job that makes it does, where the last job gets it from.
    async fn make(&self, kind: &str) {
        let out = self.folder.path().join(download(kind));
        let mut node = self.program(Path::new("node"));
        let made = node.arg(infra("build/test/results.mjs")).arg(kind).arg(out).output().await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Leaves the reason why there is none.
    fn fail(&self, kind: &str, why: &str) {
        let out = self.folder.path().join(download(kind));
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("error.txt"), why).unwrap();
    }

    /// Does a job to its end, while the registry goes on as well: its exit code and what it has printed.
    async fn job(&self, job: &str) -> (i32, String) {
        assert!(WORKFLOW.contains(&format!("        run: infra/github/build/job {job}\n")));
        let mut command = self.program(&infra("build/job"));
        let running = command.arg(job).output();
        tokio::pin!(running);
        for _ in 0..LOOKS {
            tokio::select! {
                ended = &mut running => {
                    let ended = ended.unwrap();
                    let text = [ended.stdout, ended.stderr].concat();
                    let text = String::from_utf8_lossy(&text).into_owned();
                    for secret in ["bld_", REQUEST_TOKEN] {
                        assert!(!text.contains(secret), "{text}");
                    }
                    return (ended.status.code().unwrap(), text);
                }
                () = tokio::time::sleep(PAUSE) => {
                    // A message that is not followed up comes again.
                    self.site.place.hint(&self.build).await.ok();
                }
            }
        }
        panic!("the job {job} never ends: {:?}", self.site.place.read(&self.build).await);
    }

    async fn expect(&self, job: &str, code: i32) -> String {
        let (found, text) = self.job(job).await;
        assert_eq!(found, code, "{job}: {text}");
        text
    }
}

/// Where the workflow puts an artifact.
fn download(kind: &str) -> &'static str {
    let start = format!("        with: {{ name: {kind}, path: results/");
    let line = WORKFLOW.lines().find(|line| line.starts_with(&start)).unwrap();
    line.split_once("path: ").unwrap().1.trim_end_matches(" }")
}

/// Names and expressions of the environment of all jobs.
fn environment() -> Vec<(&'static str, &'static str)> {
    let (_, rest) = WORKFLOW.split_once("\nenv:\n").unwrap();
    let lines = rest.lines().take_while(|line| line.starts_with("  "));
    let pairs = lines.map(|line| {
        let (name, value) = line.trim().split_once(": ${{ ").unwrap();
        (name, value.strip_suffix(" }}").unwrap())
    });
    pairs.collect()
}

#[tokio::test]
async fn the_jobs_of_a_run_claim_its_build_and_publish_what_is_wanted() {
    for (npm, swift) in [(true, true), (true, false), (false, true)] {
        let site = Site::new().await;
        let mut build = site.place.build_of("1.0.0", swift).await;
        build.outputs = Outputs { enable_npm: npm, ..build.outputs };
        site.place.write(&build).await;
        assert_eq!(site.place.step(&build).await.status, BuildStatus::Queued);
        let run = site.run(&build);
        assert_eq!((run.wants("npm_name"), run.wants("swift_package")), (npm, swift));
        run.expect("claim", DONE).await;
        let claimed = site.place.read(&build).await;
        assert_eq!((claimed.status, claimed.claimed_by), (BuildStatus::Building, Some((run.fake.id, 1))));
        for (kind, _) in [("npm", npm), ("swift", swift)].into_iter().filter(|(_, wanted)| *wanted) {
            run.make(kind).await;
        }
        run.expect("publish", DONE).await;
        let done = site.place.read(&build).await;
        assert_eq!((done.status, done.error.as_deref()), (BuildStatus::Success, None));
        assert_eq!((done.npm_published, done.swift_published), (npm, swift));
        assert_eq!((site.sees_npm().await, site.sees_swift().await), (npm, swift));
    }
}

#[tokio::test]
async fn the_half_that_was_made_is_published_and_a_retry_makes_the_other_one() {
    for (made, missing) in [("npm", "swift"), ("swift", "npm")] {
        let site = Site::new().await;
        let build = site.place.build().await;
        site.place.step(&build).await;
        let run = site.run(&build);
        run.expect("claim", DONE).await;
        run.make(made).await;
        run.fail(missing, "the compiler does not want to\n");
        let told = run.expect("publish", BUILD_FAILED).await;
        assert!(told.contains("the compiler does not want to"), "{told}");
        let failed = site.place.read(&build).await;
        assert_eq!(failed.status, BuildStatus::Failed);
        assert_eq!(failed.error, Some(format!("{missing}: the compiler does not want to")));
        assert_eq!((failed.npm_published, failed.swift_published), (made == "npm", made == "swift"));
        assert_eq!((site.sees_npm().await, site.sees_swift().await), (made == "npm", made == "swift"));

        let path = format!("/api/repos/apps/kmp/builds/{}", build.id);
        let again = site.place.app.user("ann").post_json(&path, &json!({ "action": "retry" })).await;
        assert_eq!(again.status, 200, "{}", again.text());
        let run = site.run(&build);
        assert_eq!(
            (run.wants("npm_name"), run.wants("swift_package")),
            (missing == "npm", missing == "swift")
        );
        run.expect("claim", DONE).await;
        run.make(missing).await;
        run.expect("publish", DONE).await;
        let done = site.place.read(&build).await;
        assert_eq!((done.status, done.error.as_deref()), (BuildStatus::Success, None));
        assert!(site.sees_npm().await && site.sees_swift().await);
        site.place.assert_no_doubles();
    }
}

#[tokio::test]
async fn a_run_that_has_not_got_the_build_ends_at_its_claim() {
    let site = Site::new().await;
    let build = site.place.build().await;
    site.place.step(&build).await;
    let run = site.run(&build);
    let mut stranger = site.run(&build);
    stranger.fake.id += 1;
    let told = stranger.expect("claim", CLAIM_LOST).await;
    assert!(told.contains("another run has this build"), "{told}");
    assert_eq!(site.place.read(&build).await.claimed_by, None);
    run.expect("claim", DONE).await;
    stranger.expect("claim", CLAIM_LOST).await;
    assert_eq!(site.place.read(&build).await.claimed_by, Some((run.fake.id, 1)));
}

#[tokio::test]
async fn nothing_that_the_jobs_have_left_is_told_with_how_they_ended() {
    let site = Site::new().await;
    let build = site.place.build().await;
    site.place.step(&build).await;
    let run = site.run(&build);
    run.expect("claim", DONE).await;
    run.expect("publish", BUILD_FAILED).await;
    let failed = site.place.read(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert_eq!(failed.error.as_deref(), Some("npm: it has left nothing\nswift: it has left nothing"));
    assert_eq!((site.sees_npm().await, site.sees_swift().await), (false, false));
}

/// Lines of the workflow that begin with a key, without it.
fn values(key: &str) -> impl Iterator<Item = &'static str> {
    let lines = WORKFLOW.lines().map(|line| line.trim_start().trim_start_matches("- "));
    lines.filter_map(move |line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

#[tokio::test]
async fn the_workflow_takes_what_the_registry_says_and_passes_all_of_it_on() {
    let place = Place::new().await;
    place.step(&place.build().await).await;
    let run = place.github.runs().remove(0);
    let told: BTreeSet<&str> = run.inputs.keys().map(String::as_str).collect();
    let (_, rest) = WORKFLOW.split_once("\n    inputs:\n").unwrap();
    let lines = rest.lines().take_while(|line| line.starts_with("      "));
    let declared: Vec<&str> = lines.map(|line| line.trim().split_once(": {").unwrap().0).collect();
    assert_eq!(declared.len(), 10, "older servers take no more");
    assert_eq!(declared.into_iter().collect::<BTreeSet<_>>(), told);
    let passed: BTreeSet<&str> =
        environment().into_iter().filter_map(|(_, value)| value.strip_prefix("inputs.")).collect();
    assert_eq!(passed, told);
}

/// Inputs come from strangers, and actions are programs of others.
#[test]
fn the_workflow_trusts_nobody() {
    let (top, jobs) = WORKFLOW.split_once("\njobs:\n").unwrap();
    assert!(top.contains("\npermissions: {}\n"));
    let is_job = |line: &&str| {
        line.starts_with("  ") && line.ends_with(':') && line.trim_start().len() + 2 == line.len()
    };
    let number = jobs.lines().filter(is_job).count();
    assert_eq!(number, 5);
    let permissions: Vec<&str> = values("permissions").filter(|value| *value != "{}").collect();
    assert_eq!(permissions, vec!["{ contents: read, id-token: write }"; number]);
    assert_eq!(values("timeout-minutes").count(), number);

    let mut checkouts = 0;
    for action in values("uses") {
        let (name, version) = action.split_once('@').unwrap();
        assert!(name.starts_with("actions/"), "{action}");
        let commit = version.split(' ').next().unwrap();
        assert!(commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{action}");
        checkouts += usize::from(name == "actions/checkout");
    }
    assert_eq!(checkouts, number);
    assert_eq!(WORKFLOW.matches("persist-credentials: false").count(), number);

    let commands: Vec<&str> = values("run").filter(|command| !command.is_empty()).collect();
    assert_eq!(commands.len(), 6);
    for command in commands {
        // One of several lines would have to be looked at as a whole.
        assert!(!command.starts_with(['|', '>']) && !command.contains("${{"), "{command}");
    }
    assert!(!WORKFLOW.contains("secrets."));
}
