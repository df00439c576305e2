//! `maven-metadata.xml` of artifacts and groups.

use std::sync::Arc;

use granary_model::maven::{ArtifactId, GroupId, split_key};
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::Source;
use granary_publish::maven::foreign::ForeignMetadata;
use granary_publish::policy::Policy;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};
use granary_storage::{Key, ObjectKey, PackageKey};

use super::file::new_head;
use super::{address, candidates};
use crate::heads::Deed;
use crate::net::{Answer, Failure, Fetched, Validators};
use crate::standing::{note, note_removed};
use crate::wanted::{Wanted, flight};
use crate::{Asker, Freshness, Work, origin, source_of};

/// Largest document, in bytes.
const LIMIT: usize = 8 * 1024 * 1024;

/// What is known of a directory.
#[derive(Debug)]
pub struct Found {
    /// The artifact, with the rules that apply to it.
    pub source: Source,
    /// What the upstream says.
    pub metadata: Arc<ForeignMetadata>,
    /// How fresh that is.
    pub freshness: Freshness,
}

/// What an upstream says of a directory: what is kept of it, or what is fetched now if nothing is. `None`: no upstream that may be
/// asked has it.
///
/// # Errors
/// `Unauthorized` if only those who sign in may have something fetched; `Unavailable` and `BadGateway` if an upstream fails.
pub async fn metadata(
    work: &Work<'_>,
    repo: &RepoRow,
    head: Option<&HeadRow>,
    (group, artifact): (&GroupId, &ArtifactId),
    asker: &Asker,
) -> Result<Option<Found>> {
    let package =
        PackageKey { repo: repo.id.clone(), kind: PackageType::Maven, name: format!("{group}:{artifact}") };
    if let Some(head) = head
        && let Some(found) = kept(work, repo, &package, head).await?
    {
        return Ok(Some(found));
    }
    let rows = candidates(repo, &package.name, head);
    let wanted = Wanted::new(repo, &path(&package), &package.name, rows);
    let Some(_seat) = work.board(&wanted, asker).await? else { return Ok(None) };
    let before = work.head(repo, &package).await?;
    if let Some(head) = &before {
        if head.is_owned() {
            return Ok(None);
        }
        if let Some(found) = kept(work, repo, &package, head).await? {
            return Ok(Some(found));
        }
    }
    // It may have become one upstream's meanwhile, by one of its files.
    let head = before.as_ref().filter(|head| head.upstream.is_some());
    let rows = if head.is_some() { candidates(repo, &package.name, head) } else { wanted.rows.clone() };
    for row in rows {
        work.require_open(row)?;
        let failure = match ask(work, repo, row, (group, artifact), &Validators::default()).await? {
            Answer::Found(fetched) => {
                work.upstreams.memory.answered(&row.uid);
                match take(work, (repo, row), &package, before.as_ref(), (&fetched, None), Some(asker))
                    .await?
                {
                    Ok(found) => return Ok(found),
                    Err(failure) => failure,
                }
            }
            Answer::Missing | Answer::Unchanged => {
                work.upstreams.memory.answered(&row.uid);
                continue;
            }
            Answer::Failed(failure) => failure,
        };
        return Err(work.could_not(wanted, row, &failure));
    }
    work.is_missing(wanted);
    Ok(None)
}

/// What tells the metadata of an artifact from all else that anybody may want.
fn path(package: &PackageKey) -> String {
    format!("maven/{}", package.name)
}

fn object(source: &Source, document: &str) -> ObjectKey {
    ObjectKey::Fetched {
        package: source.package.clone(),
        repo_uid: source.repo_uid.clone(),
        id: document.to_owned(),
    }
}

