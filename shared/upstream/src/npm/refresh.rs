//! Asking an upstream again about a package that is here.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, PackageType, Result};
use granary_publish::Source;
use granary_publish::npm::foreign::stored;
use granary_publish::policy::Policy;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};
use granary_storage::{Key, PackageKey};

use super::ingest::{Draft, Material, shown_again};
use super::packument::{ask, path};
use crate::heads::Deed;
use crate::net::{Answer, Failure, Fetched, Validators};
use crate::standing::note;
use crate::wanted::flight;
use crate::{Asker, Freshness, Work, origin, source_of};

/// What is younger is not asked for anew because of a version that it does not have, in milliseconds.
const JUST_NOW: i64 = 2_000;

/// How long a version is taken for missing that the upstream did not have just now, in seconds.
const MISSING_VERSION: u32 = 30;

/// Asks the upstream of a package again, if that is due.
///
/// # Errors
/// Those of the stores. An upstream that fails is none: it is written down, and what is here goes on being served.
pub async fn refresh(work: &Work<'_>, package: &PackageKey) -> Result<()> {
    let repo: Option<Arc<RepoRow>> = work.storage.shared_row(Key::Repo(package.repo.clone())).await?;
    let Some(repo) = repo.filter(|repo| !repo.deleting) else { return Ok(()) };
    let name: NpmName = package.name.parse()?;
    let _seat = work.upstreams.flights.board(&flight(&repo, &path(&name))).await;
    let Some(head) = work.head(&repo, package).await? else { return Ok(()) };
    let Some(row) = origin(&repo, PackageType::Npm, &package.name, &head) else { return Ok(()) };
    let Some(upstream) = head.upstream.as_deref() else { return Ok(()) };
    let policy = Policy::of(&repo, row, PackageType::Npm, &package.name);
    let freshness = Freshness::of(row, upstream, &policy, work.now);
    if !freshness.is_due {
        return Ok(());
    }
    again(work, (&repo, row), package, &name, &head).await.map(|_| ())
}

/// Asks the upstream of a package again whether or not that is due, because what is kept of it has got lost.
///
/// # Errors
/// If the upstream fails: there is nothing to serve.
pub async fn refresh_now(work: &Work<'_>, repo: &RepoRow, source: &Source) -> Result<Source> {
    ask_now(work, repo, source, Why::Lost).await
}

/// Why an upstream is asked although that is not due.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// What is kept of its document has got lost.
    Lost,
    /// There may be more than is kept.
    More,
}

async fn ask_now(work: &Work<'_>, repo: &RepoRow, source: &Source, why: Why) -> Result<Source> {
    let name: NpmName = source.head.name.parse()?;
    let _seat = work.upstreams.flights.board(&flight(repo, &path(&name))).await;
    let mut head = work.head(repo, &source.package).await?.ok_or_else(|| gone(&name))?;
    let row = origin(repo, PackageType::Npm, &source.package.name, &head).ok_or_else(|| gone(&name))?;
    let checked_at = |head: &HeadRow| head.upstream.as_ref().map(|upstream| upstream.checked_at);
    let was_asked = why == Why::More && checked_at(&head) > checked_at(&source.head);
    if was_asked || head.rev > source.head.rev {
        // Somebody else has done it meanwhile.
        return Ok(source_of(repo, row, &source.package, head));
    }
    if why == Why::Lost {
        note(&mut head, |upstream| (upstream.etag, upstream.last_modified) = (None, None));
    }
    match Box::pin(again(work, (repo, row), &source.package, &name, &head)).await? {
        Ok(source) => Ok(source),
        Err(failure) => Err(failure.error(row.name.as_str())),
    }
}

