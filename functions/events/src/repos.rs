//! Removing everything that a deleted repository held.

use std::collections::BTreeMap;

use granary_http::AppState;
use granary_model::{Error, RepoId, Result, Sha256};
use granary_publish::Change;
use granary_storage::rows::{Event, HeadRow, PackageEntry, RepoRow, TokenEntry, VersionRow, VersionStatus};
use granary_storage::{Commit, Key, PackageKey, Subject, Transaction};

use crate::Progress;

/// Versions that are removed in one transaction: each takes up to four of its 100 parts.
const BATCH: usize = 20;

/// Removes packages, bytes, documents, tokens and memberships, and the repository's row last: until then
/// its name cannot be used again, so nothing of the old repository can show up in a new one.
pub(crate) async fn purge(state: &AppState, repo: &RepoId, uid: &str) -> Result<Progress> {
    let row: Option<RepoRow> = state.storage().get(&Key::Repo(repo.clone())).await?;
    let Some(row) = row.filter(|row| row.uid == uid && row.deleting) else { return Ok(Progress::Finished) };
    for kind in row.package_types.iter().copied() {
        let first = Key::PackageOf(PackageKey { repo: repo.clone(), kind, name: String::new() });
        loop {
            let page = state.storage().list::<PackageEntry>(&first, &format!("PKG#{kind}#"), None, 100).await?;
            if page.rows.is_empty() {
                break;
            }
            for entry in page.rows {
                let name = entry.name.to_ascii_lowercase();
                purge_package(state, &PackageKey { repo: repo.clone(), kind, name }).await?;
            }
        }
    }
    purge_documents(state, uid).await?;
    purge_tokens(state, repo).await?;
    purge_row(state, &row).await?;
    Ok(Progress::Finished)
}

async fn purge_package(state: &AppState, package: &PackageKey) -> Result<()> {
    let first = Key::Version(package.clone(), String::new());
    loop {
        let page = state.storage().list::<VersionRow>(&first, "VER#", None, i32::try_from(BATCH).unwrap_or(20)).await?;
        if page.rows.is_empty() {
            break;
        }
        let mut change = Change::by_system(state.ids(), state.now());
        let mut transaction = Transaction::new();
        let mut blobs: BTreeMap<Sha256, u64> = BTreeMap::new();
        for row in &page.rows {
            transaction.delete("version", Key::Version(package.clone(), row.version.clone()));
            transaction.delete("readme", Key::Readme(package.clone(), row.version.clone()));
            if row.status == VersionStatus::Live {
                row.files.iter().for_each(|file| *blobs.entry(file.sha256).or_default() += 1);
            }
        }
        for (digest, files) in &blobs {
            transaction.release_blob("blob", *digest, *files);
        }
        if !blobs.is_empty() {
            let digests = blobs.into_keys().collect();
            change.announce(&mut transaction, Event::BlobsReleased { digests })?;
        }
        commit(state, transaction).await?;
        change.notify(state.storage()).await;
    }
    let head: Option<HeadRow> = state.storage().get(&Key::Head(package.clone())).await?;
    let mut transaction = Transaction::new();
    if head.is_some() {
        transaction.delete("head", Key::Head(package.clone()));
    }
    transaction.delete("list", Key::PackageOf(package.clone()));
    commit(state, transaction).await
}

async fn purge_documents(state: &AppState, uid: &str) -> Result<()> {
    loop {
        let paths = state.storage().list_objects(&format!("documents/{uid}/"), None).await?;
        if paths.is_empty() {
            return Ok(());
        }
        for path in paths {
            state.storage().delete_object(&path).await?;
        }
    }
}

async fn purge_tokens(state: &AppState, repo: &RepoId) -> Result<()> {
    let subject = Subject::Repo(repo.clone());
    let first = Key::TokenOf(subject.clone(), String::new());
    let entries: Vec<TokenEntry> = state.storage().list_all(&first, "TOKEN#").await?;
    for entry in entries {
        let mut transaction = Transaction::new();
        transaction.delete("token", Key::Token(entry.hash));
        transaction.delete("list", Key::TokenOf(subject.clone(), entry.token.id));
        commit(state, transaction).await?;
    }
    Ok(())
}

async fn purge_row(state: &AppState, row: &RepoRow) -> Result<()> {
    for user in row.members.keys() {
        state.storage().delete(&Key::RepoOfUser(user.clone(), row.id.clone())).await?;
    }
    let mut transaction = Transaction::new();
    if let Some(org) = &row.org {
        transaction.delete("org list", Key::RepoOfOrg(org.clone(), row.id.clone()));
    }
    transaction.delete("public list", Key::PublicRepo(row.id.clone()));
    transaction.delete("usage", Key::Usage(row.id.clone()));
    transaction.delete("repo", Key::Repo(row.id.clone()));
    let scope = format!("repo:{}", row.id);
    Change::by_system(state.ids(), state.now()).audit(&mut transaction, &scope, "repo.purge", row.id.as_str())?;
    commit(state, transaction).await?;
    state.storage().delete(&Key::RepoDownloads(row.id.clone())).await
}

async fn commit(state: &AppState, transaction: Transaction) -> Result<()> {
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(()),
        Commit::Refused(refusal) => Err(Error::internal("cleaning up", format!("the part '{}' was refused", refusal.label))),
    }
}
