//! What runs beside the requests: consumers of queues, sweeps, schedules, and counters.

use std::future::Future;
use std::time::Duration;

use granary_http::AppState;
use granary_model::Result;
use tokio::task::JoinSet;

use crate::engines::Engines;

/// How long the consumer waits for a message before it asks again, in seconds.
const POLL_SECONDS: i32 = 20;

/// Pause after something failed that will likely fail again.
const PAUSE: Duration = Duration::from_secs(2);

/// Starts all tasks. Dropping the set ends them; whatever they were at is found again at the next start.
pub(crate) fn spawn(state: &AppState, engines: &Engines) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(consume(state.clone()));
    let swept = state.clone();
    tasks.spawn(every(Duration::from_secs(30), move || sweep(swept.clone(), false)));
    tasks.spawn(keep_counting(state.clone()));
    spawn_kmp(&mut tasks, state);
    let engines = engines.clone();
    tasks.spawn(every(Duration::from_mins(5), move || expire(engines.clone())));
    let given_up = state.clone();
    tasks.spawn(every(Duration::from_mins(10), move || clean_uploads(given_up.clone())));
    let cleaned = state.clone();
    tasks.spawn(every(Duration::from_hours(6), move || clean(cleaned.clone())));
    tasks
}

/// Starts the pipeline for Kotlin Multiplatform: both queues, the schedule, and the sweep of builds.
fn spawn_kmp(tasks: &mut JoinSet<()>, state: &AppState) {
    let (polled, built, ticked, swept) = (state.clone(), state.clone(), state.clone(), state.clone());
    tasks.spawn(consuming("the poller", move || {
        let state = polled.clone();
        async move { granary_kmp_poller::consume_once(&state, POLL_SECONDS).await }
    }));
    tasks.spawn(consuming("the builder", move || {
        let state = built.clone();
        async move { granary_kmp_builder::consume_once(&state, POLL_SECONDS).await }
    }));
    tasks.spawn(every(state.config().kmp.poll_interval, move || tick(ticked.clone())));
    tasks.spawn(every(Duration::from_secs(30), move || sweep_builds(swept.clone())));
}

/// Starts what a deployment leaves to this process: its downloads are counted here, all else the functions do.
pub(crate) fn spawn_counting(state: &AppState) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(keep_counting(state.clone()));
    tasks
}

async fn keep_counting(state: AppState) {
    every(Duration::from_secs(5), move || count(state.clone())).await;
}

/// Handles all that was waiting when the process started: queues do not survive it, the outbox and the builds do. Looks at
/// watched libraries that had been announced are among what is lost, and a server that is started each morning would never
/// get to the schedule's first time.
pub(crate) async fn catch_up(state: AppState) {
    sweep(state.clone(), true).await;
    sweep_builds(state.clone()).await;
    tick(state).await;
}

/// Writes what is only in memory, before the process ends.
pub(crate) async fn finish(state: &AppState) {
    count_all(state).await;
}

async fn consume(state: AppState) {
    consuming("the event consumer", move || {
        let state = state.clone();
        async move { granary_events::consume_once(&state, POLL_SECONDS).await }
    })
    .await;
}

/// Receives messages of a queue, again and again.
async fn consuming<F, T>(who: &'static str, mut once: F)
where
    F: FnMut() -> T + Send,
    T: Future<Output = Result<usize>> + Send,
{
    loop {
        if let Err(error) = once().await {
            tracing::warn!(%error, "{who} pauses");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn tick(state: AppState) {
    match granary_kmp_poller::tick(&state).await {
        Ok(report) if report.announced > 0 => {
            tracing::info!(kmp.announced = report.announced, "looking at watched libraries");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "watched libraries could not be announced"),
    }
}

async fn sweep_builds(state: AppState) {
    if let Err(error) = granary_kmp_builder::sweep(&state).await {
        tracing::warn!(%error, "builds could not be swept");
    }
}

async fn sweep(state: AppState, everything: bool) {
    match granary_events::sweep(&state, everything).await {
        Ok(report) if report.finished + report.failed > 0 => {
            tracing::info!(
                sweep.finished = report.finished,
                sweep.failed = report.failed,
                "swept the outbox"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the outbox could not be swept"),
    }
}

async fn count(state: AppState) {
    if state.counts_are_due() {
        count_all(&state).await;
    }
}

async fn count_all(state: &AppState) {
    if let Err(error) = state.write_counts().await {
        tracing::warn!(%error, "counts of downloads and uses of tokens could not be written");
    }
}

async fn expire(engines: Engines) {
    if let Err(error) = engines.sweep_expired_rows().await {
        tracing::warn!(%error, "expired rows could not be removed");
    }
}

async fn clean_uploads(state: AppState) {
    match granary_events::sweep_uploads(&state).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(uploads.removed = removed, "removed uploads that were given up"),
        Err(error) => tracing::warn!(%error, "uploads could not be cleaned up"),
    }
}

async fn clean(state: AppState) {
    match granary_events::sweep_blobs(&state).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(blobs.removed = removed, "removed bytes that no file holds"),
        Err(error) => tracing::warn!(%error, "bytes could not be cleaned up"),
    }
}

/// Does something now and then, the first time after one period.
async fn every<F, T>(period: Duration, mut job: F)
where
    F: FnMut() -> T + Send,
    T: Future<Output = ()> + Send,
{
    loop {
        tokio::time::sleep(period).await;
        job().await;
    }
}