/// The package asked for anew because of a version that is not known here; `None` if it is not known there either.
///
/// For each version the upstream is asked once in half a minute, and not for those who may not have anything fetched.
///
/// # Errors
/// If the upstream fails.
pub async fn look_for_version(
    work: &Work<'_>,
    repo: &RepoRow,
    source: &Source,
    (name, version): (&NpmName, &NpmVersion),
    asker: &Asker,
) -> Result<Option<Source>> {
    let row = origin(repo, PackageType::Npm, &source.package.name, &source.head);
    if asker.anonymous && row.is_none_or(|row| !row.anonymous) {
        return Ok(None);
    }
    let memory = &work.upstreams.memory;
    let wanted = format!("npm/{}/{name}/{version}/look", repo.uid);
    let upstream = source.head.upstream.as_deref();
    if let Some((row, failing)) = row.zip(upstream.and_then(|upstream| upstream.failing.as_ref())) {
        // It may well be there; nobody can say.
        return Err(Failure::Down(failing.why.clone()).error(row.name.as_str()));
    }
    let just_now = upstream.is_none_or(|upstream| upstream.checked_at + JUST_NOW > work.now.millis());
    if just_now || memory.outcome(&wanted, false, work.now).is_some() {
        return Ok(None);
    }
    memory.is_missing(wanted, MISSING_VERSION, work.now);
    let newer = ask_now(work, repo, source, Why::More).await?;
    let index = stored::index(work.documents, work.storage, &newer).await?;
    Ok(index.get(version.as_str()).is_some().then_some(newer))
}

fn gone(name: &NpmName) -> Error {
    Error::NotFound(format!("package '{name}' not found"))
}

/// Asks an upstream again, unless it is left alone just now. That it fails is written down.
async fn again(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    package: &PackageKey,
    name: &NpmName,
    head: &HeadRow,
) -> Result<Result<Source, Failure>> {
    let asked = match work.upstreams.memory.closed(&row.uid, work.now) {
        Some(failure) => Err(failure),
        None => ask_again(work, (repo, row), package, name, head).await?,
    };
    if let Err(failure) = &asked {
        work.note_failing(repo, package, head, failure).await?;
    }
    Ok(asked)
}

async fn ask_again(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    package: &PackageKey,
    name: &NpmName,
    head: &HeadRow,
) -> Result<Result<Source, Failure>> {
    let upstream = head.upstream.as_deref();
    let upstream = upstream.ok_or_else(|| Error::internal("asking an upstream", "the package has none"))?;
    let known = Validators { etag: upstream.etag.clone(), last_modified: upstream.last_modified.clone() };
    let answer = ask(work, repo, row, name, &known).await?;
    if !matches!(answer, Answer::Failed(_)) {
        work.upstreams.memory.answered(&row.uid);
    }
    let source = source_of(repo, row, package, head.clone());
    match answer {
        Answer::Found(fetched) => replace(work, (repo, row), (package, name), head, fetched).await,
        Answer::Unchanged => still(work, repo, source, name).await.map(Ok),
        Answer::Missing => {
            let head = work.note_vanished(repo, package, head, true).await?;
            Ok(Ok(Source { head: head.into(), ..source }))
        }
        Answer::Failed(failure) => {
            work.upstreams.memory.failed(&row.uid, &failure, work.now);
            Ok(Err(failure))
        }
    }
}

