//! Letting go of what is kept of an upstream: a name becomes nobody's, or the repository's own.

use std::collections::BTreeMap;

use granary_model::{Error, PackageType, Result, Sha256};
use granary_publish::Change;
use granary_storage::rows::{Event, HeadRow, Listed, PackageEntry, RepoRow, StoredFileRow, VersionRow};
use granary_storage::{Commit, Key, ObjectKey, PackageKey, Transaction};

use crate::heads::Deed;
use crate::{Asker, Work};

/// Rows that are removed in one transaction: each takes up to two of its hundred parts.
const ROWS: i32 = 40;

/// Packages that are looked at in one call.
const PAGE: i32 = 100;

/// Whose a name is afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heir {
    /// Nobody's: the next upstream that has it, or whoever publishes it first.
    Nobody,
    /// The repository's: no upstream is asked for it any more.
    Repository,
}

/// Makes a name, as whoever says so writes it, nobody's or the repository's own.
///
/// From that moment nothing of the upstream is served; what is kept of it goes by an event. `false`: somebody else changed the
/// package at the same time.
///
/// # Errors
/// Those of the stores.
pub async fn release(
    work: &Work<'_>,
    repo: &RepoRow,
    (package, name, before): (&PackageKey, &str, Option<&HeadRow>),
    heir: Heir,
    by: Option<&Asker>,
) -> Result<bool> {
    let mut head = before.cloned().unwrap_or_default();
    name.clone_into(&mut head.name);
    head.rev += 1;
    head.modified_at = work.now.millis().max(head.modified_at + 1);
    head.repo_uid.clone_from(&repo.uid);
    // When the upstream first had the name is nothing of whoever publishes it next.
    head.created_at = work.now.millis();
    let upstream = head.upstream.take();
    head.free = heir == Heir::Nobody;
    (head.versions, head.complete, head.description) = (0, 0, None);
    (head.tags, head.keywords) = Default::default();
    if heir == Heir::Repository {
        // What was put aside were versions of the upstream. Of a name that the next upstream may have they stay so.
        head.quarantine.clear();
    }
    let mut change = Change::by_system(work.ids, work.now);
    let mut transaction = Transaction::new();
    transaction.put_rev("head", &Key::Head(package.clone()), &head, before.map(|head| head.rev))?;
    transaction.delete("list", Key::FetchedPackageOf(package.clone()));
    if heir == Heir::Repository {
        transaction.put("entry", &Key::PackageOf(package.clone()), &PackageEntry::of(&head))?;
    }
    transaction.require_repo("repo", &repo.id, &repo.uid);
    let from = upstream.map(|upstream| format!("was of upstream {}", upstream.name));
    let action = match heir {
        Heir::Nobody => "package.release",
        Heir::Repository => "package.own",
    };
    work.record(&mut transaction, repo, &Deed { by, action, target: package.to_string(), detail: from })?;
    change.announce(&mut transaction, Event::FetchedReleased { package: package.clone() })?;
    match work.storage.commit(transaction).await? {
        Commit::Done => {
            change.notify(work.storage).await;
            Ok(true)
        }
        Commit::Refused(refusal) if refusal.label == "head" => Ok(false),
        Commit::Refused(refusal) => Err(Error::Unavailable(format!(
            "the repository was being changed ({}); try again",
            refusal.label
        ))),
    }
}

/// Removes what is kept of upstreams that the package does not come from any more: versions, files, bytes, documents.
///
/// # Errors
/// Those of the stores; then it begins anew.
pub async fn remove_left(work: &Work<'_>, package: &PackageKey) -> Result<()> {
    let repo: Option<RepoRow> = work.storage.get(&Key::Repo(package.repo.clone())).await?;
    let Some(repo) = repo.filter(|repo| !repo.deleting) else { return Ok(()) };
    let Some(head) = work.head(&repo, package).await? else { return Ok(()) };
    let left = Left { work, repo: &repo, package, head: &head };
    left.versions().await?;
    if head.upstream.is_none() {
        left.documents().await?;
    }
    Ok(())
}

struct Left<'a> {
    work: &'a Work<'a>,
    repo: &'a RepoRow,
    package: &'a PackageKey,
    head: &'a HeadRow,
}

