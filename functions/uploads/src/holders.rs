//! Bytes that the owner of a repository has already need not be sent again.

use axum::http::HeaderMap;
use granary_http::permit::Read;
use granary_http::{About, AppState, RepoAccess};
use granary_model::{Error, Result, Sha256};
use granary_storage::Key;
use granary_storage::rows::{FileRow, HolderRow, RepoRow, UploadOrigin};

/// Most hints that are followed for one file.
const HINTS: i32 = 5;

/// Whether a live file of the same owner, which the caller may read, has these bytes. The bytes are claimed
/// then, so that they do not go before they are published again.
///
/// A digest is no secret: lock files have it. So it must be good neither for learning that somebody has stored
/// certain bytes nor for getting them, and everybody else gets the answer for bytes that nobody has.
pub(crate) async fn stored_origin(
    state: &AppState,
    headers: &HeaderMap,
    repo: &RepoRow,
    digest: Sha256,
    size: u64,
) -> Result<Option<UploadOrigin>> {
    let first = Key::Holder(repo.owner(), digest, repo.id.clone());
    let hints = state.storage().list::<HolderRow>(&first, "REPO#", None, HINTS).await?;
    for hint in hints.rows {
        let Some(file) = held_file(state, headers, &repo.owner(), &hint, digest).await? else { continue };
        let (Some(md5), true) = (file.md5, file.size == size) else { continue };
        // Being removed, or gone: then they have to be sent.
        let claimed = match state.storage().claim_blob(digest, state.now()).await {
            Ok(()) => state.storage().blob_size(digest).await? == Some(size),
            Err(Error::Unavailable(_)) => false,
            Err(error) => return Err(error),
        };
        if claimed {
            return Ok(Some(UploadOrigin::Stored { sha1: file.sha1, sha512: file.sha512, md5 }));
        }
    }
    Ok(None)
}

/// The file that a hint is about, if it is still there and the caller may read it.
async fn held_file(
    state: &AppState,
    headers: &HeaderMap,
    owner: &str,
    hint: &HolderRow,
    digest: Sha256,
) -> Result<Option<FileRow>> {
    let about = About {
        kind: hint.package.kind,
        name: &hint.package.name,
        version: Some(&hint.version),
        file: Some((&hint.file, false)),
    };
    let repo = hint.package.repo.as_str();
    let access = match RepoAccess::<Read>::authorize_about(state, headers, repo, Some(about)).await {
        Ok(access) if access.repo.owner() == owner => access,
        Ok(_) | Err(Error::NotFound(_) | Error::Forbidden(_) | Error::Unauthorized(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stored = access.live_file().map(|row| row.file.clone());
    let listed = || access.live_version()?.files.iter().find(|file| file.name == hint.file).cloned();
    Ok(stored.or_else(listed).filter(|file| file.sha256 == digest))
}