/// There is another document.
async fn replace(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    (package, name): (&PackageKey, &NpmName),
    head: &HeadRow,
    fetched: Fetched,
) -> Result<Result<Source, Failure>> {
    let source = source_of(repo, row, package, head.clone());
    // What has got lost cannot be compared with; versions whose bytes are here keep theirs all the same.
    let known = stored::text(work.storage, &source).await.ok().map(Bytes::from);
    let material =
        |without| Material { repo, row, package, name, before: Some(head), known: known.clone(), without };
    let mut draft = match work.draft(material(BTreeSet::new()), fetched.clone()).await? {
        Ok(draft) => draft,
        Err(failure) => return Ok(Err(failure)),
    };
    // Of a version that was away for a while nothing is known but its bytes, if they are kept.
    let others = work.back_as_others(head, &draft).await?;
    if !others.is_empty() {
        draft = match work.draft(material(others.clone()), fetched).await? {
            Ok(draft) => draft,
            Err(failure) => return Ok(Err(failure)),
        };
    }
    work.store_text(&draft).await?;
    let changed = draft.changed.iter().map(|changed| &changed.version).chain(&others);
    let deeds: Vec<Deed<'_>> =
        changed.clone().take(20).map(|version| altered(package, row, version)).collect();
    for version in changed {
        tracing::error!(%package, version, upstream = %row.name, "other bytes are promised for a version");
    }
    let old = stored::object(&source)?;
    if !work.write_head(repo, package, (Some(head), &draft.source.head), &deeds).await? {
        // Somebody was faster. Whoever reads what is old then tells again.
        return Ok(Ok(source));
    }
    let source = work.keep(draft).await?;
    tidy(work, &source, &old.path()).await;
    Ok(Ok(source))
}

fn altered<'a>(package: &PackageKey, row: &UpstreamRow, version: &str) -> Deed<'a> {
    Deed {
        by: None,
        action: "upstream.altered",
        target: format!("{package}@{version}"),
        detail: Some(format!(
            "upstream {} promises other bytes than before; what was promised first stays",
            row.name
        )),
    }
}

/// The document is still the same. Versions may have become old enough, and rules others.
async fn still(work: &Work<'_>, repo: &RepoRow, source: Source, name: &NpmName) -> Result<Source> {
    let policy = source.policy.clone().ok_or_else(|| Error::internal("asking an upstream", "no rules"))?;
    let before = Arc::clone(&source.head);
    let now = work.now.millis();
    let has_changed = before.upstream.as_ref().is_some_and(|upstream| {
        upstream.gone
            || upstream.next_at.is_some_and(|at| at <= now)
            || upstream.policy != policy.fingerprint()
    });
    let text = if has_changed { stored::text(work.storage, &source).await.ok() } else { None };
    let mut head = HeadRow::clone(&before);
    note(&mut head, |upstream| {
        (upstream.checked_at, upstream.failing, upstream.gone) = (now, None, false);
    });
    let Some(text) = text else {
        if has_changed {
            // It has got lost: the next one fetches it whole.
            note(&mut head, |upstream| (upstream.etag, upstream.last_modified) = (None, None));
        }
        work.write_head(repo, &source.package, (Some(&before), &head), &[]).await?;
        return Ok(Source { head: head.into(), ..source });
    };
    work.advance(&mut head);
    let (renderer, name, now) = (work.packuments.clone(), name.clone(), work.now);
    let draft = Source { head: head.into(), ..source.clone() };
    let show = move || shown_again(&renderer, draft, (&text, &name), &policy, now);
    let draft: Draft = work.upstreams.turns.run(show).await??;
    if !work.write_head(repo, &source.package, (Some(&before), &draft.source.head), &[]).await? {
        return Ok(source);
    }
    let source = work.keep(draft).await?;
    tidy(work, &source, "").await;
    Ok(source)
}

/// Removes documents that nobody can still be reading: those before the revision before this one, and the upstream's document
/// that was replaced.
async fn tidy(work: &Work<'_>, source: &Source, replaced: &str) {
    let cleared = async {
        let prefix = granary_storage::ObjectKey::documents_of(&source.package, &source.repo_uid);
        for path in work.storage.list_objects(&prefix, None).await? {
            let file = path.strip_prefix(&prefix).filter(|file| !file.contains('/'));
            let rev = file.and_then(|file| file.split('.').next()?.parse::<u64>().ok());
            if path == replaced || rev.is_some_and(|rev| rev + 1 < source.head.rev) {
                work.storage.delete_object(&path).await?;
            }
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = cleared.await {
        tracing::warn!(%error, package = %source.package, "old documents stay");
    }
}
