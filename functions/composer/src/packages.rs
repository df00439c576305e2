//! The packages that a caller finds in a repository.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _};
use granary_http::permit::Fetch;
use granary_http::{AppState, RepoAccess};
use granary_model::{PackageType, RepoId, Result};
use granary_publish::Source;
use granary_publish::composer::ComposerShowing;
use granary_publish::seen::seen;
use granary_storage::rows::PackageEntry;
use granary_storage::{Key, PackageKey};

/// Rows that are read in one call.
const PAGE: i32 = 1000;

/// Packages of a customer that are looked at at the same time.
const AT_ONCE: usize = 8;

/// What is found, each package by its name, and whether that is all.
pub(crate) struct Found {
    pub(crate) packages: Vec<PackageEntry>,
    pub(crate) is_all: bool,
}

/// The packages that have versions which the caller gets, in the order of their names. Of a customer all that were sold
/// to it; of anybody else as many as are found in the first `most` rows.
pub(crate) async fn find(state: &AppState, access: &RepoAccess<Fetch>, most: usize) -> Result<Found> {
    if access.is_gated() {
        return Ok(Found { packages: sold(state, access).await?, is_all: true });
    }
    let mut found = find_in(state, &access.repo.id, most).await?;
    for member in access.member_repos(state, PackageType::Composer).await? {
        let more = find_in(state, &member.id, most).await?;
        let known: HashSet<String> = found.packages.iter().map(|entry| entry.name.clone()).collect();
        let is_new = |entry: &PackageEntry| {
            access.reads_from(&member, PackageType::Composer, &entry.name) && !known.contains(&entry.name)
        };
        found.packages.extend(more.packages.into_iter().filter(is_new));
        found.is_all &= more.is_all;
    }
    found.packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// What is published in one repository.
async fn find_in(state: &AppState, repo: &RepoId, most: usize) -> Result<Found> {
    let first =
        Key::PackageOf(PackageKey { repo: repo.clone(), kind: PackageType::Composer, name: String::new() });
    let (mut packages, mut looked_at, mut after) = (Vec::new(), 0, None::<String>);
    loop {
        let page =
            state.storage().list::<PackageEntry>(&first, "PKG#composer#", after.as_deref(), PAGE).await?;
        looked_at += page.rows.len();
        packages.extend(page.rows.into_iter().filter(|entry| entry.versions > 0));
        match page.next {
            None => return Ok(Found { packages, is_all: true }),
            Some(_) if looked_at >= most => return Ok(Found { packages, is_all: false }),
            next => after = next,
        }
    }
}

/// What a customer finds, as far as it gets some version of it.
async fn sold(state: &AppState, access: &RepoAccess<Fetch>) -> Result<Vec<PackageEntry>> {
    let sold = access.sold(state, PackageType::Composer).await?;
    let sold = sold.into_iter().filter(|source| source.head.versions > 0);
    let seen: Vec<Option<Source>> = futures::stream::iter(sold)
        .map(|source| seen::<ComposerShowing>(state.documents(), state.storage(), source))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(seen.into_iter().flatten().map(entry).collect())
}

fn entry(source: Source) -> PackageEntry {
    PackageEntry { name: source.package.name, publisher: String::new(), ..PackageEntry::of(&source.head) }
}
