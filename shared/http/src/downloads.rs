//! Counting downloads without slowing them down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::StreamExt as _;
use granary_model::{Result, Timestamp};
use granary_storage::{Key, PackageKey, Storage};

/// How long counts may wait in memory, in milliseconds. What a process that dies has not written is lost, and a write
/// that is repeated after a lost answer counts twice: that is the stated error of the counts.
const FLUSH_MILLIS: i64 = 5_000;

/// Versions that are written at the same time.
const AT_ONCE: usize = 8;

/// Downloads counted in memory until they are written together.
#[derive(Debug, Default)]
pub struct DownloadCounter {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// When counts were written last.
    written: Option<Timestamp>,
    counts: HashMap<Counted, u64>,
}

/// A version of a package on a day, which is counted in days since 1970.
type Counted = (PackageKey, String, i64);

impl DownloadCounter {
    /// Counts one download. Never fails and never waits.
    pub fn count(&self, package: PackageKey, version: &str, now: Timestamp) {
        *self.lock().counts.entry((package, version.to_owned(), now.day())).or_default() += 1;
    }

    /// Whether there are counts to write, and the last ones were written long enough ago: the first download of a
    /// while is written at once, and of many at a time only those of the last seconds wait.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let waiting = self.lock();
        !waiting.counts.is_empty()
            && waiting.written.is_none_or(|written| now.millis() - written.millis() >= FLUSH_MILLIS)
    }

    /// Writes all counts. What cannot be written is counted again and waits for the next time.
    pub async fn flush(&self, storage: &Storage, now: Timestamp) -> Result<()> {
        let taken = self.take(now);
        let written = futures::stream::iter(taken)
            .map(|(counted, count)| self.write(storage, counted, count))
            .buffer_unordered(AT_ONCE);
        written.fold(Ok(()), async |all, one| one.and(all)).await
    }

    fn take(&self, now: Timestamp) -> HashMap<Counted, u64> {
        let mut waiting = self.lock();
        // Where nothing waits, nothing is written, and the next download is the first of a while.
        if !waiting.counts.is_empty() {
            waiting.written = Some(now);
        }
        std::mem::take(&mut waiting.counts)
    }

    async fn write(&self, storage: &Storage, counted: Counted, count: u64) -> Result<()> {
        let (package, version, day) = counted.clone();
        let of_day = storage.add(&Key::Downloads(package.clone(), version, day), "downloads", count).await;
        if of_day.is_err() {
            // Totals are sums of the days; only this row decides whether it is counted again.
            *self.lock().counts.entry(counted).or_default() += count;
            return of_day;
        }
        let of_repo = Key::RepoDownloads(package.repo.clone());
        let of_package = Key::DownloadTotal(package);
        let (package, repo) = futures::future::join(
            storage.add(&of_package, "downloads", count),
            storage.add(&of_repo, "downloads", count),
        )
        .await;
        package.and(repo)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
