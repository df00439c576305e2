//! The schedule: every build that is under way is found here, whatever became of the messages about it.

use granary_http::AppState;
use granary_kmp::settings::Builder;
use granary_kmp::store::{BuildMessage, SHARDS};
use granary_model::kmp::BuildStatus;
use granary_model::{Error, Result};
use granary_storage::rows::{BuildRow, Dispatch, WatchedRef};
use granary_storage::{Key, Queue};

/// Rows that are read in one call.
const PAGE: i32 = 200;

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Builds that are gone on with: a message was sent for each.
    pub due: usize,
    /// Builds whose time has not come.
    pub waiting: usize,
    /// Rows of the list whose build is over or gone; they have been removed.
    pub removed: usize,
}

/// Sends a message for every build that is due.
///
/// # Errors
/// A part of the list could not be read or announced; all others were.
pub async fn sweep(state: &AppState) -> Result<SweepReport> {
    let mut report = SweepReport::default();
    let mut failed = None;
    for shard in 0..SHARDS {
        if let Err(error) = sweep_part(state, shard, &mut report).await {
            tracing::error!(%error, kmp.shard = shard, "a part of the builds under way could not be swept");
            failed = Some(error);
        }
    }
    failed.map_or(Ok(report), Err)
}

async fn sweep_part(state: &AppState, shard: u8, report: &mut SweepReport) -> Result<()> {
    // Only says which part to list.
    let first = Key::BuildUnderWay(shard, "any".parse()?, String::new());
    let mut after: Option<String> = None;
    loop {
        let page = state.storage().list::<WatchedRef>(&first, "", after.as_deref(), PAGE).await?;
        let keys: Vec<Key> =
            page.rows.iter().map(|place| Key::Build(place.repo.clone(), place.id.clone())).collect();
        let builds: Vec<Option<BuildRow>> = state.storage().read_all(&keys).await?;
        let mut messages = Vec::new();
        for (place, build) in page.rows.into_iter().zip(builds) {
            match build.filter(|build| build.status.is_under_way()) {
                None => {
                    remove(state, shard, place).await?;
                    report.removed += 1;
                }
                Some(build) if is_due(state, &build) => messages.push(text(&build)?),
                Some(_) => report.waiting += 1,
            }
        }
        state.storage().send_all(Queue::KmpBuild, &messages).await?;
        report.due += messages.len();
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Whether there is something to do for a build. What waits for somebody to build at all does so without messages.
fn is_due(state: &AppState, build: &BuildRow) -> bool {
    let now = state.now().millis();
    let is_late = build.deadline_at > 0 && build.deadline_at <= now;
    let is_unbegun = build.status == BuildStatus::Pending && build.dispatch == Dispatch::None;
    let nobody = matches!(state.config().kmp.builder, Builder::None) && is_unbegun;
    is_late || is_left(state, build) || (build.look_at <= now && !nobody)
}

/// Whether a build on this machine was begun and nobody is at it: the process that was has ended. There is nothing to wait
/// for, as there is if a run elsewhere has it. What it has handed over is published by whoever comes, in its time.
fn is_left(state: &AppState, build: &BuildRow) -> bool {
    let is_here = matches!(state.config().kmp.builder, Builder::Local { .. });
    let is_begun = matches!(build.status, BuildStatus::Queued | BuildStatus::Building);
    is_here && is_begun && build.results.is_none() && !state.kmp().local.has(build)
}

fn text(build: &BuildRow) -> Result<String> {
    let message = BuildMessage { repo: build.repo.clone(), build: build.id.clone() };
    serde_json::to_string(&message).map_err(|e| Error::internal("announcing a build", e))
}

/// Takes a row out of the list, unless its build is under way again by now: a list is written with every transition, so a
/// build that was read as over and has begun anew since would be lost here without the second look.
async fn remove(state: &AppState, shard: u8, place: WatchedRef) -> Result<()> {
    let row = Key::BuildUnderWay(shard, place.repo.clone(), place.id.clone());
    state.storage().delete(&row).await?;
    let build: Option<BuildRow> =
        state.storage().get(&Key::Build(place.repo.clone(), place.id.clone())).await?;
    if build.is_some_and(|build| build.status.is_under_way()) {
        state.storage().put(&row, &place).await?;
    }
    Ok(())
}
