//! Watched libraries in the table: a row, markers of what there is only one of, and lists that lead to them.

use granary_model::{RepoId, Result};
use granary_storage::rows::{BuildRow, KmpConfig, KmpMarker, Listed, VersionMarker, WatchedRef, WatchedRow};
use granary_storage::{Commit, Key, Storage, Transaction};

use crate::Work;
use crate::builds::{cancel_runs, is_being_published};
use crate::store::{self, SHARDS, shard};

/// Most libraries of one repository.
pub const MOST: usize = 1_000;

/// Builds that are removed in one transaction: each takes up to four of its parts.
const BATCH: usize = 20;

/// How often a batch of builds is tried that others are changing.
const ATTEMPTS: u32 = 8;

/// A watched library, by its repository and id.
pub async fn load(storage: &Storage, repo: &RepoId, id: &str) -> Result<Option<WatchedRow>> {
    storage.get(&Key::Watched(repo.clone(), id.to_owned())).await
}

/// All watched libraries of a repository, in the order in which they were added.
pub async fn list(storage: &Storage, repo: &RepoId) -> Result<Vec<WatchedRow>> {
    storage.list_all(&Key::Watched(repo.clone(), String::new()), "WATCHED#").await
}

/// Whether a repository watches anything.
pub async fn is_any(storage: &Storage, repo: &RepoId) -> Result<bool> {
    let first = Key::Watched(repo.clone(), String::new());
    Ok(!storage.list::<WatchedRow>(&first, "WATCHED#", None, 1).await?.rows.is_empty())
}

/// Adds a library to a repository with this source. The parts that are refused if another one has them already are labelled
/// `coordinates`, `npm` and `swift`.
pub fn add(transaction: &mut Transaction, row: &WatchedRow, config: Option<&KmpConfig>) -> Result<()> {
    transaction.put_new("watched", &Key::Watched(row.repo.clone(), row.id.clone()), row)?;
    for (label, key) in names(row) {
        transaction.put_new(label, &key, &KmpMarker { id: row.id.clone() })?;
    }
    for key in lists(row, config) {
        transaction.put("list", &key, &WatchedRef { repo: row.repo.clone(), id: row.id.clone() })?;
    }
    Ok(())
}

/// Replaces a library that must still be as it was read (label `watched`); the other labels as with [`add`].
pub fn replace(transaction: &mut Transaction, before: &WatchedRow, after: &WatchedRow) -> Result<()> {
    let key = Key::Watched(after.repo.clone(), after.id.clone());
    transaction.put_rev("watched", &key, after, Some(before.rev))?;
    let (old, new) = (names(before), names(after));
    for (label, key) in new.iter().filter(|entry| !old.contains(entry)) {
        transaction.put_new(label, key, &KmpMarker { id: after.id.clone() })?;
    }
    for (label, key) in old.into_iter().filter(|entry| !new.contains(entry)) {
        transaction.delete(label, key);
    }
    Ok(())
}

/// Takes a library out, if it is still as it was read (label `watched`). Its builds stay: see [`clear`].
pub fn remove(transaction: &mut Transaction, row: &WatchedRow, config: Option<&KmpConfig>) {
    transaction.delete_rev("watched", Key::Watched(row.repo.clone(), row.id.clone()), row.rev);
    for (label, key) in names(row) {
        transaction.delete(label, key);
    }
    for key in lists(row, config) {
        transaction.delete("list", key);
    }
    transaction.delete("pending", Key::PollPending(row.repo.clone(), row.id.clone()));
}

/// What only one library of a repository has. Two that made the same package would fight for its versions.
fn names(row: &WatchedRow) -> Vec<(&'static str, Key)> {
    let marker = |name: String| Key::WatchedName(row.repo.clone(), name);
    let mut names = vec![("coordinates", marker(format!("maven#{}:{}", row.group, row.artifact)))];
    names.extend(row.outputs.npm.iter().map(|name| ("npm", marker(format!("npm#{}", name.key())))));
    names.extend(row.outputs.swift.iter().map(|name| ("swift", marker(format!("swift#{}", name.key())))));
    names
}

/// The lists that lead to a library: of all of them, and of those that watch a repository here.
fn lists(row: &WatchedRow, config: Option<&KmpConfig>) -> Vec<Key> {
    let artifact = format!("{}:{}", row.group, row.artifact);
    // The source may have been another one when it was last looked at.
    let looked_at = row.poll.source.as_deref().and_then(|source| source.strip_prefix("repo:"));
    let mut sources: Vec<RepoId> = looked_at.and_then(|id| id.parse().ok()).into_iter().collect();
    if let Some(id) = config.and_then(|config| config.source_repo_id.as_ref())
        && !sources.contains(id)
    {
        sources.push(id.clone());
    }
    let watcher = |source: RepoId| Key::WatcherOf(source, artifact.clone(), row.repo.clone(), row.id.clone());
    std::iter::once(Key::WatchedOfAll(shard(&row.id), row.repo.clone(), row.id.clone()))
        .chain(sources.into_iter().map(watcher))
        .collect()
}

