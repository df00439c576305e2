//! Builds in the table: every transition is one transaction, conditional on the build being as it was read.

use granary_model::kmp::BuildStatus;
use granary_model::{Error, RepoId, Result};
use granary_publish::Change;
use granary_storage::rows::{BuildRow, VersionMarker, WatchedRef};
use granary_storage::{Commit, Key, Queue, Transaction};
use serde::{Deserialize, Serialize};

use crate::Work;

/// Number of parts of the lists of all watched libraries and of all builds under way.
pub const SHARDS: u8 = 8;

/// The part of such a list that something with this id stands in.
pub fn shard(id: &str) -> u8 {
    id.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % SHARDS
}

/// A build, by its repository and id.
pub async fn load(work: &Work<'_>, repo: &RepoId, id: &str) -> Result<Option<BuildRow>> {
    work.storage.get(&Key::Build(repo.clone(), id.to_owned())).await
}

/// A build, by its id alone: jobs know nothing else.
pub async fn find(work: &Work<'_>, id: &str) -> Result<Option<BuildRow>> {
    let place: Option<WatchedRef> = work.storage.get(&Key::BuildById(id.to_owned())).await?;
    match place {
        Some(place) => load(work, &place.repo, id).await,
        None => Ok(None),
    }
}

/// Adds a new build with everything that leads to it: there is one for each version of a watched library.
///
/// The caller adds what else has to be written and commits. The part that is refused if there is one already is labelled
/// `version`.
pub fn add(transaction: &mut Transaction, row: &BuildRow) -> Result<()> {
    add_over(transaction, row, None)
}

/// The same for a version whose build was deleted: its marker must still be this one (label `version`).
pub fn add_over(transaction: &mut Transaction, row: &BuildRow, old: Option<&VersionMarker>) -> Result<()> {
    let rev = old.map(|old| old.rev);
    let marker =
        VersionMarker { id: row.id.clone(), rev: rev.map_or(0, |rev| rev + 1), ..VersionMarker::default() };
    let place = WatchedRef { repo: row.repo.clone(), id: row.id.clone() };
    let version = version_key(row);
    transaction.put_rev("version", &version, &marker, rev)?;
    transaction.put_new("build", &Key::Build(row.repo.clone(), row.id.clone()), row)?;
    transaction.put_new("id", &Key::BuildById(row.id.clone()), &place)?;
    list(transaction, row)
}

/// Takes a build out, with everything that leads to it, if it is still as it was read (label `build`).
pub fn remove(transaction: &mut Transaction, row: &BuildRow) {
    take_out(transaction, row);
    transaction.delete("version", version_key(row));
}

/// Takes a build out under the same condition, and keeps in mind that its version had one, and what that has published.
///
/// Whoever looks at the source must not make another one by itself. The version's marker must still be `marker` (label
/// `version`).
pub fn bury(transaction: &mut Transaction, row: &BuildRow, marker: Option<&VersionMarker>) -> Result<()> {
    take_out(transaction, row);
    let rev = marker.map(|marker| marker.rev);
    let tombstone = VersionMarker {
        id: row.id.clone(),
        rev: rev.map_or(0, |rev| rev + 1),
        npm: row.outputs.npm.clone().filter(|_| row.npm_published),
        swift: row.outputs.swift.clone().filter(|_| row.swift_published),
    };
    transaction.put_rev("version", &version_key(row), &tombstone, rev)
}

fn take_out(transaction: &mut Transaction, row: &BuildRow) {
    transaction.delete_rev("build", Key::Build(row.repo.clone(), row.id.clone()), row.rev);
    transaction.delete("id", Key::BuildById(row.id.clone()));
    transaction.delete("under way", under_way(row));
}

/// Where it stands which build a version has.
pub fn version_key(row: &BuildRow) -> Key {
    Key::BuildOf(row.repo.clone(), row.watched.clone(), row.version.to_string())
}

/// Makes a transition: `next` is the build as it is to be. `false`: it was no longer as it was read, and nothing has happened.
///
/// Its `rev` and `updated_at` are set here, and the list of builds under way is kept in step.
pub async fn transition(
    work: &Work<'_>,
    before: &BuildRow,
    next: &mut BuildRow,
    change: &mut Change<'_>,
    mut transaction: Transaction,
    action: &str,
) -> Result<bool> {
    write(work, before, next, change, &mut transaction, action)?;
    Ok(matches!(work.storage.commit(transaction).await?, Commit::Done))
}

/// Adds a transition to a transaction that has other parts as well. The part that is refused if the build is no longer as it
/// was read is labelled `build`.
pub fn write(
    work: &Work<'_>,
    before: &BuildRow,
    next: &mut BuildRow,
    change: &Change<'_>,
    transaction: &mut Transaction,
    action: &str,
) -> Result<()> {
    next.rev = before.rev + 1;
    next.updated_at = work.now.max(before.updated_at);
    let key = Key::Build(next.repo.clone(), next.id.clone());
    transaction.put_rev("build", &key, next, Some(before.rev))?;
    if before.status.is_under_way() || next.status.is_under_way() {
        list(transaction, next)?;
    }
    let target = format!("{}/kmp/{}:{}:{}", next.repo, next.group, next.artifact, next.version);
    change.audit(transaction, &format!("repo:{}", next.repo), action, &target)
}

/// Keeps the list of builds under way in step.
fn list(transaction: &mut Transaction, row: &BuildRow) -> Result<()> {
    if row.status.is_under_way() {
        let place = WatchedRef { repo: row.repo.clone(), id: row.id.clone() };
        return transaction.put("under way", &under_way(row), &place);
    }
    if row.status != BuildStatus::Discovered {
        transaction.delete("under way", under_way(row));
    }
    Ok(())
}

fn under_way(row: &BuildRow) -> Key {
    Key::BuildUnderWay(shard(&row.id), row.repo.clone(), row.id.clone())
}

/// What a message about a build says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildMessage {
    /// The repository.
    pub repo: RepoId,
    /// Id of the build.
    pub build: String,
}

/// Tells whoever goes on with builds of one of them. Only a hint: the sweep finds it in the list of those under way.
pub async fn tell(work: &Work<'_>, row: &BuildRow) {
    let message = BuildMessage { repo: row.repo.clone(), build: row.id.clone() };
    let sent = match serde_json::to_string(&message) {
        Ok(body) => work.storage.send(Queue::KmpBuild, &body).await,
        Err(error) => Err(Error::internal("telling of a build", error)),
    };
    if let Err(error) = sent {
        tracing::warn!(%error, kmp.build = %row.id, "a build waits for the sweep");
    }
}
