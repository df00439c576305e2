//! Repositories and packages as clients see them.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::maven::split_key;
use granary_model::npm::NpmName;
use granary_model::{OrgSlug, PackageType, RepoId, Role, UserId, Visibility};
use granary_storage::rows::{KmpConfig, MavenSettings, PackageEntry, RepoRow};
use serde::Serialize;

use crate::counts::Counts;

/// A repository as those see it who belong to it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepoView {
    id: RepoId,
    name: RepoId,
    package_types: BTreeSet<PackageType>,
    visibility: Visibility,
    description: Option<String>,
    owner_id: UserId,
    member_uids: Vec<UserId>,
    members: BTreeMap<UserId, Role>,
    package_count: u64,
    download_count: u64,
    /// What is kept of upstreams. The documented form of a repository without them has no such fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_versions: Option<u64>,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_slug: Option<OrgSlug>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kmp_config: Option<KmpConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maven_config: Option<MavenView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

/// How Maven artifacts are kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MavenView {
    keep_snapshot_builds: u32,
}

impl RepoView {
    /// From the rows.
    pub(crate) fn new(row: RepoRow, counts: Counts) -> Self {
        // The documented form of a repository has no such field, so it is shown where it says something.
        let maven_config = (row.maven != MavenSettings::default())
            .then_some(MavenView { keep_snapshot_builds: row.maven.keep_snapshot_builds });
        Self {
            name: row.id.clone(),
            id: row.id,
            package_types: row.package_types,
            visibility: row.visibility,
            description: row.description,
            owner_id: row.owner_id,
            member_uids: row.members.keys().cloned().collect(),
            members: row.members,
            package_count: counts.packages,
            download_count: counts.downloads,
            cached_bytes: counts.cached.map(|(bytes, _)| bytes),
            cached_versions: counts.cached.map(|(_, versions)| versions),
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
            org_slug: row.org,
            // What tells two repositories of one name apart is nothing that anybody sets.
            kmp_config: row.kmp_config.map(|config| KmpConfig { source_repo_uid: None, ..config }),
            maven_config,
            role: None,
        }
    }

    /// The same with the role of whoever looks.
    pub(crate) fn seen_as(self, role: Option<Role>) -> Self {
        Self { role, ..self }
    }
}

/// A repository as everybody else sees it who may read it: nothing about people.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublicRepoView {
    id: RepoId,
    name: RepoId,
    description: Option<String>,
    package_types: BTreeSet<PackageType>,
    visibility: Visibility,
    package_count: u64,
    download_count: u64,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<Vec<PackageView>>,
}

impl PublicRepoView {
    /// From the rows; with the packages in the list of public repositories.
    pub(crate) fn new(row: RepoRow, counts: Counts, packages: Option<Vec<PackageView>>) -> Self {
        Self {
            name: row.id.clone(),
            id: row.id,
            description: row.description,
            package_types: row.package_types,
            visibility: row.visibility,
            package_count: counts.packages,
            download_count: counts.downloads,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
            packages,
        }
    }
}

/// A package in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PackageView {
    id: String,
    name: String,
    package_type: PackageType,
    latest_version: Option<String>,
    description: Option<String>,
    /// npm's scope without `@`.
    scope: Option<String>,
    /// Maven's coordinates; `null` for every other type.
    group_id: Option<String>,
    artifact_id: Option<String>,
    download_count: u64,
    version_count: u64,
    updated_at: String,
    /// `upstream`, if it was not published in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
}

impl PackageView {
    /// From the row.
    pub(crate) fn new(kind: PackageType, entry: PackageEntry, downloads: u64) -> Self {
        let scope = match kind {
            PackageType::Npm => {
                entry.name.parse().ok().and_then(|name: NpmName| name.scope().map(str::to_owned))
            }
            _ => None,
        };
        let coordinates = match kind {
            PackageType::Maven => split_key(&entry.name).ok(),
            _ => None,
        };
        let (group_id, artifact_id) =
            coordinates.map(|(group, artifact)| (group.to_string(), artifact.to_string())).unzip();
        Self {
            id: format!("{kind}:{}", entry.name),
            name: entry.name,
            package_type: kind,
            latest_version: entry.latest,
            description: entry.description,
            scope,
            group_id,
            artifact_id,
            download_count: downloads,
            version_count: entry.versions,
            updated_at: entry.updated_at.to_string(),
            origin: None,
        }
    }

    /// The same, if it is so, as one that came from an upstream.
    pub(crate) fn fetched(self, is_fetched: bool) -> Self {
        Self { origin: is_fetched.then_some("upstream"), ..self }
    }
}
