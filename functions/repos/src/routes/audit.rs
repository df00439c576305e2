//! What was done in a repository.

use axum::response::Response;
use granary_http::audit::{self, AuditLog, AuditQuery};
use granary_http::permit::Admin;
use granary_http::{ApiResult, AppState, Params, Repo};

/// `GET /api/repos/{repo}/audit`: its log by months, for its administrators.
pub(crate) async fn show_repo_log(
    state: AppState,
    Repo(access): Repo<Admin>,
    Params(query): Params<AuditQuery>,
) -> ApiResult<Response> {
    audit::answer(&state, &AuditLog::repo(&access.repo), &query).await
}
