//! The Maven repository protocol: `/api/maven/{repoId}/...`.
//!
//! Paths are read by [`granary_model::maven::MavenPath`], not by the router: groups have any number of segments.
//! Metadata and checksums are the registry's own. Clients send theirs, and they are compared or ignored.

mod call;
mod dispatch;
mod failure;
mod metadata;
mod publish;
mod read;
mod ready;
mod removal;
mod sums;
mod upstream;

use axum::Router;
use axum::routing::any;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/maven/{repo}", any(dispatch::answer_root))
        .route("/api/maven/{repo}/{*path}", any(dispatch::answer))
}
