//! Deleting versions whose files stand in their own rows.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::{Result, Sha256};
use granary_storage::publishing::UsageChange;
use granary_storage::rows::{HeadRow, VersionRow, VersionStatus};
use granary_storage::{Key, PackageKey, Transaction};

/// Versions that become tombstones in one transaction.
#[derive(Debug, Default)]
pub(crate) struct Burial {
    bytes: i64,
    gone: BTreeSet<String>,
    blobs: BTreeMap<Sha256, u64>,
}

impl Burial {
    /// Turns a live version into a tombstone that keeps these facts.
    pub(crate) fn bury(
        &mut self,
        transaction: &mut Transaction,
        package: &PackageKey,
        mut row: VersionRow,
        facts: Vec<u8>,
    ) -> Result<()> {
        for file in &row.files {
            *self.blobs.entry(file.sha256).or_default() += 1;
            self.bytes -= i64::try_from(file.size).unwrap_or(i64::MAX);
        }
        row.status = VersionStatus::Tombstone;
        row.facts = facts;
        transaction.put("version", &Key::Version(package.clone(), row.version.clone()), &row)?;
        self.gone.insert(row.version);
        Ok(())
    }

    /// The versions that go.
    pub(crate) fn gone(&self) -> &BTreeSet<String> {
        &self.gone
    }

    /// Releases their bytes and counts the versions less in the head and in the repository's usage. Gives the
    /// digests that nothing may hold any more.
    pub(crate) fn close(
        self,
        transaction: &mut Transaction,
        package: &PackageKey,
        head: &mut HeadRow,
    ) -> Vec<Sha256> {
        for (digest, files) in &self.blobs {
            transaction.release_blob("blob", *digest, *files);
        }
        head.versions = head.versions.saturating_sub(self.gone.len() as u64);
        let change = UsageChange {
            bytes: self.bytes,
            versions: -i64::try_from(self.gone.len()).unwrap_or(i64::MAX),
            packages: if head.versions == 0 { -1 } else { 0 },
        };
        transaction.change_usage("usage", &package.repo, change, None);
        self.blobs.into_keys().collect()
    }
}
