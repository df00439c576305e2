//! Being written.

use axum::Router;
use granary_http::AppState;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
}
