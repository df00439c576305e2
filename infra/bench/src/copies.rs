//! Rows of one published npm version, written again under other names.
//!
//! A million publishes would take hours. So one version is published by the registry's own code, its rows are read back,
//! and copies that differ in name and version only are written in bulk. All share the one tarball, whose references and
//! bytes are counted for each. Audit records are not copied: nothing that is measured reads them.

use anyhow::{Context as _, ensure};
use granary_model::npm::{NpmName, NpmVersion};
use granary_publish::compress::{gunzip, gzip};
use granary_publish::digests::Digests;
use granary_storage::publishing::UsageChange;
use granary_storage::rows::{FileRow, HeadRow, PackageEntry, VersionRow};
use granary_storage::{Commit, Key, PackageKey, Storage, Transaction};
use serde::Serialize;
use serde_json::Value;

/// How far two versions of one package are published from each other, in milliseconds.
const BETWEEN_VERSIONS: i64 = 1_000;

/// What the copies of a version say of the integrity of their tarball.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integrity {
    /// That of the one tarball, which every copy is answered with: copies can be installed.
    Shared,
    /// One that is made up from name and version, so that documents compress no better than those of versions with
    /// tarballs of their own. Clients that check what they download refuse such copies, so only their metadata can be
    /// measured.
    MadeUp,
}

/// A row of any of the kinds that are copied.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Row {
    Head(HeadRow),
    Version(VersionRow),
    Entry(PackageEntry),
}

/// The rows of a package with one version and no readme.
pub(crate) struct Original {
    package: PackageKey,
    head: HeadRow,
    version: VersionRow,
    entry: PackageEntry,
}

impl Original {
    /// Reads the rows of a package that has been published once.
    pub(crate) async fn read(storage: &Storage, package: PackageKey) -> anyhow::Result<Self> {
        let head: HeadRow =
            storage.get(&Key::Head(package.clone())).await?.context("the package has no head")?;
        let latest = head.latest().context("the package has no latest version")?.to_owned();
        let version = storage.get(&Key::Version(package.clone(), latest)).await?;
        let entry = storage.get(&Key::PackageOf(package.clone())).await?;
        ensure!(head.versions == 1, "the package has {} versions", head.versions);
        Ok(Self {
            head,
            version: version.context("the version has no row")?,
            entry: entry.context("the package is in no list")?,
            package,
        })
    }

    /// The rows of the same package under another name.
    pub(crate) fn package(&self, name: &NpmName) -> anyhow::Result<[(Key, Row); 3]> {
        let package = PackageKey { name: name.key(), ..self.package.clone() };
        let version = self.renamed(name, &self.version.version.parse()?)?;
        let head = HeadRow { name: name.to_string(), ..self.head.clone() };
        let entry = PackageEntry { name: name.to_string(), ..self.entry.clone() };
        Ok([
            (Key::Version(package.clone(), version.version.clone()), Row::Version(version)),
            (Key::Head(package.clone()), Row::Head(head)),
            (Key::PackageOf(package), Row::Entry(entry)),
        ])
    }

    /// The rows of the same package with all these versions, published in this order, the original's version being one
    /// of them. That one keeps the integrity that it has.
    pub(crate) fn versions(
        &self,
        versions: &[NpmVersion],
        integrity: Integrity,
    ) -> anyhow::Result<Vec<(Key, Row)>> {
        let name: NpmName = self.head.name.parse()?;
        let own: NpmVersion = self.version.version.parse()?;
        ensure!(
            versions.contains(&own),
            "{name} has the version {own}, which is none of those it is to have"
        );
        let last = versions.last().context("a package without versions")?;
        let mut rows = Vec::with_capacity(versions.len() + 2);
        let (mut first_at, end) = (self.version.published_at, self.version.published_at);
        for (version, before) in versions.iter().rev().zip(0..) {
            let mut row = self.renamed(&name, version)?;
            if integrity == Integrity::MadeUp && *version != own {
                row.files = row.files.into_iter().map(|file| made_up(file, &name, version)).collect();
            }
            row.published_at = end.plus_millis(-BETWEEN_VERSIONS * before);
            first_at = row.published_at;
            rows.push((Key::Version(self.package.clone(), row.version.clone()), Row::Version(row)));
        }
        let count = versions.len() as u64;
        let mut head = HeadRow { rev: count, versions: count, ..self.head.clone() };
        head.tags.insert("latest".into(), last.to_string());
        head.created_at = first_at.millis();
        let entry = PackageEntry { latest: Some(last.to_string()), versions: count, ..self.entry.clone() };
        rows.push((Key::Head(self.package.clone()), Row::Head(head)));
        rows.push((Key::PackageOf(self.package.clone()), Row::Entry(entry)));
        Ok(rows)
    }

    /// Counts copies: references of the tarball, and the repository's usage.
    pub(crate) async fn count(&self, storage: &Storage, versions: u64, packages: u64) -> anyhow::Result<()> {
        let file = self.file()?;
        let change = UsageChange {
            bytes: i64::try_from(file.size * versions)?,
            versions: i64::try_from(versions)?,
            packages: i64::try_from(packages)?,
        };
        let mut transaction = Transaction::new();
        transaction.hold_blob("blob", file.sha256, versions, self.version.published_at);
        transaction.change_usage("usage", &self.package.repo, change, None);
        ensure!(matches!(storage.commit(transaction).await?, Commit::Done), "the copies cannot be counted");
        Ok(())
    }

    fn file(&self) -> anyhow::Result<&FileRow> {
        self.version.files.first().context("the version has no file")
    }

    /// The version's row as it would be under another name and version.
    fn renamed(&self, name: &NpmName, version: &NpmVersion) -> anyhow::Result<VersionRow> {
        let file = FileRow { name: name.tarball_file(version), ..self.file()?.clone() };
        let mut facts: Value = serde_json::from_slice(&gunzip(&self.version.facts)?)?;
        for form in ["full", "abbreviated"] {
            for (member, text) in [("name", name.as_str()), ("version", version.as_str())] {
                let place = facts.pointer_mut(&format!("/{form}/{member}"));
                *place.with_context(|| format!("the {form} manifest has no {member}"))? = text.into();
            }
        }
        Ok(VersionRow {
            version: version.to_string(),
            files: vec![file],
            fetched: None,
            facts: gzip(facts.to_string().as_bytes())?,
            ..self.version.clone()
        })
    }
}

/// The file with the integrity of something else. Its address, `sha256`, stays.
fn made_up(file: FileRow, name: &NpmName, version: &NpmVersion) -> FileRow {
    let Digests { sha1, sha512, .. } = Digests::of(format!("{name}@{version}").as_bytes());
    FileRow { sha1, sha512, ..file }
}
