//! Files that are handed over in two steps: sent to the bucket by an address, then confirmed.

use granary_model::entity::{EntitySlug, EntityVersion, SourceHash};
use granary_model::product::{ProductName, ProductVersion};
use granary_model::{Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::keys::Tenant;
use crate::rows::{BaseVersion, CallerRef, UploadStatus};

/// Files on their way to one version of something that is no package of a repository (those have
/// [`crate::rows::UploadRow`]). They are staged under the row's id, by their position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverRow {
    /// When it no longer counts, in seconds since 1970.
    pub expires_at: i64,
    /// Its id, which cannot be guessed.
    pub id: String,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
    /// What for.
    pub purpose: HandoverPurpose,
    /// The files.
    pub files: Vec<HandoverFile>,
    /// How far it has come.
    pub status: UploadStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who confirmed it, and by whose right its files are committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<CallerRef>,
    /// Until when somebody is at work on it, in milliseconds since 1970.
    #[serde(default)]
    pub worked_until: i64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl HandoverRow {
    /// Whether it no longer counts.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.seconds() >= self.expires_at
    }
}

/// What files are handed over for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum HandoverPurpose {
    /// A version of a product: one file.
    Product {
        /// Whose product.
        tenant: Tenant,
        /// The product.
        product: ProductName,
        /// Its `uid`.
        uid: String,
        /// The version.
        version: ProductVersion,
    },
    /// A version of an entity: its package, and its lock file if there is one.
    Entity {
        /// Id of the entity.
        entity: String,
        /// The version.
        version: EntityVersion,
        /// Digest of its sources.
        source_hash: SourceHash,
        /// The version it is made from.
        base: Option<BaseVersion>,
        /// Whether it was begun although a version of the same sources existed.
        force: bool,
        /// What the second step said, once it has come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirmation: Option<EntityConfirmation>,
    },
    /// An icon for the entity of this short name, which may not exist yet.
    Icon {
        /// Who may use it, as in audit records.
        by: String,
        /// The short name.
        slug: EntitySlug,
    },
    /// The file of a version for sale, which has the rest in its own row.
    Sold {
        /// Whose version.
        tenant: Tenant,
        /// Its number.
        version: u64,
    },
}

/// What the second step says of a version of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityConfirmation {
    /// Size of the package in bytes.
    pub file_size_bytes: u64,
    /// Whether there is a lock file.
    pub lockfile: bool,
    /// Services it needs.
    pub service_dependencies: Vec<EntitySlug>,
    /// Its `package.json`, as JSON text.
    pub package_json: Option<String>,
    /// Whether it becomes the active version.
    pub set_as_active: bool,
    /// Whether it is made although a version of the same sources exists.
    pub force: bool,
}

/// One file that is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverFile {
    /// Name that it is kept under.
    pub name: String,
    /// Size in bytes, if it was announced; then the bucket takes no other length.
    pub size: Option<u64>,
    /// SHA-256, if it was announced together with the size; then the bucket takes no other bytes.
    pub sha256: Option<Sha256>,
}
