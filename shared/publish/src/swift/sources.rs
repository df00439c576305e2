//! Packages by the addresses of their sources.

use granary_model::PackageType;
use granary_model::Result;
use granary_model::swift::SourceUrl;
use granary_storage::rows::{HeadRow, RepoRow, SwiftSourceRow};
use granary_storage::{Key, PackageKey, Storage};
use serde::Deserialize;

/// Heads that are read in one call.
const HEADS: usize = 100;

#[derive(Deserialize)]
struct Listed {
    sk: String,
    #[serde(flatten)]
    row: SwiftSourceRow,
}

/// Identifiers of the packages that name this address as their source and have a release, in the order of their
/// names.
pub async fn identities_of(storage: &Storage, repo: &RepoRow, source: &SourceUrl) -> Result<Vec<String>> {
    let first = Key::SwiftSource(repo.id.clone(), source.to_string(), String::new());
    let prefix = format!("{source}#");
    let rows: Vec<Listed> = storage.list_all(&first, &prefix).await?;
    let candidates: Vec<(Key, String)> = rows
        .into_iter()
        .filter(|listed| listed.row.repo_uid == repo.uid)
        .filter_map(|listed| {
            let name = listed.sk.strip_prefix(&prefix)?.to_owned();
            let package = PackageKey { repo: repo.id.clone(), kind: PackageType::Swift, name };
            Some((Key::Head(package), listed.row.identity))
        })
        .collect();
    let mut identities = Vec::new();
    for batch in candidates.chunks(HEADS) {
        let keys: Vec<Key> = batch.iter().map(|(key, _)| key.clone()).collect();
        let heads: Vec<Option<HeadRow>> = storage.batch_get(&keys).await?;
        for ((_, identity), head) in batch.iter().zip(heads) {
            if head.is_some_and(|head| head.repo_uid == repo.uid && head.versions > 0) {
                identities.push(identity.clone());
            }
        }
    }
    Ok(identities)
}
