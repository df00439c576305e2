//! Builds as people list them, and what they may do with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt as _;
use granary_model::kmp::BuildStatus;
use granary_model::{RepoId, Result};
use granary_storage::rows::BuildRow;
use granary_storage::{Key, Storage};

use crate::Work;
use crate::drive;

/// Rows that are read at once where not each of them is wanted.
const PAGE: usize = 1_000;

/// Follows on every id.
const BEHIND: &str = "~";

/// How long a request waits for runs to be cancelled.
const CANCELLING: Duration = Duration::from_secs(5);

/// Runs that are cancelled at the same time.
const CANCELLED_AT_ONCE: usize = 8;

/// Whether what a job has uploaded is being published: not the moment to take the build away.
pub fn is_being_published(build: &BuildRow) -> bool {
    build.status.is_under_way() && build.results.is_some()
}

/// Cancels the runs of builds that have been taken away while they were under way, as far as GitHub does so within seconds.
///
/// A run that goes on all the same does so for nothing: its token has stopped working, and it gets no other.
pub async fn cancel_runs(work: &Work<'_>, taken: &[BuildRow]) {
    let under_way = taken.iter().filter(|build| build.status.is_under_way());
    let runs: BTreeSet<u64> = under_way.filter_map(|build| build.run_id).collect();
    if runs.is_empty() {
        return;
    }
    let github = match work.kmp.github() {
        Ok(Some(github)) => github,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(%error, "runs of deleted builds could not be cancelled");
            return;
        }
    };
    let cancelling = futures::stream::iter(runs).for_each_concurrent(CANCELLED_AT_ONCE, async |run| {
        if let Err(trouble) = github.cancel(run, work.now).await {
            tracing::warn!(
                kmp.run = run,
                error = trouble.words(),
                "the run of a deleted build could not be cancelled"
            );
        }
    });
    if tokio::time::timeout(CANCELLING, cancelling).await.is_err() {
        tracing::warn!("runs of deleted builds go on: GitHub took its time to cancel them");
    }
}

/// Whether everything that is wanted of a build is published.
pub fn is_complete(build: &BuildRow) -> bool {
    let left = drive::outstanding(build);
    left.npm_wanted().is_none() && left.swift_wanted().is_none()
}

/// Which builds of a repository are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these; `None` for all.
    pub statuses: Option<BTreeSet<BuildStatus>>,
    /// Without pre-releases.
    pub stable_only: bool,
    /// Most builds.
    pub limit: usize,
    /// Whether all builds of the repository are counted by their status.
    pub counts: bool,
}

impl Filter {
    fn takes(&self, build: &BuildRow) -> bool {
        let has_status = self.statuses.as_ref().is_none_or(|statuses| statuses.contains(&build.status));
        has_status && (build.is_stable || !self.stable_only)
    }
}

/// Builds of a repository.
#[derive(Debug, Default)]
pub struct Found {
    /// Those that were wanted, newest first.
    pub builds: Vec<BuildRow>,
    /// How many there are of each status, whatever else was wanted; if they were to be counted.
    pub counts: Option<BTreeMap<BuildStatus, u64>>,
}

/// Lists builds of a repository, newest first. Counting reads all of them, a megabyte (some 1,300) with each call; a filter
/// reads until there are enough.
pub async fn list(storage: &Storage, repo: &RepoId, filter: &Filter) -> Result<Found> {
    let is_plain = filter.statuses.is_none() && !filter.stable_only && !filter.counts;
    let page = if is_plain { filter.limit } else { PAGE };
    let low = Key::Build(repo.clone(), String::new());
    let mut end = BEHIND.to_owned();
    let mut builds = Vec::new();
    let mut counts: BTreeMap<BuildStatus, u64> = BuildStatus::ALL.into_iter().map(|s| (s, 0)).collect();
    loop {
        let high = Key::Build(repo.clone(), end.clone());
        let mut rows: Vec<BuildRow> = storage.list_between(&low, &high, page, true).await?;
        let is_last = rows.len() < page;
        // Bounds are included.
        rows.retain(|row| row.id != end);
        let Some(last) = rows.last() else { break };
        end.clone_from(&last.id);
        for row in rows {
            *counts.entry(row.status).or_default() += 1;
            if builds.len() < filter.limit && filter.takes(&row) {
                builds.push(row);
            }
        }
        if is_last || (builds.len() >= filter.limit && !filter.counts) {
            break;
        }
    }
    Ok(Found { builds, counts: filter.counts.then_some(counts) })
}

/// The oldest builds of a repository behind one of them, which need not be there any more.
pub async fn oldest(
    storage: &Storage,
    repo: &RepoId,
    behind: Option<&str>,
    limit: usize,
) -> Result<Vec<BuildRow>> {
    let begin = behind.map(|id| format!("{id}{BEHIND}")).unwrap_or_default();
    let (low, high) = (Key::Build(repo.clone(), begin), Key::Build(repo.clone(), BEHIND.to_owned()));
    storage.list_between(&low, &high, limit, false).await
}
