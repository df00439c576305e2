//! How a session goes on, be it an upload of a package or a handover of anything else: every step is one conditional write.

mod session;

use std::time::Duration;

use granary_auth::Principal;
use granary_model::{Error, Ids, Result, Timestamp};
use granary_storage::rows::{CallerRef, HandoverRow, OutboxRow, UploadRow, UploadStatus};
use granary_storage::staging::{STAGING, staging_session};
use granary_storage::{Commit, Storage, Transaction};

pub use session::{Course, Session};

use crate::change::{Change, tell};

/// How long a session counts, in milliseconds: 24 hours.
pub const LIFETIME_MILLIS: i64 = 24 * 3_600_000;

/// How long whoever verifies a session has it to itself, in milliseconds: much longer than what a request takes
/// on takes. The `events` function, which works for minutes, asks for more with [`renew`].
const LEASE_MILLIS: i64 = 2 * 60_000;

/// How often whoever works for so long has to do that.
const RENEWAL: Duration = Duration::from_secs(30);

/// Reads an upload session; one that has expired is not there.
pub async fn load(storage: &Storage, id: &str, now: Timestamp) -> Result<Option<UploadRow>> {
    load_session(storage, id, now).await
}

/// Reads a session of any kind; one that has expired is not there.
pub async fn load_session<S: Session>(storage: &Storage, id: &str, now: Timestamp) -> Result<Option<S>> {
    let row: Option<S> = storage.get(&S::key_of(id)).await?;
    Ok(row.filter(|row| !row.is_expired(now)))
}

/// Replaces a session's row, if it is still as it was read. `false`: somebody else was faster.
pub async fn replace<S: Session>(storage: &Storage, row: &mut S) -> Result<bool> {
    let mut transaction = Transaction::new();
    put(&mut transaction, row)?;
    Ok(matches!(storage.commit(transaction).await?, Commit::Done))
}

/// Adds the row to a transaction, as its next state.
fn put<S: Session>(transaction: &mut Transaction, row: &mut S) -> Result<()> {
    let rev = row.course().rev;
    let before = *rev;
    *rev += 1;
    transaction.put_rev("session", &S::key_of(row.id()), row, Some(before))
}

/// Who verifies a session that is being completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// The request itself.
    Request,
    /// The `events` function.
    Events,
}

/// Turns an open session into one that is being processed, together with the event that somebody has to
/// finish it. Gives the event; `None` if somebody else was faster.
///
/// If the request is going to do it, nobody is told of the event: only the sweep finds it, should the request
/// die.
pub async fn begin<S: Session>(
    storage: &Storage,
    ids: &dyn Ids,
    now: Timestamp,
    row: &mut S,
    (principal, caller): (&Principal, CallerRef),
    worker: Worker,
) -> Result<Option<OutboxRow>> {
    let course = row.course();
    *course.status = UploadStatus::Processing;
    // What has been accepted in time must not expire while it waits to be verified.
    *course.expires_at = now.plus_millis(LIFETIME_MILLIS).seconds();
    *course.caller = Some(caller);
    *course.worked_until = match worker {
        Worker::Request => now.plus_millis(LEASE_MILLIS).millis(),
        Worker::Events => 0,
    };
    let mut change = Change::begin(ids, now, principal);
    let mut transaction = Transaction::new();
    put(&mut transaction, row)?;
    change.announce(&mut transaction, row.event())?;
    if let Commit::Refused(_) = storage.commit(transaction).await? {
        return Ok(None);
    }
    let event = change.announced().first().cloned();
    if worker == Worker::Events {
        change.notify(storage).await;
    }
    Ok(event)
}

/// Takes a session that is being processed and that nobody is at work on. `false`: somebody is.
pub async fn take<S: Session>(storage: &Storage, row: &mut S, now: Timestamp) -> Result<bool> {
    if *row.course().worked_until > now.millis() {
        return Ok(false);
    }
    renew(storage, row, now).await
}

/// Keeps a session that was taken. `false`: somebody else has it.
pub async fn renew<S: Session>(storage: &Storage, row: &mut S, now: Timestamp) -> Result<bool> {
    *row.course().worked_until = now.plus_millis(LEASE_MILLIS).millis();
    replace(storage, row).await
}

