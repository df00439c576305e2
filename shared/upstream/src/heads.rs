//! Writing down what an upstream says of a package.

use granary_model::{Error, Result};
use granary_publish::Change;
use granary_publish::head_edit::{current_head, repo_gone};
use granary_storage::rows::{AuditRow, Event, HeadRow, PackageEntry, RepoRow};
use granary_storage::{Commit, Key, PackageKey, Transaction};

use crate::{Asker, Work};

/// Something for the audit log.
pub(crate) struct Deed<'a> {
    /// Who did it; the system if nobody.
    pub(crate) by: Option<&'a Asker>,
    /// What.
    pub(crate) action: &'static str,
    /// To what.
    pub(crate) target: String,
    /// Details.
    pub(crate) detail: Option<String>,
}

impl Work<'_> {
    /// Adds something to the audit log of a repository.
    pub(crate) fn record(
        &self,
        transaction: &mut Transaction,
        repo: &RepoRow,
        deed: &Deed<'_>,
    ) -> Result<()> {
        let row = AuditRow {
            at: self.now,
            actor: deed.by.map_or_else(|| "system".to_owned(), |asker| asker.actor.clone()),
            action: deed.action.into(),
            target: deed.target.clone(),
            detail: deed.detail.clone(),
        };
        let key = Key::Audit(format!("repo:{}", repo.id), self.now.month(), self.ids.next(self.now));
        transaction.put_new("audit", &key, &row)
    }

    /// The head as it is now, whatever it is of.
    pub(crate) async fn head(&self, repo: &RepoRow, package: &PackageKey) -> Result<Option<HeadRow>> {
        current_head(self.storage, package, repo).await
    }

    /// Writes a head, with its place in the list of what comes from upstreams, on condition that it is still the one that was
    /// read. `false`: somebody else was faster.
    pub(crate) async fn write_head(
        &self,
        repo: &RepoRow,
        package: &PackageKey,
        (before, head): (Option<&HeadRow>, &HeadRow),
        deeds: &[Deed<'_>],
    ) -> Result<bool> {
        let mut change = Change::by_system(self.ids, self.now);
        let mut transaction = Transaction::new();
        transaction.put_rev("head", &Key::Head(package.clone()), head, before.map(|head| head.rev))?;
        if before.is_none_or(|before| before.rev != head.rev) {
            transaction.put("list", &Key::FetchedPackageOf(package.clone()), &PackageEntry::of(head))?;
        }
        let origin = |head: &HeadRow| head.upstream.as_ref().map(|upstream| upstream.uid.clone());
        let left = before.and_then(origin);
        if left == origin(head) {
            transaction.require_repo("repo", &repo.id, &repo.uid);
        } else {
            // Whoever takes the upstream away at this moment has to find the package, or must not be overtaken by it.
            transaction.require_repo_rev("origin", &repo.id, &repo.uid, repo.rev);
            if left.is_some() {
                // What is kept of the upstream that it came from before has to make room.
                change.announce(&mut transaction, Event::FetchedReleased { package: package.clone() })?;
            }
        }
        for deed in deeds {
            self.record(&mut transaction, repo, deed)?;
        }
        match self.storage.commit(transaction).await? {
            Commit::Done => {
                change.notify(self.storage).await;
                Ok(true)
            }
            Commit::Refused(refusal) if refusal.label == "head" => Ok(false),
            Commit::Refused(refusal) if refusal.label == "repo" => Err(repo_gone(repo)),
            Commit::Refused(refusal) if refusal.label == "origin" => {
                Err(Error::Unavailable("the repository was being changed; try again".into()))
            }
            Commit::Refused(refusal) => {
                Err(Error::internal("keeping a package", format!("the part '{}' was refused", refusal.label)))
            }
        }
    }
}
