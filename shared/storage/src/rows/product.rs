//! Products: build artifacts with the tokens that may reach them.

use std::collections::BTreeMap;

use granary_model::product::{ProductFlags, ProductName, ProductVersion};
use granary_model::{Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::keys::Tenant;
use crate::rows::{FileRow, VersionStatus};

/// A product. Every change of it or of its versions is conditional on its `rev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRow {
    /// Its name, unique among the tenant's.
    pub name: ProductName,
    /// Differs between two products that had one name after the other: versions are kept under it.
    pub uid: String,
    /// Whose it is.
    pub tenant: Tenant,
    /// What tokens may do with it, by the SHA-256 of each.
    #[serde(default)]
    pub tokens: BTreeMap<Sha256, ProductFlags>,
    /// Live versions.
    #[serde(default)]
    pub versions: u64,
    /// Sum of their sizes, in bytes.
    #[serde(default)]
    pub bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub rev: u64,
}

/// One version of a product: one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductVersionRow {
    /// The version.
    pub version: ProductVersion,
    /// Live, or deleted: a tombstone keeps the version from being uploaded again.
    pub status: VersionStatus,
    /// The file under its original name.
    pub file: FileRow,
    /// When it was committed.
    pub published_at: Timestamp,
    /// Who uploaded it, as in audit records.
    pub publisher: String,
}

impl ProductVersionRow {
    /// Whether it can be had.
    pub fn is_live(&self) -> bool {
        self.status == VersionStatus::Live
    }
}

/// A token of the product API. Stored twice in one transaction: under its hash, and in its tenant's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductTokenRow {
    /// SHA-256 of the token.
    pub hash: Sha256,
    /// Whose products it can reach.
    pub tenant: Tenant,
    /// Whether it may do everything with all products of the tenant, and manage tokens.
    pub admin: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who registered it, as in audit records.
    pub created_by: String,
}
