//! `/ui/repos/{repo}/kmp`: libraries of Kotlin Multiplatform that a repository watches, and the builds that make packages of
//! them.

mod builds;
mod overview;
mod slice;
mod watched;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use granary_http::AppState;

use super::repos::Repo;
use crate::address::{path, with_query};
use crate::back::Problem;
use crate::page::PageError;
use crate::visit::Visit;

pub(super) use slice::Slice;

use super::leave;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/repos/{repo}/kmp", get(overview::show_overview))
        .route("/ui/repos/{repo}/kmp/poll", get(leave).post(overview::poll_now))
        .route("/ui/repos/{repo}/kmp/watch", get(watched::show_new).post(watched::add_watched))
        .route("/ui/repos/{repo}/kmp/watched/{id}", get(watched::show_watched).post(watched::change_watched))
        .route("/ui/repos/{repo}/kmp/watched/{id}/build", get(leave).post(watched::build_version))
        .route(
            "/ui/repos/{repo}/kmp/watched/{id}/stop",
            get(watched::ask_to_stop).post(watched::stop_watching),
        )
        .route("/ui/repos/{repo}/kmp/delete-builds", get(builds::ask_to_clear).post(builds::clear_builds))
        .route("/ui/repos/{repo}/kmp/builds/{id}", get(builds::show_build))
        .route("/ui/repos/{repo}/kmp/builds/{id}/retry", get(leave).post(builds::retry_build))
        .route(
            "/ui/repos/{repo}/kmp/builds/{id}/delete",
            get(builds::ask_to_delete).post(builds::delete_build),
        )
}

/// The repository of this name, if it watches libraries.
async fn find_repo(visit: &Visit, repo: &str) -> Result<Repo, PageError> {
    let repo = Repo::read(visit, repo).await.map_err(|problem| visit.failed(problem))?;
    if repo.has("kmp") {
        return Ok(repo);
    }
    let message = format!("The repository {} watches no libraries: kmp is none of its types.", repo.id);
    Err(visit.failed(Problem { status: StatusCode::NOT_FOUND, message }))
}

/// A path of the interface for what a repository watches.
fn api(repo: &str, rest: &[&str]) -> String {
    path(&[&["api", "repos", repo, "kmp"], rest].concat())
}

/// The address of a page of this part, saying that something was done.
fn page_of(visit: &Visit, repo: &str, rest: &[&str], done: Option<&str>) -> String {
    let page = path(&[&["ui", "repos", repo, "kmp"], rest].concat());
    format!("{}{}", visit.shell("").base, with_query(&page, &[("done", done)]))
}

/// Whether a page is shown again with what is wrong, because it says more about it than the page for errors can: what was
/// filled in, or what became of the build that GitHub did not take.
fn is_told(problem: &Problem) -> bool {
    problem.is_about_input() || problem.status == StatusCode::BAD_GATEWAY
}
