//! What adding files would change, given what is there.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::{Error, RepoId, Result, Sha256, Timestamp};
use granary_storage::publishing::{Growth, UsageChange};
use granary_storage::rows::{Event, FileStatus, StoredFileRow, VersionRow, VersionStatus};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, PackageKey, Transaction};

use super::{Known, NewFile, VersionRules, hint_holder};
use crate::head_edit::{Target, being_removed, refused_publish};

/// A file that is not there yet, and what it replaces.
pub(super) type Fresh<'a> = (&'a NewFile, Option<&'a StoredFileRow>);

/// The rows of one attempt at adding files.
pub(super) struct Plan<'a> {
    pub(super) now: Timestamp,
    package: PackageKey,
    owner: String,
    pub(super) publisher: String,
    quota: Option<u64>,
    /// The version's row as it was.
    pub(super) before: Option<&'a VersionRow>,
    /// And as it will be.
    pub(super) row: VersionRow,
    pub(super) fresh: Vec<Fresh<'a>>,
    growth: i64,
    added: i64,
    pub(super) moves_head: bool,
}

/// The files that are not there yet, with the version's row as far as there is one.
pub(super) fn fresh_files<'a, R: VersionRules>(
    version: &str,
    files: &'a [NewFile],
    known: &'a Known,
    rules: &R,
) -> Result<(Option<&'a VersionRow>, Vec<Fresh<'a>>)> {
    let mut fresh = Vec::new();
    for file in files {
        if !is_published(version, &file.name, file.digests.sha256, known, rules)? {
            fresh.push((file, known.files.iter().find(|row| row.file.name == file.name)));
        }
    }
    Ok((known.version.as_ref(), fresh))
}

/// Whether a version has a file already, byte for byte, as far as is known.
///
/// # Errors
/// `Conflict` if it has it with other bytes and cannot replace them, or if version or file were deleted; `Unavailable` while what
/// an upstream had of the version is still being removed.
pub fn is_published<R: VersionRules>(
    version: &str,
    name: &str,
    digest: Sha256,
    known: &Known,
    rules: &R,
) -> Result<bool> {
    if known.version.as_ref().is_some_and(|row| row.status == VersionStatus::Tombstone) {
        return Err(Error::Conflict(format!(
            "version {version} was deleted, and a deleted version can never be published again; choose a new version"
        )));
    }
    if known.version.as_ref().is_some_and(|row| row.fetched.is_some()) {
        return Err(being_removed(version));
    }
    match known.files.iter().find(|row| row.file.name == name) {
        None => Ok(false),
        Some(row) if row.status == FileStatus::Tombstone => Err(Error::Conflict(format!(
            "{name} of version {version} was deleted, and a deleted file can never be published again; choose a new \
             version"
        ))),
        Some(row) if row.file.sha256 == digest => Ok(true),
        Some(_) if rules.may_replace(name) => Ok(false),
        Some(_) => Err(Error::Conflict(format!(
            "{name} of version {version} exists with other bytes, and a published file never changes; publish a new \
             version"
        ))),
    }
}

