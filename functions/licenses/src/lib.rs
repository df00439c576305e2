//! Licences of sellers: /v1/licenses.
//!
//! A licence is a key that opens packages within one limit. Whoever has the key uses it as a credential at the routes of
//! every protocol; what it opens there is decided in `granary-auth`. This crate is only for sellers.

mod commit;
mod constraint;
mod listing;
mod names;
mod request;
mod routes;
mod view;

use axum::Router;
use axum::routing::get;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/v1/licenses", get(routes::list_licences).post(routes::create_licence))
        .route(
            "/v1/licenses/{id}",
            get(routes::show_licence).put(routes::replace_licence).delete(routes::delete_licence),
        )
        .route("/v1/licenses/{id}/packages", get(routes::list_packages))
}
