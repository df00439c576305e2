//! Old builds of snapshots go.

use granary_model::maven::{Coordinates, split_key};
use granary_model::{Ids, Result, Timestamp};
use granary_storage::rows::{RepoRow, StoredFileRow};
use granary_storage::{PackageKey, Storage};

use super::snapshots::Builds;
use crate::files::{Accounting, remove_files};
use crate::listing::files_of;

/// Fewest builds that are kept, whatever the setting: a client may be reading the one before the newest.
const FEWEST: u32 = 2;

/// How often it looks again because somebody else removed something meanwhile. The next build looks anyway.
const ATTEMPTS: u32 = 5;

/// The files of builds beyond the newest `keep` of a snapshot version. Only builds whose POM is there count as
/// kept ones; whatever is older than the oldest of them goes, half-deployed builds included.
pub fn superfluous(coordinates: &Coordinates, rows: &[StoredFileRow], keep: u32) -> Vec<StoredFileRow> {
    let keep = usize::try_from(keep.max(FEWEST)).unwrap_or(usize::MAX);
    Builds::new(coordinates, rows).beyond(keep).into_iter().cloned().collect()
}

/// Removes the builds of a snapshot version that are more than the repository keeps. Doing it twice, or for a
/// version that is gone or no snapshot, changes nothing.
pub async fn prune(
    storage: &Storage,
    ids: &dyn Ids,
    now: Timestamp,
    repo: &RepoRow,
    package: &PackageKey,
    version: &str,
) -> Result<()> {
    let (group, artifact) = split_key(&package.name)?;
    let coordinates = Coordinates { group, artifact, version: version.parse()? };
    if !coordinates.version.is_snapshot() {
        return Ok(());
    }
    for _ in 0..ATTEMPTS {
        let rows = files_of(storage, package, version).await?;
        let files = superfluous(&coordinates, &rows, repo.maven.keep_snapshot_builds);
        let whole = (package, version);
        if remove_files(storage, ids, now, &repo.uid, whole, &files, Accounting::Counted).await? {
            break;
        }
    }
    Ok(())
}
