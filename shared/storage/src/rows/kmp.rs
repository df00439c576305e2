//! Kotlin Multiplatform: packages that are watched, and builds of their versions.

use granary_model::kmp::{AppleTarget, BuildStatus};
use granary_model::maven::{ArtifactId, GroupId, MavenVersion};
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::swift::SwiftIdentity;
use granary_model::{PackageType, RepoId, Timestamp};
use serde::{Deserialize, Serialize};

/// A library that a repository of type `kmp` watches, by its root module. Once for each coordinates in a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchedRow {
    /// Id, a UUID of version 7.
    pub id: String,
    /// The repository.
    pub repo: RepoId,
    /// The repository's `uid`.
    pub repo_uid: String,
    /// `groupId`.
    pub group: GroupId,
    /// `artifactId` of the root module.
    pub artifact: ArtifactId,
    /// What is made of it.
    pub outputs: Outputs,
    /// When it was added.
    pub created_at: Timestamp,
    /// Last change by its owners.
    pub updated_at: Timestamp,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
    /// What is known from polling.
    #[serde(default)]
    pub poll: PollState,
}

/// What is made of the versions of a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// Name of the npm package, if one is made.
    pub npm: Option<NpmName>,
    /// The Swift package, if one is made.
    pub swift: Option<SwiftIdentity>,
    /// Whether an npm package is made. Its name may be kept while it is not.
    pub enable_npm: bool,
    /// Whether a Swift package is made.
    pub enable_swift: bool,
    /// Targets of the Swift package; empty for all that the library has.
    pub apple_targets: Vec<AppleTarget>,
}

impl Outputs {
    /// Name of the npm package that is to be made.
    pub fn npm_wanted(&self) -> Option<&NpmName> {
        self.npm.as_ref().filter(|_| self.enable_npm)
    }

    /// The Swift package that is to be made.
    pub fn swift_wanted(&self) -> Option<&SwiftIdentity> {
        self.swift.as_ref().filter(|_| self.enable_swift)
    }
}

/// What polling a library's source has found so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollState {
    /// `ETag` of the list of versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The source that both are of: another one is asked without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it was last asked, in milliseconds since 1970; 0 for never.
    #[serde(default)]
    pub checked_at: i64,
    /// Not to be asked before, in milliseconds since 1970: the source said so, or it has failed.
    #[serde(default)]
    pub not_before: i64,
    /// Whether the source has said so itself, to whoever asks.
    #[serde(default)]
    pub told_to_wait: bool,
    /// How often in a row it has failed.
    #[serde(default)]
    pub failures: u32,
    /// Why, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A watched library in a list: of all of them, or of those that watch a repository here. [`WatchedRow`] says what is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedRef {
    /// The repository that watches.
    pub repo: RepoId,
    /// Id of the watched library.
    pub id: String,
}

/// A look at a watched library that has been announced, so that hundreds of files of one publish announce one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollPendingRow {
    /// Which message is to come. Any other leaves the row alone.
    #[serde(default)]
    pub id: String,
    /// When it no longer counts, in seconds since 1970: its message was lost.
    pub expires_at: i64,
}

/// Which build a version of a watched library has. It stays when the build is deleted, so that the next look at the source
/// does not take the version for a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionMarker {
    /// Id of the build, which need not be there any more.
    pub id: String,
    /// Counts changes; every change is conditional on it.
    #[serde(default)]
    pub rev: u64,
    /// The npm package that a deleted build has published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npm: Option<NpmName>,
    /// The Swift package that a deleted build has published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swift: Option<SwiftIdentity>,
}

/// Which watched library has something that there is only one of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KmpMarker {
    /// Its id.
    pub id: String,
}

/// One version of a watched library on its way to npm and Swift packages. Every transition is conditional on `rev`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildRow {
    /// Id, a UUID of version 7: the newest build has the highest.
    pub id: String,
    /// The repository.
    pub repo: RepoId,
    /// The repository's `uid`.
    pub repo_uid: String,
    /// The watched library.
    pub watched: String,
    /// `groupId`.
    pub group: GroupId,
    /// `artifactId`.
    pub artifact: ArtifactId,
    /// The version in Maven.
    pub version: MavenVersion,
    /// The version of the packages; `None` if it cannot be one.
    pub package_version: Option<NpmVersion>,
    /// Whether it is no pre-release.
    pub is_stable: bool,
    /// How far it has come.
    pub status: BuildStatus,
    /// Counts how often it was begun: every dispatch belongs to one attempt, and no attempt has two.
    pub attempt: u32,
    /// Counts changes.
    pub rev: u64,
    /// What this attempt makes, as it was wanted when it began.
    pub outputs: Outputs,
    /// Whether this attempt has been handed to whoever builds it.
    #[serde(default)]
    pub dispatch: Dispatch,
    /// Number of the run at GitHub.
    #[serde(default)]
    pub run_id: Option<u64>,
    /// Its address.
    #[serde(default)]
    pub run_url: Option<String>,
    /// The run, and which attempt of it, that has said it is at work.
    #[serde(default)]
    pub claimed_by: Option<(u64, u64)>,
    /// What the job has uploaded and asked to publish.
    #[serde(default)]
    pub results: Option<BuildResults>,
    /// Whether the npm package is published.
    #[serde(default)]
    pub npm_published: bool,
    /// Whether the Swift package is published.
    #[serde(default)]
    pub swift_published: bool,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// When it is given up, in milliseconds since 1970; 0 for never.
    #[serde(default)]
    pub deadline_at: i64,
    /// When it is to be looked at again, in milliseconds since 1970.
    #[serde(default)]
    pub look_at: i64,
    /// When this attempt began to be built.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Whether an attempt has been handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "at", rename_all = "lowercase")]
pub enum Dispatch {
    /// Not yet.
    #[default]
    None,
    /// The call was about to be made, since this moment in milliseconds since 1970: whoever finds this does not know whether
    /// it was, and looks for the run instead of calling again.
    Sending(i64),
    /// It was, at this moment.
    Sent(i64),
}

/// What a job has uploaded: ids of upload sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildResults {
    /// The npm tarball.
    pub npm: Option<String>,
    /// The Swift archive.
    pub swift: Option<String>,
}

/// The token of a build, which is found by its hash.
///
/// It goes by itself when it has expired, and stops working before that when its attempt is over, or when its build or its
/// library is deleted: with each use those are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildTokenRow {
    /// When it stops working, in seconds since 1970.
    pub expires_at: i64,
    /// The repository that is published to.
    pub repo: RepoId,
    /// The repository's `uid`.
    pub repo_uid: String,
    /// The watched library.
    pub watched: String,
    /// What it may do.
    pub scope: BuildScope,
}

impl BuildTokenRow {
    /// Whether it has expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.seconds() >= self.expires_at
    }
}

/// What a token of a build may publish, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildScope {
    /// The build.
    pub build: String,
    /// Its attempt: the next one has a token of its own.
    pub attempt: u32,
    /// Protocol, normalised name and version of each package.
    pub packages: Vec<(PackageType, String, String)>,
    /// The repository here that the library comes from, with its `uid`: the job reads it.
    pub source: Option<(RepoId, String)>,
}
