//! Removing bytes that no file holds any more.

use granary_http::AppState;
use granary_model::{Result, Sha256};
use granary_storage::rows::BlobRow;
use granary_storage::{Key, ObjectKey};

use crate::Progress;

/// Removes released bytes. Those that a publish has claimed lately have to wait.
pub(crate) async fn collect(state: &AppState, digests: &[Sha256]) -> Result<Progress> {
    let mut progress = Progress::Finished;
    for digest in digests {
        if state.storage().doom_blob(*digest, state.now()).await? {
            remove(state, *digest).await?;
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
async fn remove(state: &AppState, digest: Sha256) -> Result<()> {
    state.storage().delete_object(&ObjectKey::Blob(digest).path()).await?;
    state.storage().delete(&Key::Blob(digest)).await
}

/// Goes through all stored bytes and removes those that no file holds: what publishes left behind that
/// were refused or died. Gives the number of removed blobs. Meant to run about once a day.
pub async fn sweep_blobs(state: &AppState) -> Result<usize> {
    let (mut removed, mut after) = (0, None::<String>);
    loop {
        let paths = state.storage().list_objects("blobs/sha256/", after.as_deref()).await?;
        let Some(last) = paths.last().cloned() else { return Ok(removed) };
        for path in &paths {
            let Some(digest) = path.rsplit('/').next().and_then(|name| name.parse::<Sha256>().ok()) else { continue };
            // Every blob has a row from before its bytes were stored. Should one be missing, a doomed one
            // takes its place, so that a publish of the same bytes waits until they are gone.
            let missing = BlobRow { refs: 0, claimed_until: 0, doomed: true };
            let orphan = state.storage().put_new(&Key::Blob(digest), &missing).await?;
            if orphan || state.storage().doom_blob(digest, state.now()).await? {
                remove(state, digest).await?;
                removed += 1;
            }
        }
        after = Some(last);
    }
}
