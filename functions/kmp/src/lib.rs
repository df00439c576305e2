//! Kotlin Multiplatform: /api/repos/{id}/kmp for people, /api/kmp for jobs and webhooks.

use axum::Router;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
}
