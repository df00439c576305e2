//! What people call: watched libraries and builds of a repository.

mod begin;
mod builds;
mod delete;
mod poll;
mod request;
mod view;
mod watched;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use granary_http::editing::pause;
use granary_http::permit::RepoAction;
use granary_http::{AppState, RepoAccess};
use granary_model::{Error, PackageType, Result};
use granary_storage::rows::KmpConfig;

/// The routes of people.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/repos/{repo}/kmp/watched", get(watched::list_watched).post(watched::add_watched))
        .route(
            "/api/repos/{repo}/kmp/watched/{id}",
            get(watched::show_watched).patch(watched::update_watched).delete(watched::delete_watched),
        )
        .route("/api/repos/{repo}/kmp/poll", post(poll::poll_repo))
        .route(
            "/api/repos/{repo}/kmp/builds",
            get(builds::list_builds).post(begin::trigger_build).delete(delete::delete_builds),
        )
        .route(
            "/api/repos/{repo}/kmp/builds/{id}",
            get(builds::show_build).post(begin::retry_build).delete(delete::delete_build),
        )
}

/// The source of a repository.
///
/// # Errors
/// `NotFound` if the repository is none of type `kmp`.
fn source<A: RepoAction>(access: &RepoAccess<A>) -> Result<&KmpConfig> {
    access.require_type(PackageType::Kmp)?;
    let config = access.repo.kmp_config.as_ref();
    config.ok_or_else(|| Error::internal("reading a repository", "type kmp without a kmpConfig"))
}

/// The right to change a repository once more, after somebody else was faster: it may have ended meanwhile.
async fn once_more<A: RepoAction>(
    state: &AppState,
    headers: &HeaderMap,
    access: &RepoAccess<A>,
    attempt: u32,
) -> Result<RepoAccess<A>> {
    pause(state, attempt).await;
    RepoAccess::authorize(state, headers, access.repo.id.as_str(), None).await
}

/// What the refusal of a part means that all changes here have in common.
fn refused(access: &RepoAccess<impl RepoAction>, label: &str) -> Error {
    match label {
        "repo" => Error::NotFound(format!("repository '{}' not found", access.repo.id)),
        label => granary_http::editing::refused(label),
    }
}
