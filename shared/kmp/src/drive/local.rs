//! Builds on this machine: the npm half, by the same scripts that run at GitHub.
//!
//! A build is queued here and taken by a task of the process ([`Builds::take`]). What the process was at when it ended is found
//! without a task at the next start, and begins anew.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use granary_model::Result;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Dispatch};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::look::{Seen, look};
use super::start::{AGAIN_MILLIS, dated, deadline, finish, put_off};
use super::step::{fail, move_on};
use super::{Progress, inputs, outstanding};
use crate::Work;

/// Why there is no Swift package.
pub const NEEDS_MAC: &str = "the Swift package was not built: that takes a Mac, and this registry builds on its own machine, which \
                             makes npm packages only; build at GitHub, or turn enableSwift off";

/// Builds that this process is at.
#[derive(Debug)]
pub struct Builds {
    taken: Mutex<BTreeSet<String>>,
    /// A compiler takes a gigabyte, so there is one at a time.
    turn: Semaphore,
}

impl Default for Builds {
    fn default() -> Self {
        Self { taken: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl Builds {
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
        self.turn.acquire().await.map_err(|e| granary_model::Error::internal("waiting for a turn", e))
    }

    fn has(&self, build: &BuildRow) -> bool {
        self.taken().contains(&name(build))
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(build: &BuildRow) -> String {
    crate::github::run_input(build)
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
            Ok(moved(move_on(work, build, next, "kmp.again").await?))
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
            return Ok(moved(fail(work, build, NEEDS_MAC).await?));
        }
        finish(work, build).await?;
        return Ok(Progress::Moved);
    }
    // What the Mac would be for is not looked at: there is none.
    let half = BuildRow { outputs: without_swift(build), ..build.clone() };
    let config = match look(work, &half).await? {
        Seen::Fine(config) => config,
        Seen::Unbuildable(why) => return Ok(moved(fail(work, build, &why).await?)),
        Seen::Later(until, why) => {
            put_off(work, build, until, why).await?;
            return Ok(Progress::Waits);
        }
    };
    if let Err(error) = inputs::inputs(work, build, &config) {
        return Ok(moved(fail(work, build, &error.to_string()).await?));
    }
    let next = BuildRow {
        status: BuildStatus::Queued,
        dispatch: Dispatch::Sent(work.now.millis()),
        deadline_at: deadline(work),
        look_at: work.now.plus_millis(AGAIN_MILLIS).millis(),
        error: None,
        ..build.clone()
    };
    Ok(moved(move_on(work, build, next, "kmp.dispatch").await?))
}

fn without_swift(build: &BuildRow) -> granary_storage::rows::Outputs {
    granary_storage::rows::Outputs { enable_swift: false, ..build.outputs.clone() }
}

fn moved(is_done: bool) -> Progress {
    if is_done { Progress::Moved } else { Progress::Overtaken }
}
