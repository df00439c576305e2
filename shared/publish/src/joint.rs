//! Publishing an npm version and a Swift release of one repository together: both become visible, or neither does.

use granary_auth::Principal;
use granary_model::{Error, Ids, PackageType, Result, Timestamp};
use granary_storage::rows::{HeadRow, RepoRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Commit, PackageKey, Storage, Transaction};

use crate::change::Change;
use crate::head_edit::{
    ATTEMPTS, Applied, HeadEdit, Target, add_edit, current_head, pause, repo_gone, too_many,
};
use crate::npm::publish::NpmPublish;
use crate::swift::publish::SwiftPublish;

/// Where something is published, when, and by whose right.
#[derive(Clone, Copy)]
pub struct JointPlace<'a> {
    /// Where everything is stored.
    pub storage: &'a Storage,
    /// Source of ids.
    pub ids: &'a dyn Ids,
    /// The moment.
    pub now: Timestamp,
    /// The repository.
    pub repo: &'a RepoRow,
    /// Who publishes.
    pub principal: &'a Principal,
    /// Most bytes that the repository may hold.
    pub quota: Option<u64>,
}

/// What is published together. What is missing has been published before, or is not wanted.
#[derive(Debug, Default)]
pub struct Joint {
    /// The npm version.
    pub npm: Option<NpmPublish>,
    /// The Swift release.
    pub swift: Option<SwiftPublish>,
}

/// One of the two packages, with its head as it was read last.
struct Half<E> {
    edit: E,
    package: PackageKey,
    head: Option<HeadRow>,
}

impl<E: HeadEdit> Half<E> {
    async fn add(
        &mut self,
        repo: &RepoRow,
        change: &mut Change<'_>,
        transaction: &mut Transaction,
    ) -> Result<()> {
        add_edit(&mut self.edit, (&self.package, repo), self.head.as_ref(), change, transaction).await?;
        Ok(())
    }

    async fn read(&mut self, place: &JointPlace<'_>) -> Result<()> {
        self.head = current_head(place.storage, &self.package, place.repo).await?;
        Ok(())
    }
}

/// Publishes both in one transaction, together with whatever else `with` adds to it. `false`: a part of `with` was refused,
/// and nothing has happened.
///
/// `with` is called again for each attempt. What is there already with the very same bytes counts as published.
///
/// # Errors
/// `Conflict` if one of them exists with other bytes or was withdrawn, `Forbidden` over the quota, `BadRequest` if both have
/// the same bytes: then neither is published.
pub async fn publish_joint(
    place: JointPlace<'_>,
    joint: Joint,
    mut with: impl FnMut(&mut Transaction, &mut Change<'_>) -> Result<()>,
) -> Result<bool> {
    let JointPlace { storage, ids, now, repo, principal, quota } = place;
    let Joint { npm, swift } = joint;
    if let (Some(npm), Some(swift)) = (&npm, &swift) {
        // Their row can be changed only once in a transaction.
        if npm.checksum() == swift.checksum() {
            return Err(Error::BadRequest(
                "the npm package and the Swift package have the same bytes".into(),
            ));
        }
    }
    let target = async |kind, name| {
        let package = PackageKey { repo: repo.id.clone(), kind, name };
        let head = current_head(storage, &package, repo).await?;
        Ok::<_, Error>(Target { storage, ids, repo, principal, token: None, package, head })
    };
    let mut npm = match npm {
        Some(publish) => {
            publish.store(storage, now).await?;
            let target = target(PackageType::Npm, publish.name().key()).await?;
            let edit = publish.edit(&target, quota);
            Some(Half { edit, package: target.package, head: target.head })
        }
        None => None,
    };
    let mut swift = match swift {
        Some(publish) => {
            publish.store(storage, now).await?;
            let target = target(PackageType::Swift, publish.identity().key()).await?;
            let edit = publish.edit(&target, quota);
            Some(Half { edit, package: target.package, head: target.head })
        }
        None => None,
    };
    let mut change = Change::begin(ids, now, principal);
    for attempt in 0..ATTEMPTS {
        change.retry();
        let mut transaction = Transaction::new();
        if let Some(half) = &mut npm {
            half.add(repo, &mut change, &mut transaction).await?;
        }
        let of_npm = transaction.parts();
        if let Some(half) = &mut swift {
            half.add(repo, &mut change, &mut transaction).await?;
        }
        let of_both = transaction.parts();
        transaction.require_repo("repo", &repo.id, &repo.uid);
        with(&mut transaction, &mut change)?;
        let refusal = match storage.commit(transaction).await? {
            Commit::Done => {
                change.notify(storage).await;
                return Ok(true);
            }
            Commit::Refused(refusal) => refusal,
        };
        if refusal.position == of_both {
            return Err(repo_gone(repo));
        }
        if refusal.position > of_both {
            return Ok(false);
        }
        if refusal.label == "head" {
            pause(ids, attempt).await;
            if let Some(half) = &mut npm {
                half.read(&place).await?;
            }
            if let Some(half) = &mut swift {
                half.read(&place).await?;
            }
        } else if refusal.position < of_npm {
            drop_published(&mut npm, refusal, |edit| edit.again)?;
        } else {
            drop_published(&mut swift, refusal, |edit| edit.again)?;
        }
    }
    Err(too_many())
}

/// Leaves out the half that was refused if it is published already, byte for byte.
fn drop_published<E: HeadEdit>(
    half: &mut Option<Half<E>>,
    refusal: Refusal,
    is_again: impl Fn(&E) -> bool,
) -> Result<()> {
    let Some(refused) = half else { return Ok(()) };
    match refused.edit.refused(refusal)? {
        Applied::Unchanged if is_again(&refused.edit) => {
            *half = None;
            Ok(())
        }
        _ => Err(Error::internal("publishing", "nothing was changed")),
    }
}
