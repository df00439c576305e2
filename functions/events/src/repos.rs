//! Removing everything that a deleted repository held.
//!
//! Several clean-ups of one repository may run at once, and one that was held up may go on when the name is
//! in use again. So every part of the work is conditional: on the row it removes, or on the repository being
//! the one that is deleted.

use std::collections::BTreeMap;

use granary_http::{AppState, seller};
use granary_kmp::builds::{cancel_runs, oldest};
use granary_kmp::{store, watched};
use granary_model::{Error, PackageType, RepoId, Result, Sha256};
use granary_publish::Change;
use granary_storage::rows::{Listed, RepoRow, StoredFileRow, TokenEntry, VersionRow, WatchedRow};
use granary_storage::{Commit, Key, PackageKey, Subject, Tenant, Transaction};

use crate::Progress;

/// Versions that are removed in one transaction, if their files leave room.
const VERSIONS: usize = 20;

/// Parts of a transaction that versions and their bytes may take, of 100.
const PARTS: usize = 90;

/// Files that are removed in one transaction: each takes up to two of its parts.
const FILES: usize = 40;

/// Watched libraries that are removed in one transaction: each takes up to eight of its parts.
const LIBRARIES: i32 = 10;

/// Builds that are removed in one transaction: each takes four of its parts.
const BUILDS: usize = 20;

/// Rows of other kinds that are removed in one transaction.
const ROWS: usize = 90;

/// How the removal of a part went.
enum Removal {
    /// The part is gone.
    Done,
    /// Another clean-up was faster; what is left has to be looked up anew.
    Overtaken,
    /// The repository is gone: another clean-up has finished.
    Gone,
}

/// Removes packages, bytes, documents, tokens, what its tokens sold, and memberships, and the repository's row last:
/// until then its name cannot be used again, so nothing of the old repository can show up in a new one.
pub(crate) async fn purge(state: &AppState, repo: &RepoId, uid: &str) -> Result<Progress> {
    let row: Option<RepoRow> = state.storage().get(&Key::Repo(repo.clone())).await?;
    let Some(row) = row.filter(|row| row.uid == uid && row.deleting) else { return Ok(Progress::Finished) };
    let purge = Purge { state, row: &row };
    let finished = purge.packages().await?
        && purge.swift_sources().await?
        && purge.documents().await?
        && purge.watched().await?
        && purge.builds().await?
        && purge.markers().await?
        && purge.tokens().await?;
    if finished {
        purge.sold().await?;
    }
    if finished && purge.members().await? {
        purge.repo().await?;
    }
    Ok(Progress::Finished)
}

struct Purge<'a> {
    state: &'a AppState,
    row: &'a RepoRow,
}

