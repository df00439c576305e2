//! The upload sessions of a build.

use granary_model::Result;
use granary_publish::upload::state::{keep, load, remove_staged, replace, take};
use granary_storage::rows::{BuildResults, UploadRow, UploadStatus};
use granary_storage::{Key, Transaction};
use tokio::time::Instant;

use crate::Work;

/// The sessions that a job has handed over.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    pub(super) npm: Option<UploadRow>,
    pub(super) swift: Option<UploadRow>,
}

impl Sessions {
    /// Reads them; those that are gone are not there.
    pub(super) async fn load(work: &Work<'_>, results: &BuildResults) -> Result<Self> {
        let read = async |id: &Option<String>| match id {
            Some(id) => load(work.storage, id, work.now).await,
            None => Ok(None),
        };
        let (npm, swift) = tokio::try_join!(read(&results.npm), read(&results.swift))?;
        Ok(Self { npm, swift })
    }

    fn all(&mut self) -> impl Iterator<Item = &mut UploadRow> {
        self.npm.iter_mut().chain(&mut self.swift)
    }

    /// Adds to a transaction that all of them are in another state, each if it is still as it was read.
    pub(super) fn put(&self, transaction: &mut Transaction, change: impl Fn(&mut UploadRow)) -> Result<()> {
        for row in self.npm.iter().chain(&self.swift) {
            let mut next = row.clone();
            change(&mut next);
            next.rev = row.rev + 1;
            transaction.put_rev("upload", &Key::Upload(row.id.clone()), &next, Some(row.rev))?;
        }
        Ok(())
    }

    /// Takes them, so that nobody else verifies the same bytes at the same time. `false`: somebody does.
    pub(super) async fn take(&mut self, work: &Work<'_>) -> Result<bool> {
        match self.all().next() {
            Some(row) if row.status == UploadStatus::Processing => take(work.storage, row, work.now).await,
            Some(_) => Ok(false),
            None => Ok(true),
        }
    }

    /// Does something that may take minutes, and says every now and then that somebody is at work. `None`: somebody else has
    /// taken over all the same.
    pub(super) async fn keep<T>(&mut self, work: &Work<'_>, task: impl Future<Output = T>) -> Option<T> {
        let begun = Instant::now();
        let now = || {
            let passed = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
            work.now.plus_millis(passed)
        };
        match self.all().next() {
            Some(row) => keep(work.storage, now, row, task).await,
            None => Some(task.await),
        }
    }

    /// Gives them back before the lease ends. If that fails, it ends by itself.
    pub(super) async fn release(&mut self, work: &Work<'_>) {
        let Some(row) = self.all().next() else { return };
        row.worked_until = 0;
        if let Err(error) = replace(work.storage, row).await {
            tracing::warn!(%error, "an upload could not be given back; its lease ends by itself");
        }
    }

    /// Removes what was staged for them, as far as that works: the sweep removes what is left.
    pub(super) async fn clear(&self, work: &Work<'_>) {
        for row in self.npm.iter().chain(&self.swift) {
            if let Err(error) = remove_staged(work.storage, row).await {
                tracing::warn!(%error, upload.id = %row.id, "what was staged for a build waits for the sweep");
            }
        }
    }
}
