//! A file that is not here yet.

use std::sync::Arc;

use granary_model::maven::{MavenFile, SumKind};
use granary_model::upstream::{FilePolicy, RemovedPolicy};
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::Change;
use granary_publish::digests::Digests;
use granary_publish::files::store_bytes;
use granary_publish::head_edit::repo_gone;
use granary_publish::maven::foreign::ForeignMetadata;
use granary_publish::policy::{Kept, Policy, kept};
use granary_publish::spool::Spool;
use granary_storage::publishing::Growth;
use granary_storage::rows::{
    Event, FetchedFrom, FileStatus, HeadRow, PackageEntry, RepoRow, StoredFileRow, UpstreamHead, UpstreamRow,
    VersionRow, VersionStatus,
};
use granary_storage::{Commit, Key, PackageKey, Transaction};
use reqwest::header::{self, HeaderMap, HeaderValue};

use super::metadata::{ask, document, read};
use super::{address, candidates};
use crate::guard::check;
use crate::heads::Deed;
use crate::net::{Answer, Ask, Failure, Fetched, Validators};
use crate::wanted::Wanted;
use crate::{Asker, Work, origin, source_of};

/// Largest checksum, in bytes.
const SUM: usize = 4096;

/// How often writing down is begun anew because files of the same version came at the same time.
const ATTEMPTS: u32 = 12;

/// What there is to be had of a file.
#[derive(Debug)]
pub enum Fetch {
    /// It is here, with its version.
    Kept(Arc<StoredFileRow>),
    /// The client may fetch it there.
    Elsewhere(String),
    /// Nobody gets it for now.
    Refused(Kept),
    /// There is no such file.
    Missing,
}

/// Fetches a file from the upstream that the artifact comes from, or from the first one that has it; verifies it, and keeps it.
///
/// # Errors
/// `Unauthorized` if only those who sign in may have something fetched; `Unavailable` and `BadGateway` if an upstream fails, or
/// sends other bytes than it promises: such are never kept.
pub async fn file(
    work: &Work<'_>,
    repo: &RepoRow,
    head: Option<&HeadRow>,
    file: &MavenFile,
    asker: &Asker,
) -> Result<Fetch> {
    let name = file.coordinates().key();
    let path = format!("{}/{}", file.coordinates().directory(), file.name());
    let rows = candidates(repo, &name, head);
    let package = PackageKey { repo: repo.id.clone(), kind: PackageType::Maven, name: name.clone() };
    // Whoever is sent elsewhere has nothing fetched, so everybody may be.
    if let Some(&row) = rows.first().filter(|row| row.files == FilePolicy::Redirect) {
        return Want { work, repo, row, package: &package, file }.elsewhere(head);
    }
    let wanted = Wanted::new(repo, &format!("maven/{path}"), &path, rows);
    let Some(seat) = work.board(&wanted, asker).await? else { return Ok(Fetch::Missing) };
    if seat.waited
        && let Some(here) = here(work, repo, &package, file).await?
    {
        return Ok(Fetch::Kept(here));
    }
    for &row in &wanted.rows {
        let want = Want { work, repo, row, package: &package, file };
        if row.files == FilePolicy::Redirect {
            return want.elsewhere(head);
        }
        if let Some(kept) = want.blocked(head) {
            return Ok(Fetch::Refused(kept));
        }
        work.require_open(row)?;
        match want.fetch(head, asker).await {
            Ok(Some(fetch)) => return Ok(fetch),
            // Whoever has other versions has the name: one that it lacks is no reason to ask the next.
            Ok(None) if head.is_none() && wanted.rows.len() > 1 => match want.metadata().await? {
                Answer::Found(_) => break,
                Answer::Missing | Answer::Unchanged => {}
                Answer::Failed(failure) => return Err(work.could_not(wanted, row, &failure)),
            },
            Ok(None) => {}
            Err(Trouble::Upstream(failure)) => return Err(work.could_not(wanted, row, &failure)),
            Err(Trouble::Ours(error)) => return Err(error),
        }
    }
    work.is_missing(wanted);
    Ok(Fetch::Missing)
}

