//! Repositories.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::{OrgSlug, PackageType, RepoId, Role, Timestamp, UserId, Visibility};
use serde::{Deserialize, Serialize};

use crate::rows::{BlockRow, UpstreamRow};

/// A repository with its members.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepoRow {
    /// Name, which is also the id.
    pub id: RepoId,
    /// Differs between two repositories that had the same name one after the other.
    pub uid: String,
    /// Protocols it offers.
    pub package_types: BTreeSet<PackageType>,
    /// Who may read it without being a member.
    pub visibility: Visibility,
    /// Free text.
    pub description: Option<String>,
    /// The user who made it or whom it was handed to.
    pub owner_id: UserId,
    /// The organisation it belongs to.
    pub org: Option<OrgSlug>,
    /// The `uid` of that organisation.
    pub org_uid: Option<String>,
    /// Members and what they may do.
    pub members: BTreeMap<UserId, Role>,
    /// Where Kotlin Multiplatform libraries come from.
    pub kmp_config: Option<KmpConfig>,
    /// How Maven artifacts are kept.
    #[serde(default)]
    pub maven: MavenSettings,
    /// Where packages come from that are not published here, in the order in which they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<UpstreamRow>,
    /// Versions from upstreams that nobody gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<BlockRow>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change of the settings or members.
    pub updated_at: Timestamp,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
    /// Set when its deletion has begun: nobody sees it any more.
    #[serde(default)]
    pub deleting: bool,
}

impl RepoRow {
    /// A private repository of a user, without any protocol or member.
    pub fn new(id: RepoId, uid: String, owner: UserId, now: Timestamp) -> Self {
        Self {
            id,
            uid,
            package_types: BTreeSet::new(),
            visibility: Visibility::Private,
            description: None,
            owner_id: owner,
            org: None,
            org_uid: None,
            members: BTreeMap::new(),
            kmp_config: None,
            maven: MavenSettings::default(),
            upstreams: Vec::new(),
            blocks: Vec::new(),
            created_at: now,
            updated_at: now,
            rev: 1,
            deleting: false,
        }
    }

    /// Whose it is, as text that no two owners share: bytes are deduplicated among one owner's repositories.
    pub fn owner(&self) -> String {
        match (&self.org, &self.org_uid) {
            (Some(slug), Some(uid)) => format!("org:{slug}:{uid}"),
            _ => format!("user:{}", self.owner_id),
        }
    }
}

/// How a repository keeps Maven artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MavenSettings {
    /// Newest builds of each snapshot version that are kept, at least 2: a client may be reading the one
    /// before the newest.
    pub keep_snapshot_builds: u32,
}

impl Default for MavenSettings {
    fn default() -> Self {
        Self { keep_snapshot_builds: 10 }
    }
}

/// The Maven source of a repository of type `kmp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KmpConfig {
    /// Kind of source.
    pub source_type: KmpSource,
    /// A Maven repository here, for [`KmpSource::Artifacts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_repo_id: Option<RepoId>,
    /// The `uid` of that repository when it was named. One that has the same name later is another one, and perhaps somebody
    /// else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_repo_uid: Option<String>,
    /// Address of a Maven repository elsewhere, for [`KmpSource::External`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
}

impl KmpConfig {
    /// Whether a repository here is the source that was named, and not another one that has its name now.
    pub fn is_source(&self, repo: &RepoRow) -> bool {
        self.source_type == KmpSource::Artifacts
            && self.source_repo_id.as_ref() == Some(&repo.id)
            && self.source_repo_uid.as_ref() == Some(&repo.uid)
            && !repo.deleting
    }
}

/// Kind of a Maven source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KmpSource {
    /// A Maven repository of this registry.
    Artifacts,
    /// A Maven repository elsewhere.
    External,
}

/// A repository in a list: of a user, of an organisation, or of the public ones.
///
/// A list only says where to look. Whoever reads it checks against [`RepoRow`] that the repository still
/// belongs there, because rows of a deleted repository may stay for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepoRef {
    /// The repository.
    pub id: RepoId,
}

/// What a repository holds. Kept apart from [`RepoRow`] because every publish changes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// Sum of the sizes of all live files, in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// Number of live versions.
    #[serde(default)]
    pub versions: u64,
    /// Number of packages with at least one live version.
    #[serde(default)]
    pub packages: u64,
    /// Sum of the sizes of what is kept here of upstreams, in bytes. Not among `bytes`.
    #[serde(default)]
    pub cached_bytes: u64,
    /// Number of versions of which something is kept. Not among `versions`.
    #[serde(default)]
    pub cached_versions: u64,
}