/// A build that is to be removed.
struct Doomed {
    build: Key,
    /// Its version's marker, if that is to go even if there is no build any more.
    marker: Option<Key>,
}

/// Removes the builds of a library that is no longer watched, with what was kept in mind of deleted ones.
///
/// First go those that are under way, whose runs are cancelled, and then at most `batches` times 20 others. Packages that are
/// published stay. `false`: some are left, because there were more of them or because they are being published at this moment.
///
/// Safe to do twice and at the same time: ids are never used again.
pub async fn clear(work: &Work<'_>, repo: &RepoId, watched: &str, batches: usize) -> Result<bool> {
    let mut stopped = Vec::new();
    let outcome = async {
        let is_stopped = stop(work, repo, watched, &mut stopped).await?;
        Ok(remove_all(work, repo, watched, batches, &mut stopped).await? && is_stopped)
    };
    let outcome = outcome.await;
    cancel_runs(work, &stopped).await;
    outcome
}

/// Nobody makes new ones of a library that is gone, so that this is all of them.
async fn stop(work: &Work<'_>, repo: &RepoId, watched: &str, stopped: &mut Vec<BuildRow>) -> Result<bool> {
    let parts = (0..SHARDS).map(async |part| {
        let first = Key::BuildUnderWay(part, repo.clone(), String::new());
        work.storage.list_all::<WatchedRef>(&first, &first.sk()).await
    });
    let listed = futures::future::try_join_all(parts).await?;
    let doomed = |place: WatchedRef| Doomed { build: Key::Build(place.repo, place.id), marker: None };
    let doomed: Vec<Doomed> = listed.into_iter().flatten().map(doomed).collect();
    let mut is_clear = true;
    for batch in doomed.chunks(BATCH) {
        is_clear &= remove_builds(work, watched, batch, stopped).await?;
    }
    Ok(is_clear)
}

async fn remove_all(
    work: &Work<'_>,
    repo: &RepoId,
    watched: &str,
    batches: usize,
    stopped: &mut Vec<BuildRow>,
) -> Result<bool> {
    let first = Key::BuildOf(repo.clone(), watched.to_owned(), String::new());
    let prefix = first.sk();
    let limit = i32::try_from(BATCH).unwrap_or(20);
    let (mut after, mut is_clear) = (None::<String>, true);
    for _ in 0..batches {
        let page =
            work.storage.list::<Listed<VersionMarker>>(&first, &prefix, after.as_deref(), limit).await?;
        let doomed = page.rows.into_iter().map(|row| {
            let version = row.sk.strip_prefix(&prefix).unwrap_or_default().to_owned();
            Doomed {
                build: Key::Build(repo.clone(), row.row.id),
                marker: Some(Key::BuildOf(repo.clone(), watched.to_owned(), version)),
            }
        });
        let doomed: Vec<Doomed> = doomed.collect();
        is_clear &= remove_builds(work, watched, &doomed, stopped).await?;
        after = page.next;
        if after.is_none() {
            return Ok(is_clear);
        }
    }
    Ok(false)
}

/// Removes up to [`BATCH`] builds, if they are of this library. `false`: some of them are left.
async fn remove_builds(
    work: &Work<'_>,
    watched: &str,
    doomed: &[Doomed],
    stopped: &mut Vec<BuildRow>,
) -> Result<bool> {
    let keys: Vec<Key> = doomed.iter().map(|doomed| doomed.build.clone()).collect();
    for _ in 0..ATTEMPTS {
        let builds: Vec<Option<BuildRow>> = work.storage.read_all(&keys).await?;
        let mut transaction = Transaction::new();
        let (mut is_clear, mut taken) = (true, Vec::new());
        for (doomed, build) in doomed.iter().zip(builds) {
            match (build, &doomed.marker) {
                (Some(build), _) if build.watched != watched => {}
                (Some(build), _) if is_being_published(&build) => is_clear = false,
                (Some(build), _) => {
                    store::remove(&mut transaction, &build);
                    taken.push(build);
                }
                (None, Some(marker)) => transaction.delete("version", marker.clone()),
                (None, None) => {}
            }
        }
        if transaction.parts() == 0 || matches!(work.storage.commit(transaction).await?, Commit::Done) {
            stopped.extend(taken.into_iter().filter(|build| build.status.is_under_way()));
            return Ok(is_clear);
        }
    }
    Ok(false)
}
