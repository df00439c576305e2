//! Building on this machine, in a task of this process.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use granary_http::AppState;
use granary_kmp::drive::local::NEEDS_MAC;
use granary_kmp::drive::{fail, outstanding, repositories};
use granary_kmp::settings::Builder;
use granary_kmp::{store, token};
use granary_model::kmp::BuildStatus;
use granary_model::{Error, Result};
use granary_storage::Key;
use granary_storage::rows::{BuildRow, RepoRow};
use tempfile::TempDir;
use tokio::process::Command;

/// What scripts get of this process's environment: where programs are. No secret of the registry is among it.
const PASSED: [&str; 6] = ["PATH", "HOME", "JAVA_HOME", "LANG", "LC_ALL", "GRANARY_KOTLIN_COMPILER"];

/// Most bytes of what a script says that are looked at, from the end.
const LONGEST_WORDS: usize = 2_000;

/// Begins a build that is queued here, unless this process is at it already.
pub(crate) fn begin(state: &AppState, build: BuildRow) {
    let is_here = matches!(state.config().kmp.builder, Builder::Local { .. });
    if is_here && build.status == BuildStatus::Queued && state.kmp().local.take(&build) {
        let task = Task { state: state.clone(), build };
        tokio::spawn(async move { task.run().await });
    }
}

/// A build that this process is at, until it is dropped.
struct Task {
    state: AppState,
    build: BuildRow,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.state.kmp().local.leave(&self.build);
    }
}

impl Task {
    async fn run(self) {
        let Self { state, build } = &self;
        let why = match self.perform().await {
            Ok(()) => "the scripts have ended and handed nothing over".to_owned(),
            Err(error) => error.to_string(),
        };
        if let Err(error) = end(state, build, &why).await {
            // Once this task is gone, the build begins anew.
            tracing::warn!(%error, kmp.build = %build.id, "the end of a build could not be written");
        }
    }

    /// Builds and hands over. Whatever the scripts could tell the registry themselves is no error.
    async fn perform(&self) -> Result<()> {
        let Self { state, build } = self;
        let _turn = state.kmp().local.turn().await?;
        let Builder::Local { scripts } = &state.config().kmp.builder else { return Ok(()) };
        let work = state.kmp_work();
        let repo: Option<RepoRow> = work.storage.get(&Key::Repo(build.repo.clone())).await?;
        let config = repo.and_then(|repo| repo.kmp_config);
        let config = config.ok_or_else(|| Error::NotFound("the repository is gone".into()))?;
        let issued = token::issue(&work, build).await?;
        let secret = issued.token.expose();
        let folder = TempDir::new().map_err(|e| Error::internal("making a folder to build in", e))?;
        let out = folder.path().join("npm");
        let mut job = Job { state, build, folder: folder.path(), secret };
        let mut arguments = library(build);
        for repository in repositories(&work, &config)? {
            arguments.extend(["--repository".to_owned(), repository]);
        }
        arguments.extend(["--out".to_owned(), out.display().to_string()]);
        let built = job.script(&scripts.join("build-npm"), &arguments).await?;
        if built.is_late {
            return Err(Error::Unprocessable("the compiler was not done in time".into()));
        }
        let mut arguments = vec!["--npm".to_owned(), out.display().to_string()];
        if outstanding(build).swift_wanted().is_some() {
            arguments.extend(["--without".to_owned(), NEEDS_MAC.to_owned()]);
        }
        let ended = job.script(&scripts.join("publish"), &arguments).await?;
        if ended.is_fine || ended.is_late {
            return Ok(());
        }
        Err(Error::Unprocessable(format!("the scripts have failed: {}", last(&[&ended.words, &built.words]))))
    }
}

/// The last line that any of them has said.
fn last(words: &[&str]) -> String {
    let said = words.iter().find_map(|text| text.lines().rev().find(|line| !line.trim().is_empty()));
    said.unwrap_or("they gave no reason").trim().to_owned()
}

/// Which library, and what it becomes.
fn library(build: &BuildRow) -> Vec<String> {
    let name = outstanding(build).npm_wanted().map(ToString::to_string).unwrap_or_default();
    let version = build.package_version.as_ref().map(ToString::to_string).unwrap_or_default();
    [
        ("--group", build.group.to_string()),
        ("--artifact", build.artifact.to_string()),
        ("--version", build.version.to_string()),
        ("--name", name),
        ("--package-version", version),
    ]
    .into_iter()
    .flat_map(|(option, value)| [option.to_owned(), value])
    .collect()
}

/// How a script has ended.
struct Ended {
    is_fine: bool,
    is_late: bool,
    words: String,
}

struct Job<'a> {
    state: &'a AppState,
    build: &'a BuildRow,
    folder: &'a Path,
    secret: &'a str,
}

impl Job<'_> {
    /// Runs a script to its end, or until the build is given up. Nothing but the token of this one build is told to it.
    async fn script(&mut self, script: &Path, arguments: &[String]) -> Result<Ended> {
        let log = self.folder.join("log");
        let broken = |e: std::io::Error| {
            tracing::error!(error = %e, "a script of the local builder cannot be started");
            Error::Unprocessable(format!(
                "{} cannot be started; GRANARY_KMP_SCRIPTS says where the scripts are",
                script.file_name().unwrap_or_default().display()
            ))
        };
        let output = std::fs::File::create(&log).map_err(broken)?;
        let mut command = Command::new(script);
        command.args(arguments).env_clear();
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("TMPDIR", self.folder)
            .env("GRANARY_URL", &self.state.config().public_url)
            .env("GRANARY_BUILD_ID", &self.build.id)
            .env("GRANARY_BUILD_TOKEN", self.secret)
            .env("GRANARY_REPO_ID", self.build.repo.as_str())
            // Runs have numbers. There is one of each attempt here.
            .env("GITHUB_RUN_ID", self.build.attempt.to_string())
            .env("GITHUB_RUN_ATTEMPT", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            // Whatever it has started ends with it.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(broken)?;
        let mut group = Group(child.id());
        let left = self.build.deadline_at.saturating_sub(self.state.now().millis());
        let patience = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let ended = tokio::time::timeout(patience, child.wait()).await;
        if ended.is_ok() {
            group.0 = None;
        }
        let is_fine = matches!(&ended, Ok(Ok(status)) if status.success());
        Ok(Ended { is_fine, is_late: ended.is_err(), words: tail(&log) })
    }
}

/// A script and all that it has started. What of it still runs when this is dropped ends: it was not done in time, or this
/// process is told to end, which would leave a compiler behind.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(group) = self.0 else { return };
        let mut kill = std::process::Command::new("kill");
        if let Err(error) = kill.args(["-KILL", "--", &format!("-{group}")]).status() {
            tracing::warn!(%error, "what a script has started may still run");
        }
    }
}

fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let from = bytes.len().saturating_sub(LONGEST_WORDS);
    String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
}

/// Ends a build of which nothing was handed over.
async fn end(state: &AppState, build: &BuildRow, why: &str) -> Result<()> {
    for _ in 0..8 {
        let work = state.kmp_work();
        let Some(row) = store::load(&work, &build.repo, &build.id).await? else { return Ok(()) };
        let is_ours = row.attempt == build.attempt && row.status.is_under_way() && row.results.is_none();
        if !is_ours || fail(&work, &row, why).await? {
            return Ok(());
        }
    }
    Err(Error::Unavailable("the build is being changed by somebody else".into()))
}
