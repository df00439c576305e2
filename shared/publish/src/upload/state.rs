//! How a session goes on: every step is one conditional write.

use std::time::Duration;

use granary_auth::Principal;
use granary_model::{Error, Ids, Result, Timestamp};
use granary_storage::rows::{CallerRef, Event, OutboxRow, UploadOrigin, UploadRow, UploadStatus};
use granary_storage::staging::{STAGING, staging_path, staging_session};
use granary_storage::{Commit, Key, Storage, Transaction};

use crate::change::Change;

/// How long a session counts, in milliseconds: 24 hours.
pub const LIFETIME_MILLIS: i64 = 24 * 3_600_000;

/// How long whoever verifies a session has it to itself, in milliseconds: much longer than what a request takes
/// on takes. The `events` function, which works for minutes, asks for more with [`renew`].
const LEASE_MILLIS: i64 = 2 * 60_000;

/// How often the `events` function has to do that.
pub const RENEWAL: Duration = Duration::from_secs(30);

/// Reads a session; one that has expired is not there.
pub async fn load(storage: &Storage, id: &str, now: Timestamp) -> Result<Option<UploadRow>> {
    let row: Option<UploadRow> = storage.get(&Key::Upload(id.to_owned())).await?;
    Ok(row.filter(|row| !row.is_expired(now)))
}

/// Replaces a session's row, if it is still as it was read. `false`: somebody else was faster.
pub async fn replace(storage: &Storage, row: &mut UploadRow) -> Result<bool> {
    let before = row.rev;
    row.rev += 1;
    let mut transaction = Transaction::new();
    transaction.put_rev("upload", &Key::Upload(row.id.clone()), row, Some(before))?;
    Ok(matches!(storage.commit(transaction).await?, Commit::Done))
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
pub async fn begin(
    storage: &Storage,
    ids: &dyn Ids,
    now: Timestamp,
    row: &mut UploadRow,
    (principal, caller): (&Principal, CallerRef),
    worker: Worker,
) -> Result<Option<OutboxRow>> {
    let before = row.rev;
    row.rev += 1;
    row.status = UploadStatus::Processing;
    // What has been accepted in time must not expire while it waits to be verified.
    row.expires_at = now.plus_millis(LIFETIME_MILLIS).seconds();
    row.caller = Some(caller);
    row.worked_until = match worker {
        Worker::Request => now.plus_millis(LEASE_MILLIS).millis(),
        Worker::Events => 0,
    };
    let mut change = Change::begin(ids, now, principal);
    let mut transaction = Transaction::new();
    transaction.put_rev("upload", &Key::Upload(row.id.clone()), row, Some(before))?;
    change.announce(&mut transaction, Event::UploadCompleted { id: row.id.clone() })?;
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
pub async fn take(storage: &Storage, row: &mut UploadRow, now: Timestamp) -> Result<bool> {
    if row.worked_until > now.millis() {
        return Ok(false);
    }
    renew(storage, row, now).await
}

/// Keeps a session that was taken. `false`: somebody else has it.
pub async fn renew(storage: &Storage, row: &mut UploadRow, now: Timestamp) -> Result<bool> {
    row.worked_until = now.plus_millis(LEASE_MILLIS).millis();
    replace(storage, row).await
}

/// Ends a session by what came of verifying and publishing it, and removes what was staged for it. One that could
/// not be finished because a store did not answer is given back: the sweep tries again.
///
/// # Errors
/// `Unavailable` and `Internal`: it is not over. The inner result is what came of a session that is.
pub async fn settle(storage: &Storage, row: &mut UploadRow, outcome: Result<()>) -> Result<Result<()>> {
    row.worked_until = 0;
    match &outcome {
        Ok(()) => row.status = UploadStatus::Completed,
        Err(Error::Unavailable(_) | Error::Internal(_)) => {
            if let Err(error) = replace(storage, row).await {
                tracing::warn!(%error, "an upload could not be given back; its lease ends by itself");
            }
            return outcome.map(Ok);
        }
        Err(error) => {
            row.status = UploadStatus::Failed;
            row.error = Some(error.to_string());
        }
    }
    if !replace(storage, row).await? {
        // Taken over, because this took longer than the lease. What was done is done; the other one finds it.
        return Err(Error::Unavailable("the upload was taken over by somebody else; ask again".into()));
    }
    remove_staged(storage, row).await?;
    Ok(outcome)
}

/// Removes what was staged for a session.
pub async fn remove_staged(storage: &Storage, row: &UploadRow) -> Result<()> {
    for (index, file) in row.files.iter().enumerate() {
        let path = staging_path(&row.id, index);
        match &file.origin {
            UploadOrigin::Published | UploadOrigin::Stored { .. } => continue,
            UploadOrigin::Multipart { upload: Some(upload) } => {
                storage.abort_multipart(&path, upload).await?;
            }
            UploadOrigin::Multipart { upload: None } | UploadOrigin::Single => {}
        }
        storage.delete_object(&path).await?;
    }
    Ok(())
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
    let row = load(storage, id, now).await?;
    Ok(row.is_some_and(|row| matches!(row.status, UploadStatus::Open | UploadStatus::Processing)))
}
