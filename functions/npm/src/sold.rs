//! What a customer's search goes through.

use granary_http::RepoAccess;
use granary_http::permit::Fetch;
use granary_model::{PackageType, Result};
use granary_publish::Source;
use granary_storage::Key;
use granary_storage::rows::{HeadRow, PackageEntry, RepoRow, VersionRow};

use crate::call::{Call, as_seen};

/// Rows that are read in one call.
const BATCH: usize = 100;

/// The packages that were sold to a customer, as lists show them.
///
/// Where the customer gets the version that `latest` names, the head is right as it is. Only of other packages all
/// versions have to be read, once for each revision.
pub(crate) async fn entries(call: &Call, access: &RepoAccess<Fetch>) -> Result<Vec<PackageEntry>> {
    let sold = access.sold(&call.state, PackageType::Npm).await?;
    let mut entries = Vec::with_capacity(sold.len());
    for batch in sold.chunks(BATCH) {
        let latest = latest_versions(call, batch).await?;
        for source in batch {
            let covered = latest
                .iter()
                .any(|(package, row)| *package == source.package.name && is_covered(source, row));
            let seen = if covered { Some(source.clone()) } else { as_seen(call, source.clone()).await? };
            entries.extend(seen.map(|seen| entry(&seen.head, &access.repo)));
        }
    }
    Ok(entries)
}

/// The versions that `latest` names, each with the name of its package.
async fn latest_versions(call: &Call, sources: &[Source]) -> Result<Vec<(String, VersionRow)>> {
    let (names, keys): (Vec<String>, Vec<Key>) = sources
        .iter()
        .filter_map(|source| {
            let latest = source.head.latest()?.to_owned();
            Some((source.package.name.clone(), Key::Version(source.package.clone(), latest)))
        })
        .unzip();
    let rows: Vec<Option<VersionRow>> = call.state.storage().batch_get(&keys).await?;
    Ok(names.into_iter().zip(rows).filter_map(|(name, row)| Some((name, row?))).collect())
}

fn is_covered(source: &Source, row: &VersionRow) -> bool {
    row.is_live() && source.grants.as_ref().is_none_or(|grants| grants.allow(row))
}

/// A package in a list. Who published it is the seller, by the name of the repository: its people are no customer's
/// business.
fn entry(head: &HeadRow, repo: &RepoRow) -> PackageEntry {
    PackageEntry { publisher: repo.id.to_string(), ..PackageEntry::of(head) }
}
