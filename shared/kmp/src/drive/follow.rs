//! Finding a run, and following it to its end.

use granary_model::Result;
use granary_model::Timestamp;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Dispatch};

use super::Progress;
use super::start::{AGAIN_MILLIS, deadline};
use super::step::{fail, later, move_on, note};
use crate::Work;
use crate::github::{GithubClient, Run, RunState, Trouble, run_title};

/// How long a run may take to appear, in milliseconds. After that it is taken for never started, and should it appear after
/// all, its claim is refused: the attempt is another one by then.
const APPEARS_MILLIS: i64 = 10 * 60_000;

/// How long a run may wait for a machine at GitHub without that being counted, in milliseconds.
const WAITS_MILLIS: i64 = 24 * 60 * 60_000;

/// Looks for the run of an attempt of which nobody knows whether it was started.
pub(super) async fn correlate(
    work: &Work<'_>,
    build: &BuildRow,
    github: &GithubClient,
    since: i64,
) -> Result<Progress> {
    let known = build.run_id.map(|id| (id, build.run_url.clone()));
    let (id, url) = match known {
        // Its job has come and told, and GitHub has confirmed it.
        Some(run) => run,
        None => match github.find_run(&run_title(build), Timestamp::from_millis(since), work.now).await {
            Ok(Some(run)) => (run.id, run.url),
            Ok(None) if work.now.millis() >= since.saturating_add(APPEARS_MILLIS) => {
                let next = BuildRow {
                    attempt: build.attempt + 1,
                    dispatch: Dispatch::None,
                    look_at: 0,
                    ..build.clone()
                };
                return Ok(Progress::after(move_on(work, build, next, "kmp.again").await?));
            }
            Ok(None) => return waits(work, build, None).await,
            Err(trouble) => return waits(work, build, Some(trouble)).await,
        },
    };
    let next = BuildRow {
        status: BuildStatus::Queued,
        dispatch: Dispatch::Sent(since),
        run_id: Some(id),
        run_url: url,
        error: None,
        deadline_at: deadline(work),
        look_at: work.now.millis(),
        ..build.clone()
    };
    Ok(Progress::after(move_on(work, build, next, "kmp.dispatch").await?))
}

/// Looks how far the run of a build is.
pub(super) async fn follow(work: &Work<'_>, build: &BuildRow, github: &GithubClient) -> Result<Progress> {
    let sent = match build.dispatch {
        Dispatch::None => build.updated_at.millis(),
        Dispatch::Sending(at) | Dispatch::Sent(at) => at,
    };
    let Some(id) = build.run_id else { return name(work, build, github, sent).await };
    match github.get_run(id, work.now).await {
        Ok(Some(run)) => seen(work, build, run).await,
        Ok(None) if work.now.millis() >= sent.saturating_add(APPEARS_MILLIS) => {
            Ok(Progress::after(fail(work, build, "its run at GitHub has been deleted").await?))
        }
        Ok(None) => waits(work, build, None).await,
        Err(trouble) => waits(work, build, Some(trouble)).await,
    }
}

/// Finds the number of a run that GitHub has started without saying which.
async fn name(work: &Work<'_>, build: &BuildRow, github: &GithubClient, sent: i64) -> Result<Progress> {
    match github.find_run(&run_title(build), Timestamp::from_millis(sent), work.now).await {
        Ok(Some(run)) => {
            let next = BuildRow { run_id: Some(run.id), run_url: run.url, error: None, ..build.clone() };
            Ok(Progress::after(note(work, build, next).await?))
        }
        Ok(None) => waits(work, build, None).await,
        Err(trouble) => waits(work, build, Some(trouble)).await,
    }
}

async fn seen(work: &Work<'_>, build: &BuildRow, run: Run) -> Result<Progress> {
    match run.state {
        RunState::Running if build.status != BuildStatus::Building => {
            let next = BuildRow {
                status: BuildStatus::Building,
                started_at: build.started_at.or(run.started_at).or(Some(work.now)),
                run_url: build.run_url.clone().or(run.url),
                error: None,
                look_at: work.now.plus_millis(AGAIN_MILLIS).millis(),
                ..patient(work, build)
            };
            Ok(Progress::after(move_on(work, build, next, "kmp.build").await?))
        }
        RunState::Over(conclusion) => {
            let why = match conclusion.as_str() {
                "success" => "its run at GitHub has ended and handed nothing over".to_owned(),
                other => format!("its run at GitHub has ended with '{other}'; its log there says more"),
            };
            Ok(Progress::after(fail(work, build, &why).await?))
        }
        // Also if one of its jobs has claimed it already, and the others wait for a Mac.
        RunState::Waiting => waits(work, &patient(work, build), None).await,
        RunState::Running => waits(work, build, None).await,
    }
}

/// The build of a run that waits for a machine: that time is not counted, up to a day.
fn patient(work: &Work<'_>, build: &BuildRow) -> BuildRow {
    let Dispatch::Sent(sent) = build.dispatch else { return build.clone() };
    let waited = work.now.millis().saturating_sub(sent).min(WAITS_MILLIS);
    let patience = deadline(work).saturating_sub(work.now.millis());
    let deadline_at = sent.saturating_add(waited).saturating_add(patience).max(build.deadline_at);
    BuildRow { deadline_at, ..build.clone() }
}

/// Looks again in a while. A look that came early because somebody gave a hint writes nothing.
async fn waits(work: &Work<'_>, build: &BuildRow, trouble: Option<Trouble>) -> Result<Progress> {
    let until = match &trouble {
        Some(Trouble::Later(until, _)) => *until,
        _ => work.now.plus_millis(AGAIN_MILLIS),
    };
    let why = trouble.as_ref().map(Trouble::words);
    if work.now.millis() < build.look_at && why == build.error.as_deref() {
        return Ok(Progress::Waits);
    }
    let is_done = later(work, build, until, why).await?;
    Ok(if is_done { Progress::Waits } else { Progress::Overtaken })
}
