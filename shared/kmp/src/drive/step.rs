//! Writing what has become of a build.

use granary_model::kmp::BuildStatus;
use granary_model::{Result, Timestamp};
use granary_publish::Change;
use granary_storage::rows::BuildRow;
use granary_storage::{Commit, Key, Transaction};

use crate::Work;
use crate::results;
use crate::store;

/// Most characters of a reason that is kept.
const LONGEST_REASON: usize = 2_000;

/// Makes a transition that people read of in the log of the repository. `false`: the build was no longer as it was read.
pub(super) async fn move_on(
    work: &Work<'_>,
    before: &BuildRow,
    mut next: BuildRow,
    action: &str,
) -> Result<bool> {
    let mut change = Change::by_system(work.ids, work.now);
    store::transition(work, before, &mut next, &mut change, Transaction::new(), action).await
}

/// Writes down what is nothing new to people, such as when to look again: without a line in the log. `false` as above.
pub(super) async fn note(work: &Work<'_>, before: &BuildRow, next: BuildRow) -> Result<bool> {
    let next = BuildRow { rev: before.rev + 1, ..next };
    let mut transaction = Transaction::new();
    transaction.put_rev("build", &Key::Build(next.repo.clone(), next.id.clone()), &next, Some(before.rev))?;
    Ok(matches!(work.storage.commit(transaction).await?, Commit::Done))
}

/// Notes when to look at a build again, and why it is not further, if there is a reason. `false` as above.
pub async fn later(work: &Work<'_>, build: &BuildRow, at: Timestamp, why: Option<&str>) -> Result<bool> {
    let next = BuildRow { look_at: at.millis(), error: why.map(bounded), ..build.clone() };
    note(work, build, next).await
}

/// Ends a build that has failed, for a reason that whoever may read the repository may read. `false`: it was no longer as
/// it was read.
///
/// What its job has handed over fails with it: nobody is going to publish that any more.
pub async fn fail(work: &Work<'_>, build: &BuildRow, why: &str) -> Result<bool> {
    if build.results.is_some() {
        return results::fail(work, build, &bounded(why)).await;
    }
    move_on(work, build, failed(work, build, why), "kmp.fail").await
}

/// A build that has failed.
pub(super) fn failed(work: &Work<'_>, build: &BuildRow, why: &str) -> BuildRow {
    BuildRow {
        status: BuildStatus::Failed,
        error: Some(bounded(why)),
        results: None,
        completed_at: Some(work.now),
        deadline_at: 0,
        look_at: 0,
        ..build.clone()
    }
}

fn bounded(why: &str) -> String {
    why.chars().filter(|c| !c.is_control() || *c == '\n').take(LONGEST_REASON).collect()
}
