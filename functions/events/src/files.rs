//! Removing files with rows of their own: those of deleted versions, and old builds of snapshots.

use granary_http::AppState;
use granary_model::{Error, Result};
use granary_publish::files::{Accounting, remove_files};
use granary_publish::maven;
use granary_storage::rows::{RepoRow, StoredFileRow, VersionRow, VersionStatus};
use granary_storage::{Key, PackageKey};

use crate::Progress;

/// Rows that are read at once.
const PAGE: i32 = 100;

/// Removes the files of a deleted version. The version itself stays as a tombstone.
pub(crate) async fn remove_version(
    state: &AppState,
    package: &PackageKey,
    version: &str,
) -> Result<Progress> {
    let key = Key::Version(package.clone(), version.to_owned());
    let row: Option<VersionRow> = state.storage().get(&key).await?;
    let gone = row.is_some_and(|row| row.status == VersionStatus::Tombstone);
    let Some(repo) = repo_of(state, package).await?.filter(|_| gone) else { return Ok(Progress::Finished) };
    let first = Key::File(package.clone(), version.to_owned(), String::new());
    let mut after = None;
    loop {
        let page = state
            .storage()
            .list::<StoredFileRow>(&first, &Key::files_of(version), after.as_deref(), PAGE)
            .await?;
        let done = remove_files(
            state.storage(),
            state.ids(),
            state.now(),
            &repo.uid,
            (package, version),
            &page.rows,
            Accounting::Settled,
        )
        .await?;
        if !done {
            return Err(Error::Unavailable("another clean-up is at the same files".into()));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Progress::Finished),
        }
    }
}

/// Removes the builds of a snapshot that are more than its repository keeps.
pub(crate) async fn prune(state: &AppState, package: &PackageKey, version: &str) -> Result<Progress> {
    if let Some(repo) = repo_of(state, package).await? {
        maven::prune::prune(state.storage(), state.ids(), state.now(), &repo, package, version).await?;
    }
    Ok(Progress::Finished)
}

/// The repository of a package, if it is alive.
async fn repo_of(state: &AppState, package: &PackageKey) -> Result<Option<RepoRow>> {
    let row: Option<RepoRow> = state.storage().get(&Key::Repo(package.repo.clone())).await?;
    Ok(row.filter(|row| !row.deleting))
}
