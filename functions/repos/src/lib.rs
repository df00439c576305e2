//! Repositories, their members, tokens and packages: /api/repos; and the search through all of them: /api/search.
//!
//! What a repository holds is not this crate's business: packages are published and read by the protocol
//! crates, and what a deleted repository leaves behind is cleared by the events consumer.

mod counts;
mod edit;
mod listed;
mod named;
mod routes;
mod settings;
mod upstreams;
mod view;

use axum::Router;
use axum::routing::{delete, get, post, put};
use granary_http::AppState;

use routes::upstreams as upstreams_api;
use routes::{
    audit, blocks, creation, downloads, files, members, origins, package, packages, public, quarantine,
    repos, search, tokens,
};

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/repos", post(creation::create_repo).get(repos::list_repos))
        .route("/api/repos/public", get(public::list_public_repos))
        .route(
            "/api/repos/{repo}",
            get(repos::show_repo).patch(repos::update_repo).delete(repos::delete_repo),
        )
        .route(
            "/api/repos/{repo}/members",
            get(members::list_members).post(members::set_member).delete(members::remove_member),
        )
        .route(
            "/api/repos/{repo}/tokens",
            get(tokens::list_tokens).post(tokens::create_token).delete(tokens::delete_token),
        )
        .route(
            "/api/repos/{repo}/upstreams",
            get(upstreams_api::list_upstreams)
                .post(upstreams_api::create_upstream)
                .put(upstreams_api::order_upstreams),
        )
        .route(
            "/api/repos/{repo}/upstreams/{name}",
            get(upstreams_api::show_upstream)
                .patch(upstreams_api::update_upstream)
                .delete(upstreams_api::delete_upstream),
        )
        .route("/api/repos/{repo}/blocks", get(blocks::list_blocks).post(blocks::create_block))
        .route("/api/repos/{repo}/blocks/{id}", delete(blocks::delete_block))
        .route(
            "/api/repos/{repo}/quarantine/{kind}/{*name}",
            put(quarantine::put_aside).delete(quarantine::let_go),
        )
        .route("/api/repos/{repo}/origins/{kind}/{*name}", get(origins::show_origin).put(origins::set_origin))
        .route("/api/repos/{repo}/audit", get(audit::show_repo_log))
        .route("/api/repos/{repo}/packages", get(packages::list_packages))
        .route("/api/repos/{repo}/packages/{kind}/{*name}", get(package::show_package))
        .route("/api/repos/{repo}/downloads/{kind}/{*name}", get(downloads::count_downloads))
        .route("/api/repos/{repo}/files/{kind}/{*name}", get(files::download_file))
        .route("/api/search", get(search::search_packages))
}
