//! Upstreams: asking again for what has become old, and letting go of what is kept of those that are none any more.

use granary_http::AppState;
use granary_model::{PackageType, RepoId, Result};
use granary_storage::rows::RepoRow;
use granary_storage::{Key, PackageKey};
use granary_upstream::{clear, maven, npm};

use crate::Progress;

/// Asks the upstream of a package again, if nobody has meanwhile.
pub(crate) async fn look_again(state: &AppState, package: &PackageKey) -> Result<Progress> {
    let work = state.upstream_work();
    match package.kind {
        PackageType::Npm => Box::pin(npm::refresh(&work, package)).await?,
        PackageType::Maven => Box::pin(maven::refresh(&work, package)).await?,
        _ => {}
    }
    Ok(Progress::Finished)
}

/// Removes what is kept of a package that does not come from its upstream any more.
pub(crate) async fn clear(state: &AppState, package: &PackageKey) -> Result<Progress> {
    clear::remove_left(&state.upstream_work(), package).await?;
    Ok(Progress::Finished)
}

/// Lets go of all packages of an upstream that was removed.
pub(crate) async fn purge(
    state: &AppState,
    repo: &RepoId,
    repo_uid: &str,
    upstream: &str,
) -> Result<Progress> {
    let row: Option<RepoRow> = state.storage().get(&Key::Repo(repo.clone())).await?;
    if let Some(row) = row.filter(|row| row.uid == repo_uid && !row.deleting) {
        clear::release_all(&state.upstream_work(), &row, upstream).await?;
    }
    Ok(Progress::Finished)
}