/// Does work on a session that was taken, and keeps it meanwhile. `None`: somebody else has it all the same.
///
/// It says every now and then that somebody is at work, so that a process that has died is replaced within minutes, and one
/// that lives is not.
pub async fn keep<S: Session, T>(
    storage: &Storage,
    now: impl Fn() -> Timestamp,
    row: &mut S,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = Box::pin(work);
    loop {
        tokio::select! {
            outcome = &mut work => return Some(outcome),
            () = tokio::time::sleep(RENEWAL) => {}
        }
        match renew(storage, row, now()).await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                tracing::warn!(%error, session = shown_id(row.id()), "the {} could not be kept", S::NAME);
                // Whether it was written is not known.
                *row = load_session(storage, row.id(), now()).await.ok()??;
            }
        }
    }
}

/// Tells the consumer of a session's event, which the request that began to work on it was to follow up by itself.
pub async fn announce_again(storage: &Storage, event: &OutboxRow) {
    if let Err(error) = tell(storage, event).await {
        tracing::warn!(%error, outbox.id = %event.id, "this event waits for the sweep");
    }
}

/// The beginning of a session's id, for the log: whoever knows the whole of a handover's can confirm it.
fn shown_id(id: &str) -> &str {
    id.get(..8).unwrap_or_default()
}

/// Ends a session by what came of verifying and publishing it, and removes what was staged for it. One that could
/// not be finished because a store did not answer is given back: the sweep tries again.
///
/// # Errors
/// `Unavailable` and `Internal`: it is not over. The inner result is what came of a session that is.
pub async fn settle<S: Session>(storage: &Storage, row: &mut S, outcome: Result<()>) -> Result<Result<()>> {
    let course = row.course();
    *course.worked_until = 0;
    match &outcome {
        Ok(()) => *course.status = UploadStatus::Completed,
        Err(Error::Unavailable(_) | Error::Internal(_)) => {
            if let Err(error) = replace(storage, row).await {
                tracing::warn!(%error, "the {} could not be given back; its lease ends by itself", S::NAME);
            }
            return outcome.map(Ok);
        }
        Err(error) => {
            *course.status = UploadStatus::Failed;
            *course.error = Some(error.to_string());
        }
    }
    if !replace(storage, row).await? {
        // Taken over, because this took longer than the lease. What was done is done; the other one finds it.
        return Err(Error::Unavailable(format!(
            "the {} was taken over by somebody else; ask again",
            S::NAME
        )));
    }
    row.remove_staged(storage).await?;
    Ok(outcome)
}

/// Removes what was staged for an upload session.
pub async fn remove_staged(storage: &Storage, row: &UploadRow) -> Result<()> {
    row.remove_staged(storage).await
}

/// Removes whatever is staged for sessions that no longer count, and gives the number of objects and multipart
/// uploads that went.
pub async fn sweep(storage: &Storage, now: Timestamp) -> Result<usize> {
    let mut removed = 0;
    let mut after: Option<String> = None;
    loop {
        let paths = storage.list_objects(STAGING, after.as_deref()).await?;
        let Some(last) = paths.last().cloned() else { break };
        for path in paths {
            if !counts(storage, &path, now).await? {
                storage.delete_object(&path).await?;
                removed += 1;
            }
        }
        after = Some(last);
    }
    let mut marker = None;
    loop {
        let (open, next) = storage.list_multiparts(marker).await?;
        for upload in open {
            if !counts(storage, &upload.path, now).await? {
                storage.abort_multipart(&upload.path, &upload.id).await?;
                removed += 1;
            }
        }
        marker = next;
        if marker.is_none() {
            return Ok(removed);
        }
    }
}

/// Whether the session of a staged object still needs it. What a finished one still has was sent after it was
/// published: the address works on for a while.
async fn counts(storage: &Storage, path: &str, now: Timestamp) -> Result<bool> {
    let Some(id) = staging_session(path) else { return Ok(false) };
    Ok(is_live::<UploadRow>(storage, id, now).await? || is_live::<HandoverRow>(storage, id, now).await?)
}

async fn is_live<S: Session>(storage: &Storage, id: &str, now: Timestamp) -> Result<bool> {
    let row: Option<S> = load_session(storage, id, now).await?;
    Ok(row.is_some_and(|row| matches!(row.status(), UploadStatus::Open | UploadStatus::Processing)))
}
