//! Build artifacts: products, their tokens and versions, at /api/product and beside it.
//!
//! The interface is a documented one that other clients are written to, so its paths, statuses and words stand: what it
//! answers as plain text is plain text here, and the statuses are those that each operation documents. Who may do what is decided in
//! `granary-auth`, and every change is committed by `granary_publish::product`. Only the upload in two steps, for files that
//! are too large for a form, is this registry's own.

mod failure;
mod handover;
mod health;
mod input;
mod modify;
mod products;
mod tokens;
mod upload;
mod versions;
mod view;

use axum::Router;
use axum::routing::{delete, get, post, put};
use granary_http::AppState;

/// The routes of the family. A path with a slash at its end is the same as without, but for the one that deletes a product.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/health", get(health::show_health))
        .route("/api/register", put(tokens::register_token))
        .route("/api/tokens", get(tokens::list_tokens))
        .route("/api/fetch", get(tokens::fetch_nothing))
        .route("/api/fetch/{token}", get(tokens::fetch_token))
        .route("/api/prune", delete(tokens::prune_nothing))
        .route("/api/prune/{token}", delete(tokens::prune_token))
        .route("/api/product/access", get(products::access_products))
        .route("/api/product/list", get(products::list_products))
        .route("/api/product/create", put(products::create_product))
        .route("/api/product/fetch/{product}", get(products::fetch_product))
        .route("/api/product/delete", delete(products::delete_nothing))
        .route("/api/product/delete/{product}", delete(products::delete_product))
        .route("/api/product/delete/{product}/{version}", delete(versions::delete_version))
        .route("/api/product/modify/{action}", put(modify::modify_put).delete(modify::modify_delete))
        .route("/api/product/upload", post(upload::upload_version))
        .route("/api/product/upload-url", post(handover::begin_upload))
        .route("/api/product/confirm", post(handover::confirm_upload))
        .route(
            "/api/product/download/{product}/{version}",
            get(versions::download_version).head(versions::look_at_version),
        )
}