/// The file, if somebody else has brought it meanwhile.
async fn here(
    work: &Work<'_>,
    repo: &RepoRow,
    package: &PackageKey,
    file: &MavenFile,
) -> Result<Option<Arc<StoredFileRow>>> {
    let version = file.coordinates().version.to_string();
    let head = work.head(repo, package).await?;
    let row: Option<VersionRow> = work.storage.get(&Key::Version(package.clone(), version.clone())).await?;
    let stored: Option<StoredFileRow> =
        work.storage.get(&Key::File(package.clone(), version, file.name().to_owned())).await?;
    let (Some(head), Some(row)) = (head, row) else { return Ok(None) };
    let policy = origin(repo, PackageType::Maven, &package.name, &head)
        .map(|upstream| Policy::of(repo, upstream, PackageType::Maven, &package.name));
    let shown = head.has(&row) && kept(&head, policy.as_ref(), &row, work.now).is_none();
    Ok(stored.filter(|stored| shown && stored.is_live()).map(Arc::new))
}

enum Trouble {
    Upstream(Failure),
    Ours(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Upstream(failure)
    }
}

/// A file of one upstream.
struct Want<'a> {
    work: &'a Work<'a>,
    repo: &'a RepoRow,
    row: &'a UpstreamRow,
    package: &'a PackageKey,
    file: &'a MavenFile,
}

