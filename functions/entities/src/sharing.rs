//! Shares, and the stores of organisations.
//!
//! A share and a publication stand in the entity's row, which alone says who may have it. The rows in the lists of users and
//! stores are written in the same transaction and only say where to look.

mod lists;
mod publishing;
mod shares;
mod sharing_edit;
mod stores;

use axum::Router;
use axum::routing::{delete, get};
use granary_http::AppState;

pub(crate) use shares::visible_shares;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/entities/shared-with-me", get(lists::shared_with_me))
        .route("/api/entities/shares", get(lists::shared_by_me))
        .route("/api/entities/{entity}/shares", get(shares::list_shares).post(shares::create_shares))
        .route("/api/entities/{entity}/shares/{share}", delete(shares::delete_share))
        .route(
            "/api/organizations/{org}/store",
            get(stores::list_store).post(stores::publish_entity).delete(stores::withdraw_entity),
        )
        .route("/api/organizations/{org}/store/{entity}", get(stores::show_publication))
}
