//! What a version row keeps of a Swift release.

use std::collections::BTreeSet;

use granary_model::swift::{ManifestName, SourceUrl, SwiftVersion, ToolsVersion};
use granary_model::{Error, Result, Sha256};
use granary_storage::rows::VersionRow;
use granary_storage::{Key, PackageKey, Storage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::compress::{gunzip, gzip};

/// Most that the facts of one release may take up in its row, gzip'd. A row holds 400 KB.
const MAX_STORED: usize = 300_000;

/// What is known of a release besides its files. Of a withdrawn one, only the version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwiftFacts {
    /// The version as it was published.
    pub version: SwiftVersion,
    /// SHA-256 of the archive as it was sent, if it was put into a folder: how a repeated upload is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sha256>,
    /// The description that came with an upload of the manifest, where the metadata have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<String>,
    /// Its manifests, `Package.swift` first.
    #[serde(default)]
    pub manifests: Vec<ManifestFacts>,
    /// What the publisher says of it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Signature of the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Signature of the metadata as they were sent, in base64. Kept; no endpoint gives it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_signature: Option<String>,
}

/// A signature as clients get it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Its format, such as `cms-1.0.0`.
    pub format: String,
    /// The signature in base64.
    pub base64: String,
}

/// A manifest of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFacts {
    /// Name of the file.
    pub file: String,
    /// Version of the tools that it is for: what it declares, or what its name says.
    pub tools: ToolsVersion,
}

impl SwiftFacts {
    /// Of a withdrawn release.
    pub fn withdrawn(version: SwiftVersion) -> Self {
        Self {
            version,
            sent: None,
            described: None,
            manifests: Vec::new(),
            metadata: Map::new(),
            signature: None,
            metadata_signature: None,
        }
    }

    /// The form for the row.
    ///
    /// # Errors
    /// `TooLarge` for metadata and signatures that do not fit.
    pub fn to_row(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map_err(|e| Error::internal("writing a release", e))?;
        let stored = gzip(&json)?;
        if stored.len() > MAX_STORED {
            return Err(Error::TooLarge(format!(
                "metadata and signatures take {} bytes compressed, more than the {MAX_STORED} that fit",
                stored.len()
            )));
        }
        Ok(stored)
    }

    /// From the form in the row.
    pub fn from_row(stored: &[u8]) -> Result<Self> {
        serde_json::from_slice(&gunzip(stored)?).map_err(|e| Error::internal("reading a release", e))
    }

    /// The publisher's description.
    pub fn description(&self) -> Option<&str> {
        let text = self.metadata.get("description").and_then(Value::as_str).or(self.described.as_deref());
        text.filter(|text| !text.is_empty())
    }

    /// Where the package's source is kept, in the form to compare.
    pub fn sources(&self) -> BTreeSet<SourceUrl> {
        self.source_urls().iter().filter_map(|url| SourceUrl::parse(url)).collect()
    }

