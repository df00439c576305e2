//! Builds, from one state to the next.
//!
//! ```text
//! pending --handed over--> queued --at work--> building --published--> success
//!    |  \--refused--> failed            \--over, or too late--> failed
//!    \--nobody knows: looked for, and after a while begun anew under the next attempt
//! ```
//!
//! Every transition is one conditional write. That the workflow is about to be started is written before it is, and whoever
//! finds that written looks for the run instead of starting another: so an attempt has one run at most, whoever dies when.

mod follow;
mod inputs;
pub mod local;
mod look;
mod start;
mod step;

use granary_model::Result;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Dispatch, Outputs};

use crate::Work;
use crate::github::GithubClient;
use crate::results;
use crate::settings::Builder;
use crate::store;

pub use inputs::{outstanding, repositories};
pub use step::{fail, later};

use start::Started;

/// How long after its deadline a build is waited for that is being published, in milliseconds.
const PUBLISHING_MILLIS: i64 = 30 * 60_000;

/// What a look at a build came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has changed: there may be more to do at once.
    Moved,
    /// There is nothing to do now; `look_at` says when.
    Waits,
    /// It is over.
    Ended,
    /// Somebody else has changed it meanwhile: it has to be read anew.
    Overtaken,
}

impl Progress {
    /// What a change came to that was made, or that somebody else was faster than.
    fn after(is_done: bool) -> Self {
        if is_done { Self::Moved } else { Self::Overtaken }
    }
}

/// What became of a build that was to be handed over at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DispatchOutcome {
    /// It has been.
    Dispatched,
    /// Not yet, for this reason; whoever goes on with builds does so.
    Waits(String),
    /// It was refused, and the build has failed.
    Refused(String),
    /// The library cannot be built as it is wanted, and the build has failed.
    Unbuildable(String),
    /// Somebody else goes on with it.
    Overtaken,
}

/// Takes a build one step further, from how it was read. Safe to do twice, at the same time, and late.
///
/// # Errors
/// Of the stores, and of publishing what was built. It has to be tried again.
pub async fn drive(work: &Work<'_>, build: &BuildRow) -> Result<Progress> {
    if !build.status.is_under_way() {
        return Ok(Progress::Ended);
    }
    let now = work.now.millis();
    let is_late = build.deadline_at > 0 && now >= build.deadline_at && !local::is_waiting(work, build);
    let may_publish = !is_late || now < build.deadline_at.saturating_add(PUBLISHING_MILLIS);
    if build.results.is_some() && may_publish {
        return publish(work, build).await;
    }
    if is_late {
        return give_up(work, build).await;
    }
    let github = match work.kmp.settings.builder {
        Builder::Local { .. } => return local::step(work, build).await,
        _ => work.kmp.github()?,
    };
    if build.status == BuildStatus::Queued && build.deadline_at == 0 {
        // It was to be built on this machine, which does not do so any more.
        return Ok(Progress::after(step::note(work, build, start::dated(work, build)).await?));
    }
    let Some(github) = github else { return Ok(Progress::Waits) };
    match (build.status, build.dispatch) {
        (BuildStatus::Pending, Dispatch::None) => Ok(match start::start(work, build, github, None).await? {
            Started::Sent | Started::Refused(_) | Started::Unbuildable(_) => Progress::Moved,
            Started::Waits(_) => Progress::Waits,
            Started::Overtaken => Progress::Overtaken,
        }),
        (BuildStatus::Pending, Dispatch::Sending(at)) => follow::correlate(work, build, github, at).await,
        _ => follow::follow(work, build, github).await,
    }
}

/// Hands a build over at once that waits to be, so that whoever asked for it learns of a refusal. The time that this takes
/// is bounded; what does not fit into it goes on by itself.
///
/// # Errors
/// Of the stores.
pub async fn dispatch_now(work: &Work<'_>, build: &BuildRow) -> Result<DispatchOutcome> {
    let waits = build.status == BuildStatus::Pending && build.dispatch == Dispatch::None;
    if !waits {
        return Ok(DispatchOutcome::Overtaken);
    }
    let outcome = match work.kmp.github()? {
        None => DispatchOutcome::Waits(match work.kmp.settings.builder {
            Builder::None => "nobody builds here: the operator has to set GRANARY_GITHUB_REPOSITORY".into(),
            _ => "it begins in a moment".into(),
        }),
        Some(github) => match start::start(work, build, github, Some(start::PATIENCE)).await? {
            Started::Sent => DispatchOutcome::Dispatched,
            Started::Waits(why) => DispatchOutcome::Waits(why),
            Started::Refused(why) => DispatchOutcome::Refused(why),
            Started::Unbuildable(why) => DispatchOutcome::Unbuildable(why),
            Started::Overtaken => DispatchOutcome::Overtaken,
        },
    };
    if matches!(outcome, DispatchOutcome::Waits(_)) {
        store::tell(work, build).await;
    }
    Ok(outcome)
}

/// A build as its next attempt begins, with what is wanted now. What is published already stays so, unless it is to have another
/// name from now on: under that one it is not.
#[must_use]
pub fn anew(build: &BuildRow, outputs: Outputs) -> BuildRow {
    BuildRow {
        status: BuildStatus::Pending,
        attempt: build.attempt + 1,
        npm_published: build.npm_published && build.outputs.npm == outputs.npm,
        swift_published: build.swift_published && build.outputs.swift == outputs.swift,
        outputs,
        dispatch: Dispatch::None,
        run_id: None,
        run_url: None,
        claimed_by: None,
        results: None,
        error: None,
        deadline_at: 0,
        look_at: 0,
        started_at: None,
        completed_at: None,
        ..build.clone()
    }
}

/// Publishes what was built.
async fn publish(work: &Work<'_>, build: &BuildRow) -> Result<Progress> {
    results::publish(work, build).await?;
    Ok(match store::load(work, &build.repo, &build.id).await? {
        Some(now) if now.status.is_under_way() && now.rev == build.rev => Progress::Waits,
        Some(now) if now.status.is_under_way() => Progress::Moved,
        _ => Progress::Ended,
    })
}

/// Ends a build of which nothing has come in time.
async fn give_up(work: &Work<'_>, build: &BuildRow) -> Result<Progress> {
    let minutes = work.kmp.settings.deadline.as_secs().div_ceil(60);
    let last = build.error.as_ref().map(|error| format!("; the last time: {error}")).unwrap_or_default();
    let why = if build.status == BuildStatus::Pending {
        format!("it could not be handed over within {minutes} minutes{last}")
    } else {
        format!("there was no result within {minutes} minutes{last}")
    };
    if !fail(work, build, &why).await? {
        return Ok(Progress::Overtaken);
    }
    if let (Some(github), Some(run)) = (work.kmp.github()?, build.run_id) {
        cancel(work, github, run).await;
    }
    Ok(Progress::Moved)
}

/// Cancels a run that nobody waits for any more. If it cannot be, it runs for nothing: its claim is refused.
async fn cancel(work: &Work<'_>, github: &GithubClient, run: u64) {
    if let Err(trouble) = github.cancel(run, work.now).await {
        tracing::warn!(kmp.run = run, error = trouble.words(), "a run could not be cancelled");
    }
}
