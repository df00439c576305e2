//! Plain files with versions: `/api/raw/{repoId}/{package}/{version}/{file}`.

use axum::Router;
use granary_http::AppState;

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
}
