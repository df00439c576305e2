//! Builds in the table: every transition is one transaction, conditional on the build being as it was read.

use granary_model::kmp::BuildStatus;
use granary_model::{Error, RepoId, Result};
use granary_publish::Change;
use granary_storage::rows::{BuildRow, KmpMarker, WatchedRef};
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

/// Adds a new build with everything that leads to it: there is one for each version of a watched library. The caller adds
/// what else has to be written and commits. The part that is refused if there is one already is labelled `version`.
pub fn add(transaction: &mut Transaction, row: &BuildRow) -> Result<()> {
    let marker = KmpMarker { id: row.id.clone() };
    let place = WatchedRef { repo: row.repo.clone(), id: row.id.clone() };
    let version = Key::BuildOf(row.repo.clone(), row.watched.clone(), row.version.to_string());
    transaction.put_new("version", &version, &marker)?;
    transaction.put_new("build", &Key::Build(row.repo.clone(), row.id.clone()), row)?;
    transaction.put_new("id", &Key::BuildById(row.id.clone()), &place)?;
    list(transaction, row)
}

/// Takes a build out, with everything that leads to it, if it is still as it was read (label `build`).
pub fn remove(transaction: &mut Transaction, row: &BuildRow) {
    transaction.delete_rev("build", Key::Build(row.repo.clone(), row.id.clone()), row.rev);
    let version = Key::BuildOf(row.repo.clone(), row.watched.clone(), row.version.to_string());
    transaction.delete("version", version);
    transaction.delete("id", Key::BuildById(row.id.clone()));
    transaction.delete("under way", under_way(row));
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
    next.rev = before.rev + 1;
    next.updated_at = work.now.max(before.updated_at);
    let key = Key::Build(next.repo.clone(), next.id.clone());
    transaction.put_rev("build", &key, next, Some(before.rev))?;
    if before.status.is_under_way() || next.status.is_under_way() {
        list(&mut transaction, next)?;
    }
    let target = format!("{}/kmp/{}:{}:{}", next.repo, next.group, next.artifact, next.version);
    change.audit(&mut transaction, &format!("repo:{}", next.repo), action, &target)?;
    Ok(matches!(work.storage.commit(transaction).await?, Commit::Done))
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