    /// Addresses of the package's source, as the publisher gave them.
    pub fn source_urls(&self) -> Vec<String> {
        let urls = self.metadata.get("repositoryURLs").and_then(Value::as_array);
        urls.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The manifests for versions of Swift that the main one announces.
    ///
    /// The client chooses by the announced file name and asks by the announced tools version, so one version is
    /// announced once, and that of the main manifest not at all: it would load an empty placeholder. Of several
    /// manifests for one version, the one whose name says so wins.
    pub fn alternates(&self) -> Vec<(ManifestName, ToolsVersion)> {
        let main = self.manifests.iter().find(|manifest| manifest.file == ManifestName::MAIN);
        let mut all: Vec<(ManifestName, ToolsVersion)> = self
            .manifests
            .iter()
            .filter_map(|manifest| Some((ManifestName::parse(&manifest.file)?, manifest.tools)))
            .filter(|(name, tools)| name.swift.is_some() && main.is_none_or(|main| main.tools != *tools))
            .collect();
        all.sort_by_key(|(name, tools)| (*tools, name.swift != Some(*tools), std::cmp::Reverse(name.swift)));
        all.dedup_by_key(|(_, tools)| *tools);
        // Two names can be announced as one; the file that has this very name keeps it.
        let exact: BTreeSet<String> = all.iter().map(|(name, _)| name.as_str().to_owned()).collect();
        all.retain(|(name, _)| name.announced() == name.as_str() || !exact.contains(&name.announced()));
        all
    }

    /// The manifest for a version of Swift: by the version that is announced for it, or by its name. `None`: the
    /// main one has to do.
    pub fn manifest_for(&self, swift: ToolsVersion) -> Option<String> {
        let announced = self.alternates().into_iter().find(|(_, tools)| *tools == swift);
        let named = || {
            let mut names = self.manifests.iter().filter_map(|manifest| ManifestName::parse(&manifest.file));
            names.find(|name| name.swift == Some(swift))
        };
        announced.map(|(name, _)| name).or_else(named).map(|name| name.as_str().to_owned())
    }
}

/// The row and facts of a release that can be had and has exactly this version.
pub(super) async fn live_release(
    storage: &Storage,
    package: &PackageKey,
    version: &SwiftVersion,
) -> Result<Option<(VersionRow, SwiftFacts)>> {
    let row: Option<VersionRow> = storage.get(&Key::Version(package.clone(), version.key())).await?;
    let Some(row) = row.filter(VersionRow::is_live) else { return Ok(None) };
    let facts = SwiftFacts::from_row(&row.facts)?;
    Ok(facts.version.is(version.as_str()).then_some((row, facts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(manifests: &[(&str, &str)]) -> SwiftFacts {
        let mut facts = SwiftFacts::withdrawn("1.0.0".parse().unwrap());
        facts.manifests = manifests
            .iter()
            .map(|(file, tools)| ManifestFacts { file: (*file).into(), tools: tools.parse().unwrap() })
            .collect();
        facts
    }

    fn announced(facts: &SwiftFacts) -> Vec<(String, String)> {
        facts.alternates().iter().map(|(name, tools)| (name.announced(), tools.to_string())).collect()
    }

    fn pair(file: &str, tools: &str) -> (String, String) {
        (file.into(), tools.into())
    }

    #[test]
    fn alternates_are_announced_once_for_each_version() {
        let facts = facts(&[
            ("Package.swift", "5.7"),
            ("Package@swift-5.swift", "5.0"),
            ("Package@swift-5.7.swift", "5.7"),
            ("Package@swift-5.9.swift", "5.9"),
            ("Package@swift-5.9.0.swift", "5.9"),
            ("Package@swift-5.8.swift", "5.9"),
            ("Package@swift-6.0.swift", "5.10"),
            ("Package@swift-4.swift", "4.0"),
            ("Package@swift-4.0.swift", "4.1"),
        ]);
        assert_eq!(
            announced(&facts),
            [
                pair("Package@swift-4.0.swift", "4.1.0"),
                pair("Package@swift-5.0.swift", "5.0.0"),
                pair("Package@swift-5.9.swift", "5.9.0"),
                pair("Package@swift-6.0.swift", "5.10.0"),
            ]
        );
    }

    #[test]
    fn manifests_are_found_by_what_was_announced_and_by_name() {
        let facts = facts(&[
            ("Package.swift", "5.7"),
            ("Package@swift-4.2.swift", "4.0"),
            ("Package@swift-5.swift", "5.0"),
            ("Package@swift-6.0.swift", "5.10"),
        ]);
        let find = |swift: &str| facts.manifest_for(swift.parse().unwrap());
        assert_eq!(find("5.10.0").as_deref(), Some("Package@swift-6.0.swift"));
        assert_eq!(find("6.0.0").as_deref(), Some("Package@swift-6.0.swift"));
        assert_eq!(find("4.2").as_deref(), Some("Package@swift-4.2.swift"));
        for same in ["5", "5.0", "5.0.0"] {
            assert_eq!(find(same).as_deref(), Some("Package@swift-5.swift"), "{same}");
        }
        assert_eq!((find("5.7"), find("1.0"), find("5.0.1")), (None, None, None));
    }

    #[test]
    fn facts_come_back_from_the_row() {
        let mut facts = facts(&[("Package.swift", "5.7")]);
        facts.metadata.insert("description".into(), "Grüße".into());
        facts.metadata.insert("repositoryURLs".into(), serde_json::json!(["https://example.com/a/b"]));
        facts.signature = Some(Signature { format: "cms-1.0.0".into(), base64: "AAAA".into() });
        let read = SwiftFacts::from_row(&facts.to_row().unwrap()).unwrap();
        assert_eq!(read, facts);
        assert_eq!((read.description(), read.source_urls().len()), (Some("Grüße"), 1));
    }
}
