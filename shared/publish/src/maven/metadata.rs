//! `maven-metadata.xml` at every level. Only stored rows and stored times go in, so the same rows give the same
//! bytes wherever they are rendered, and a checksum always fits its document.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use granary_model::maven::{ArtifactId, Coordinates, GroupId, MavenVersion, SumKind, split_key};
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_storage::rows::{HeadRow, MavenPluginRow, RepoRow, StoredFileRow, VersionRow};
use granary_storage::{Key, PackageKey, Storage};

use super::rules::{rank, shown};
use super::snapshots::Builds;
use super::xml::escaped;
use crate::compress::{gunzip, gzip};
use crate::digests::Digests;
use crate::documents::{Renderer, Source};

/// How every document begins.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A document with its checksums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    xml: Bytes,
    /// In the order of [`SumKind::ALL`].
    sums: [String; 4],
}

impl Metadata {
    /// Computes the checksums of a document.
    pub fn new(xml: String) -> Self {
        let digests = Digests::of(xml.as_bytes());
        let sums = SumKind::ALL.map(|kind| match kind {
            SumKind::Md5 => digests.md5.to_string(),
            SumKind::Sha1 => digests.sha1.to_string(),
            SumKind::Sha256 => digests.sha256.to_string(),
            SumKind::Sha512 => digests.sha512.to_string(),
        });
        Self { xml: xml.into(), sums }
    }

    /// The document.
    pub fn xml(&self) -> &str {
        // It was made of text, so it is text.
        std::str::from_utf8(&self.xml).unwrap_or_default()
    }

    /// The document as the body of answers, which share it.
    pub fn body(&self) -> Bytes {
        self.xml.clone()
    }

    /// One of its checksums, as lower-case hexadecimal.
    pub fn sum(&self, kind: SumKind) -> &str {
        let index = SumKind::ALL.iter().position(|other| *other == kind);
        index.and_then(|index| self.sums.get(index)).map_or("", String::as_str)
    }

    /// The form that is stored: a line with the checksums, then the document. Both lie in one object, so no
    /// reader ever gets the one without the other.
    fn to_stored(&self) -> Result<Bytes> {
        let text = format!("{}\n{}", self.sums.join(" "), self.xml());
        Ok(gzip(text.as_bytes())?.into())
    }

    /// From the form that is stored.
    ///
    /// # Errors
    /// `Internal` if it is of another form.
    pub fn from_stored(stored: &[u8]) -> Result<Self> {
        let defect = || Error::internal("reading metadata", "the stored document has another form");
        let text = String::from_utf8(gunzip(stored)?).map_err(|_| defect())?;
        let (line, xml) = text.split_once('\n').ok_or_else(defect)?;
        let sums: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let xml = Bytes::copy_from_slice(xml.as_bytes());
        Ok(Self { xml, sums: sums.try_into().map_err(|_| defect())? })
    }

    /// The same document with the plugins of the group that has the same directory.
    #[must_use]
    pub fn with_plugins(&self, plugins: &[MavenPluginRow]) -> Self {
        let xml = self.xml();
        let versions = xml.strip_suffix("</metadata>\n").unwrap_or(xml);
        Self::new(format!("{versions}{}</metadata>\n", plugins_section(plugins)))
    }
}

/// Renders the document of an artifact: its versions.
#[derive(Debug, Clone, Copy, Default)]
pub struct ArtifactMetadata;

impl ArtifactMetadata {
    /// The one variant; its number changes with the form.
    pub const VARIANT: &'static str = "m1";
}

impl Renderer for ArtifactMetadata {
    fn variants(&self) -> Vec<String> {
        vec![Self::VARIANT.into()]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let rows = source.versions(storage).await?;
        let (group, artifact) = split_key(&source.package.name)?;
        let updated = source.head.modified();
        // Thousands of versions take a while to sort: not on a thread that serves other requests.
        let stored = tokio::task::spawn_blocking(move || {
            artifact_metadata(&group, &artifact, &rows, updated).to_stored()
        });
        Ok(vec![stored.await.map_err(|e| Error::internal("rendering metadata", e))??])
    }
}

/// The document of an artifact with these live versions.
pub fn artifact_metadata(
    group: &GroupId,
    artifact: &ArtifactId,
    rows: &[VersionRow],
    updated: Timestamp,
) -> Metadata {
    let versions: Vec<&str> = shown(rows).map(|row| row.version.as_str()).collect();
    versions_metadata(group, artifact, &versions, updated)
}

/// The document of an artifact with these versions.
pub(crate) fn versions_metadata(
    group: &GroupId,
    artifact: &ArtifactId,
    versions: &[&str],
    updated: Timestamp,
) -> Metadata {
    let mut versions: Vec<_> = versions.iter().map(|version| rank(version)).collect();
    versions.sort();
    let is_release =
        |version: &str| version.parse::<MavenVersion>().is_ok_and(|version| !version.is_snapshot());
    let latest = versions.last().map(|(_, version)| *version);
    let release = versions.iter().rev().map(|(_, version)| *version).find(|version| is_release(version));
    let mut xml = format!(
        "{DECLARATION}<metadata>\n  <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n  <versioning>\n"
    );
    for (element, version) in [("latest", latest), ("release", release)] {
        if let Some(version) = version {
            let _ = writeln!(xml, "    <{element}>{version}</{element}>");
        }
    }
    xml.push_str("    <versions>\n");
    for (_, version) in &versions {
        let _ = writeln!(xml, "      <version>{version}</version>");
    }
    let _ = write!(
        xml,
        "    </versions>\n    <lastUpdated>{}</lastUpdated>\n  </versioning>\n</metadata>\n",
        stamp(updated)
    );
    Metadata::new(xml)
}

