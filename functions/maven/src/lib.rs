//! The Maven repository protocol: `/api/maven/{repoId}/...`.

use axum::Router;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
}
