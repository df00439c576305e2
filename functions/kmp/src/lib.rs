//! Kotlin Multiplatform: /api/repos/{id}/kmp for people, /api/kmp for jobs and webhooks.

mod jobs;
mod people;
mod webhooks;

use axum::Router;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    people::router().merge(jobs::router()).merge(webhooks::router())
}
