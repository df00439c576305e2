//! Changing a package: one transaction around its head, tried again when the head moved meanwhile.

use std::time::Duration;

use granary_auth::Principal;
use granary_model::upstream::UpstreamName;
use granary_model::{Error, Ids, Result, Timestamp, TokenHash};
use granary_storage::publishing::UsageChange;
use granary_storage::rows::{Event, HeadRow, PackageEntry, RepoRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Commit, Key, PackageKey, Storage, Transaction};

use crate::change::Change;
use crate::files::over_quota;

/// How often a change begins again because another one came first. A head is changed in milliseconds, so
/// this many rivals in a row mean that something is wrong.
pub(crate) const ATTEMPTS: u32 = 64;

/// The package to change, and by whose right.
#[derive(Clone)]
pub struct Target<'a> {
    /// Where everything is stored.
    pub storage: &'a Storage,
    /// Source of ids.
    pub ids: &'a dyn Ids,
    /// The repository, as it was authorised.
    pub repo: &'a RepoRow,
    /// Who makes the change.
    pub principal: &'a Principal,
    /// The token that gave the right; the change is refused if it has been revoked since.
    pub token: Option<&'a TokenHash>,
    /// The package.
    pub package: PackageKey,
    /// Its head as the request read it.
    pub head: Option<HeadRow>,
}

/// What an edit wants.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it per change, and it moves at once")]
pub enum Step {
    /// Write this head; its `rev` and `modified_at` are set for it.
    Write(HeadRow),
    /// Nothing is to be changed.
    Nothing,
}

/// What became of an edit.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it per change, and it moves at once")]
pub enum Applied {
    /// It is committed, with this head.
    Changed(HeadRow),
    /// There was nothing to change.
    Unchanged,
}

/// One kind of change of a package.
pub trait HeadEdit: Send {
    /// Name for the audit record, such as `package.publish`.
    fn action(&self) -> &'static str;

    /// What is changed, for the audit record: the package is put in front.
    fn detail(&self) -> String;

    /// Adds the rows of the change to the transaction, given the head as it is now. Called again for
    /// each attempt.
    fn apply(
        &mut self,
        head: Option<HeadRow>,
        now: Timestamp,
        transaction: &mut Transaction,
    ) -> impl Future<Output = Result<Step>> + Send;

    /// Says what a refused part means. Parts of `edit_head` itself never come here.
    fn refused(&mut self, refusal: Refusal) -> Result<Applied>;

    /// Whether a part that was refused may mean no more than that the head moved, as when another request has done the
    /// same already. If it did move, the change begins again instead of asking [`Self::refused`].
    fn may_be_late(&self, _label: &str) -> bool {
        false
    }

    /// Whether it may be made of a package that comes from an upstream: no other change may, because the upstream says what
    /// such a package is.
    fn concerns_foreign(&self) -> bool {
        false
    }

    /// Events besides the one that the package changed.
    fn events(&self) -> Vec<Event> {
        Vec::new()
    }
}

/// Carries out an edit: the edit's rows, the head, the repository's list, the audit record and the outbox
/// event commit together or not at all.
pub async fn edit_head<E: HeadEdit>(target: Target<'_>, now: Timestamp, edit: &mut E) -> Result<Applied> {
    let Target { storage, ids, repo, principal, token, package, mut head } = target;
    let mut change = Change::begin(ids, now, principal);
    for attempt in 0..ATTEMPTS {
        change.retry();
        let mut transaction = Transaction::new();
        let place = (&package, repo);
        let added = add_edit(edit, place, head.as_ref(), &mut change, &mut transaction).await?;
        let Some(new) = added else { return Ok(Applied::Unchanged) };
        transaction.require_repo("repo", &repo.id, &repo.uid);
        if let Some(token) = token {
            transaction.require("token", Key::Token(token.clone()));
        }
        let refusal = match storage.commit(transaction).await? {
            Commit::Done => {
                change.notify(storage).await;
                return Ok(Applied::Changed(new));
            }
            Commit::Refused(refusal) => refusal,
        };
        match refusal.label {
            "head" => {
                pause(ids, attempt).await;
                head = current_head(storage, &package, repo).await?;
            }
            "repo" => return Err(repo_gone(repo)),
            "token" => return Err(Error::Unauthorized("the token was revoked meanwhile".into())),
            label => {
                let rev = |head: &Option<HeadRow>| head.as_ref().map(|head| head.rev);
                let newer = if edit.may_be_late(label) {
                    current_head(storage, &package, repo).await?
                } else {
                    head.clone()
                };
                if rev(&newer) == rev(&head) {
                    return edit.refused(refusal);
                }
                pause(ids, attempt).await;
                head = newer;
            }
        }
    }
    Err(too_many())
}

