//! Taking versions and files away.

use std::collections::BTreeMap;

use granary_model::{Error, Ids, Result, Sha256, Timestamp};
use granary_storage::publishing::{Growth, UsageChange};
use granary_storage::rows::{Event, FileStatus, HeadRow, StoredFileRow, VersionRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Commit, Key, PackageKey, Storage, Transaction};

use super::MAX_FILES;
use crate::change::Change;
use crate::head_edit::{Applied, HeadEdit, Step, Target, edit_head, pause};
use crate::listing::live_versions;

/// How often a deletion begins again because the version was growing.
const ATTEMPTS: u32 = 32;

/// Works out what a head shows from the live versions that are left.
pub type Reshow = fn(&mut HeadRow, &[VersionRow]);

/// Deletes a version for ever: it is gone at once, its files are removed by the events that follow.
///
/// # Errors
/// `NotFound` if there is no such version.
pub async fn delete_version(target: Target<'_>, now: Timestamp, version: &str, reshow: Reshow) -> Result<()> {
    let (storage, package) = (target.storage, target.package.clone());
    delete(target, now, Deletion { storage, package, version, file: None, reshow }).await
}

/// Deletes a file for ever; with the last one the version goes.
///
/// For families whose head moves with every file, which keeps two deletions from both taking themselves for
/// the last but one.
///
/// # Errors
/// `NotFound` if there is no such file.
pub async fn delete_file(
    target: Target<'_>,
    now: Timestamp,
    version: &str,
    file: &str,
    reshow: Reshow,
) -> Result<()> {
    let (storage, package) = (target.storage, target.package.clone());
    delete(target, now, Deletion { storage, package, version, file: Some(file), reshow }).await
}

async fn delete(target: Target<'_>, now: Timestamp, deletion: Deletion<'_>) -> Result<()> {
    let mut edit = DeleteEdit { deletion, overtaken: false, released: Vec::new(), version_gone: false };
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause(target.ids, attempt).await;
        }
        edit.overtaken = false;
        match edit_head(target.clone(), now, &mut edit).await? {
            Applied::Changed(_) => return Ok(()),
            Applied::Unchanged if edit.overtaken => {}
            Applied::Unchanged => return Err(Error::internal("deleting", "nothing was changed")),
        }
    }
    Err(Error::Unavailable("too many changes of this version at once; try again".into()))
}

struct Deletion<'a> {
    storage: &'a Storage,
    package: PackageKey,
    version: &'a str,
    file: Option<&'a str>,
    reshow: Reshow,
}

struct DeleteEdit<'a> {
    deletion: Deletion<'a>,
    overtaken: bool,
    released: Vec<Sha256>,
    version_gone: bool,
}

impl DeleteEdit<'_> {
    fn version_key(&self) -> Key {
        Key::Version(self.deletion.package.clone(), self.deletion.version.to_owned())
    }

    /// Turns the file into a tombstone and gives its size.
    async fn bury_file(&mut self, name: &str, transaction: &mut Transaction) -> Result<u64> {
        let Deletion { storage, package, version, .. } = &self.deletion;
        let key = Key::File(package.clone(), (*version).to_owned(), name.to_owned());
        let row: Option<StoredFileRow> = storage.get(&key).await?;
        let row = row.filter(StoredFileRow::is_live).ok_or_else(|| {
            Error::NotFound(format!(
                "file '{name}' of version {version} of package '{}' not found",
                package.name
            ))
        })?;
        let buried = StoredFileRow { status: FileStatus::Tombstone, ..row.clone() };
        transaction.replace_file("file", &key, &buried, row.file.sha256)?;
        transaction.release_blob("blob", row.file.sha256, 1);
        self.released = vec![row.file.sha256];
        Ok(row.file.size)
    }

    /// The live versions besides the one that goes.
    async fn rest(&self) -> Result<Vec<VersionRow>> {
        let Deletion { storage, package, version, .. } = &self.deletion;
        let mut rows = live_versions(storage, package).await?;
        rows.retain(|row| row.version != *version);
        Ok(rows)
    }
}

