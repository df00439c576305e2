//! Swift's package registry protocol: `/api/swift/{repoId}/...`, and `/login` for clients whose registry address
//! has no path.
//!
//! Every answer is in the dialect that SwiftPM reads: `Content-Version: 1`, problem documents, `Bearer` as the
//! only challenge.

mod accept;
mod call;
mod dispatch;
mod files;
mod links;
mod lists;
mod login;
mod parts;
mod publish;
mod release;
mod route;

use axum::Router;
use axum::routing::any;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/login", any(login::answer_at_root))
        .route("/api/swift/{repo}", any(dispatch::answer_root))
        .route("/api/swift/{repo}/{*path}", any(dispatch::answer))
}
