//! Handing a build over.

use std::time::Duration;

use granary_model::kmp::BuildStatus;
use granary_model::{Result, Timestamp};
use granary_storage::rows::{BuildRow, Dispatch};

use super::look::{Seen, look};
use super::step::{fail, failed, later, move_on, note};
use super::{inputs, outstanding};
use crate::Work;
use crate::github::{GithubClient, Trouble};
use crate::store;

/// How long a source may take if somebody waits for the answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// When to try again if nobody says, in milliseconds.
pub(super) const AGAIN_MILLIS: i64 = 60_000;

/// How often what GitHub has said is written down in the face of other changes of the same build.
const ATTEMPTS: usize = 8;

/// What became of it.
pub(super) enum Started {
    Sent,
    /// It is still to be done, or nobody knows whether it was.
    Waits(String),
    Refused(String),
    Unbuildable(String),
    Overtaken,
}

/// Hands over a build that waits to be: looks at the library, writes that the workflow is about to be started, starts it,
/// and writes what came of it.
pub(super) async fn start(
    work: &Work<'_>,
    build: &BuildRow,
    github: &GithubClient,
    patience: Option<Duration>,
) -> Result<Started> {
    if work.now.millis() < build.look_at {
        return Ok(Started::Waits(build.error.clone().unwrap_or_else(|| "it waits for its turn".into())));
    }
    let build = &dated(work, build);
    let wanted = outstanding(build);
    if wanted.npm_wanted().is_none() && wanted.swift_wanted().is_none() {
        return finish(work, build).await;
    }
    let seen = match patience {
        None => look(work, build).await?,
        Some(patience) => match tokio::time::timeout(patience, look(work, build)).await {
            Ok(seen) => seen?,
            Err(_) => return Ok(Started::Waits("the source of the library takes its time".into())),
        },
    };
    let (config, targets) = match seen {
        Seen::Fine(config, targets) => (config, targets),
        Seen::Unbuildable(why) => return unbuildable(work, build, why).await,
        Seen::Later(until, why) => return put_off(work, build, until, why).await,
    };
    let inputs = match inputs::inputs(work, build, &config, &targets) {
        Ok(inputs) => inputs,
        Err(error) => return unbuildable(work, build, error.to_string()).await,
    };
    match github.prepare(work.now).await {
        Ok(()) => {}
        Err(Trouble::Refused(why)) => return refused(work, build, why).await,
        Err(Trouble::Later(until, why)) => return put_off(work, build, Some(until), why).await,
        Err(Trouble::Unknown(why)) => return put_off(work, build, None, why).await,
    }
    let sending = BuildRow {
        dispatch: Dispatch::Sending(work.now.millis()),
        look_at: work.now.plus_millis(AGAIN_MILLIS).millis(),
        error: None,
        rev: build.rev + 1,
        ..build.clone()
    };
    // Only one gets through here for each attempt; and only now may the workflow be started.
    if !note(work, build, sending.clone()).await? {
        return Ok(Started::Overtaken);
    }
    match github.dispatch(&inputs, work.now).await {
        Ok(run) => sent(work, sending, run).await,
        Err(trouble) => troubled(work, sending, trouble).await,
    }
}

/// The build with the moment at which it is given up.
pub(super) fn dated(work: &Work<'_>, build: &BuildRow) -> BuildRow {
    let deadline_at = match build.deadline_at {
        0 => deadline(work),
        known => known,
    };
    BuildRow { deadline_at, ..build.clone() }
}

/// When a build is given up on which somebody begins to wait now.
pub(super) fn deadline(work: &Work<'_>) -> i64 {
    let millis = i64::try_from(work.kmp.settings.deadline.as_millis()).unwrap_or(i64::MAX);
    work.now.plus_millis(millis).millis()
}

/// All that is wanted is published already.
pub(super) async fn finish(work: &Work<'_>, build: &BuildRow) -> Result<Started> {
    let next = BuildRow {
        status: BuildStatus::Success,
        error: None,
        completed_at: Some(work.now),
        deadline_at: 0,
        look_at: 0,
        ..build.clone()
    };
    let is_done = move_on(work, build, next, "kmp.succeed").await?;
    Ok(if is_done { Started::Sent } else { Started::Overtaken })
}

