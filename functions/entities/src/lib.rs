//! Versioned entities: /api/entities, and the stores of organisations at /api/organizations.

mod access;
mod items;
mod pages;
mod sharing;
mod versions;
mod view;

use axum::Router;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    items::router().merge(versions::router()).merge(sharing::router())
}
