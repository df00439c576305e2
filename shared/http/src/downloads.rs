//! Counting downloads without slowing them down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use granary_model::{Result, Timestamp};
use granary_storage::{Key, PackageKey, Storage};

/// How long counts may wait in memory, in milliseconds. What a process that dies has not written is
/// lost: that is the stated error of the counts.
const FLUSH_MILLIS: i64 = 5_000;

/// Downloads counted in memory until they are written together.
#[derive(Debug, Default)]
pub struct DownloadCounter {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    since: Option<Timestamp>,
    /// When counts were written last.
    written: Option<Timestamp>,
    counts: HashMap<(PackageKey, String, i64), u64>,
}

impl DownloadCounter {
    /// Counts one download. Never fails and never waits.
    pub fn count(&self, package: PackageKey, version: &str, now: Timestamp) {
        let mut waiting = self.lock();
        waiting.since.get_or_insert(now);
        *waiting.counts.entry((package, version.to_owned(), now.day())).or_default() += 1;
    }

    /// Whether counts have waited long enough to be written.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.lock().since.is_some_and(|since| now.millis() - since.millis() >= FLUSH_MILLIS)
    }

    /// Whether there are counts to write, and the last ones were written long enough ago. For a process that may
    /// stand still after each request: the first download of a while is written at once, and of many at a time
    /// only those of the last seconds wait.
    pub fn may_be_written(&self, now: Timestamp) -> bool {
        let waiting = self.lock();
        !waiting.counts.is_empty()
            && waiting.written.is_none_or(|written| now.millis() - written.millis() >= FLUSH_MILLIS)
    }

    /// Writes all counts. What cannot be written is counted again and waits for the next time.
    pub async fn flush(&self, storage: &Storage, now: Timestamp) -> Result<()> {
        let taken =
            std::mem::replace(&mut *self.lock(), Waiting { written: Some(now), ..Waiting::default() }).counts;
        let mut failed = None;
        for ((package, version, day), count) in taken {
            let rows = [
                Key::Downloads(package.clone(), version.clone(), day),
                Key::DownloadTotal(package.clone()),
                Key::RepoDownloads(package.repo.clone()),
            ];
            for (index, key) in rows.iter().enumerate() {
                if let Err(error) = storage.add(key, "downloads", count).await {
                    // Totals are sums of the days; only the first row decides whether it is counted again.
                    if index == 0 {
                        let mut waiting = self.lock();
                        waiting.since.get_or_insert(now);
                        *waiting.counts.entry((package.clone(), version.clone(), day)).or_default() += count;
                    }
                    failed = Some(error);
                    break;
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