impl HeadEdit for DeleteEdit<'_> {
    fn action(&self) -> &'static str {
        "package.delete"
    }

    fn detail(&self) -> String {
        let file = self.deletion.file.map(|file| format!(" {file}")).unwrap_or_default();
        format!("@{}{file}", self.deletion.version)
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        _: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        self.released.clear();
        let row: Option<VersionRow> = self.deletion.storage.get(&self.version_key()).await?;
        let live = row.filter(VersionRow::is_live);
        let (Some(mut head), Some(row)) = (head.filter(|head| head.versions > 0), live) else {
            return Err(Error::NotFound(format!(
                "version {} of package '{}' not found",
                self.deletion.version, self.deletion.package.name
            )));
        };
        let bytes = match self.deletion.file {
            Some(file) => self.bury_file(file, transaction).await?,
            None => row.size,
        };
        self.version_gone = self.deletion.file.is_none() || row.file_count <= 1;
        let less = -i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.version_gone {
            transaction.bury_version("version", self.version_key(), row.size, row.file_count);
            head.versions -= 1;
            head.complete = head.complete.saturating_sub(u64::from(row.complete));
            (self.deletion.reshow)(&mut head, &self.rest().await?);
        } else {
            let growth = Growth { bytes: less, files: -1, ..Growth::default() };
            transaction.grow_version("version", self.version_key(), growth);
        }
        let change = UsageChange {
            bytes: less,
            versions: -i64::from(self.version_gone),
            packages: -i64::from(self.version_gone && head.versions == 0),
        };
        transaction.change_usage("usage", &self.deletion.package.repo, change, None);
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        match refusal.label {
            "version" | "file" => {
                self.overtaken = true;
                Ok(Applied::Unchanged)
            }
            label => Err(Error::internal("deleting", format!("the part '{label}' was refused"))),
        }
    }

    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        if self.version_gone && self.deletion.file.is_none() {
            let (package, version) = (self.deletion.package.clone(), self.deletion.version.to_owned());
            events.push(Event::VersionDeleted { package, version });
        }
        if !self.released.is_empty() {
            events.push(Event::BlobsReleased { digests: self.released.clone() });
        }
        events
    }
}

/// Whether removed files still count in their version and their repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounting {
    /// They do: the version stays.
    Counted,
    /// They were taken off when the version was deleted.
    Settled,
}

/// Removes rows of files and lets go of their bytes: old builds of a snapshot, files of a deleted version.
///
/// Done by the system, so nobody's right is checked; the repository must be the one of this `uid` and alive.
/// `false` if somebody else was faster with some of it: what is left has to be looked up anew.
pub async fn remove_files(
    storage: &Storage,
    ids: &dyn Ids,
    now: Timestamp,
    repo_uid: &str,
    (package, version): (&PackageKey, &str),
    files: &[StoredFileRow],
    accounting: Accounting,
) -> Result<bool> {
    for batch in files.chunks(MAX_FILES) {
        let mut change = Change::by_system(ids, now);
        let mut transaction = Transaction::new();
        let (mut blobs, mut bytes, mut live): (BTreeMap<Sha256, u64>, i64, i64) = (BTreeMap::new(), 0, 0);
        for row in batch {
            let key = Key::File(package.clone(), version.to_owned(), row.file.name.clone());
            transaction.remove_file("file", key, row.file.sha256);
            if row.is_live() {
                *blobs.entry(row.file.sha256).or_default() += 1;
                bytes += i64::try_from(row.file.size).unwrap_or(i64::MAX);
                live += 1;
            }
        }
        change.release_blobs(&mut transaction, blobs)?;
        if accounting == Accounting::Counted {
            let key = Key::Version(package.clone(), version.to_owned());
            transaction.grow_version(
                "version",
                key,
                Growth { bytes: -bytes, files: -live, ..Growth::default() },
            );
            let usage = UsageChange { bytes: -bytes, ..UsageChange::default() };
            transaction.change_usage("usage", &package.repo, usage, None);
        }
        transaction.require_repo("repo", &package.repo, repo_uid);
        let names: Vec<&str> = batch.iter().map(|row| row.file.name.as_str()).collect();
        let subject = format!("{package}@{version} {}", names.join(","));
        change.audit(&mut transaction, &format!("repo:{}", package.repo), "package.clean", &subject)?;
        match storage.commit(transaction).await? {
            Commit::Done => change.notify(storage).await,
            Commit::Refused(refusal) if refusal.label != "blob" => return Ok(false),
            Commit::Refused(_) => return Err(Error::internal("removing files", "a file is counted too low")),
        }
    }
    Ok(true)
}
