//! What sellers are shown, with the names of fields as they are documented.

use std::collections::BTreeMap;

use granary_model::{CustomerKey, PackageType, RepoId, Timestamp};
use granary_storage::rows::{ConsumerRow, Permission, SoldPackageRow, SoldVersionRow};
use serde::Serialize;

/// A moment as `2018-01-01 00:00:00`, in UTC.
fn moment(at: Timestamp) -> String {
    at.rfc3339_seconds().trim_end_matches('Z').replace('T', " ")
}

/// A package. Where it is and of which protocol goes beyond what is documented.
#[derive(Debug, Serialize)]
pub(crate) struct PackageView {
    id: u64,
    name: String,
    description: Option<String>,
    status: u8,
    created_at: String,
    updated_at: String,
    repo_id: RepoId,
    r#type: PackageType,
}

impl From<SoldPackageRow> for PackageView {
    fn from(row: SoldPackageRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            status: u8::from(row.enabled),
            created_at: moment(row.created_at),
            updated_at: moment(row.updated_at),
            repo_id: row.repo,
            r#type: row.kind,
        }
    }
}

/// A version, with the addresses for its file while it has none.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView {
    id: u64,
    package_id: u64,
    name: String,
    filename: String,
    status: u8,
    created_at: String,
    updated_at: String,
    #[serde(flatten)]
    addresses: Option<Addresses>,
}

/// Where the file of a version is sent, and what is called afterwards.
#[derive(Debug, Serialize)]
pub(crate) struct Addresses {
    /// Where to `PUT` it.
    pub(crate) upload_url: String,
    /// Headers that have to be sent exactly so.
    pub(crate) upload_headers: BTreeMap<String, String>,
    /// What to `POST` to afterwards.
    pub(crate) confirm_url: String,
}

impl VersionView {
    /// With addresses, if there are any.
    pub(crate) fn new(row: SoldVersionRow, addresses: Option<Addresses>) -> Self {
        Self {
            id: row.id,
            package_id: row.package_id,
            name: row.name,
            filename: row.filename,
            status: u8::from(row.enabled),
            created_at: moment(row.created_at),
            updated_at: moment(row.updated_at),
            addresses,
        }
    }
}

/// A consumer. Its keys are for its seller to read.
#[derive(Debug, Serialize)]
pub(crate) struct ConsumerView {
    id: u64,
    email: String,
    public_key: CustomerKey,
    private_key: CustomerKey,
    created_at: String,
    updated_at: String,
}

impl From<ConsumerRow> for ConsumerView {
    fn from(row: ConsumerRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            public_key: row.public_key,
            private_key: row.private_key,
            created_at: moment(row.created_at),
            updated_at: moment(row.updated_at),
        }
    }
}

/// A permission.
#[derive(Debug, Serialize)]
pub(crate) struct PermissionView {
    id: u64,
    consumer_id: u64,
    package_id: u64,
    version: String,
    created_at: String,
    updated_at: String,
}

impl PermissionView {
    /// Of a consumer.
    pub(crate) fn new(id: u64, consumer_id: u64, permission: &Permission) -> Self {
        Self {
            id,
            consumer_id,
            package_id: permission.package_id,
            version: permission.version.clone(),
            created_at: moment(permission.created_at),
            updated_at: moment(permission.updated_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_no_zone() {
        assert_eq!(moment(Timestamp::from_millis(1_771_237_800_999)), "2026-02-16 10:30:00");
    }
}
