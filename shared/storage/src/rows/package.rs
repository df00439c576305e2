//! Packages, versions and files.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::{Md5, Sha1, Sha256, Sha512, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::rows::{FetchedFrom, QuarantineRow, SoldAs, UpstreamHead};

/// A package's head: what every read needs, and what every change is conditional on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HeadRow {
    /// Counts changes of the package. A document of one `rev` never changes, so `rev` is its `ETag`.
    pub rev: u64,
    /// Name as it is published; rows are kept under its normalised form.
    pub name: String,
    /// `uid` of the repository. A head left over from a deleted repository of the same name is ignored.
    pub repo_uid: String,
    /// Tags and the versions they name.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Live versions.
    #[serde(default)]
    pub versions: u64,
    /// Live versions that are complete (see [`VersionRow::complete`]).
    #[serde(default)]
    pub complete: u64,
    /// First publish, in milliseconds since 1970.
    pub created_at: i64,
    /// Last change, in milliseconds since 1970.
    pub modified_at: i64,
    /// Description of the version that `latest` names.
    #[serde(default)]
    pub description: Option<String>,
    /// Keywords of that version.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Addresses of the source of the version that `latest` names. Swift only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_urls: Vec<String>,
    /// Who published last.
    #[serde(default)]
    pub publisher: String,
    /// Users shown as the package's owners.
    #[serde(default)]
    pub maintainers: BTreeSet<UserId>,
    /// Users who may write this package although their role in the repository is only `read`.
    #[serde(default)]
    pub granted: BTreeSet<UserId>,
    /// Its number at its seller, if consumers may be given permissions for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_as: Option<SoldAs>,
    /// Whether its seller has switched it off for customers. Whoever belongs to the repository goes on seeing it.
    #[serde(default)]
    pub hidden: bool,
    /// The upstream that it comes from, if it was not published here. Then tags, texts and counts are those of the versions
    /// that may be had of it, of the tags only `latest`, and `versions` are rows of their own only once their bytes were
    /// fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Box<UpstreamHead>>,
    /// Whether it is nobody's: it came from an upstream that is none any more. Only its `rev` counts, so that no document
    /// has the address of an earlier one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// Versions that nobody gets for now, by their text; `*` is all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quarantine: BTreeMap<String, QuarantineRow>,
}

/// In [`HeadRow::quarantine`], all versions of the package.
pub const ALL_VERSIONS: &str = "*";

impl HeadRow {
    /// The version that `latest` names.
    pub fn latest(&self) -> Option<&str> {
        self.tags.get("latest").map(String::as_str)
    }

    /// Last change.
    pub fn modified(&self) -> Timestamp {
        Timestamp::from_millis(self.modified_at)
    }

    /// Why nobody gets a version for now, if that is so.
    pub fn quarantined(&self, version: &str) -> Option<&QuarantineRow> {
        if self.quarantine.is_empty() {
            return None;
        }
        self.quarantine.get(version).or_else(|| self.quarantine.get(ALL_VERSIONS))
    }

    /// Whether the package belongs to the repository: it was published here, or an administrator has said that it shall be.
    /// No upstream is ever asked for it then.
    pub fn is_owned(&self) -> bool {
        self.upstream.is_none() && !self.free
    }

    /// Whether a version is one of the package as it is now, and not left of what it was before: published here, or fetched
    /// from an upstream.
    pub fn has(&self, row: &VersionRow) -> bool {
        match (&self.upstream, &row.fetched) {
            (None, None) => !self.free,
            (Some(upstream), Some(fetched)) => upstream.uid == fetched.uid,
            _ => false,
        }
    }
}

/// Whether a version can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionStatus {
    /// Listed and served.
    Live,
    /// Deleted. The row stays for ever, so that the version can never be published again.
    Tombstone,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// Name within the version.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Address of the bytes.
    pub sha256: Sha256,
    /// npm's `shasum`.
    pub sha1: Sha1,
    /// npm's `integrity`.
    pub sha512: Sha512,
    /// Maven's `.md5`, and the `ETag` that S3 gives the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<Md5>,
    /// Media type to serve it with.
    pub content_type: String,
}

/// Whether a file can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    /// Listed and served.
    Live,
    /// Deleted. The row stays, so that other bytes can never take the name.
    Tombstone,
}

/// One file of a version that grows file by file. A row of its own, so that files can be added at the
/// same time, and so that reading one costs the same however many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFileRow {
    /// Name, size and digests.
    #[serde(flatten)]
    pub file: FileRow,
    /// Live or deleted.
    pub status: FileStatus,
    /// When it was committed.
    pub added_at: Timestamp,
    /// Who published it: a user id, or the name of the token's subject.
    pub publisher: String,
}

impl StoredFileRow {
    /// Whether it can be had.
    pub fn is_live(&self) -> bool {
        self.status == FileStatus::Live
    }
}

/// One version of a package, unchangeable but for its status and deprecation, and for the files that are
/// added to it where the protocol publishes file by file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionRow {
    /// The version as it is kept in keys: in canonical form, and for Swift without build metadata and in lower
    /// case (its facts have the text that was published).
    pub version: String,
    /// Live or deleted.
    pub status: VersionStatus,
    /// When it was committed.
    pub published_at: Timestamp,
    /// Who published it: a user id, or the name of the token's subject.
    pub publisher: String,
    /// Text of the deprecation, if it is deprecated.
    pub deprecated: Option<String>,
    /// Its files, the main one first. Kept on a tombstone for the record; the bytes may be gone. Empty where
    /// files have rows of their own.
    pub files: Vec<FileRow>,
    /// Sum of the sizes of the live files with rows of their own, in bytes.
    #[serde(default)]
    pub size: u64,
    /// Number of live files with rows of their own.
    #[serde(default)]
    pub file_count: u64,
    /// Whether what makes it usable is there. Maven: its POM. Other protocols do not look at it.
    #[serde(default)]
    pub complete: bool,
    /// Whether its seller has switched it off for customers, as [`HeadRow::hidden`] for the whole package.
    #[serde(default)]
    pub hidden: bool,
    /// The upstream that its bytes came from, if it was not published here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<FetchedFrom>,
    /// What the protocol needs to know of it, as gzip'd JSON. Empty on a tombstone.
    #[serde(with = "serde_bytes")]
    pub facts: Vec<u8>,
}

impl VersionRow {
    /// Whether it can be had.
    pub fn is_live(&self) -> bool {
        self.status == VersionStatus::Live
    }
}

/// The readme of one version. A row of its own: only that of `latest` is ever shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadmeRow {
    /// The text, gzip'd.
    #[serde(with = "serde_bytes")]
    pub text: Vec<u8>,
}

/// A package in its repository's list: what lists and search show.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PackageEntry {
    /// Normalised name.
    pub name: String,
    /// Version that `latest` names.
    pub latest: Option<String>,
    /// Description of that version.
    pub description: Option<String>,
    /// Keywords of that version.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Number of live versions; 0 if all have been deleted, and then nobody is shown the package.
    pub versions: u64,
    /// Last change.
    pub updated_at: Timestamp,
    /// Who published last.
    pub publisher: String,
}

impl PackageEntry {
    /// A package as its head has it.
    pub fn of(head: &HeadRow) -> Self {
        Self {
            name: head.name.clone(),
            latest: head.latest().map(str::to_owned),
            description: head.description.clone(),
            keywords: head.keywords.clone(),
            versions: head.versions,
            updated_at: head.modified(),
            publisher: head.publisher.clone(),
        }
    }
}
