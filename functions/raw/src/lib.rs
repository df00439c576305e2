//! Plain files with versions: `/api/raw/{repoId}/{package}/{version}/{file}`.

mod call;
mod files;
mod lists;

use axum::Router;
use axum::routing::get;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/raw/{repo}/{package}", get(lists::list_versions))
        .route("/api/raw/{repo}/{package}/{version}", get(lists::list_files))
        .route(
            "/api/raw/{repo}/{package}/{version}/{file}",
            get(files::download).head(files::look).put(files::upload).delete(files::delete),
        )
}
