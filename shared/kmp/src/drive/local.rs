//! Builds on this machine: the npm half, by the same scripts that run at GitHub.
//!
//! A build is queued here and taken by a task of the process ([`Builds::take`]). What the process was at when it ended is found
//! without a task at the next start, and begins anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use granary_model::kmp::BuildStatus;
use granary_model::{Error, Result};
use granary_storage::rows::{BuildRow, Dispatch};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::look::{Seen, look};
use super::start::{AGAIN_MILLIS, dated, finish, put_off};
use super::step::{fail, move_on, note};
use super::{Progress, inputs, outstanding};
use crate::results::overtaken;
use crate::{Work, store};

/// Why there is no Swift package.
pub const NEEDS_MAC: &str = "the Swift package was not built: that takes a Mac, and this registry builds on its own machine, which \
                             makes npm packages only; build at GitHub, or turn enableSwift off";

/// How often a build is written in the face of other changes of it.
const ROUNDS: usize = 8;

/// Builds that this process is at.
#[derive(Debug)]
pub struct Builds {
    taken: Mutex<BTreeSet<String>>,
    /// A compiler takes a gigabyte, so there is one at a time.
    turn: Semaphore,
    /// Where they are made.
    folder: OnceLock<PathBuf>,
}

impl Default for Builds {
    fn default() -> Self {
        Self { taken: Mutex::default(), turn: Semaphore::new(1), folder: OnceLock::new() }
    }
}

impl Builds {
    /// Says below which folder builds are made, once for the process.
    pub fn keep_in(&self, folder: PathBuf) {
        let _second = self.folder.set(folder);
    }

    /// Below which folder builds are made; `None`: that of the system for temporary files.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.get().map(PathBuf::as_path)
    }

    /// Takes a build that is queued; `false` if this process is at it already.
    pub fn take(&self, build: &BuildRow) -> bool {
        self.taken().insert(name(build))
    }

    /// Lets go of a build.
    pub fn leave(&self, build: &BuildRow) {
        self.taken().remove(&name(build));
    }

    /// Waits until it is one's turn, which lasts as long as what is given.
    ///
    /// # Errors
    /// Never: there is always another turn.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        self.turn.acquire().await.map_err(|e| Error::internal("waiting for a turn", e))
    }

    /// Whether this process is at a build.
    pub fn has(&self, build: &BuildRow) -> bool {
        self.taken().contains(&name(build))
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(build: &BuildRow) -> String {
    crate::github::run_input(build)
}

/// Whether a build waits for its turn in this process. Until it has it, it cannot be late.
pub(super) fn is_waiting(work: &Work<'_>, build: &BuildRow) -> bool {
    build.status == BuildStatus::Queued && work.kmp.local.has(build)
}

/// Begins a build whose turn it is, as it was read when it was queued.
///
/// Gives it with the moment at which it is given up, which is counted from now. `None`: it is no longer to be made, at least not
/// as this attempt.
///
/// # Errors
/// Of the stores, and `Unavailable` if others change the build all the time.
pub async fn begin_turn(work: &Work<'_>, build: &BuildRow) -> Result<Option<BuildRow>> {
    for _ in 0..ROUNDS {
        let found = store::load(work, &build.repo, &build.id).await?;
        let is_queued = |row: &BuildRow| {
            row.attempt == build.attempt && row.status == BuildStatus::Queued && row.results.is_none()
        };
        let Some(row) = found.filter(is_queued) else { return Ok(None) };
        if row.deadline_at > work.now.millis() {
            return Ok(Some(row));
        }
        // Its time ran out while it waited, after the process that was at it had ended: that was no turn either.
        note(work, &row, dated(work, &BuildRow { deadline_at: 0, ..row.clone() })).await?;
    }
    Err(overtaken())
}

/// One step of a build here.
pub(super) async fn step(work: &Work<'_>, build: &BuildRow) -> Result<Progress> {
    match build.status {
        BuildStatus::Pending => queue(work, build).await,
        BuildStatus::Building if !work.kmp.local.has(build) => {
            // The process that was at it is no more. It keeps its deadline, so that it does not begin for ever.
            let next = BuildRow {
                status: BuildStatus::Pending,
                attempt: build.attempt + 1,
                dispatch: Dispatch::None,
                claimed_by: None,
                look_at: 0,
                ..build.clone()
            };
            Ok(Progress::after(move_on(work, build, next, "kmp.again").await?))
        }
        _ => Ok(Progress::Waits),
    }
}

async fn queue(work: &Work<'_>, build: &BuildRow) -> Result<Progress> {
    if work.now.millis() < build.look_at {
        return Ok(Progress::Waits);
    }
    let build = &dated(work, build);
    let wanted = outstanding(build);
    if wanted.npm_wanted().is_none() {
        if wanted.swift_wanted().is_some() {
            return Ok(Progress::after(fail(work, build, NEEDS_MAC).await?));
        }
        finish(work, build).await?;
        return Ok(Progress::Moved);
    }
    // What the Mac would be for is not looked at: there is none.
    let half = BuildRow { outputs: without_swift(build), ..build.clone() };
    let (config, targets) = match look(work, &half).await? {
        Seen::Fine(config, targets) => (config, targets),
        Seen::Unbuildable(why) => return Ok(Progress::after(fail(work, build, &why).await?)),
        Seen::Later(until, why) => {
            put_off(work, build, until, why).await?;
            return Ok(Progress::Waits);
        }
    };
    if let Err(error) = inputs::inputs(work, build, &config, &targets) {
        return Ok(Progress::after(fail(work, build, &error.to_string()).await?));
    }
    let next = BuildRow {
        status: BuildStatus::Queued,
        dispatch: Dispatch::Sent(work.now.millis()),
        // Its time begins with its turn, however many are before it. What was begun already keeps its own.
        deadline_at: if build.started_at.is_some() { build.deadline_at } else { 0 },
        look_at: work.now.plus_millis(AGAIN_MILLIS).millis(),
        error: None,
        ..build.clone()
    };
    Ok(Progress::after(move_on(work, build, next, "kmp.dispatch").await?))
}

fn without_swift(build: &BuildRow) -> granary_storage::rows::Outputs {
    granary_storage::rows::Outputs { enable_swift: false, ..build.outputs.clone() }
}
