//! `/ui/artifacts`: what a build makes and no package manager installs. Products and their tokens are here; entities have pages
//! of their own, in [`super::entities`].

mod holder;
mod overview;
mod product;
mod tokens;

use axum::Router;
use axum::routing::{get, post};
use granary_http::AppState;

use super::leave;

pub(super) use holder::Holder;

/// The routes of this part. With `?org=` they are those of an organisation.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/artifacts", get(overview::show_overview))
        .route("/ui/artifacts/products", get(leave).post(overview::create_product))
        .route("/ui/artifacts/products/{product}", get(product::show_product))
        .route("/ui/artifacts/products/{product}/access", get(leave).post(product::give_access))
        .route("/ui/artifacts/products/{product}/take", get(leave).post(product::take_access))
        .route(
            "/ui/artifacts/products/{product}/delete",
            get(product::ask_to_delete).post(product::delete_product),
        )
        .route(
            "/ui/artifacts/products/{product}/delete/{version}",
            get(product::ask_to_delete_version).post(product::delete_version),
        )
        .route("/ui/artifacts/tokens", get(tokens::show_tokens).post(tokens::register_token))
        .route("/ui/artifacts/tokens/prune", post(tokens::prune_token).get(leave))
}
