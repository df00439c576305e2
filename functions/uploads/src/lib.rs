//! Uploads of every package type: one form for small files, presigned sessions for any size.

use axum::Router;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
}
