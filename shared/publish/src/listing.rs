//! The versions of a package and the files of a version, as they are stored.

use std::sync::Arc;

use granary_model::Result;
use granary_storage::rows::{StoredFileRow, VersionRow};
use granary_storage::{Key, PackageKey, Storage};

/// All live versions, in the order of their texts.
pub async fn live_versions(storage: &Storage, package: &PackageKey) -> Result<Vec<VersionRow>> {
    let first = Key::Version(package.clone(), String::new());
    let mut rows: Vec<VersionRow> = storage.list_all(&first, "VER#").await?;
    rows.retain(VersionRow::is_live);
    Ok(rows)
}

/// All files of a version that have rows of their own, by name, tombstones included.
pub async fn files_of(
    storage: &Storage,
    package: &PackageKey,
    version: &str,
) -> Result<Arc<Vec<StoredFileRow>>> {
    let first = Key::File(package.clone(), version.to_owned(), String::new());
    storage.shared_list(&first, &Key::files_of(version)).await
}
