//! What sellers keep: licences, consumers with their permissions, and the packages and versions that they number.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::{CustomerKey, PackageType, RepoId, Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::keys::{PackageKey, Tenant};

/// A licence: a key, the packages it opens, and the limit it has.
///
/// It is stored twice and written twice in one transaction: under its key, where a request finds it, and in its seller's
/// list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceRow {
    /// Id, a UUID of version 7: its first 48 bits are `created_at`, so the list is in that order.
    pub id: String,
    /// Whose it is.
    pub tenant: Tenant,
    /// Name to show.
    pub name: String,
    /// The key. Sellers may read it again.
    pub key: CustomerKey,
    /// The one limit of the licence.
    pub constraint: LicenceConstraint,
    /// What a date means once it has passed.
    #[serde(default)]
    pub on_expiry: OnExpiry,
    /// While set, the key opens nothing.
    pub suspended: bool,
    /// What the seller keeps with it: a JSON object, as text.
    pub meta: Option<String>,
    /// Names of packages in all repositories of the seller, and what [`LicenceRow::limited`] makes of those in one of
    /// them.
    pub packages: BTreeSet<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
}

impl LicenceRow {
    /// A name that is limited to one repository, as licences keep it.
    ///
    /// With two slashes, which no name has: `acme/core` is a package of Composer, and would be `core` in the repository
    /// `acme` as well.
    pub fn limited(repo: &RepoId, name: &str) -> String {
        format!("{repo}//{name}")
    }

    /// Whether it names a package.
    pub fn names(&self, package: &PackageKey) -> bool {
        let PackageKey { repo, name, .. } = package;
        self.packages.contains(name) || self.packages.contains(&Self::limited(repo, name))
    }
}

/// The limit of a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum LicenceConstraint {
    /// None.
    None,
    /// A date; [`OnExpiry`] says what it means.
    Date(Timestamp),
    /// A range of versions, in the grammar of each package's own protocol.
    Version(String),
}

/// What the date of a licence means once it has passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExpiry {
    /// The key opens nothing any more.
    #[default]
    Revoke,
    /// Versions published until the date stay, newer ones are not to be had, before the date or after it.
    Restrict,
    /// For packages the same as [`Self::Restrict`]; the licence itself goes on being valid for whoever asks.
    Maintain,
    /// Nothing: the date is only kept.
    Allow,
}

/// A consumer: a key pair and what it may have.
///
/// Stored twice, as [`LicenceRow`] is. Its permissions are a part of it, because every request of the consumer needs all
/// of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerRow {
    /// Number among the seller's consumers.
    pub id: u64,
    /// Whose it is.
    pub tenant: Tenant,
    /// E-mail address. Several consumers may have the same one.
    pub email: String,
    /// User name of its Basic credentials.
    pub public_key: CustomerKey,
    /// Password of its Basic credentials. Sellers may read it again.
    pub private_key: CustomerKey,
    /// Permissions by their numbers.
    pub permissions: BTreeMap<u64, Permission>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change of the consumer itself.
    pub updated_at: Timestamp,
    /// Last change of it or of what it may have.
    pub changed_at: Timestamp,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
}

/// What a consumer may have of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Number of the package.
    pub package_id: u64,
    /// Versions, in the grammar of the package's protocol.
    pub version: String,
    /// When it was given.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Where something of a consumer is found: by the number of a permission, or by an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerRef {
    /// Number of the consumer.
    pub consumer_id: u64,
}

/// A package with a number, for sale to consumers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldPackageRow {
    /// Number among the seller's packages.
    pub id: u64,
    /// The repository it is in.
    pub repo: RepoId,
    /// The `uid` of that repository.
    pub repo_uid: String,
    /// Its protocol.
    pub kind: PackageType,
    /// Its normalised name.
    pub name: String,
    /// Text to show.
    pub description: Option<String>,
    /// Whether consumers see it.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
}

/// A version with a number. It exists before its file does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldVersionRow {
    /// Number among the seller's versions.
    pub id: u64,
    /// Number of its package.
    pub package_id: u64,
    /// The version as it was given.
    pub name: String,
    /// The version as it is kept in keys.
    pub key: String,
    /// Name of its file.
    pub filename: String,
    /// Whether consumers see it.
    pub enabled: bool,
    /// Its file, once it is published.
    #[serde(default)]
    pub published: Option<PublishedFile>,
    /// Where its bytes are to be put, until then.
    #[serde(default)]
    pub staged: Option<StagedFile>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
}

/// The file of a version that is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Size in bytes.
    pub size: u64,
    /// Digest of the bytes.
    pub sha256: Sha256,
}

/// Where the bytes of a version are put by an address with a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Session in the bucket's `staging/`.
    pub session: String,
    /// Size in bytes, as announced.
    pub size: u64,
    /// Digest of the bytes, as announced.
    pub sha256: Sha256,
}

/// Which number a package has at its seller. Stands in the package's head, where every request reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldAs {
    /// The seller.
    pub tenant: Tenant,
    /// The number.
    pub id: u64,
}
