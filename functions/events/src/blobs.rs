//! Removing bytes that no file holds any more.

use granary_http::AppState;
use granary_model::{Error, Result, Sha256, Timestamp};
use granary_publish::Change;
use granary_storage::publishing::DOOM_MILLIS;
use granary_storage::rows::{BlobRow, Event};
use granary_storage::{Commit, Key, ObjectKey, Transaction};

use crate::{Progress, handle};

/// Blobs that are looked at in one read.
const BATCH: usize = 100;

/// Removes released bytes. Those that a publish has claimed lately, or that another clean-up is removing,
/// have to wait.
pub(crate) async fn collect(state: &AppState, digests: &[Sha256]) -> Result<Progress> {
    let mut progress = Progress::Finished;
    for digest in digests {
        let (now, by) = (state.now(), state.next_id());
        if state.storage().doom_blob(*digest, now, &by).await? {
            remove(state, *digest, now, &by).await?;
            continue;
        }
        let row: Option<BlobRow> = state.storage().get(&Key::Blob(*digest)).await?;
        if row.is_some_and(|row| row.refs == 0) {
            progress = Progress::NotYet;
        }
    }
    Ok(progress)
}

/// First the bytes, then the row: a claim is refused as long as the row is doomed, so no publish can count
/// on bytes that are about to go.
///
/// A process that was held up in between (a frozen environment, a laptop that slept) must not go on: another
/// clean-up may have taken over, finished, and the same bytes may have been published since.
async fn remove(state: &AppState, digest: Sha256, doomed: Timestamp, by: &str) -> Result<()> {
    if state.now().millis() - doomed.millis() > DOOM_MILLIS / 2 {
        return Err(Error::Unavailable("clean-up was held up; another one takes over".into()));
    }
    state.storage().delete_object(&ObjectKey::Blob(digest).path()).await?;
    state.storage().remove_doomed(digest, by).await
}

/// Goes through all stored bytes and removes those that no file holds: what publishes left behind that
/// were refused or died. Gives the number of blobs it found. Meant to run about once a day.
pub async fn sweep_blobs(state: &AppState) -> Result<usize> {
    let (mut found, mut after) = (0, None::<String>);
    loop {
        let paths = state.storage().list_objects("blobs/sha256/", after.as_deref()).await?;
        let Some(last) = paths.last().cloned() else { return Ok(found) };
        let digests: Vec<Sha256> =
            paths.iter().filter_map(|path| path.rsplit('/').next()?.parse().ok()).collect();
        for batch in digests.chunks(BATCH) {
            let orphans = orphans(state, batch).await?;
            found += orphans.len();
            release(state, orphans).await?;
        }
        after = Some(last);
    }
}

/// Those of the digests that no file holds and nobody has claimed lately.
async fn orphans(state: &AppState, digests: &[Sha256]) -> Result<Vec<Sha256>> {
    let keys: Vec<Key> = digests.iter().copied().map(Key::Blob).collect();
    let rows: Vec<Option<BlobRow>> = state.storage().batch_get(&keys).await?;
    let now = state.now().millis();
    let mut orphans = Vec::new();
    for (digest, row) in digests.iter().zip(rows) {
        let orphaned = match row {
            Some(row) => row.refs == 0 && row.claimed_until < now,
            // Every blob has a row from before its bytes were stored. Should one be missing, it gets one
            // now, so that a publish of the same bytes waits until they are gone.
            None => state.storage().put_new(&Key::Blob(*digest), &BlobRow::default()).await?,
        };
        if orphaned {
            orphans.push(*digest);
        }
    }
    Ok(orphans)
}

/// Announces that the bytes may go before touching any: should this break off, the event is found again,
/// and no half removed blob stays in the way of a publish of the same bytes.
async fn release(state: &AppState, digests: Vec<Sha256>) -> Result<()> {
    if digests.is_empty() {
        return Ok(());
    }
    let mut change = Change::by_system(state.ids(), state.now());
    let mut transaction = Transaction::new();
    change.announce(&mut transaction, Event::BlobsReleased { digests })?;
    if let Commit::Refused(refusal) = state.storage().commit(transaction).await? {
        return Err(Error::internal("releasing files", format!("the part '{}' was refused", refusal.label)));
    }
    for row in change.announced() {
        handle(state, row).await?;
    }
    Ok(())
}