/// A number of bytes as a change of a counter.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl<'a> Plan<'a> {
    pub(super) fn new<R: VersionRules>(
        target: &Target<'_>,
        now: Timestamp,
        quota: Option<u64>,
        version: &str,
        files: &'a [NewFile],
        known: &'a Known,
        rules: &R,
    ) -> Result<Self> {
        let (before, fresh) = fresh_files(version, files, known, rules)?;
        let publisher = target.principal.display_name();
        let mut row = before.cloned().unwrap_or_else(|| VersionRow {
            version: version.to_owned(),
            status: VersionStatus::Live,
            published_at: now,
            publisher: publisher.clone(),
            deprecated: None,
            files: Vec::new(),
            size: 0,
            file_count: 0,
            complete: false,
            hidden: false,
            fetched: None,
            facts: Vec::new(),
        });
        let growth: i64 = fresh
            .iter()
            .map(|(file, old)| signed(file.digests.size) - old.map_or(0, |old| signed(old.file.size)))
            .sum();
        let added = signed(fresh.iter().filter(|(_, old)| old.is_none()).count() as u64);
        row.size = row.size.saturating_add_signed(growth);
        row.file_count = row.file_count.saturating_add_signed(added);
        let differs = rules.describe(&mut row);
        Ok(Self {
            now,
            package: target.package.clone(),
            owner: target.repo.owner(),
            publisher,
            quota,
            moves_head: differs || before.is_none(),
            before,
            row,
            fresh,
            growth,
            added,
        })
    }

    /// Whether the version is new.
    pub(super) fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// What is changed, for the audit record.
    pub(super) fn detail(&self) -> String {
        let names: Vec<&str> = self.fresh.iter().map(|(file, _)| file.name.as_str()).collect();
        format!("@{} {}", self.row.version, names.join(","))
    }

    /// The rows of the version, its files, their bytes and the usage.
    pub(super) fn add_parts(&self, transaction: &mut Transaction, is_first: bool) -> Result<()> {
        // First, so that of several reasons to refuse the one is reported that can be dealt with.
        let key = Key::Version(self.package.clone(), self.row.version.clone());
        match self.before {
            None => transaction.put_new("version", &key, &self.row)?,
            Some(before) => {
                let differs = before.facts != self.row.facts || before.complete != self.row.complete;
                let growth = Growth {
                    bytes: self.growth,
                    files: self.added,
                    facts: differs.then(|| self.row.facts.clone()),
                    complete: self.row.complete,
                    was_complete: before.complete,
                };
                transaction.grow_version("version", key, growth);
            }
        }
        let mut blobs: BTreeMap<Sha256, i64> = BTreeMap::new();
        let mut hinted = BTreeSet::new();
        let replaces = self.fresh.iter().any(|(_, old)| old.is_some());
        for (file, old) in &self.fresh {
            let row = StoredFileRow {
                file: file.digests.file(&file.name, &file.content_type),
                status: FileStatus::Live,
                added_at: self.now,
                publisher: self.publisher.clone(),
            };
            let key = Key::File(self.package.clone(), self.row.version.clone(), file.name.clone());
            match old {
                None => transaction.put_new("file", &key, &row)?,
                Some(old) => {
                    transaction.replace_file("file", &key, &row, old.file.sha256)?;
                    *blobs.entry(old.file.sha256).or_default() -= 1;
                }
            }
            // A hint is worth less than a place in the transaction: a replaced file takes the third one itself.
            if !replaces && hinted.insert(row.file.sha256) {
                hint_holder(transaction, &self.owner, &self.package, &self.row.version, &row.file, self.now)?;
            }
            *blobs.entry(row.file.sha256).or_default() += 1;
        }
        for (digest, count) in blobs {
            match count {
                1.. => transaction.hold_blob("blob", digest, count.unsigned_abs(), self.now),
                0 => {}
                ..0 => transaction.release_blob("blob", digest, count.unsigned_abs()),
            }
        }
        let change = UsageChange {
            bytes: self.growth,
            versions: i64::from(self.is_new()),
            packages: i64::from(self.is_new() && is_first),
        };
        transaction.change_usage("usage", &self.package.repo, change, self.quota);
        Ok(())
    }

    /// The family's events, and that replaced bytes may be garbage now.
    pub(super) fn events<R: VersionRules>(&self, rules: &R) -> Vec<Event> {
        let mut events = rules.events();
        let digests: Vec<Sha256> =
            self.fresh.iter().filter_map(|(_, old)| Some(old.as_ref()?.file.sha256)).collect();
        if !digests.is_empty() {
            events.push(Event::BlobsReleased { digests });
        }
        events
    }

    /// Says what a refused part means; `Ok` if it is right to look again and try again.
    pub(super) fn refused(&self, refusal: &Refusal) -> Result<()> {
        match refusal.label {
            "version" | "file" => Ok(()),
            label => Err(refused_publish(label, &self.package, self.quota)),
        }
    }
}

/// The refusal of what does not fit into a repository's quota.
pub fn over_quota(repo: &RepoId, quota: u64) -> Error {
    Error::Forbidden(format!(
        "the quota of repository '{repo}' ({quota} bytes) would be exceeded; delete versions or raise the quota"
    ))
}
