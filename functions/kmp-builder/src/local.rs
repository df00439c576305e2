//! Building on this machine, in a task of this process.

mod leftovers;
mod script;

use granary_http::AppState;
use granary_kmp::drive::local::{NEEDS_MAC, begin_turn};
use granary_kmp::drive::{fail, outstanding, repositories};
use granary_kmp::results::overtaken;
use granary_kmp::settings::Builder;
use granary_kmp::{store, token};
use granary_model::kmp::BuildStatus;
use granary_model::{Error, Result};
use granary_storage::Key;
use granary_storage::rows::{BuildRow, RepoRow};
use tempfile::TempDir;

pub use leftovers::keep_in;

use script::Job;

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
        if let Err(error) = self.take_turn().await {
            // Once this task is gone, the build begins anew.
            tracing::warn!(%error, kmp.build = %self.build.id, "a build could not be begun, or its end not be written");
        }
    }

    /// Waits for its turn, and makes the build if it is still to be made then: others may have taken hours, and it may have been
    /// deleted or begun anew meanwhile.
    async fn take_turn(&self) -> Result<()> {
        let Self { state, build } = self;
        let _turn = state.kmp().local.turn().await?;
        let Some(build) = begin_turn(&state.kmp_work(), build).await? else { return Ok(()) };
        let why = match perform(state, &build).await {
            Ok(()) => "the scripts have ended and handed nothing over".to_owned(),
            Err(error) => error.to_string(),
        };
        end(state, &build, &why).await
    }
}

/// Builds and hands over. Whatever the scripts could tell the registry themselves is no error.
async fn perform(state: &AppState, build: &BuildRow) -> Result<()> {
    let Builder::Local { scripts } = &state.config().kmp.builder else { return Ok(()) };
    let work = state.kmp_work();
    let repo: Option<RepoRow> = work.storage.get(&Key::Repo(build.repo.clone())).await?;
    let config = repo.and_then(|repo| repo.kmp_config);
    let config = config.ok_or_else(|| Error::NotFound("the repository is gone".into()))?;
    let issued = token::issue(&work, build).await?;
    let secret = issued.token.expose();
    let folder = match state.kmp().local.folder() {
        Some(parent) => TempDir::new_in(parent),
        None => TempDir::new(),
    };
    let folder = folder.map_err(|e| Error::internal("making a folder to build in", e))?;
    let out = folder.path().join("npm");
    let job = Job { state, build, folder: folder.path(), secret };
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
    Err(overtaken())
}