async fn unbuildable(work: &Work<'_>, build: &BuildRow, why: String) -> Result<Started> {
    let is_done = fail(work, build, &why).await?;
    Ok(if is_done { Started::Unbuildable(why) } else { Started::Overtaken })
}

async fn refused(work: &Work<'_>, build: &BuildRow, why: String) -> Result<Started> {
    let is_done = fail(work, build, &why).await?;
    Ok(if is_done { Started::Refused(why) } else { Started::Overtaken })
}

/// Nothing was begun; it is tried again later, until the deadline.
pub(super) async fn put_off(
    work: &Work<'_>,
    build: &BuildRow,
    until: Option<Timestamp>,
    why: String,
) -> Result<Started> {
    let until = until.unwrap_or_else(|| work.now.plus_millis(AGAIN_MILLIS));
    let is_done = later(work, build, until, Some(&why)).await?;
    Ok(if is_done { Started::Waits(why) } else { Started::Overtaken })
}

/// The workflow was started.
async fn sent(work: &Work<'_>, sending: BuildRow, run: Option<(u64, Option<String>)>) -> Result<Started> {
    let (run_id, run_url) = run.map_or((None, None), |(id, url)| (Some(id), url));
    let is_done = written(work, sending, Some("kmp.dispatch"), |row| BuildRow {
        status: BuildStatus::Queued,
        dispatch: Dispatch::Sent(work.now.millis()),
        // Its job may have told faster than the answer came.
        run_id: run_id.or(row.run_id),
        run_url: run_url.clone().or_else(|| row.run_url.clone()),
        deadline_at: deadline(work),
        look_at: work.now.plus_millis(AGAIN_MILLIS).millis(),
        ..row.clone()
    })
    .await?;
    Ok(if is_done { Started::Sent } else { Started::Overtaken })
}

async fn troubled(work: &Work<'_>, sending: BuildRow, trouble: Trouble) -> Result<Started> {
    match trouble {
        Trouble::Refused(why) => {
            let is_done = written(work, sending, Some("kmp.fail"), |row| failed(work, row, &why)).await?;
            Ok(if is_done { Started::Refused(why) } else { Started::Overtaken })
        }
        // It was not performed. All the same the next call belongs to an attempt of its own: should GitHub have thought
        // better of it, the run of this one is not let in.
        Trouble::Later(until, why) => {
            let is_done = written(work, sending, None, |row| BuildRow {
                attempt: row.attempt + 1,
                dispatch: Dispatch::None,
                run_id: None,
                run_url: None,
                look_at: until.millis(),
                error: Some(why.clone()),
                ..row.clone()
            })
            .await?;
            Ok(if is_done { Started::Waits(why) } else { Started::Overtaken })
        }
        // What is written says so already.
        Trouble::Unknown(why) => {
            tracing::warn!(kmp.build = %sending.id, attempt = sending.attempt, error = %why, "a run has to be looked for");
            Ok(Started::Waits(why))
        }
    }
}

/// Writes what became of a call, also if somebody has changed the build meanwhile, as long as nobody has gone on with it.
/// Without an `action` the log has no line of it. `false`: somebody has gone on.
async fn written(
    work: &Work<'_>,
    sending: BuildRow,
    action: Option<&str>,
    next: impl Fn(&BuildRow) -> BuildRow,
) -> Result<bool> {
    let attempt = sending.attempt;
    let mut row = sending;
    for _ in 0..ATTEMPTS {
        let next = next(&row);
        let is_done = match action {
            Some(action) => move_on(work, &row, next, action).await?,
            None => note(work, &row, next).await?,
        };
        if is_done {
            return Ok(true);
        }
        let found = store::load(work, &row.repo, &row.id).await?;
        let is_ours = |row: &BuildRow| {
            row.attempt == attempt
                && row.status == BuildStatus::Pending
                && matches!(row.dispatch, Dispatch::Sending(_))
        };
        match found.filter(is_ours) {
            Some(found) => row = found,
            None => return Ok(false),
        }
    }
    Ok(false)
}
