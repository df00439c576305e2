//! Entities and versions as answers show them.

use std::collections::BTreeMap;

use granary_http::{AppState, Config};
use granary_model::OrgSlug;
use granary_model::Result;
use granary_model::entity::{EntitySlug, EntityType, EntityVersion, SourceHash};
use granary_storage::rows::{BaseVersion, EntityRow, EntityVersionRow};
use granary_storage::{Key, Subject};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// Most versions that one answer shows: with a hundred services each, what a function's answer holds.
pub(crate) const MOST_VERSIONS: usize = 500;

/// Rows that are read for them in one call, deleted versions among them.
const PAGE: usize = 1_000;

/// Below and above every version.
const FIRST: &str = "";
const LAST: &str = "~";

/// An entity.
#[derive(Debug, Serialize)]
pub(crate) struct EntityView {
    id: String,
    #[serde(rename = "type")]
    entity_type: EntityType,
    slug: EntitySlug,
    name: String,
    description: Option<String>,
    icon_url: Option<String>,
    icon_hash: Option<String>,
    owner: OwnerView,
    org_slug: Option<OrgSlug>,
    /// The version that is installed by default, as its version string.
    active_version: Option<EntityVersion>,
    version_count: u64,
    total_size_bytes: u64,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
struct OwnerView {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
}

impl EntityView {
    /// From the row; nothing else is read.
    pub(crate) fn new(row: &EntityRow, config: &Config) -> Self {
        let (kind, id, org_slug) = match &row.owner.subject {
            Subject::User(id) => ("user", id.to_string(), None),
            Subject::Org(slug) => ("organization", slug.to_string(), Some(slug.clone())),
            Subject::Repo(id) => ("repository", id.to_string(), None),
        };
        let icon_url = format!("{}/api/entities/{}/icon", config.public_url, row.id);
        Self {
            id: row.id.clone(),
            entity_type: row.entity_type,
            slug: row.slug.clone(),
            name: row.name.clone(),
            description: row.description.clone(),
            icon_url: row.icon.as_ref().map(|_| icon_url),
            icon_hash: row.icon_hash.clone(),
            owner: OwnerView { kind, id },
            org_slug,
            active_version: row.active.clone(),
            version_count: row.versions,
            total_size_bytes: row.bytes,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        }
    }
}

/// A version of an entity.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView {
    id: String,
    entity_id: String,
    version: EntityVersion,
    source_hash: SourceHash,
    base_version_id: Option<String>,
    base_version: Option<BaseView>,
    file_size_bytes: u64,
    sha256: String,
    has_lockfile: bool,
    service_dependencies: Vec<EntitySlug>,
    /// Up to 256 KiB, so lists of versions leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    package_json: Option<Option<Box<RawValue>>>,
    is_active: bool,
    created_at: String,
    created_by: String,
}

/// The version that another one was made from. It stays named when it is deleted.
#[derive(Debug, Serialize)]
struct BaseView {
    id: String,
    version: EntityVersion,
    deleted: bool,
}

impl VersionView {
    /// From the rows. `base_is_live` is about the version it was made from; without one it does not matter.
    pub(crate) fn new(entity: &EntityRow, row: &EntityVersionRow, base_is_live: bool) -> Self {
        let package_json = row.package_json.clone().and_then(|text| RawValue::from_string(text).ok());
        Self { package_json: Some(package_json), ..Self::listed(entity, row, base_is_live) }
    }

    /// The same, and looks up the version it was made from.
    pub(crate) async fn of(state: &AppState, entity: &EntityRow, row: &EntityVersionRow) -> Result<Self> {
        let Some(base) = &row.base else { return Ok(Self::new(entity, row, false)) };
        let key = Key::EntityVersion(entity.id.clone(), base.version.to_string());
        let found: Option<Slim> = state.storage().get(&key).await?;
        Ok(Self::new(entity, row, found.is_some_and(|found| found.is(base))))
    }

