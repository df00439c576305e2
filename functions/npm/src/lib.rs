//! The npm registry protocol: `/api/npm/{repoId}/...`.
//!
//! Paths are read by [`granary_model::npm::NpmRoute`], not by the router: a package name is one or two
//! segments. `dispatch` then picks the handler by method and resource.

mod access;
mod audit;
mod call;
mod dispatch;
mod login;
mod members;
mod package;
mod publish;
mod read;
mod search;
mod sold;
mod tags;
mod tokens;
mod unpublish;
mod upstream;

use axum::Router;
use axum::routing::any;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/npm/{repo}", any(dispatch::answer_root))
        .route("/api/npm/{repo}/{*path}", any(dispatch::answer))
}
