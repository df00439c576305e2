//! A session, found and authorised.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::Principal;
use granary_http::permit::{RepoAction, Upload};
use granary_http::{About, ApiResult, AppState, Caller, RepoAccess, no_content, reply};
use granary_model::{Error, Result};
use granary_publish::Target;
use granary_publish::upload::parts::arrivals;
use granary_publish::upload::state::{load, remove_staged, replace};
use granary_storage::rows::{UploadRow, UploadStatus, UploadSubject};

use crate::view::upload_view;

/// A session, and the right to go on with it.
pub(crate) struct Session {
    pub(crate) row: UploadRow,
    pub(crate) access: RepoAccess<Upload>,
}

impl Session {
    /// Finds a session and authorises the caller for it. Unknown, expired and somebody else's read alike.
    pub(crate) async fn find(state: &AppState, headers: &HeaderMap, id: &str) -> Result<Self> {
        let not_found = || Error::NotFound(format!("upload '{}' not found", id.escape_debug()));
        let Some(row) = load(state.storage(), id, state.now()).await? else {
            Caller::of_request(state, headers).await?;
            return Err(not_found());
        };
        let package = row.subject.package();
        let about = package.as_ref().map(|name| About::of(row.subject.kind(), name));
        let access = RepoAccess::authorize_about(state, headers, row.repo.as_str(), about).await;
        match access {
            Ok(access) if access.repo.uid == row.repo_uid && is_for(&access.principal, &row) => {
                Ok(Self { row, access })
            }
            Ok(_) | Err(Error::NotFound(_) | Error::Forbidden(_) | Error::Refused { .. }) => Err(not_found()),
            Err(error) => Err(error),
        }
    }

    /// Refuses to change a session that a build has to itself: what it has uploaded is published all at once.
    pub(crate) fn require_own(&self) -> Result<()> {
        if self.row.build.is_none() {
            return Ok(());
        }
        Err(Error::Forbidden(
            "this upload is of a build, which hands it over together with the others; nobody else changes it"
                .into(),
        ))
    }
}

/// Whether a session is for somebody who may upload to its repository: a build has its own.
fn is_for(principal: &Principal, row: &UploadRow) -> bool {
    match principal {
        Principal::Build { scope, .. } => {
            row.build.as_ref().is_some_and(|(id, attempt)| *id == scope.build && *attempt == scope.attempt)
        }
        _ => true,
    }
}

/// By whose right something is published. Package and head are filled in where they are known.
pub(crate) fn target<'a, A: RepoAction>(
    state: &'a AppState,
    access: &'a RepoAccess<A>,
    subject: &UploadSubject,
) -> Target<'a> {
    access.target(state, subject.kind(), &subject.package().unwrap_or_default())
}

/// `GET /api/uploads/{upload}`: how far it is, with fresh addresses for what is missing.
pub(crate) async fn show_upload(
    state: AppState,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let session = Session::find(&state, &headers, &id).await?;
    let arrived = match session.row.status {
        UploadStatus::Open => arrivals(state.storage(), &session.row).await?,
        _ => Vec::new(),
    };
    Ok(reply(StatusCode::OK, &upload_view(&state, &session.row, &arrived).await?))
}

/// `DELETE /api/uploads/{upload}`: gives it up.
pub(crate) async fn abort_upload(
    state: AppState,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut session = Session::find(&state, &headers, &id).await?;
    session.require_own()?;
    match session.row.status {
        UploadStatus::Completed => {
            return Err(Error::Conflict("the upload is published; delete the version instead".into()).into());
        }
        UploadStatus::Processing => {
            return Err(Error::Conflict("the upload is being published right now".into()).into());
        }
        UploadStatus::Open | UploadStatus::Failed => {}
    }
    // It no longer counts from this moment on; its row goes by itself.
    session.row.expires_at = state.now().seconds();
    if !replace(state.storage(), &mut session.row).await? {
        return Err(Error::Conflict("the upload was changed by somebody else; look again".into()).into());
    }
    remove_staged(state.storage(), &session.row).await?;
    Ok(no_content())
}