/// Adds to a transaction whatever an edit wants of one package: its own rows, the head, the repository's list, the audit
/// record and the outbox event. That the repository is still there has to be required besides. Gives the head as it will
/// be; `None`: nothing is to be changed.
pub(crate) async fn add_edit<E: HeadEdit>(
    edit: &mut E,
    (package, repo): (&PackageKey, &RepoRow),
    head: Option<&HeadRow>,
    change: &mut Change<'_>,
    transaction: &mut Transaction,
) -> Result<Option<HeadRow>> {
    let now = change.now;
    if let Some(upstream) = head.and_then(|head| head.upstream.as_deref())
        && !edit.concerns_foreign()
    {
        return Err(foreign(package, &upstream.name));
    }
    let step = edit.apply(head.cloned(), now, transaction).await?;
    let Step::Write(mut new) = step else { return Ok(None) };
    new.free = false;
    new.rev = head.map_or(0, |head| head.rev) + 1;
    // Times never run backwards within a package, whatever the clocks of two functions say.
    new.modified_at = now.millis().max(head.map_or(0, |head| head.modified_at + 1));
    new.repo_uid.clone_from(&repo.uid);
    transaction.put_rev("head", &Key::Head(package.clone()), &new, head.map(|head| head.rev))?;
    list_package(transaction, package, &new)?;
    let (scope, target) = (format!("repo:{}", repo.id), format!("{package}{}", edit.detail()));
    change.audit(transaction, &scope, edit.action(), &target)?;
    change.announce(transaction, Event::PackageChanged { package: package.clone() })?;
    for event in edit.events() {
        change.announce(transaction, event)?;
    }
    Ok(Some(new))
}

/// The package is not this repository's: it was first seen at an upstream, and two sources of one name are what dependency
/// confusion is made of.
pub fn foreign(package: &PackageKey, upstream: &UpstreamName) -> Error {
    Error::Conflict(format!(
        "package '{}' comes from the upstream '{upstream}' here, so it can be neither published nor changed in repository '{}'; \
         choose another name, or ask an administrator to take the name over (PUT /api/repos/{}/origins/{}/{} {{\"origin\":\"local\"}}), \
         which removes what is kept of the upstream",
        package.name, package.repo, package.repo, package.kind, package.name
    ))
}

/// A version is still kept of the upstream that its package came from.
pub(crate) fn being_removed(version: &str) -> Error {
    Error::Unavailable(format!(
        "what was kept of version {version} of the package's former upstream is still being removed; try again in a moment"
    ))
}

/// The repository was deleted meanwhile.
pub fn repo_gone(repo: &RepoRow) -> Error {
    Error::NotFound(format!("repository '{}' not found", repo.id))
}

/// Rivals were faster again and again.
pub(crate) fn too_many() -> Error {
    Error::Unavailable("too many changes of this package at once; try again".into())
}

/// The head as it is now. One that a deleted repository of the same name left behind does not count.
pub async fn current_head(
    storage: &Storage,
    package: &PackageKey,
    repo: &RepoRow,
) -> Result<Option<HeadRow>> {
    let head: Option<HeadRow> = storage.get(&Key::Head(package.clone())).await?;
    Ok(head.filter(|head| head.repo_uid == repo.uid))
}

/// Counts a new version that is committed whole, with the bytes of its files. Gives the head to go on with, a new
/// one if the package is new.
pub(crate) fn count_version(
    transaction: &mut Transaction,
    package: &PackageKey,
    bytes: u64,
    quota: Option<u64>,
    head: Option<HeadRow>,
    now: Timestamp,
) -> HeadRow {
    let is_first = head.as_ref().is_none_or(|head| head.versions == 0);
    let change = UsageChange {
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        versions: 1,
        packages: i64::from(is_first),
    };
    transaction.change_usage("usage", &package.repo, change, quota);
    let mut head = head.unwrap_or_else(|| HeadRow { created_at: now.millis(), ..HeadRow::default() });
    head.versions += 1;
    head
}

/// What it means that a part of a publish was refused that all families have.
pub(crate) fn refused_publish(label: &str, package: &PackageKey, quota: Option<u64>) -> Error {
    match label {
        "usage" => over_quota(&package.repo, quota.unwrap_or(0)),
        "blob" => Error::Unavailable("storing the file took too long; try again".into()),
        label => Error::internal("publishing", format!("the part '{label}' was refused")),
    }
}

/// Longest description in lists, in characters. It stands in the head, which every request reads.
const DESCRIPTION: usize = 1_000;

/// What lists show of a description.
pub(crate) fn listed_description(text: &str) -> String {
    text.chars().take(DESCRIPTION).collect()
}

/// Keeps the repository's list in step. A package without live versions stays in it, with the number 0:
/// its tombstones must be found when the repository is deleted.
fn list_package(transaction: &mut Transaction, package: &PackageKey, head: &HeadRow) -> Result<()> {
    let key = match head.upstream {
        None => Key::PackageOf(package.clone()),
        Some(_) => Key::FetchedPackageOf(package.clone()),
    };
    transaction.put("list", &key, &PackageEntry::of(head))
}

/// Waits a little before another attempt at a change, for a time that is spread so that rivals do not meet
/// again.
pub async fn pause(ids: &dyn Ids, attempt: u32) {
    let mut spread = [0_u8; 1];
    ids.fill(&mut spread);
    let most = u64::from(attempt.min(10)) * 3;
    tokio::time::sleep(Duration::from_millis(most * u64::from(spread[0]) / 255)).await;
}
