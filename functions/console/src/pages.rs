//! The pages, one module for each part of the navigation: its routes, and what its templates are given.

mod account;
mod api;
mod audit;
mod dashboard;
mod discovery;
mod entities;
mod health;
mod kmp;
mod member;
mod orgs;
mod package;
mod part;
mod products;
mod repos;
mod selling;
mod tokens;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use granary_http::AppState;

use crate::assets::show_asset;
use crate::back::Problem;
use crate::page::{PageError, see};
use crate::visit::Visit;

/// The routes of all pages.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/assets/{file}", get(show_asset))
        .route("/ui/{*rest}", get(show_nothing))
        .merge(account::router())
        .merge(api::router())
        .merge(dashboard::router())
        .merge(discovery::router())
        .merge(entities::router())
        .merge(health::router())
        .merge(kmp::router())
        .merge(orgs::router())
        .merge(package::router())
        .merge(products::router())
        .merge(repos::router())
        .merge(selling::router())
}

/// Any other path of the console.
async fn show_nothing(visit: Visit) -> PageError {
    visit.failed(Problem { status: StatusCode::NOT_FOUND, message: "There is no such page.".into() })
}

/// `GET` of an address that forms are sent to: whoever has signed in there anew comes back to the page that has the form.
pub(crate) async fn leave(visit: Visit) -> Response {
    let (path, query) = visit.here().split_once('?').unwrap_or((visit.here(), ""));
    let page = path.rsplit_once('/').map_or("/", |(page, _)| page);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    see(&format!("{}{page}{query}", visit.shell("").base))
}