impl Want<'_> {
    fn version(&self) -> &str {
        self.file.coordinates().version.as_str()
    }

    fn policy(&self) -> Policy {
        Policy::of(self.repo, self.row, PackageType::Maven, &self.package.name)
    }

    /// Why nobody gets the version, as far as that can be said before it is fetched.
    fn blocked(&self, head: Option<&HeadRow>) -> Option<Kept> {
        if let Some(row) = head.and_then(|head| head.quarantined(self.version())) {
            return Some(Kept::Quarantined(row.reason.clone()));
        }
        let upstream = head.and_then(|head| head.upstream.as_deref());
        if self.row.removed == RemovedPolicy::Refuse
            && upstream.is_some_and(|upstream| upstream.gone || upstream.removed.contains(self.version()))
        {
            return Some(Kept::Removed(self.row.name.clone()));
        }
        // As old as can be: only rules about versions are left.
        self.policy().keeps(self.version(), Timestamp::from_millis(0), self.work.now)
    }

    /// Where the client may fetch it.
    fn elsewhere(&self, head: Option<&HeadRow>) -> Result<Fetch> {
        if let Some(kept) = self.blocked(head) {
            return Ok(Fetch::Refused(kept));
        }
        let failed = |failure: Failure| failure.error(self.row.name.as_str());
        let url = address::file(self.row, self.file, "").map_err(failed)?;
        check(&url, self.work.upstreams.settings.allow_private)
            .map_err(|why| failed(Failure::Wrong(why.into())))?;
        Ok(Fetch::Elsewhere(url.into()))
    }

    /// `None`: it is not there.
    async fn fetch(&self, head: Option<&HeadRow>, asker: &Asker) -> Result<Option<Fetch>, Trouble> {
        let work = self.work;
        let authorization = work.authorization(self.repo, self.row)?;
        let settings = &work.upstreams.settings;
        let ask = Ask {
            url: address::file(self.row, self.file, "")?,
            authorization: authorization.as_ref(),
            accept: "*/*",
            patience: settings.file_patience,
        };
        let (spool, digests, headers) =
            match work.upstreams.net()?.file(&ask, settings.max_file, work.now).await? {
                Answer::Found(found) => found,
                Answer::Missing => return Ok(None),
                Answer::Unchanged => {
                    return Err(Failure::Wrong(
                        "it says that nothing has changed, which nobody asked".into(),
                    )
                    .into());
                }
                Answer::Failed(failure) => return Err(failure.into()),
            };
        self.verify(&digests, &headers, authorization.as_ref()).await?;
        work.upstreams.memory.answered(&self.row.uid);
        let published = match published(&headers) {
            Some(at) => at.min(work.now),
            None => self.listed_since(head).await?.unwrap_or(work.now),
        };
        if let Some(kept) = self.policy().keeps(self.version(), published, work.now) {
            return Ok(Some(Fetch::Refused(kept)));
        }
        let row = self.keep((&spool, &digests), published, asker).await?;
        Ok(Some(Fetch::Kept(Arc::new(row))))
    }

    /// Since when the version is there by what the upstream lists, if there is a cooldown: without any date it would never end. The
    /// list that is kept knows best; where none is, the upstream's is read and not kept.
    async fn listed_since(&self, head: Option<&HeadRow>) -> Result<Option<Timestamp>> {
        if self.policy().cooldown_days() == 0 {
            return Ok(None);
        }
        let since = |metadata: &ForeignMetadata| {
            metadata.versions.iter().find(|one| one.version == self.version()).map(|one| one.since)
        };
        let kept = match head {
            Some(head) => {
                let source = source_of(self.repo, self.row, self.package, head.clone());
                document(self.work, &source).await.ok()
            }
            None => None,
        };
        if let Some(at) = kept.as_deref().and_then(since) {
            return Ok(Some(at));
        }
        let Answer::Found(fetched) = self.metadata().await? else { return Ok(None) };
        let read = read(&fetched, kept.as_deref(), self.work.now);
        Ok(read.ok().and_then(|metadata| since(&metadata)))
    }

    /// What the upstream says of the artifact.
    async fn metadata(&self) -> Result<Answer<Fetched>> {
        let coordinates = self.file.coordinates();
        let artifact = (&coordinates.group, &coordinates.artifact);
        ask(self.work, self.repo, self.row, artifact, &Validators::default()).await
    }

    /// Compares a file with what the upstream says that it hashes to: in the headers that it came with, or in a checksum beside it.
    /// A signature verifies itself, and many repositories have no checksums of those.
    async fn verify(
        &self,
        digests: &Digests,
        headers: &HeaderMap,
        authorization: Option<&HeaderValue>,
    ) -> Result<(), Trouble> {
        let header = |kind: SumKind| {
            let name = format!("x-checksum-{}", kind.extension());
            headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| kind.find_in(text))
        };
        for kind in [SumKind::Sha512, SumKind::Sha256, SumKind::Sha1] {
            if let Some(sum) = header(kind) {
                return self.compare(kind, &sum, digests).await;
            }
        }
        for kind in [SumKind::Sha1, SumKind::Sha256, SumKind::Md5] {
            let url = address::file(self.row, self.file, &format!(".{}", kind.extension()))?;
            let ask =
                Ask { url, authorization, accept: "*/*", patience: self.work.upstreams.settings.patience };
            let net = self.work.upstreams.net()?;
            match net.document(&ask, &Validators::default(), SUM, self.work.now).await {
                Answer::Found(fetched) => {
                    let text = String::from_utf8_lossy(&fetched.bytes).into_owned();
                    let sum = kind.find_in(&text).filter(|_| !fetched.gzip);
                    let sum = sum.ok_or_else(|| {
                        Failure::Wrong(format!("its .{} of the file is no checksum", kind.extension()))
                    })?;
                    return self.compare(kind, &sum, digests).await;
                }
                Answer::Missing | Answer::Unchanged => {}
                Answer::Failed(failure) => return Err(failure.into()),
            }
        }
        if self.file.artifact().is_some_and(granary_model::maven::ArtifactFile::is_signature) {
            return Ok(());
        }
        Err(Failure::Wrong("it has no checksum of the file, which then cannot be verified".into()).into())
    }

    async fn compare(&self, kind: SumKind, sum: &str, digests: &Digests) -> Result<(), Trouble> {
        let actual = match kind {
            SumKind::Md5 => digests.md5.to_string(),
            SumKind::Sha1 => digests.sha1.to_string(),
            SumKind::Sha256 => digests.sha256.to_string(),
            SumKind::Sha512 => digests.sha512.to_string(),
        };
        if actual == sum {
            return Ok(());
        }
        let why = format!(
            "the file is not the one that its checksum promises: {kind} {sum} was promised, {actual} arrived; it was thrown away",
            kind = kind.extension()
        );
        let target = format!("{}@{}/{}", self.package, self.version(), self.file.name());
        let deed = Deed {
            by: None,
            action: "upstream.mismatch",
            target,
            detail: Some(format!("upstream {}: {why}", self.row.name)),
        };
        let mut transaction = Transaction::new();
        self.work.record(&mut transaction, self.repo, &deed)?;
        self.work.storage.commit(transaction).await?;
        Err(Failure::Wrong(why).into())
    }

    /// Stores the bytes, then commits the file: with its version if that is new, and with the artifact if that is.
    async fn keep(
        &self,
        (spool, digests): (&Spool, &Digests),
        published: Timestamp,
        asker: &Asker,
    ) -> Result<StoredFileRow> {
        let work = self.work;
        store_bytes(work.storage, spool, digests.sha256, work.now).await?;
        let stored = StoredFileRow {
            file: digests.file(self.file.name(), self.file.media_type()),
            status: FileStatus::Live,
            added_at: published,
            publisher: self.row.name.to_string(),
        };
        let version_key = Key::Version(self.package.clone(), self.version().to_owned());
        let file_key =
            Key::File(self.package.clone(), self.version().to_owned(), self.file.name().to_owned());
        let size = i64::try_from(digests.size).unwrap_or(i64::MAX);
        for _ in 0..ATTEMPTS {
            let head = work.head(self.repo, self.package).await?;
            let version: Option<VersionRow> = work.storage.get(&version_key).await?;
            let mut transaction = Transaction::new();
            let is_ours = |head: &HeadRow| head.upstream.as_ref().is_some_and(|up| up.uid == self.row.uid);
            match &head {
                Some(head) if is_ours(head) => {
                    transaction.require_upstream("head", self.package, &self.row.uid);
                }
                // Published here meanwhile, or brought by another upstream: whoever was first has the name.
                Some(head) if head.is_owned() || self.comes_from_another(head) => {
                    return Err(self.overtaken());
                }
                other => self.discover(other.as_ref(), &mut transaction, asker)?,
            }
            match &version {
                Some(row) if head.as_ref().is_some_and(|head| head.has(row)) => {
                    let growth = Growth { bytes: size, files: 1, ..Growth::default() };
                    transaction.grow_version("version", version_key.clone(), growth);
                }
                // It came between the two reads, with its artifact.
                Some(row) if row.fetched.as_ref().is_some_and(|from| from.uid == self.row.uid) => continue,
                Some(_) => {
                    return Err(Error::Unavailable(
                        "what was kept of the version's former upstream is still being removed; try again in a moment".into(),
                    ));
                }
                None => {
                    transaction.put_new("version", &version_key, &self.new_version(digests, published))?;
                }
            }
            transaction.put_new("file", &file_key, &stored)?;
            transaction.hold_blob("blob", digests.sha256, 1, work.now);
            let quota = work.upstreams.settings.quota;
            let change = (size, i64::from(version.is_none()));
            transaction.change_cache("cache", &self.repo.id, change, quota);
            if head.as_ref().is_some_and(is_ours) {
                transaction.require_repo("repo", &self.repo.id, &self.repo.uid);
            } else {
                // The upstream must still be one of the repository when the artifact becomes its.
                transaction.require_repo_rev("origin", &self.repo.id, &self.repo.uid, self.repo.rev);
            }
            let mut change = Change::by_system(work.ids, work.now);
            if head.as_ref().is_some_and(|head| head.upstream.is_some() && !is_ours(head)) {
                // What is kept of the upstream that it came from before has to make room.
                change
                    .announce(&mut transaction, Event::FetchedReleased { package: self.package.clone() })?;
            }
            let deed = Deed {
                by: Some(asker),
                action: "package.fetch",
                target: format!("{}@{}/{}", self.package, self.version(), self.file.name()),
                detail: Some(format!("upstream {}", self.row.name)),
            };
            work.record(&mut transaction, self.repo, &deed)?;
            let refusal = match work.storage.commit(transaction).await? {
                Commit::Done => {
                    change.notify(work.storage).await;
                    return Ok(stored);
                }
                Commit::Refused(refusal) => refusal,
            };
            match refusal.label {
                // Other files of the version came at the same time.
                "head" | "version" => {}
                "file" => {
                    let existing: Option<StoredFileRow> = refusal.existing()?;
                    let is_same = |row: &StoredFileRow| row.is_live() && row.file.sha256 == digests.sha256;
                    return existing.filter(is_same).ok_or_else(|| {
                        Error::Unavailable("the file was being changed; try again in a moment".into())
                    });
                }
                "repo" => return Err(repo_gone(self.repo)),
                "origin" => {
                    return Err(Error::Unavailable(
                        "the settings of the repository were being changed; try again".into(),
                    ));
                }
                "cache" => return Err(crate::versions::cache_full(self.repo, quota)),
                "blob" => {
                    return Err(Error::Unavailable("storing the file took too long; try again".into()));
                }
                label => {
                    return Err(Error::internal("keeping a file", format!("the part '{label}' was refused")));
                }
            }
        }
        Err(Error::Unavailable("too many files of this version at once; try again".into()))
    }

    /// Whether the artifact comes from an upstream that it may still come from.
    fn comes_from_another(&self, head: &HeadRow) -> bool {
        origin(self.repo, PackageType::Maven, &self.package.name, head).is_some()
    }

    fn overtaken(&self) -> Error {
        Error::Conflict(format!(
            "package '{}' does not come from the upstream '{}' any more; try again",
            self.package.name, self.row.name
        ))
    }

    fn new_version(&self, digests: &Digests, published: Timestamp) -> VersionRow {
        VersionRow {
            version: self.version().into(),
            status: VersionStatus::Live,
            published_at: published,
            publisher: self.row.name.to_string(),
            deprecated: None,
            files: Vec::new(),
            size: digests.size,
            file_count: 1,
            complete: true,
            hidden: false,
            fetched: Some(FetchedFrom {
                name: self.row.name.clone(),
                uid: self.row.uid.clone(),
                at: self.work.now,
            }),
            facts: Vec::new(),
        }
    }

    /// The artifact is new here: from now on it comes from this upstream.
    fn discover(&self, before: Option<&HeadRow>, transaction: &mut Transaction, asker: &Asker) -> Result<()> {
        let mut head = new_head(self.work, self.repo, self.row, self.package, before);
        head.versions = 1;
        head.complete = 1;
        head.tags.insert("latest".into(), self.version().into());
        transaction.put_rev("head", &Key::Head(self.package.clone()), &head, before.map(|head| head.rev))?;
        let entry = PackageEntry::of(&head);
        transaction.put("list", &Key::FetchedPackageOf(self.package.clone()), &entry)?;
        let deed = Deed {
            by: Some(asker),
            action: "package.discover",
            target: self.package.to_string(),
            detail: Some(format!("upstream {}", self.row.name)),
        };
        self.work.record(transaction, self.repo, &deed)
    }
}

