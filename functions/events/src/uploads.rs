//! Finishing upload sessions that are too large for a request, and removing those that were given up.

use granary_http::permit::Write;
use granary_http::{About, AppState, RepoAccess};
use granary_model::{Error, Result};
use granary_publish::upload::finish::publish_upload;
use granary_publish::upload::state::{keep, load, settle, sweep, take};
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
    let mut kept = row.clone();
    let work = publish(state, &mut row);
    let Some(outcome) = Box::pin(keep(state.storage(), || state.now(), &mut kept, work)).await else {
        return Ok(Progress::NotYet);
    };
    row.rev = kept.rev;
    // Why it failed, if it did, is told by the session.
    let _outcome = settle(state.storage(), &mut row, outcome).await?;
    Ok(Progress::Finished)
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