    /// As lists have it, without `package_json`.
    pub(crate) fn listed(entity: &EntityRow, row: &EntityVersionRow, base_is_live: bool) -> Self {
        let base = row.base.as_ref();
        Self {
            id: row.id.clone(),
            entity_id: entity.id.clone(),
            version: row.version.clone(),
            source_hash: row.source_hash,
            base_version_id: base.map(|base| base.id.clone()),
            base_version: base.map(|base| BaseView {
                id: base.id.clone(),
                version: base.version.clone(),
                deleted: !base_is_live,
            }),
            file_size_bytes: row.package.size,
            sha256: row.package.sha256.to_string(),
            has_lockfile: row.lockfile.is_some(),
            service_dependencies: row.service_dependencies.clone(),
            package_json: None,
            is_active: row.is_live() && entity.active.as_ref() == Some(&row.version),
            created_at: row.published_at.to_string(),
            created_by: row.publisher.clone(),
        }
    }
}

/// The live versions of an entity, the newest first.
#[derive(Debug)]
pub(crate) struct Versions {
    /// At most [`MOST_VERSIONS`].
    pub(crate) rows: Vec<EntityVersionRow>,
    /// Whether there are older ones besides.
    pub(crate) is_cut: bool,
    /// Whether the versions are live that these were made from.
    bases: BTreeMap<String, bool>,
}

impl Versions {
    /// Reads them, without their `package_json`: of those a list would have to hold a hundred megabytes.
    pub(crate) async fn read(state: &AppState, entity: &EntityRow) -> Result<Self> {
        let at = |version: &str| Key::EntityVersion(entity.id.clone(), version.to_owned());
        let (mut rows, mut bases) = (Vec::new(), BTreeMap::new());
        let mut end = at(LAST);
        loop {
            let page: Vec<Slim> = state.storage().list_between(&at(FIRST), &end, PAGE, true).await?;
            let oldest = page.last().map(|row| row.0.version.to_string());
            let is_last = page.len() < PAGE;
            for Slim(row) in page {
                bases.insert(row.id.clone(), row.is_live());
                if row.is_live() {
                    rows.push(row);
                }
            }
            match oldest.filter(|_| !is_last && rows.len() <= MOST_VERSIONS) {
                // Nothing is between a version and the same one with something below every digit behind it.
                Some(oldest) => end = before(&at, &oldest),
                None => break,
            }
        }
        let is_cut = rows.len() > MOST_VERSIONS;
        rows.truncate(MOST_VERSIONS);
        let mut versions = Self { rows, is_cut, bases };
        versions.find_bases(state, entity).await?;
        Ok(versions)
    }

    /// Looks up the versions that these were made from, as far as they have not been read.
    async fn find_bases(&mut self, state: &AppState, entity: &EntityRow) -> Result<()> {
        let missing: BTreeMap<&str, &EntityVersion> = self
            .rows
            .iter()
            .filter_map(|row| row.base.as_ref())
            .filter(|base| !self.bases.contains_key(&base.id))
            .map(|base| (base.version.as_str(), &base.version))
            .collect();
        let keys: Vec<Key> = missing
            .into_values()
            .map(|version| Key::EntityVersion(entity.id.clone(), version.to_string()))
            .collect();
        let found: Vec<Option<Slim>> = state.storage().read_all(&keys).await?;
        for Slim(row) in found.into_iter().flatten() {
            self.bases.insert(row.id.clone(), row.is_live());
        }
        Ok(())
    }

    /// The versions as lists show them.
    pub(crate) fn views(&self, entity: &EntityRow) -> Vec<VersionView> {
        let is_live = |base: &BaseVersion| self.bases.get(&base.id).copied().unwrap_or(false);
        self.rows
            .iter()
            .map(|row| VersionView::listed(entity, row, row.base.as_ref().is_some_and(is_live)))
            .collect()
    }
}

/// The last key that is below that of a version: versions are as long as each other and end with a digit.
fn before(at: &impl Fn(&str) -> Key, version: &str) -> Key {
    let (start, last) = version.split_at(version.len().saturating_sub(1));
    let below = last.bytes().next().map_or('/', |byte| char::from(byte.saturating_sub(1)));
    at(&format!("{start}{below}{LAST}"))
}

/// A version's row without its `package_json`.
struct Slim(EntityVersionRow);

impl Slim {
    fn is(&self, base: &BaseVersion) -> bool {
        self.0.id == base.id && self.0.is_live()
    }
}

impl<'de> Deserialize<'de> for Slim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let row = EntityVersionRow::deserialize(deserializer)?;
        Ok(Self(EntityVersionRow { package_json: None, ..row }))
    }
}