/// What is kept of an upstream's document, by the head of its artifact. `None` if nothing is.
async fn kept(
    work: &Work<'_>,
    repo: &RepoRow,
    package: &PackageKey,
    head: &HeadRow,
) -> Result<Option<Found>> {
    let Some(row) = origin(repo, PackageType::Maven, &package.name, head) else { return Ok(None) };
    let Some(upstream) = head.upstream.as_deref().filter(|upstream| !upstream.document.is_empty()) else {
        return Ok(None);
    };
    let source = source_of(repo, row, package, head.clone());
    match document(work, &source).await {
        Ok(metadata) => {
            let policy = Policy::of(repo, row, PackageType::Maven, &package.name);
            let freshness = Freshness::of(row, upstream, &policy, work.now);
            Ok(Some(Found { source, metadata, freshness }))
        }
        // It has got lost.
        Err(Error::Unavailable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The document that a head speaks of; from memory while there is room.
///
/// # Errors
/// `Unavailable` if it is not there.
pub async fn document(work: &Work<'_>, source: &Source) -> Result<Arc<ForeignMetadata>> {
    let document =
        source.head.upstream.as_ref().map(|upstream| upstream.document.as_str()).unwrap_or_default();
    let key = object(source, document);
    let load = async {
        let stored = work.storage.get_object(&key).await?;
        let stored = stored.ok_or_else(|| {
            Error::Unavailable(
                "what the upstream said of the artifact is not here any more; try again".into(),
            )
        })?;
        let metadata = ForeignMetadata::from_stored(&stored)?;
        let bytes = weight(&metadata);
        Ok((metadata, bytes))
    };
    work.documents.loaded(in_memory(&key), load).await
}

/// The name of a document in memory.
fn in_memory(key: &ObjectKey) -> String {
    format!("{}#metadata", key.path())
}

/// About how many bytes a document takes in memory.
fn weight(metadata: &ForeignMetadata) -> usize {
    200 + metadata.versions.len() * 80 + metadata.plugins.len() * 200
}

/// Asks an upstream for the metadata of an artifact.
pub(super) async fn ask(
    work: &Work<'_>,
    repo: &RepoRow,
    row: &UpstreamRow,
    artifact: (&GroupId, &ArtifactId),
    known: &Validators,
) -> Result<Answer<Fetched>> {
    work.document((repo, row), (address::metadata(row, artifact), "*/*"), known, LIMIT).await
}

/// Reads a document.
///
/// # Errors
/// `Unprocessable` for what is none, or too large.
pub(super) fn read(
    fetched: &Fetched,
    known: Option<&ForeignMetadata>,
    now: Timestamp,
) -> Result<ForeignMetadata> {
    fetched.plain(LIMIT).and_then(|plain| ForeignMetadata::read(&plain, known, now))
}

/// Takes a document over: stored, and spoken of by the head.
async fn take(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    package: &PackageKey,
    before: Option<&HeadRow>,
    (fetched, known): (&Fetched, Option<&ForeignMetadata>),
    asker: Option<&Asker>,
) -> Result<Result<Option<Found>, Failure>> {
    let metadata = match read(fetched, known, work.now) {
        Ok(metadata) => metadata,
        Err(Error::Unprocessable(why)) => return Ok(Err(Failure::Wrong(why))),
        Err(error) => return Err(error),
    };
    let same = before.filter(|head| head.upstream.as_ref().is_some_and(|upstream| upstream.uid == row.uid));
    let mut head = match same {
        Some(head) => {
            let mut head = head.clone();
            work.advance(&mut head);
            head
        }
        None => new_head(work, repo, row, package, before),
    };
    let id = work.ids.next(work.now);
    note(&mut head, |upstream| {
        let listed = metadata.listed();
        let before = known.iter().flat_map(|known| &known.versions).map(|one| &one.version);
        let removed = before.filter(|version| !listed.contains(version.as_str())).cloned();
        note_removed(upstream, removed, |version| listed.contains(version));
        upstream.document = id;
        (upstream.checked_at, upstream.fetched_at) = (work.now.millis(), work.now.millis());
        upstream.etag = fetched.validators.etag.clone();
        upstream.last_modified = fetched.validators.last_modified.clone();
        (upstream.failing, upstream.gone) = (None, false);
    });
    let source = show(work, (repo, row), package, head, &metadata);
    let document =
        source.head.upstream.as_ref().map(|upstream| upstream.document.clone()).unwrap_or_default();
    work.storage.put_document(&object(&source, &document), metadata.to_stored()?.into()).await?;
    let discovered = Deed {
        by: asker,
        action: "package.discover",
        target: package.to_string(),
        detail: Some(format!("upstream {}", row.name)),
    };
    let deeds = if same.is_none() { vec![discovered] } else { Vec::new() };
    if !work.write_head(repo, package, (before, &source.head), &deeds).await? {
        let now = work.head(repo, package).await?;
        return match now {
            Some(head) => Ok(Ok(kept(work, repo, package, &head).await?)),
            None => Ok(Ok(None)),
        };
    }
    let policy = Policy::of(repo, row, PackageType::Maven, &package.name);
    let freshness =
        source.head.upstream.as_deref().map(|upstream| Freshness::of(row, upstream, &policy, work.now));
    let freshness = freshness.ok_or_else(|| Error::internal("keeping metadata", "no upstream"))?;
    if let Some(old) = same.and_then(|head| head.upstream.as_ref()).filter(|old| !old.document.is_empty()) {
        let gone = object(&source, &old.document);
        if let Err(error) = work.storage.delete_object(&gone.path()).await {
            tracing::warn!(%error, %package, "an old document stays");
        }
    }
    let freshness = Freshness { was_fetched: true, ..freshness };
    let metadata = Arc::new(metadata);
    work.documents.keep(in_memory(&object(&source, &document)), Arc::clone(&metadata), weight(&metadata));
    Ok(Ok(Some(Found { source, metadata, freshness })))
}

/// Makes a head that of the versions that are let in now.
fn show(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    package: &PackageKey,
    mut head: HeadRow,
    metadata: &ForeignMetadata,
) -> Source {
    let policy = Policy::of(repo, row, PackageType::Maven, &package.name);
    if let Some(upstream) = head.upstream.as_deref_mut() {
        upstream.as_of = work.now.millis();
        upstream.next_at = metadata.next_at(&policy, work.now).map(Timestamp::millis);
        upstream.policy = policy.fingerprint();
    }
    let seen = metadata.seen(&head, &policy);
    head.versions = seen.len() as u64;
    head.complete = head.versions;
    let latest = seen.iter().max_by_key(|version| granary_model::maven::ComparableVersion::new(version));
    head.tags = latest.map(|latest| ("latest".to_owned(), (*latest).to_owned())).into_iter().collect();
    source_of(repo, row, package, head)
}

/// Asks the upstream of an artifact again, if that is due.
///
/// # Errors
/// Those of the stores. An upstream that fails is none: it is written down, and what is here goes on being served.
pub async fn refresh(work: &Work<'_>, package: &PackageKey) -> Result<()> {
    let repo: Option<Arc<RepoRow>> = work.storage.shared_row(Key::Repo(package.repo.clone())).await?;
    let Some(repo) = repo.filter(|repo| !repo.deleting) else { return Ok(()) };
    let (group, artifact) = split_key(&package.name)?;
    let _seat = work.upstreams.flights.board(&flight(&repo, &path(package))).await;
    let Some(head) = work.head(&repo, package).await? else { return Ok(()) };
    let Some(row) = origin(&repo, PackageType::Maven, &package.name, &head) else { return Ok(()) };
    let Some(upstream) = head.upstream.as_deref() else { return Ok(()) };
    let policy = Policy::of(&repo, row, PackageType::Maven, &package.name);
    if !Freshness::of(row, upstream, &policy, work.now).is_due {
        return Ok(());
    }
    let asked = match work.upstreams.memory.closed(&row.uid, work.now) {
        Some(failure) => Err(failure),
        None => ask_again(work, (&repo, row), package, &head, (&group, &artifact)).await?,
    };
    match asked {
        Ok(()) => Ok(()),
        Err(failure) => work.note_failing(&repo, package, &head, &failure).await,
    }
}

async fn ask_again(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    package: &PackageKey,
    head: &HeadRow,
    artifact: (&GroupId, &ArtifactId),
) -> Result<Result<(), Failure>> {
    let source = source_of(repo, row, package, head.clone());
    let known = document(work, &source).await.ok();
    let validators = match (&known, &head.upstream) {
        (Some(_), Some(upstream)) => {
            Validators { etag: upstream.etag.clone(), last_modified: upstream.last_modified.clone() }
        }
        _ => Validators::default(),
    };
    let answer = ask(work, repo, row, artifact, &validators).await?;
    if !matches!(answer, Answer::Failed(_)) {
        work.upstreams.memory.answered(&row.uid);
    }
    match answer {
        Answer::Found(fetched) => {
            let taken =
                take(work, (repo, row), package, Some(head), (&fetched, known.as_deref()), None).await?;
            Ok(taken.map(|_| ()))
        }
        Answer::Unchanged => still(work, (repo, row), package, head, known.as_deref()).await.map(Ok),
        Answer::Missing => {
            // Without a document, files may be there all the same.
            let had = head.upstream.as_ref().is_some_and(|upstream| !upstream.document.is_empty());
            work.note_vanished(repo, package, head, had).await?;
            Ok(Ok(()))
        }
        Answer::Failed(failure) => {
            work.upstreams.memory.failed(&row.uid, &failure, work.now);
            Ok(Err(failure))
        }
    }
}

/// The document is still the same. Versions may have become old enough, and rules others.
async fn still(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    package: &PackageKey,
    before: &HeadRow,
    known: Option<&ForeignMetadata>,
) -> Result<()> {
    let policy = Policy::of(repo, row, PackageType::Maven, &package.name);
    let now = work.now.millis();
    let mut head = before.clone();
    let mut has_changed = false;
    note(&mut head, |upstream| {
        has_changed = upstream.gone
            || upstream.next_at.is_some_and(|at| at <= now)
            || upstream.policy != policy.fingerprint();
        (upstream.checked_at, upstream.failing, upstream.gone) = (now, None, false);
    });
    if let Some(known) = known.filter(|_| has_changed) {
        work.advance(&mut head);
        let source = show(work, (repo, row), package, head, known);
        work.write_head(repo, package, (Some(before), &source.head), &[]).await?;
    } else {
        work.write_head(repo, package, (Some(before), &head), &[]).await?;
    }
    Ok(())
}
