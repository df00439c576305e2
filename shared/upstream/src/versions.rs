//! Keeping a version of an upstream whose bytes have been verified.

use granary_model::{Error, Result, Sha256, Timestamp};
use granary_publish::Source;
use granary_publish::files::store_bytes;
use granary_publish::head_edit::repo_gone;
use granary_publish::spool::Spool;
use granary_storage::rows::{FetchedFrom, FileRow, RepoRow, UpstreamRow, VersionRow, VersionStatus};
use granary_storage::{Commit, Key, Transaction};

use crate::heads::Deed;
use crate::{Asker, Work};

/// A version that has been fetched.
pub(crate) struct NewVersion<'a> {
    pub(crate) version: &'a str,
    pub(crate) published: Timestamp,
    pub(crate) files: Vec<FileRow>,
    pub(crate) facts: Vec<u8>,
}

impl Work<'_> {
    /// Stores the bytes, then commits the version with its count and audit record, on condition that the package still comes
    /// from this upstream. Gives the version as it is: of two who were at it at once, that of the first.
    pub(crate) async fn keep_version(
        &self,
        (repo, row): (&RepoRow, &UpstreamRow),
        source: &Source,
        new: NewVersion<'_>,
        bytes: &[(&Spool, Sha256)],
        asker: &Asker,
    ) -> Result<VersionRow> {
        for (spool, digest) in bytes {
            store_bytes(self.storage, spool, *digest, self.now).await?;
        }
        let package = &source.package;
        let version = VersionRow {
            version: new.version.into(),
            status: VersionStatus::Live,
            published_at: new.published,
            publisher: row.name.to_string(),
            deprecated: None,
            files: new.files,
            size: 0,
            file_count: 0,
            complete: true,
            hidden: false,
            fetched: Some(FetchedFrom { name: row.name.clone(), uid: row.uid.clone(), at: self.now }),
            facts: new.facts,
        };
        let size: u64 = version.files.iter().map(|file| file.size).sum();
        let key = Key::Version(package.clone(), version.version.clone());
        let mut transaction = Transaction::new();
        transaction.put_new("version", &key, &version)?;
        for file in &version.files {
            transaction.hold_blob("blob", file.sha256, 1, self.now);
        }
        let change = (i64::try_from(size).unwrap_or(i64::MAX), 1);
        let quota = self.upstreams.settings.quota;
        transaction.change_cache("cache", &repo.id, change, quota);
        transaction.require_upstream("head", package, &row.uid);
        transaction.require_repo("repo", &repo.id, &repo.uid);
        let deed = Deed {
            by: Some(asker),
            action: "package.fetch",
            target: format!("{package}@{}", version.version),
            detail: Some(format!("upstream {}", row.name)),
        };
        self.record(&mut transaction, repo, &deed)?;
        let refusal = match self.storage.commit(transaction).await? {
            Commit::Done => return Ok(version),
            Commit::Refused(refusal) => refusal,
        };
        match refusal.label {
            "version" => {
                let existing: Option<VersionRow> = refusal.existing()?;
                existing
                    .filter(|existing| existing.is_live() && source.head.has(existing))
                    .ok_or_else(|| Error::Unavailable("the version was being changed; try again".into()))
            }
            "repo" => Err(repo_gone(repo)),
            "head" => Err(Error::Conflict(format!(
                "package '{}' does not come from the upstream '{}' any more; try again",
                package.name, row.name
            ))),
            "cache" => Err(cache_full(repo, quota)),
            "blob" => Err(Error::Unavailable("storing the file took too long; try again".into())),
            label => Err(Error::internal("keeping a version", format!("the part '{label}' was refused"))),
        }
    }
}

/// A repository keeps as much of its upstreams as it may.
pub(crate) fn cache_full(repo: &RepoRow, quota: Option<u64>) -> Error {
    Error::Forbidden(format!(
        "repository '{}' keeps as much of its upstreams as it may ({} bytes); an administrator can remove an upstream and add it \
         again, which clears what is kept of it, or the operator raise the quota",
        repo.id,
        quota.unwrap_or_default()
    ))
}