/// The document of a snapshot version with these files, and when it changed last. `None` if it has no
/// timestamped ones: then clients ask for the names with `-SNAPSHOT`.
pub fn snapshot_metadata<'a>(
    coordinates: &Coordinates,
    rows: impl IntoIterator<Item = &'a StoredFileRow>,
) -> Option<(Metadata, Timestamp)> {
    let builds = Builds::new(coordinates, rows);
    let summary = builds.summary()?;
    let newest = builds.newest();
    let updated = newest.values().map(|(_, row)| row.added_at).max()?;
    let Coordinates { group, artifact, version } = coordinates;
    let base = version.snapshot_base()?;
    let mut xml = format!(
        "{DECLARATION}<metadata modelVersion=\"1.1.0\">\n  <groupId>{group}</groupId>\n  \
         <artifactId>{artifact}</artifactId>\n  <version>{version}</version>\n  <versioning>\n    <snapshot>\n      \
         <timestamp>{}</timestamp>\n      <buildNumber>{}</buildNumber>\n    </snapshot>\n    \
         <lastUpdated>{}</lastUpdated>\n    <snapshotVersions>\n",
        summary.timestamp(),
        summary.number(),
        stamp(updated)
    );
    for ((classifier, extension), (build, row)) in newest {
        xml.push_str("      <snapshotVersion>\n");
        if let Some(classifier) = classifier {
            let _ = writeln!(xml, "        <classifier>{classifier}</classifier>");
        }
        let _ = write!(
            xml,
            "        <extension>{extension}</extension>\n        <value>{base}{build}</value>\n        \
             <updated>{}</updated>\n      </snapshotVersion>\n",
            stamp(row.added_at)
        );
    }
    xml.push_str("    </snapshotVersions>\n  </versioning>\n</metadata>\n");
    Some((Metadata::new(xml), updated))
}

/// The document of a group: its plugins. `None` if it has none.
pub fn group_metadata(plugins: &[MavenPluginRow]) -> Option<Metadata> {
    if plugins.is_empty() {
        return None;
    }
    Some(Metadata::new(format!("{DECLARATION}<metadata>\n{}</metadata>\n", plugins_section(plugins))))
}

fn plugins_section(plugins: &[MavenPluginRow]) -> String {
    let mut plugins: Vec<&MavenPluginRow> = plugins.iter().collect();
    plugins.sort_by(|a, b| (&a.prefix, &a.artifact).cmp(&(&b.prefix, &b.artifact)));
    let mut xml = "  <plugins>\n".to_owned();
    for plugin in plugins {
        xml.push_str("    <plugin>\n");
        if let Some(name) = &plugin.name {
            let _ = writeln!(xml, "      <name>{}</name>", escaped(name));
        }
        let _ = write!(
            xml,
            "      <prefix>{}</prefix>\n      <artifactId>{}</artifactId>\n    </plugin>\n",
            escaped(&plugin.prefix),
            escaped(&plugin.artifact)
        );
    }
    xml.push_str("  </plugins>\n");
    xml
}

/// Reads what plugins were ever published in a group. Pass it on to [`live_plugins`].
pub async fn plugin_rows(
    storage: &Storage,
    repo: &granary_model::RepoId,
    group: &GroupId,
) -> Result<Arc<Vec<MavenPluginRow>>> {
    let first = Key::MavenPlugin(repo.clone(), group.to_string(), String::new());
    storage.shared_list(&first, "PLUGIN#").await
}

/// Those that belong to this repository and still have versions, each with the artifact that it is.
pub async fn live_plugins<'a>(
    storage: &Storage,
    repo: &RepoRow,
    group: &GroupId,
    plugins: &'a [MavenPluginRow],
) -> Result<Vec<(&'a MavenPluginRow, PackageKey, Arc<HeadRow>)>> {
    let plugins: Vec<&MavenPluginRow> = plugins.iter().filter(|plugin| plugin.repo_uid == repo.uid).collect();
    let package = |plugin: &&MavenPluginRow| {
        let name = format!("{group}:{}", plugin.artifact);
        PackageKey { repo: repo.id.clone(), kind: PackageType::Maven, name }
    };
    let packages: Vec<PackageKey> = plugins.iter().map(package).collect();
    let keys: Vec<Key> = packages.iter().cloned().map(Key::Head).collect();
    let heads: Vec<Option<Arc<HeadRow>>> = storage.shared_rows(keys).await?;
    let live = plugins.into_iter().zip(packages).zip(heads).filter_map(|((plugin, package), head)| {
        let head = head.filter(|head| head.repo_uid == repo.uid && head.versions > 0)?;
        Some((plugin, package, head))
    });
    Ok(live.collect())
}

/// A moment as metadata has it: `yyyyMMddHHmmss` in UTC.
fn stamp(at: Timestamp) -> String {
    at.to_string().chars().filter(char::is_ascii_digit).take(14).collect()
}

#[cfg(test)]
mod tests;
