//! Entities themselves: making, listing, showing, changing and deleting them, their icons and their publishers.

mod creation;
mod edit;
mod fields;
mod icon;
mod picture;
mod publishers;
mod reading;

use axum::Router;
use axum::routing::{get, post};
use granary_http::AppState;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/entities", get(reading::list_entities).post(creation::create_entity))
        .route("/api/entities/icon-upload-url", post(icon::begin_icon))
        .route(
            "/api/entities/{entity}",
            get(reading::show_entity).put(edit::update_entity).delete(edit::delete_entity),
        )
        .route("/api/entities/{entity}/details", get(reading::show_details))
        .route("/api/entities/{entity}/icon", get(icon::show_icon))
        .route(
            "/api/entities/{entity}/publishers",
            get(publishers::list_publishers).post(publishers::add_publisher),
        )
        .route(
            "/api/entities/{entity}/publishers/{user}",
            get(publishers::check_publisher).delete(publishers::remove_publisher),
        )
}
