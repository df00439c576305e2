//! Entities: applications, services and extensions with versions, publishers, shares and publications.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::entity::{EntitySlug, EntityType, EntityVersion, SourceHash};
use granary_model::{OrgSlug, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::keys::Tenant;
use crate::rows::{FileRow, VersionStatus};

/// An entity. Every change of it or of its versions is conditional on its `rev`.
///
/// What decides who may have it stands in this row: at most a thousand publishers, a thousand shares and 50 stores, and never more than the row has room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRow {
    /// Id, a UUID of version 7.
    pub id: String,
    /// Short name, unique in the instance.
    pub slug: EntitySlug,
    /// What it is.
    pub entity_type: EntityType,
    /// Name to show.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Its icon.
    pub icon: Option<FileRow>,
    /// What its publisher says the icon's content hash is, for caches.
    pub icon_hash: Option<String>,
    /// Whose it is: a user, or an organisation whose admins and tokens are publishers of it.
    pub owner: Tenant,
    /// Users who may change it and upload versions.
    pub publishers: BTreeSet<UserId>,
    /// Users it is shared with, by the share's id.
    #[serde(default)]
    pub shares: BTreeMap<String, Share>,
    /// Organisations in whose stores it is.
    #[serde(default)]
    pub stores: BTreeMap<OrgSlug, Publication>,
    /// The version that is installed by default.
    pub active: Option<EntityVersion>,
    /// Live versions.
    #[serde(default)]
    pub versions: u64,
    /// Sum of the sizes of their files, in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub rev: u64,
    /// It has been deleted: nobody sees it any more, and clean-up removes what it held.
    #[serde(default)]
    pub deleting: bool,
}

/// A share: one user who may have the entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The user.
    pub user: UserId,
    /// The e-mail address that the share was made for.
    pub email: String,
    /// Who made it; nobody else of the publishers takes it back.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}

/// An entity in the store of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The organisation's `uid`: the next one of the same name has nothing of this.
    pub org_uid: String,
    /// Whether every user may have it, not only members.
    pub public: bool,
    /// Who published it, as in audit records.
    pub published_by: String,
    /// When.
    pub published_at: Timestamp,
}

/// One version of an entity. Nothing of it changes but its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityVersionRow {
    /// Id, a UUID of version 7.
    pub id: String,
    /// The version.
    pub version: EntityVersion,
    /// Live, or deleted: a tombstone keeps the version from being used again.
    pub status: VersionStatus,
    /// Digest of the sources it was built of.
    pub source_hash: SourceHash,
    /// The version it was made from.
    pub base: Option<BaseVersion>,
    /// The package.
    pub package: FileRow,
    /// The lock file.
    pub lockfile: Option<FileRow>,
    /// Services it needs.
    #[serde(default)]
    pub service_dependencies: Vec<EntitySlug>,
    /// Whether it has a `package.json`, which stands in a row of its own.
    #[serde(default)]
    pub has_package_json: bool,
    /// When it was committed.
    pub published_at: Timestamp,
    /// Who uploaded it, as in audit records.
    pub publisher: String,
}

impl EntityVersionRow {
    /// Whether it can be had.
    pub fn is_live(&self) -> bool {
        self.status == VersionStatus::Live
    }

    /// Sum of the sizes of its files, in bytes.
    pub fn size(&self) -> u64 {
        self.package.size + self.lockfile.as_ref().map_or(0, |file| file.size)
    }
}

/// The `package.json` of a live version. Apart from the version, so that lists of versions do not read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityPackageJson {
    /// JSON text of up to 256 KiB.
    pub text: String,
}

/// A version that another one was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseVersion {
    /// Its id.
    pub id: String,
    /// The version.
    pub version: EntityVersion,
}

/// Which version an id names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityVersionRef {
    /// The version.
    pub version: EntityVersion,
}

/// The live versions that were built of the same sources, the oldest first. Several only where one was forced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitySourceRow {
    /// Their versions.
    pub versions: Vec<EntityVersion>,
}

/// An entity in a list, or the holder of a slug; [`EntityRow`] says what is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRef {
    /// Its id.
    pub id: String,
}

/// An entity in the list of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRef {
    /// Its id.
    pub id: String,
    /// Whether it is for every user, so that strangers cost no reading of the others.
    pub public: bool,
}

/// Which user an e-mail address belongs to, as the identity provider has verified it. [`UserRow`](crate::rows::UserRow)
/// says whether it still is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailRow {
    /// The user.
    pub user: UserId,
    /// When the provider said so, in seconds since 1970. Of two users with one address, the later one has it.
    #[serde(default)]
    pub issued_at: i64,
}
