//! What the interface answers about a package, as far as the page shows it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::text::cut;

/// Most of a free text that is shown, in characters.
const TEXT: usize = 1_000;

/// Most entries of a list beside the README.
const BESIDE: usize = 30;

/// The answer.
#[derive(Debug, Deserialize)]
pub(super) struct Details {
    pub(super) package: Package,
    /// The version that was asked for, or the latest.
    pub(super) version: Option<Shown>,
    /// One page of all versions.
    pub(super) versions: Vec<Line>,
    /// The cursor of the next page of versions.
    pub(super) next: Option<String>,
}

/// A package.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package {
    pub(super) name: String,
    description: Option<String>,
    keywords: Vec<String>,
    pub(super) latest_version: Option<String>,
    tags: BTreeMap<String, String>,
    pub(super) version_count: u64,
    pub(super) download_count: u64,
    pub(super) created_at: String,
    maintainers: Vec<String>,
    pub(super) origin: Option<Origin>,
    /// What is put aside of it, for those who belong to the repository.
    #[serde(default)]
    pub(super) quarantine: Vec<Aside>,
}

/// Where a package comes from that was not published in the repository.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Origin {
    /// Name of a registry elsewhere.
    pub(super) upstream: Option<String>,
    /// Name of another repository here, if the viewer may know it.
    pub(super) repository: Option<String>,
    pub(super) fetched_at: Option<String>,
    pub(super) checked_at: Option<String>,
    pub(super) failing: Option<Failing>,
    #[serde(default)]
    pub(super) gone: bool,
}

/// An upstream that does not answer as it should.
#[derive(Debug, Deserialize)]
pub(super) struct Failing {
    pub(super) since: String,
    why: String,
}

impl Failing {
    pub(super) fn why(&self) -> String {
        cut(&self.why, 200)
    }
}

/// A version in quarantine, or all of them.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Aside {
    pub(super) version: Option<String>,
    pub(super) reason: String,
    pub(super) by: String,
    pub(super) at: String,
}

/// Where a version comes from that was not published here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionOrigin {
    pub(super) upstream: String,
    pub(super) fetched_at: Option<String>,
}

impl Package {
    /// Whether it comes from a registry elsewhere.
    pub(super) fn is_from_upstream(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.upstream.is_some())
    }

    /// Whether it is one of the repository itself, or from a registry elsewhere: what is done with it is done here.
    pub(super) fn is_here(&self) -> bool {
        self.origin.is_none() || self.is_from_upstream()
    }

    /// The beginning of its description.
    pub(super) fn summary(&self) -> Option<String> {
        self.description.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(|text| cut(text, TEXT))
    }

    pub(super) fn keywords(&self) -> impl Iterator<Item = &String> {
        self.keywords.iter().filter(|word| !word.is_empty()).take(BESIDE)
    }

    /// The tags, `latest` first.
    pub(super) fn tags(&self) -> Vec<(&String, &String)> {
        let mut tags: Vec<_> = self.tags.iter().collect();
        tags.sort_by_key(|(tag, _)| *tag != "latest");
        tags.truncate(BESIDE);
        tags
    }

    /// How many tags are not shown.
    pub(super) fn more_tags(&self) -> usize {
        self.tags.len().saturating_sub(BESIDE)
    }

    pub(super) fn maintainers(&self) -> impl Iterator<Item = &String> {
        self.maintainers.iter().take(BESIDE)
    }
}

/// The version that is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) version: String,
    pub(super) published_at: String,
    pub(super) publisher: Option<String>,
    deprecated: Option<String>,
    license: Option<String>,
    license_url: Option<String>,
    homepage: Option<String>,
    repository: Option<String>,
    pub(super) files: Vec<File>,
    pub(super) files_total: u64,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) dependencies_total: Option<u64>,
    pub(super) readme: Option<ReadmeText>,
    #[serde(default)]
    status: String,
    reason: Option<String>,
    pub(super) origin: Option<VersionOrigin>,
}

impl Shown {
    /// Why nobody gets it, if that is so.
    pub(super) fn kept(&self) -> Option<String> {
        self.reason.as_deref().filter(|_| self.status != "live").map(|text| cut(text, TEXT))
    }

    /// Whether its bytes are at its upstream only.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.fetched_at.is_none())
    }
    /// Name of the file that people come for: the largest that does not only tell about the others.
    pub(super) fn main_file(&self) -> Option<&str> {
        // Of two that are as large it is the first.
        let main = self.files.iter().min_by_key(|file| (is_beside(&file.name), Reverse(file.size)));
        main.map(|file| file.name.as_str())
    }

    /// Why it should not be used, if somebody says so.
    pub(super) fn warning(&self) -> Option<String> {
        self.deprecated.as_deref().map(|text| cut(text, TEXT)).filter(|text| !text.trim().is_empty())
    }

    pub(super) fn license(&self) -> Option<String> {
        self.license.as_deref().map(|text| cut(text, 100))
    }

    pub(super) fn license_url(&self) -> Option<&str> {
        web(self.license_url.as_deref())
    }

    pub(super) fn homepage(&self) -> Option<&str> {
        web(self.homepage.as_deref())
    }

    pub(super) fn repository(&self) -> Option<&str> {
        web(self.repository.as_deref())
    }
}

