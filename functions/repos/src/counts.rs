//! Numbers shown beside repositories and packages.

use futures::future::try_join_all;
use granary_http::AppState;
use granary_model::{RepoId, Result};
use granary_storage::rows::UsageRow;
use granary_storage::{Key, PackageKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Most rows that are read in one call.
const BATCH: usize = 100;

/// What a repository holds and how often it was asked for it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Packages with at least one live version.
    pub(crate) packages: u64,
    /// Downloads of all versions of all packages, a few seconds behind.
    pub(crate) downloads: u64,
}

/// A total of downloads.
#[derive(Debug, Default, Deserialize)]
struct DownloadsRow {
    #[serde(default)]
    downloads: u64,
}

/// Reads any number of rows of one table, in the order of the keys, which must differ.
pub(crate) async fn read_all<T: DeserializeOwned>(state: &AppState, keys: &[Key]) -> Result<Vec<Option<T>>> {
    let batches = try_join_all(keys.chunks(BATCH).map(|chunk| state.storage().batch_get(chunk))).await?;
    Ok(batches.into_iter().flatten().collect())
}

/// The numbers of repositories, in their order.
pub(crate) async fn repo_counts(state: &AppState, repos: &[RepoId]) -> Result<Vec<Counts>> {
    let usage: Vec<Key> = repos.iter().cloned().map(Key::Usage).collect();
    let downloads: Vec<Key> = repos.iter().cloned().map(Key::RepoDownloads).collect();
    let (usage, downloads) =
        tokio::try_join!(read_all::<UsageRow>(state, &usage), read_all::<DownloadsRow>(state, &downloads))?;
    let counts = usage.into_iter().zip(downloads).map(|(usage, downloads)| Counts {
        packages: usage.unwrap_or_default().packages,
        downloads: downloads.unwrap_or_default().downloads,
    });
    Ok(counts.collect())
}

/// The downloads of packages, in their order.
pub(crate) async fn package_downloads(state: &AppState, packages: &[PackageKey]) -> Result<Vec<u64>> {
    let keys: Vec<Key> = packages.iter().cloned().map(Key::DownloadTotal).collect();
    let rows: Vec<Option<DownloadsRow>> = read_all(state, &keys).await?;
    Ok(rows.into_iter().map(|row| row.unwrap_or_default().downloads).collect())
}
