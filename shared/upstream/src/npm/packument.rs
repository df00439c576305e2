//! A package that is not here yet: who may have it, and what there is of it.

use std::collections::BTreeSet;

use granary_model::npm::NpmName;
use granary_model::{PackageType, Result};
use granary_publish::Source;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};

use super::{address, key};
use crate::heads::Deed;
use crate::net::{Answer, Fetched, Validators};
use crate::npm::ingest::Material;
use crate::wanted::Wanted;
use crate::{Asker, Freshness, Work, origin, source_of};

/// Largest document, in bytes as it is sent.
const LIMIT: usize = 48 * 1024 * 1024;

/// A package of an upstream.
#[derive(Debug)]
pub struct Found {
    /// Where its documents come from.
    pub source: Source,
    /// How fresh it is.
    pub freshness: Freshness,
}

/// A package that the repository does not have, from the first upstream that has it. `None`: there is none that may be asked,
/// or none has it.
///
/// An upstream that cannot be asked is no reason to ask the next one: whoever makes the first one fail must not decide where a
/// package comes from.
///
/// # Errors
/// `Unauthorized` if only those who sign in may have something fetched; `Unavailable` and `BadGateway` if an upstream fails.
pub async fn packument(
    work: &Work<'_>,
    repo: &RepoRow,
    name: &NpmName,
    asker: &Asker,
) -> Result<Option<Found>> {
    let candidates = repo
        .upstreams
        .iter()
        .filter(|row| row.url().is_some() && row.may_have(PackageType::Npm, name.as_str()));
    let wanted = Wanted::new(repo, &path(name), name.as_str(), candidates.collect());
    let Some(_seat) = work.board(&wanted, asker).await? else { return Ok(None) };
    let package = key(repo, name);
    let before = work.head(repo, &package).await?;
    // Somebody else may have brought it meanwhile.
    if let Some(known) = before.as_ref().and_then(|head| found(work, repo, name, head)) {
        return Ok(known.found());
    }
    for &row in &wanted.rows {
        work.require_open(row)?;
        let fetched = match ask(work, repo, row, name, &Validators::default()).await? {
            Answer::Found(fetched) => fetched,
            Answer::Missing | Answer::Unchanged => {
                work.upstreams.memory.answered(&row.uid);
                continue;
            }
            Answer::Failed(failure) => return Err(work.could_not(wanted, row, &failure)),
        };
        work.upstreams.memory.answered(&row.uid);
        let before = before.as_ref();
        let without = BTreeSet::new();
        let material = Material { repo, row, package: &package, name, before, known: None, without };
        let draft = match work.draft(material, fetched).await? {
            Ok(draft) => draft,
            Err(failure) => return Err(work.could_not(wanted, row, &failure)),
        };
        work.store_text(&draft).await?;
        let deed = Deed {
            by: Some(asker),
            action: "package.discover",
            target: package.to_string(),
            detail: Some(format!("upstream {}", row.name)),
        };
        let heads = (before, &*draft.source.head);
        if work.write_head(repo, &package, heads, &[deed]).await? {
            let source = work.keep(draft).await?;
            let freshness = Freshness { was_fetched: true, ..fresh(work, row, &source) };
            return Ok(Some(Found { source, freshness }));
        }
        // Somebody was faster: another process with the same, or a person who has published a package of this name.
        let now = work.head(repo, &package).await?;
        return Ok(now.as_ref().and_then(|head| found(work, repo, name, head)).and_then(Known::found));
    }
    work.is_missing(wanted);
    Ok(None)
}

/// What a head says of a package.
enum Known {
    /// It is published here, and nobody is to be asked.
    Ours,
    /// It comes from an upstream.
    Theirs(Box<Found>),
}

impl Known {
    fn found(self) -> Option<Found> {
        match self {
            Self::Ours => None,
            Self::Theirs(found) => Some(*found),
        }
    }
}

/// What is known of a package by its head: `None` if nothing, and a fetch has to find out.
fn found(work: &Work<'_>, repo: &RepoRow, name: &NpmName, head: &HeadRow) -> Option<Known> {
    if head.is_owned() {
        return Some(Known::Ours);
    }
    let row = origin(repo, PackageType::Npm, name.as_str(), head)?;
    let source = source_of(repo, row, &key(repo, name), head.clone());
    let freshness = fresh(work, row, &source);
    Some(Known::Theirs(Box::new(Found { source, freshness })))
}

fn fresh(work: &Work<'_>, row: &UpstreamRow, source: &Source) -> Freshness {
    let parts = source.head.upstream.as_deref().zip(source.policy.as_deref());
    parts.map_or_else(
        || Freshness {
            upstream: row.name.to_string(),
            ttl: 0,
            is_due: false,
            failing: None,
            was_fetched: false,
        },
        |(upstream, policy)| Freshness::of(row, upstream, policy, work.now),
    )
}

/// What tells the document of a package from all else that anybody may want.
pub(super) fn path(name: &NpmName) -> String {
    format!("npm/{name}")
}

/// Asks an upstream for the document of a package.
pub(super) async fn ask(
    work: &Work<'_>,
    repo: &RepoRow,
    row: &UpstreamRow,
    name: &NpmName,
    known: &Validators,
) -> Result<Answer<Fetched>> {
    work.document((repo, row), (address::document(row, name), address::ACCEPT), known, LIMIT).await
}
