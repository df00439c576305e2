//! Entities and versions as answers show them.

use std::collections::{BTreeMap, BTreeSet};

use granary_http::{AppState, Config};
use granary_model::entity::{EntitySlug, EntityType, EntityVersion, SourceHash};
use granary_model::{OrgSlug, Result, UserId};
use granary_publish::entity::is_live_version;
use granary_storage::rows::{
    BaseVersion, EntityPackageJson, EntityRow, EntityVersionRef, EntityVersionRow, Publication, Share,
    UserRow,
};
use granary_storage::{Key, Subject};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Most versions that one answer shows: with a hundred services each, what a function's answer holds.
const MOST_VERSIONS: usize = 500;

/// Rows that are read for them at a time, deleted versions among them: one more tells whether there are older ones.
const PAGE: usize = MOST_VERSIONS + 1;

/// How often that is done for one answer. Deleted versions stay for ever, and there may be any number of them.
const MOST_PAGES: usize = 4;

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

/// A publisher of an entity.
#[derive(Debug, Serialize)]
pub(crate) struct PublisherView {
    user_id: UserId,
    name: Option<String>,
    /// Only for other publishers: everybody who finds an entity in a public store sees who publishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Value>,
}

impl PublisherView {
    /// From a user's profile, as far as there is one.
    pub(crate) fn new(user_id: UserId, profile: Option<UserRow>, with_email: bool) -> Self {
        let (name, email) = profile.map_or((None, None), |profile| (profile.name, profile.email));
        Self { user_id, name, email: with_email.then(|| email.into()) }
    }
}

/// A share of an entity.
#[derive(Debug, Serialize)]
pub(crate) struct ShareView {
    id: String,
    email: String,
    user_id: UserId,
    created_by: UserId,
    created_at: String,
}

impl ShareView {
    /// From the entity's row, where a share stands by its id.
    pub(crate) fn new(id: &str, share: &Share) -> Self {
        Self {
            id: id.to_owned(),
            email: share.email.clone(),
            user_id: share.user.clone(),
            created_by: share.created_by.clone(),
            created_at: share.created_at.to_string(),
        }
    }
}

/// An entity's publication in the store of an organisation.
#[derive(Debug, Serialize)]
pub(crate) struct PublicationView {
    org_slug: OrgSlug,
    is_public: bool,
    published_by: String,
    published_at: String,
}

impl PublicationView {
    /// From the entity's row, where a publication stands by its organisation.
    pub(crate) fn new(org: &OrgSlug, publication: &Publication) -> Self {
        Self {
            org_slug: org.clone(),
            is_public: publication.public,
            published_by: publication.published_by.clone(),
            published_at: publication.published_at.to_string(),
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
    package_json: Option<Box<RawValue>>,
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
    /// From the rows; looks up its `package.json` and the version it was made from.
    pub(crate) async fn of(state: &AppState, entity: &EntityRow, row: &EntityVersionRow) -> Result<Self> {
        let (package_json, base_is_live) =
            tokio::try_join!(package_json(state, entity, row), base_is_live(state, entity, row))?;
        Ok(Self { package_json: Some(package_json), ..Self::listed(entity, row, base_is_live) })
    }

    /// As lists have it, without `package_json`. `base_is_live` is about the version it was made from; without one it does
    /// not matter.
    fn listed(entity: &EntityRow, row: &EntityVersionRow, base_is_live: bool) -> Self {
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

/// The `package.json` of a version; null without one, and for a version that was deleted meanwhile.
async fn package_json(state: &AppState, entity: &EntityRow, row: &EntityVersionRow) -> Result<Box<RawValue>> {
    let null = || RawValue::NULL.to_owned();
    if !row.has_package_json {
        return Ok(null());
    }
    let key = Key::EntityPackageJson(entity.id.clone(), row.version.to_string());
    let found: Option<EntityPackageJson> = state.storage().get(&key).await?;
    Ok(found.and_then(|found| RawValue::from_string(found.text).ok()).unwrap_or_else(null))
}

async fn base_is_live(state: &AppState, entity: &EntityRow, row: &EntityVersionRow) -> Result<bool> {
    match &row.base {
        Some(base) => is_live_version(state.storage(), &entity.id, base).await,
        None => Ok(false),
    }
}

/// The live versions of an entity, the newest first.
#[derive(Debug)]
pub(crate) struct Versions {
    /// At most [`MOST_VERSIONS`], and fewer where very many were deleted.
    pub(crate) rows: Vec<EntityVersionRow>,
    /// The version before which to go on, unless these are all.
    pub(crate) next: Option<EntityVersion>,
    /// Whether the versions are live that these were made from, by their ids.
    bases: BTreeMap<String, bool>,
}

impl Versions {
    /// Reads them.
    pub(crate) async fn read(state: &AppState, entity: &EntityRow) -> Result<Self> {
        Self::older(state, entity, None).await
    }

    /// The same for those that are older than a version.
    pub(crate) async fn older(
        state: &AppState,
        entity: &EntityRow,
        than: Option<&EntityVersion>,
    ) -> Result<Self> {
        let at = |version: &str| Key::EntityVersion(entity.id.clone(), version.to_owned());
        let (mut rows, mut bases) = (Vec::new(), BTreeMap::new());
        let mut next = than.cloned();
        for _ in 0..MOST_PAGES {
            let end = next.as_ref().map_or_else(|| at(LAST), |version| before(&at, version.as_str()));
            let page: Vec<EntityVersionRow> =
                state.storage().list_between(&at(FIRST), &end, PAGE, true).await?;
            next = page.last().filter(|_| page.len() == PAGE).map(|row| row.version.clone());
            for row in page {
                bases.insert(row.id.clone(), row.is_live());
                if row.is_live() {
                    rows.push(row);
                }
            }
            if rows.len() > MOST_VERSIONS {
                rows.truncate(MOST_VERSIONS);
                next = rows.last().map(|row| row.version.clone());
                break;
            }
            if next.is_none() {
                break;
            }
        }
        let mut versions = Self { rows, next, bases };
        versions.find_bases(state, entity).await?;
        Ok(versions)
    }

    /// Looks up the versions that these were made from, as far as they have not been read. An id names a version as long as
    /// that is live.
    async fn find_bases(&mut self, state: &AppState, entity: &EntityRow) -> Result<()> {
        let missing: BTreeSet<&str> = self
            .rows
            .iter()
            .filter_map(|row| row.base.as_ref())
            .map(|base| base.id.as_str())
            .filter(|id| !self.bases.contains_key(*id))
            .collect();
        let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
        let keys: Vec<Key> =
            missing.iter().map(|id| Key::EntityVersionId(entity.id.clone(), id.clone())).collect();
        let found: Vec<Option<EntityVersionRef>> = state.storage().read_all(&keys).await?;
        self.bases.extend(missing.into_iter().zip(found.iter().map(Option::is_some)));
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
