//! A package that is not here yet: who may have it, and what there is of it.

use std::collections::BTreeSet;

use granary_model::npm::NpmName;
use granary_model::{PackageType, Result};
use granary_publish::Source;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};

use super::{address, key};
use crate::heads::Deed;
use crate::memory::Outcome;
use crate::net::{Answer, Fetched, Validators};
use crate::npm::ingest::Material;
use crate::{Asker, Freshness, Work, origin, sign_in, source_of};

/// Largest document, in bytes as it is sent.
const LIMIT: usize = 48 * 1024 * 1024;

/// How long at most it is taken for true that there is no such package, in seconds.
const MISSING: u32 = 60;

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
    let candidates: Vec<&UpstreamRow> = repo
        .upstreams
        .iter()
        .filter(|row| row.url().is_some() && row.may_have(PackageType::Npm, name.as_str()))
        .collect();
    let Some(first) = candidates.first() else { return Ok(None) };
    let flight = flight(repo, name);
    let memory = &work.upstreams.memory;
    if let Some(outcome) = memory.outcome(&flight, false, work.now) {
        return ended(&outcome);
    }
    if asker.anonymous && !candidates.iter().all(|row| row.anonymous) {
        return Err(sign_in(name.as_str(), &first.name));
    }
    let seat = work.upstreams.flights.board(&flight).await;
    // Somebody else may have brought it meanwhile, or found that it cannot be had.
    if let Some(outcome) = memory.outcome(&flight, seat.waited, work.now) {
        return ended(&outcome);
    }
    let package = key(repo, name);
    let before = work.head(repo, &package).await?;
    if let Some(known) = before.as_ref().and_then(|head| found(work, repo, name, head)) {
        return Ok(known.found());
    }
    for row in &candidates {
        work.require_open(row)?;
        let fetched = match ask(work, repo, row, name, &Validators::default()).await? {
            Answer::Found(fetched) => fetched,
            Answer::Missing | Answer::Unchanged => {
                memory.answered(&row.uid);
                continue;
            }
            Answer::Failed(failure) => {
                memory.could_not(flight, row.name.as_str(), failure.clone(), work.now);
                return Err(work.failed(row, &failure));
            }
        };
        memory.answered(&row.uid);
        let before = before.as_ref();
        let without = BTreeSet::new();
        let material = Material { repo, row, package: &package, name, before, known: None, without };
        let draft = match work.draft(material, fetched).await? {
            Ok(draft) => draft,
            Err(failure) => {
                memory.could_not(flight, row.name.as_str(), failure.clone(), work.now);
                return Err(work.failed(row, &failure));
            }
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
    let seconds = candidates.iter().map(|row| row.fresh_seconds).min().unwrap_or_default().min(MISSING);
    memory.is_missing(flight, seconds, work.now);
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

/// Who is under way for a package.
pub(super) fn flight(repo: &RepoRow, name: &NpmName) -> String {
    // Of other settings nothing is known yet.
    format!("npm/{}/{}/{name}", repo.uid, repo.rev)
}

fn ended(outcome: &Outcome) -> Result<Option<Found>> {
    outcome.error().map_or(Ok(None), Err)
}

/// Asks an upstream for the document of a package.
pub(super) async fn ask(
    work: &Work<'_>,
    repo: &RepoRow,
    row: &UpstreamRow,
    name: &NpmName,
    known: &Validators,
) -> Result<Answer<Fetched>> {
    let authorization = work.authorization(repo, row)?;
    let url = match address::document(row, name) {
        Ok(url) => url,
        Err(failure) => return Ok(Answer::Failed(failure)),
    };
    let ask = address::ask(url, authorization.as_ref(), work.upstreams.settings.patience);
    Ok(work.upstreams.net()?.document(&ask, known, LIMIT, work.now).await)
}