/// Whether a file is a README, a licence, a signature or a digest.
fn is_beside(name: &str) -> bool {
    let name = name.to_lowercase();
    let (stem, ending) = (name.split('.').next().unwrap_or_default(), name.rsplit_once('.'));
    let is_ending = |ending: &str| ["sig", "asc", "md5"].contains(&ending) || ending.starts_with("sha");
    ["readme", "license", "licence"].contains(&stem) || ending.is_some_and(|(_, ending)| is_ending(ending))
}

/// An address that a link may lead to. The interface gives no others; this is where it would matter.
fn web(address: Option<&str>) -> Option<&str> {
    address.filter(|address| address.starts_with("https://") || address.starts_with("http://"))
}

/// A file of a version.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) size: u64,
    sha256: Option<String>,
    sha1: Option<String>,
    sha512: Option<String>,
    md5: Option<String>,
}

impl File {
    /// Names and values of its digests.
    pub(super) fn digests(&self) -> Vec<(&'static str, &String)> {
        let all =
            [("SHA-256", &self.sha256), ("SHA-512", &self.sha512), ("SHA-1", &self.sha1), ("MD5", &self.md5)];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect()
    }
}

/// Something that a version needs.
#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) range: String,
    pub(super) kind: String,
}

/// A README.
#[derive(Debug, Deserialize)]
pub(super) struct ReadmeText {
    pub(super) text: String,
    /// `markdown` or `text`.
    pub(super) format: String,
    /// Whether the interface has cut it.
    #[serde(default)]
    pub(super) truncated: bool,
}

/// A version in the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    pub(super) version: String,
    pub(super) published_at: String,
    pub(super) publisher: Option<String>,
    deprecated: Option<String>,
    pub(super) size: u64,
    pub(super) file_count: u64,
    status: String,
    reason: Option<String>,
    origin: Option<VersionOrigin>,
}

impl Line {
    pub(super) fn is_withdrawn(&self) -> bool {
        self.status == "withdrawn"
    }

    /// In a word why nobody gets it, with the reason.
    pub(super) fn kept(&self) -> Option<(&str, String)> {
        let is_kept = !matches!(self.status.as_str(), "live" | "withdrawn");
        is_kept.then(|| (self.status.as_str(), cut(self.reason.as_deref().unwrap_or_default(), 300)))
    }

    /// Whether its bytes are at its upstream only.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.fetched_at.is_none())
    }

    /// Why it should not be used.
    pub(super) fn warning(&self) -> Option<String> {
        self.deprecated.as_deref().map(|text| cut(text, 200)).filter(|text| !text.trim().is_empty())
    }
}

impl Details {
    /// Size of the version that is shown, if it is known without asking for more.
    pub(super) fn size(&self) -> Option<String> {
        let version = self.version.as_ref().filter(|version| !version.is_elsewhere())?;
        if version.files.len() as u64 == version.files_total {
            return Some(crate::text::size(version.files.iter().map(|file| file.size).sum()));
        }
        let line = self.versions.iter().find(|line| line.version == version.version)?;
        Some(crate::text::size(line.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_become_links() {
        assert_eq!(web(Some("https://example.com")), Some("https://example.com"));
        for bad in ["javascript:alert(1)", "JAVASCRIPT:x", " https://x", "data:x", "//x", ""] {
            assert_eq!(web(Some(bad)), None, "{bad}");
        }
    }

    fn main_file(files: &[(&str, u64)]) -> Option<String> {
        let files: Vec<_> =
            files.iter().map(|(name, size)| serde_json::json!({ "name": name, "size": size })).collect();
        let version = serde_json::json!({
            "version": "1.0", "publishedAt": "", "files": files, "filesTotal": files.len(), "dependencies": [],
        });
        let version: Shown = serde_json::from_value(version).unwrap();
        version.main_file().map(str::to_owned)
    }

    #[test]
    fn the_main_file_is_the_largest_that_stands_for_itself() {
        let files = [
            ("LICENSE", 900),
            ("README.md", 900),
            ("a.txt", 10),
            ("tool", 50),
            ("tool2", 50),
            ("tool.SHA256", 80),
            ("tool.asc", 80),
            ("tool.md5", 80),
            ("tool.sig", 80),
        ];
        assert_eq!(main_file(&files).as_deref(), Some("tool"));
        assert_eq!(main_file(&[("tool.asc", 1), ("README", 2)]).as_deref(), Some("README"));
        assert_eq!(main_file(&[("readme-maker", 5), ("x", 1)]).as_deref(), Some("readme-maker"));
        assert_eq!(main_file(&[]), None);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((cut("äöü", 3).as_str(), cut("äöü", 2).as_str()), ("äöü", "äö…"));
    }
}
