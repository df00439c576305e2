//! Packages by the addresses of their sources.

use std::collections::BTreeSet;

use bytes::Bytes;
use granary_model::swift::SourceUrl;
use granary_model::{Error, PackageType, Result};
use granary_storage::rows::{HeadRow, Listed, RepoRow, SwiftSourceRow};
use granary_storage::{Key, PackageKey, Storage};

use super::facts::SwiftFacts;
use crate::compress::{gunzip, gzip};
use crate::documents::{DocumentCache, Renderer, Source};

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
    let rows: Vec<Listed<SwiftSourceRow>> = storage.list_all(&first, &prefix).await?;
    let candidates: Vec<(PackageKey, String)> = rows
        .into_iter()
        .filter(|listed| listed.row.repo_uid == repo.uid)
        .filter_map(|listed| {
            let name = listed.sk.strip_prefix(&prefix)?.to_owned();
            let package = PackageKey { repo: repo.id.clone(), kind: PackageType::Swift, name };
            Some((package, listed.row.identity))
        })
        .collect();
    let keys: Vec<Key> = candidates.iter().map(|(package, _)| Key::Head(package.clone())).collect();
    let heads: Vec<Option<HeadRow>> = storage.read_all(&keys).await?;
    let sourced = candidates.into_iter().zip(heads).filter_map(|((package, identity), head)| {
        let head = head.filter(|head| head.repo_uid == repo.uid && head.versions > 0)?;
        Some(Sourced { identity, package, head })
    });
    Ok(sourced.collect())
}

/// Whether a release that the reader gets names the address. Only that leads a customer to the package.
///
/// The addresses are kept in memory by revision and grants, as documents are.
pub async fn names_source(
    documents: &DocumentCache,
    storage: &Storage,
    package: &Source,
    source: &SourceUrl,
) -> Result<bool> {
    let document = documents.get(storage, package, VARIANT, &Addresses).await?;
    let addresses: BTreeSet<String> = serde_json::from_slice(&gunzip(&document.gzip)?)
        .map_err(|e| Error::internal("reading addresses of sources", e))?;
    Ok(addresses.contains(&source.to_string()))
}

/// Name of the variant.
const VARIANT: &str = "s";

/// All addresses that the releases which the reader gets name.
struct Addresses;

impl Renderer for Addresses {
    fn variants(&self) -> Vec<String> {
        vec![VARIANT.into()]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let rows = source.versions(storage).await?;
        let addresses = tokio::task::spawn_blocking(move || {
            let mut addresses = BTreeSet::new();
            for row in &rows {
                addresses.extend(SwiftFacts::from_row(&row.facts)?.sources().iter().map(ToString::to_string));
            }
            let text = serde_json::to_vec(&addresses)
                .map_err(|e| Error::internal("keeping addresses of sources", e))?;
            gzip(&text)
        });
        let addresses = addresses.await.map_err(|e| Error::internal("keeping addresses of sources", e))??;
        Ok(vec![addresses.into()])
    }
}
