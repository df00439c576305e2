//! Uploads of every package type: one form for small files, presigned sessions for any size.
//!
//! A session belongs to a repository. Every step is authorised anew for it, and to whoever may not write there
//! it does not exist.

mod announce;
mod complete;
mod create;
mod form;
mod holders;
mod session;
mod view;

use axum::Router;
use axum::routing::{get, post};
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/uploads", post(create::create_upload))
        .route("/api/uploads/{upload}", get(session::show_upload).delete(session::abort_upload))
        .route("/api/uploads/{upload}/complete", post(complete::complete_upload))
        .route("/api/packages/upload", post(form::upload_package))
}
