//! Composer's repository: `/composer/{repoId}/packages.json` and what it leads to.
//!
//! Clients keep what they read by its address, whoever it was read for, and go on with an old copy if they are refused.
//! So nothing here is a permission but the answer to the request for an archive.

mod call;
mod conditional;
mod dist;
mod failure;
mod lists;
mod metadata;
mod notify;
mod packages;
mod root;

use axum::Router;
use axum::routing::{get, post};
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/composer/{repo}/packages.json", get(root::show_root))
        .route("/composer/{repo}/p2/{vendor}/{file}", get(metadata::show_metadata))
        .route("/composer/{repo}/dist/{vendor}/{name}/{*rest}", get(dist::download).head(dist::look))
        .route("/composer/{repo}/search.json", get(lists::search))
        .route("/composer/{repo}/list.json", get(lists::list))
        .route("/composer/{repo}/downloads", post(notify::take_note))
}