/// A head of an artifact from an upstream, of which nothing is known yet.
pub(super) fn new_head(
    work: &Work<'_>,
    repo: &RepoRow,
    row: &UpstreamRow,
    package: &PackageKey,
    before: Option<&HeadRow>,
) -> HeadRow {
    let now = work.now.millis();
    let before = before.cloned().unwrap_or_default();
    let upstream = UpstreamHead {
        name: row.name.clone(),
        uid: row.uid.clone(),
        checked_at: 0,
        fetched_at: now,
        document: String::new(),
        etag: None,
        last_modified: None,
        failing: None,
        gone: false,
        removed: std::collections::BTreeSet::new(),
        as_of: now,
        next_at: None,
        policy: String::new(),
    };
    HeadRow {
        rev: before.rev + 1,
        name: package.name.clone(),
        repo_uid: repo.uid.clone(),
        created_at: now,
        modified_at: now.max(before.modified_at + i64::from(before.rev > 0)),
        publisher: row.name.to_string(),
        upstream: Some(Box::new(upstream)),
        quarantine: before.quarantine,
        ..HeadRow::default()
    }
}

/// When a file was published, if the upstream says so.
fn published(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::LAST_MODIFIED).and_then(|value| value.to_str().ok());
    text.and_then(Timestamp::parse_http_date)
}
