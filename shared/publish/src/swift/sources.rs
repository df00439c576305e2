//! Packages by the addresses of their sources.

use granary_model::PackageType;
use granary_model::Result;
use granary_model::swift::SourceUrl;
use granary_storage::rows::{HeadRow, RepoRow, SwiftSourceRow};
use granary_storage::{Key, PackageKey, Storage};
use serde::Deserialize;

use super::facts::SwiftFacts;
use crate::documents::Source;

/// Heads that are read in one call.
const HEADS: usize = 100;

#[derive(Deserialize)]
struct Listed {
    sk: String,
    #[serde(flatten)]
    row: SwiftSourceRow,
}

/// A package that names an address as its source.
#[derive(Debug)]
pub struct Sourced {
    /// Its identifier.
    pub identity: String,
    /// The package.
    pub package: PackageKey,
    /// Its head.
    pub head: HeadRow,
}

/// The packages that name this address as their source and have a release, in the order of their names.
pub async fn packages_of(storage: &Storage, repo: &RepoRow, source: &SourceUrl) -> Result<Vec<Sourced>> {
    let first = Key::SwiftSource(repo.id.clone(), source.to_string(), String::new());
    let prefix = format!("{source}#");
    let rows: Vec<Listed> = storage.list_all(&first, &prefix).await?;
    let candidates: Vec<(PackageKey, String)> = rows
        .into_iter()
        .filter(|listed| listed.row.repo_uid == repo.uid)
        .filter_map(|listed| {
            let name = listed.sk.strip_prefix(&prefix)?.to_owned();
            let package = PackageKey { repo: repo.id.clone(), kind: PackageType::Swift, name };
            Some((package, listed.row.identity))
        })
        .collect();
    let mut packages = Vec::new();
    for batch in candidates.chunks(HEADS) {
        let keys: Vec<Key> = batch.iter().map(|(package, _)| Key::Head(package.clone())).collect();
        let heads: Vec<Option<HeadRow>> = storage.batch_get(&keys).await?;
        for ((package, identity), head) in batch.iter().zip(heads) {
            if let Some(head) = head.filter(|head| head.repo_uid == repo.uid && head.versions > 0) {
                packages.push(Sourced { identity: identity.clone(), package: package.clone(), head });
            }
        }
    }
    Ok(packages)
}

/// Whether a release that the reader gets names the address. Only that leads a customer to the package.
pub async fn names_source(storage: &Storage, package: &Source, source: &SourceUrl) -> Result<bool> {
    for row in package.versions(storage).await? {
        if SwiftFacts::from_row(&row.facts)?.sources().contains(source) {
            return Ok(true);
        }
    }
    Ok(false)
}