impl Left<'_> {
    fn is_left(&self, row: &VersionRow) -> bool {
        row.fetched.is_some() && !self.head.has(row)
    }

    async fn versions(&self) -> Result<()> {
        let first = Key::Version(self.package.clone(), String::new());
        let mut after: Option<String> = None;
        loop {
            let page = self.work.storage.list::<VersionRow>(&first, "VER#", after.as_deref(), ROWS).await?;
            let left: Vec<&VersionRow> = page.rows.iter().filter(|row| self.is_left(row)).collect();
            if self.package.kind == PackageType::Maven {
                for row in &left {
                    self.files(&row.version).await?;
                }
            }
            let keys = left.iter().map(|row| Key::Version(self.package.clone(), row.version.clone()));
            let files = left.iter().flat_map(|row| &row.files).map(|file| (file.sha256, file.size));
            self.remove(keys.collect(), files.collect(), left.len()).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Files of a version that have rows of their own. Before its row: as long as that is there nobody adds any.
    async fn files(&self, version: &str) -> Result<()> {
        let first = Key::File(self.package.clone(), version.to_owned(), String::new());
        let prefix = format!("FILE#{version}/");
        let mut after: Option<String> = None;
        loop {
            let page = self
                .work
                .storage
                .list::<Listed<StoredFileRow>>(&first, &prefix, after.as_deref(), ROWS)
                .await?;
            let named = page.rows.iter().filter_map(|row| Some((row.version_and_name()?.1, row)));
            let (keys, files) = named
                .map(|(name, row)| {
                    let key = Key::File(self.package.clone(), version.to_owned(), name.to_owned());
                    (key, (row.row.file.sha256, row.row.file.size))
                })
                .unzip();
            self.remove(keys, files, 0).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn remove(&self, keys: Vec<Key>, files: Vec<(Sha256, u64)>, versions: usize) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut change = Change::by_system(self.work.ids, self.work.now);
        let mut transaction = Transaction::new();
        for key in keys {
            // Must be there still, or its bytes would be counted down twice.
            transaction.delete_existing("taken", key);
        }
        let mut blobs: BTreeMap<Sha256, u64> = BTreeMap::new();
        for (digest, _) in &files {
            *blobs.entry(*digest).or_default() += 1;
        }
        change.release_blobs(&mut transaction, blobs)?;
        let bytes: u64 = files.iter().map(|(_, size)| size).sum();
        let negative = |number: u64| i64::try_from(number).map_or(0, |number| -number);
        let sizes = (negative(bytes), negative(versions as u64));
        transaction.change_cache("cache", &self.repo.id, sizes, None);
        transaction.require_repo("repo", &self.repo.id, &self.repo.uid);
        match self.work.storage.commit(transaction).await? {
            Commit::Done => {
                change.notify(self.work.storage).await;
                Ok(())
            }
            Commit::Refused(refusal) if refusal.label == "repo" => Ok(()),
            Commit::Refused(_) => Err(Error::Unavailable("another clean-up is at the same versions".into())),
        }
    }

    async fn documents(&self) -> Result<()> {
        let prefix = ObjectKey::documents_of(self.package, &self.repo.uid);
        for path in self.work.storage.list_objects(&prefix, None).await? {
            let file = path.strip_prefix(&prefix).unwrap_or("/");
            let rev = file.split('.').next().and_then(|rev| rev.parse::<u64>().ok());
            // Those of other packages whose names begin like this one have a slash; those of later revisions stay.
            if !file.contains('/') && rev.is_none_or(|rev| rev < self.head.rev) {
                self.work.storage.delete_object(&path).await?;
            }
        }
        Ok(())
    }
}

/// Lets go of everything that came from an upstream that is none of the repository any more.
///
/// # Errors
/// Those of the stores; then it begins anew.
pub async fn release_all(work: &Work<'_>, repo: &RepoRow, uid: &str) -> Result<()> {
    let any = PackageKey { repo: repo.id.clone(), kind: PackageType::Npm, name: String::new() };
    let mut after: Option<String> = None;
    loop {
        let key = Key::FetchedPackageOf(any.clone());
        let page = work.storage.list::<Listed>(&key, "UPKG#", after.as_deref(), PAGE).await?;
        for entry in page.rows {
            let package = entry.package(&repo.id)?;
            let head = work.head(repo, &package).await?;
            let is_its =
                head.as_ref().and_then(|head| head.upstream.as_ref()).is_some_and(|up| up.uid == uid);
            let named = (&package, package.name.as_str(), head.as_ref());
            if is_its && !release(work, repo, named, Heir::Nobody, None).await? {
                return Err(Error::Unavailable("a package was being changed".into()));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
