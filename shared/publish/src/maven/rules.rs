//! How Maven's files become versions.

use std::io::{Read, Seek};

use granary_model::maven::{Build, Coordinates, MavenFile, MavenVersion};
use granary_model::{Error, PackageType, RepoId, Result};
use granary_storage::rows::{Event, HeadRow, MavenPluginRow, RepoRow, VersionRow};
use granary_storage::{Key, PackageKey, Transaction};

use super::facts::MavenFacts;
use super::plugin::{PluginFacts, derived_prefix, read_plugin};
use super::pom::{MAX_POM, read_pom};
use crate::files::VersionRules;
use crate::seen::Showing;
use crate::spool::Spool;

/// The tag that names the highest version, snapshots included.
const LATEST: &str = "latest";

/// The tag that names the highest version that is no snapshot.
const RELEASE: &str = "release";

/// The rules for files of one version. Every file that is added has to pass [`MavenRules::inspect`] first.
///
/// A version is complete with its POM. Until one of a package's versions is, all are shown; from then on only
/// complete ones, so that nobody resolves a version whose files are still arriving.
#[derive(Debug, Clone)]
pub struct MavenRules {
    coordinates: Coordinates,
    repo: RepoId,
    repo_uid: String,
    facts: Option<Vec<u8>>,
    plugin: Option<PluginFacts>,
    is_build: bool,
}

impl MavenRules {
    /// For files of this version.
    pub fn new(coordinates: Coordinates, repo: &RepoRow) -> Self {
        Self {
            coordinates,
            repo: repo.id.clone(),
            repo_uid: repo.uid.clone(),
            facts: None,
            plugin: None,
            is_build: false,
        }
    }

    /// Looks into a file that is to be added: POMs are checked and read, jars may be plugins.
    ///
    /// # Errors
    /// `BadRequest` for a POM that cannot be used or belongs somewhere else.
    pub fn inspect(&mut self, file: &MavenFile, mut bytes: impl Read + Seek) -> Result<()> {
        if file.is_pom() {
            let mut text = Vec::new();
            let most = MAX_POM as u64 + 1;
            let read = bytes.by_ref().take(most).read_to_end(&mut text);
            read.map_err(|e| Error::internal("reading a POM", e))?;
            self.facts = Some(read_pom(file, &text)?.to_row()?);
            self.is_build |= matches!(file.build(), Build::Timestamped(_));
        } else if file.artifact().is_some_and(|file| file.is_main() && file.extension == "jar") {
            self.plugin = read_plugin(bytes).or(self.plugin.take());
        }
        Ok(())
    }

    /// Looks into a spooled file, on a thread that may wait for a disk.
    pub async fn inspect_spool(mut self, file: MavenFile, spool: Spool) -> Result<(Self, Spool)> {
        let looked = tokio::task::spawn_blocking(move || {
            let result = self.inspect(&file, spool.reader());
            (result, self, spool)
        });
        let (result, rules, spool) = looked.await.map_err(|e| Error::internal("looking into a file", e))?;
        result.map(|()| (rules, spool))
    }

    fn package(&self) -> PackageKey {
        PackageKey { repo: self.repo.clone(), kind: PackageType::Maven, name: self.coordinates.key() }
    }
}

impl VersionRules for MavenRules {
    fn may_replace(&self, file: &str) -> bool {
        MavenFile::new(self.coordinates.clone(), file).is_ok_and(|file| file.is_replaceable())
    }

    fn describe(&self, version: &mut VersionRow) -> bool {
        let Some(facts) = &self.facts else { return false };
        let differs = !version.complete || version.facts != *facts;
        version.complete = true;
        version.facts.clone_from(facts);
        differs
    }

    fn show(&self, head: &mut HeadRow, version: &VersionRow, before: Option<&VersionRow>) {
        head.name = self.coordinates.key();
        let is_first = version.complete && head.complete == 0;
        if version.complete && !before.is_some_and(|before| before.complete) {
            head.complete += 1;
        }
        if is_first {
            // Versions without a POM were shown for want of others.
            head.tags.clear();
        }
        if version.complete || head.complete == 0 {
            promote(head, version);
        }
    }

    fn rows(&self, transaction: &mut Transaction) -> Result<()> {
        let Some(plugin) = &self.plugin else { return Ok(()) };
        let Coordinates { group, artifact, .. } = &self.coordinates;
        let row = MavenPluginRow {
            artifact: artifact.to_string(),
            prefix: plugin.prefix.clone().unwrap_or_else(|| derived_prefix(artifact.as_str())),
            name: plugin.name.clone(),
            repo_uid: self.repo_uid.clone(),
        };
        let key = Key::MavenPlugin(self.repo.clone(), group.to_string(), artifact.to_string());
        transaction.put("plugin", &key, &row)
    }

    fn events(&self) -> Vec<Event> {
        if !self.is_build {
            return Vec::new();
        }
        vec![Event::SnapshotDeployed {
            package: self.package(),
            version: self.coordinates.version.to_string(),
        }]
    }
}

/// Lets the tags follow a version that is shown, if it is the highest, and the description follow the tag.
fn promote(head: &mut HeadRow, row: &VersionRow) {
    let Ok(version) = row.version.parse::<MavenVersion>() else { return };
    for (tag, fits) in [(LATEST, true), (RELEASE, !version.is_snapshot())] {
        let is_highest = head.tags.get(tag).is_none_or(|known| rank(known) <= rank(&row.version));
        if fits && is_highest {
            head.tags.insert(tag.into(), row.version.clone());
        }
    }
    if head.latest() == Some(&row.version) {
        // What cannot be read is not shown.
        let facts = MavenFacts::from_row(&row.facts).unwrap_or_default();
        head.description = facts.description.or(facts.name);
    }
}

/// The place of a version among others. Texts that rank the same are told apart, so that the highest is
/// always the same one.
pub(crate) fn rank(version: &str) -> (granary_model::maven::ComparableVersion, &str) {
    (granary_model::maven::ComparableVersion::new(version), version)
}

/// The versions that are shown: complete ones, if there are any.
pub(crate) fn shown(rows: &[VersionRow]) -> impl Iterator<Item = &VersionRow> {
    let any_complete = rows.iter().any(|row| row.complete);
    rows.iter().filter(move |row| row.complete || !any_complete)
}

/// What a head shows of the versions that are left after a deletion.
pub fn reshow(head: &mut HeadRow, rest: &[VersionRow]) {
    head.tags.clear();
    head.description = None;
    for row in shown(rest) {
        promote(head, row);
    }
}

/// Whoever gets some versions sees the highest of them, and what its POM says.
#[derive(Debug, Clone, Copy, Default)]
pub struct MavenShowing;

impl Showing for MavenShowing {
    fn show(head: &mut HeadRow, rows: &[VersionRow]) -> Result<()> {
        reshow(head, rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
