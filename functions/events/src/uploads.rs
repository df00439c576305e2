//! Finishing upload sessions that are too large for a request, and removing those that were given up.

use granary_http::permit::Write;
use granary_http::{About, AppState, RepoAccess};
use granary_model::{Error, Result};
use granary_publish::upload::finish::publish_upload;
use granary_publish::upload::state::{RENEWAL, load, renew, settle, sweep, take};
use granary_storage::rows::{UploadRow, UploadStatus};

use crate::Progress;

/// Verifies and publishes a session, by the right that whoever completed it has now.
pub(crate) async fn finish(state: &AppState, id: &str) -> Result<Progress> {
    let row = load(state.storage(), id, state.now()).await?;
    let Some(mut row) = row.filter(|row| row.status == UploadStatus::Processing) else {
        return Ok(Progress::Finished);
    };
    if !take(state.storage(), &mut row, state.now()).await? {
        return Ok(Progress::NotYet);
    }
    let Some(outcome) = Box::pin(publish_kept(state, &mut row)).await else {
        return Ok(Progress::NotYet);
    };
    // Why it failed, if it did, is told by the session.
    let _outcome = settle(state.storage(), &mut row, outcome).await?;
    Ok(Progress::Finished)
}

/// Publishes a session and says every now and then that somebody is at work on it, so that a process that has
/// died is replaced within minutes, and one that lives is not. `None`: it was replaced all the same.
async fn publish_kept(state: &AppState, row: &mut UploadRow) -> Option<Result<()>> {
    let mut kept = row.clone();
    let outcome = {
        let mut work = Box::pin(publish(state, row));
        loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = tokio::time::sleep(RENEWAL) => {}
            }
            match renew(state.storage(), &mut kept, state.now()).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::warn!(%error, upload.id = %kept.id, "an upload could not be kept");
                    // Whether it was written is not known.
                    kept = load(state.storage(), &kept.id, state.now()).await.ok()??;
                }
            }
        }
    };
    row.rev = kept.rev;
    Some(outcome)
}

async fn publish(state: &AppState, row: &mut UploadRow) -> Result<()> {
    let Some(caller) = &row.caller else {
        return Err(Error::internal("finishing an upload", "nobody has completed it"));
    };
    let package = row.subject.package();
    let about = package.as_ref().map(|name| About::of(row.subject.kind(), name));
    let access = RepoAccess::<Write>::again(state, caller, &row.repo, about).await?;
    access.require_uploads(row.subject.kind())?;
    if access.repo.uid != row.repo_uid {
        return Err(Error::NotFound(format!("repository '{}' not found", row.repo)));
    }
    let target = access.target(state, row.subject.kind(), &package.unwrap_or_default());
    Box::pin(publish_upload(target, state.now(), state.config().repo_quota, row)).await
}

/// Removes what is staged for sessions that have expired or were given up. Gives the number of objects and
/// multipart uploads that went. Meant to run every few minutes to hours.
pub async fn sweep_uploads(state: &AppState) -> Result<usize> {
    sweep(state.storage(), state.now()).await
}
