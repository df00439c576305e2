//! Versions of entities: committing one that was handed over, making one the active one, deleting one.
//!
//! Each is one edit of the entity's row ([`edit_shelf`]) and decides on rows that are read inside of it. So which version a
//! digest of sources names, which one is active and what counts against the quota are exact, however many come at once.
//!
//! [`edit_shelf`]: crate::shelf::edit_shelf

mod commit;
mod edits;
mod found;

pub use commit::{Committed, Outcome, commit_handover, finish_handover, lockfile_size};
pub use edits::{activate_version, delete_version};
pub use found::{Found, is_live_version, live_version, used};

use granary_model::entity::{EntitySlug, EntityVersion};
use granary_model::{Error, Result};
use granary_storage::rows::EntityRow;

/// Media type of a package.
pub const PACKAGE_TYPE: &str = "application/zip";

/// Media type of a lock file.
pub const LOCKFILE_TYPE: &str = "application/json";

/// Largest lock file, in bytes: 32 MiB.
pub const MAX_LOCKFILE: u64 = 32 * 1024 * 1024;

/// Name of a version's package.
pub fn package_name(slug: &EntitySlug, version: &EntityVersion) -> String {
    format!("{slug}-{version}.zip")
}

/// Name of a version's lock file.
pub fn lockfile_name(slug: &EntitySlug, version: &EntityVersion) -> String {
    format!("{slug}-{version}-lock.json")
}

/// Refuses what does not fit into the quota of an entity.
///
/// # Errors
/// `Forbidden`.
pub fn check_quota(entity: &EntityRow, more: u64, quota: Option<u64>) -> Result<()> {
    match quota {
        Some(quota) if entity.bytes.saturating_add(more) > quota => Err(Error::Forbidden(format!(
            "the quota of entity '{}' ({quota} bytes) would be exceeded; delete versions or raise the quota",
            entity.slug
        ))),
        _ => Ok(()),
    }
}
