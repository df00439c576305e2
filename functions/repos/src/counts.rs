//! Numbers shown beside repositories and packages.

use granary_http::AppState;
use granary_model::{RepoId, Result};
use granary_storage::rows::UsageRow;
use granary_storage::{Key, PackageKey};
use serde::Deserialize;

/// What a repository holds and how often it was asked for it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Packages with at least one live version.
    pub(crate) packages: u64,
    /// Downloads of all versions of all packages, a few seconds behind.
    pub(crate) downloads: u64,
    /// Bytes and versions that are kept here of upstreams, if there are any.
    pub(crate) cached: Option<(u64, u64)>,
}

/// A total of downloads.
#[derive(Debug, Default, Deserialize)]
struct DownloadsRow {
    #[serde(default)]
    downloads: u64,
}

/// The numbers of repositories, in their order.
pub(crate) async fn repo_counts(state: &AppState, repos: &[RepoId]) -> Result<Vec<Counts>> {
    let usage: Vec<Key> = repos.iter().cloned().map(Key::Usage).collect();
    let downloads: Vec<Key> = repos.iter().cloned().map(Key::RepoDownloads).collect();
    let (usage, downloads) = tokio::try_join!(
        state.storage().read_all::<UsageRow>(&usage),
        state.storage().read_all::<DownloadsRow>(&downloads)
    )?;
    let counts = usage.into_iter().zip(downloads).map(|(usage, downloads)| {
        let usage = usage.unwrap_or_default();
        let cached = (usage.cached_bytes, usage.cached_versions);
        Counts {
            packages: usage.packages,
            downloads: downloads.unwrap_or_default().downloads,
            cached: Some(cached).filter(|cached| *cached != (0, 0)),
        }
    });
    Ok(counts.collect())
}

/// The downloads of packages, in their order.
pub(crate) async fn package_downloads(state: &AppState, packages: &[PackageKey]) -> Result<Vec<u64>> {
    let keys: Vec<Key> = packages.iter().cloned().map(Key::DownloadTotal).collect();
    let rows: Vec<Option<DownloadsRow>> = state.storage().read_all(&keys).await?;
    Ok(rows.into_iter().map(|row| row.unwrap_or_default().downloads).collect())
}
