//! Build artifacts: products, their tokens and versions, at /api/product and beside it.

use axum::Router;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
}