/// Each step answers whether the repository was still there for the next one.
impl Purge<'_> {
    /// Of all protocols, also those that the repository no longer offers.
    async fn packages(&self) -> Result<bool> {
        // What was published here, and what came from upstreams.
        Ok(self.listed_packages("PKG#").await? && self.listed_packages("UPKG#").await?)
    }

    async fn listed_packages(&self, prefix: &str) -> Result<bool> {
        let any = PackageKey { repo: self.row.id.clone(), kind: PackageType::Npm, name: String::new() };
        loop {
            let first = Key::PackageOf(any.clone());
            let page = self.state.storage().list::<Listed>(&first, prefix, None, 100).await?;
            if page.rows.is_empty() {
                return Ok(true);
            }
            for entry in page.rows {
                let package = entry.package(&self.row.id)?;
                if !(self.versions(&package).await?
                    && self.files(&package).await?
                    && self.package(&package).await?)
                {
                    return Ok(false);
                }
            }
        }
    }

    async fn versions(&self, package: &PackageKey) -> Result<bool> {
        let first = Key::Version(package.clone(), String::new());
        loop {
            let limit = i32::try_from(VERSIONS).unwrap_or(20);
            let page = self.state.storage().list::<VersionRow>(&first, "VER#", None, limit).await?;
            if page.rows.is_empty() {
                return Ok(true);
            }
            let mut change = Change::by_system(self.state.ids(), self.state.now());
            let mut transaction = Transaction::new();
            let mut blobs: BTreeMap<Sha256, u64> = BTreeMap::new();
            for (index, row) in page.rows.iter().enumerate() {
                // A Swift release has up to 17 files.
                if blobs.len() + row.files.len() + 2 * (index + 1) > PARTS {
                    break;
                }
                // Must be there still, or its bytes would be counted down twice.
                transaction.delete_existing("taken", Key::Version(package.clone(), row.version.clone()));
                transaction.delete("readme", Key::Readme(package.clone(), row.version.clone()));
                if row.is_live() {
                    row.files.iter().for_each(|file| *blobs.entry(file.sha256).or_default() += 1);
                }
            }
            change.release_blobs(&mut transaction, blobs)?;
            match self.commit(transaction).await? {
                Removal::Done => change.notify(self.state.storage()).await,
                Removal::Overtaken => {}
                Removal::Gone => return Ok(false),
            }
        }
    }

    /// Files that have rows of their own.
    async fn files(&self, package: &PackageKey) -> Result<bool> {
        let first = Key::File(package.clone(), String::new(), String::new());
        loop {
            let limit = i32::try_from(FILES).unwrap_or(40);
            let page =
                self.state.storage().list::<Listed<StoredFileRow>>(&first, "FILE#", None, limit).await?;
            if page.rows.is_empty() {
                return Ok(true);
            }
            let mut change = Change::by_system(self.state.ids(), self.state.now());
            let mut transaction = Transaction::new();
            let mut blobs: BTreeMap<Sha256, u64> = BTreeMap::new();
            for row in &page.rows {
                let (version, name) = row
                    .version_and_name()
                    .ok_or_else(|| Error::internal("clearing a repository", &row.sk))?;
                let key = Key::File(package.clone(), version.to_owned(), name.to_owned());
                transaction.delete_existing("taken", key);
                if row.row.is_live() {
                    *blobs.entry(row.row.file.sha256).or_default() += 1;
                }
            }
            change.release_blobs(&mut transaction, blobs)?;
            match self.commit(transaction).await? {
                Removal::Done => change.notify(self.state.storage()).await,
                Removal::Overtaken => {}
                Removal::Gone => return Ok(false),
            }
        }
    }

    async fn package(&self, package: &PackageKey) -> Result<bool> {
        let first = Key::DownloadTotal(package.clone());
        loop {
            let limit = i32::try_from(ROWS).unwrap_or(90);
            let page = self.state.storage().list::<Listed>(&first, "", None, limit).await?;
            if page.rows.is_empty() {
                break;
            }
            let mut transaction = Transaction::new();
            for row in page.rows {
                let key = downloads(package, &row.sk)
                    .ok_or_else(|| Error::internal("clearing a repository", &row.sk))?;
                transaction.delete("downloads", key);
            }
            if matches!(self.commit(transaction).await?, Removal::Gone) {
                return Ok(false);
            }
        }
        let mut transaction = Transaction::new();
        if let (PackageType::Maven, Some((group, artifact))) = (package.kind, package.name.split_once(':')) {
            let key = Key::MavenPlugin(self.row.id.clone(), group.to_owned(), artifact.to_owned());
            transaction.delete("plugin", key);
        }
        transaction.delete("head", Key::Head(package.clone()));
        transaction.delete("list", Key::PackageOf(package.clone()));
        transaction.delete("list", Key::FetchedPackageOf(package.clone()));
        Ok(!matches!(self.commit(transaction).await?, Removal::Gone))
    }

    /// Swift packages by the addresses of their sources. Nobody adds any while the repository is being deleted.
    async fn swift_sources(&self) -> Result<bool> {
        let first = Key::SwiftSource(self.row.id.clone(), String::new(), String::new());
        let rows: Vec<Listed> = self.state.storage().list_all(&first, "").await?;
        for batch in rows.chunks(ROWS) {
            let mut transaction = Transaction::new();
            for row in batch {
                let parts = row.sk.split_once('#');
                let (source, package) =
                    parts.ok_or_else(|| Error::internal("clearing a repository", &row.sk))?;
                let key = Key::SwiftSource(self.row.id.clone(), source.to_owned(), package.to_owned());
                transaction.delete("source", key);
            }
            if matches!(self.commit(transaction).await?, Removal::Gone) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Libraries that the repository watched, with the lists that lead to them.
    async fn watched(&self) -> Result<bool> {
        let first = Key::Watched(self.row.id.clone(), String::new());
        loop {
            let page = self.state.storage().list::<WatchedRow>(&first, "WATCHED#", None, LIBRARIES).await?;
            if page.rows.is_empty() {
                return Ok(true);
            }
            let mut transaction = Transaction::new();
            for row in &page.rows {
                watched::remove(&mut transaction, row, self.row.kmp_config.as_ref());
            }
            if matches!(self.commit(transaction).await?, Removal::Gone) {
                return Ok(false);
            }
        }
    }

    /// Their builds, whoever is at work on them. What they are publishing is refused, because the repository is deleted.
    async fn builds(&self) -> Result<bool> {
        loop {
            let rows = oldest(self.state.storage(), &self.row.id, None, BUILDS).await?;
            if rows.is_empty() {
                return Ok(true);
            }
            let mut transaction = Transaction::new();
            for row in &rows {
                store::remove(&mut transaction, row);
            }
            match self.commit(transaction).await? {
                Removal::Done => cancel_runs(&self.state.kmp_work(), &rows).await,
                Removal::Overtaken => {}
                Removal::Gone => return Ok(false),
            }
        }
    }

    /// What else stands beside them: which names are taken, and which versions had a build that was deleted.
    async fn markers(&self) -> Result<bool> {
        let repo = &self.row.id;
        let first = Key::Watched(repo.clone(), String::new());
        loop {
            let limit = i32::try_from(ROWS).unwrap_or(90);
            let page = self.state.storage().list::<Listed>(&first, "", None, limit).await?;
            if page.rows.is_empty() {
                return Ok(true);
            }
            let mut transaction = Transaction::new();
            for row in page.rows {
                let key =
                    marker(repo, &row.sk).ok_or_else(|| Error::internal("clearing a repository", &row.sk))?;
                transaction.delete("marker", key);
            }
            if matches!(self.commit(transaction).await?, Removal::Gone) {
                return Ok(false);
            }
        }
    }

    /// Their addresses hold the `uid`, so they cannot be those of another repository.
    async fn documents(&self) -> Result<bool> {
        let prefix = format!("documents/{}/", self.row.uid);
        loop {
            let paths = self.state.storage().list_objects(&prefix, None).await?;
            if paths.is_empty() {
                return Ok(true);
            }
            for path in paths {
                self.state.storage().delete_object(&path).await?;
            }
        }
    }

    async fn tokens(&self) -> Result<bool> {
        let subject = Subject::Repo(self.row.id.clone());
        let first = Key::TokenOf(subject.clone(), String::new());
        let entries: Vec<TokenEntry> = self.state.storage().list_all(&first, "TOKEN#").await?;
        for batch in entries.chunks(ROWS / 2) {
            let mut transaction = Transaction::new();
            for entry in batch {
                transaction.delete("token", Key::Token(entry.hash.clone()));
                transaction.delete("list", Key::TokenOf(subject.clone(), entry.token.id.clone()));
            }
            if matches!(self.commit(transaction).await?, Removal::Gone) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Licences, consumers and products that were the repository's own. Nobody adds any without the repository, and their
    /// keys say which one it was, so they cannot be those of another one.
    async fn sold(&self) -> Result<()> {
        let tenant = Tenant { subject: Subject::Repo(self.row.id.clone()), uid: Some(self.row.uid.clone()) };
        seller::purge(self.state, &tenant).await
    }

    async fn members(&self) -> Result<bool> {
        let users: Vec<_> = self.row.members.keys().collect();
        for batch in users.chunks(ROWS) {
            let mut transaction = Transaction::new();
            for user in batch {
                transaction.delete("list", Key::RepoOfUser((*user).clone(), self.row.id.clone()));
            }
            if matches!(self.commit(transaction).await?, Removal::Gone) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn repo(&self) -> Result<()> {
        let id = &self.row.id;
        let mut transaction = Transaction::new();
        transaction.delete_repo("repo", id, &self.row.uid);
        if let Some(org) = &self.row.org {
            transaction.delete("org list", Key::RepoOfOrg(org.clone(), id.clone()));
        }
        transaction.delete("public list", Key::PublicRepo(id.clone()));
        transaction.delete("usage", Key::Usage(id.clone()));
        transaction.delete("downloads", Key::RepoDownloads(id.clone()));
        let change = Change::by_system(self.state.ids(), self.state.now());
        change.audit(&mut transaction, &format!("repo:{id}"), "repo.purge", id.as_str())?;
        outcome(self.state.storage().commit(transaction).await?).map(|_| ())
    }

    /// Commits a part of the work, if this repository is the one that is being deleted.
    async fn commit(&self, mut transaction: Transaction) -> Result<Removal> {
        transaction.require_deleting("repo", &self.row.id, &self.row.uid);
        outcome(self.state.storage().commit(transaction).await?)
    }
}

fn outcome(commit: Commit) -> Result<Removal> {
    match commit {
        Commit::Done => Ok(Removal::Done),
        Commit::Refused(refusal) => match refusal.label {
            "repo" => Ok(Removal::Gone),
            "taken" | "watched" | "build" => Ok(Removal::Overtaken),
            label => Err(Error::internal("clearing a repository", format!("the part '{label}' was refused"))),
        },
    }
}

/// The marker of a repository that has this sort key.
fn marker(repo: &RepoId, sort_key: &str) -> Option<Key> {
    if let Some(name) = sort_key.strip_prefix("NAME#") {
        return Some(Key::WatchedName(repo.clone(), name.to_owned()));
    }
    let (watched, version) = sort_key.strip_prefix("OF#")?.split_once('#')?;
    Some(Key::BuildOf(repo.clone(), watched.to_owned(), version.to_owned()))
}

/// The row of a package's downloads that has this sort key.
fn downloads(package: &PackageKey, sort_key: &str) -> Option<Key> {
    if sort_key == "TOTAL" {
        return Some(Key::DownloadTotal(package.clone()));
    }
    let (day, version) = sort_key.strip_prefix("DAY#")?.split_once('#')?;
    Some(Key::Downloads(package.clone(), version.into(), day.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_downloads_are_found_by_their_sort_keys() {
        let package =
            PackageKey { repo: "libs".parse().unwrap(), kind: PackageType::Npm, name: "@a/b".into() };
        for key in [
            Key::DownloadTotal(package.clone()),
            Key::Downloads(package.clone(), "1.0.0-rc.1".into(), 20_717),
            Key::Downloads(package.clone(), "1.0#0".into(), -1),
        ] {
            assert_eq!(downloads(&package, &key.sk()), Some(key));
        }
        assert_eq!(downloads(&package, "OTHER"), None);
    }

    #[test]
    fn markers_are_found_by_their_sort_keys() {
        let repo: RepoId = "libs".parse().unwrap();
        for key in [
            Key::WatchedName(repo.clone(), "npm#@a/b".into()),
            Key::BuildOf(repo.clone(), "w".into(), "1.0+x".into()),
        ] {
            assert_eq!(marker(&repo, &key.sk()), Some(key));
        }
        assert_eq!(marker(&repo, "BUILD#x"), None);
    }
}
