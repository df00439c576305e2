//! What was done: by and to the caller, and in an organisation.

use axum::response::Response;
use granary_http::audit::{self, AuditLog, AuditQuery};
use granary_http::permit::ManageOrg;
use granary_http::{ApiResult, AppState, Caller, Org, Params};

/// `GET /api/auth/audit`: the caller's own log by months, for people only.
pub(crate) async fn show_own_log(
    state: AppState,
    caller: Caller,
    Params(query): Params<AuditQuery>,
) -> ApiResult<Response> {
    audit::answer(&state, &AuditLog::user(caller.session()?), &query).await
}

/// `GET /api/orgs/{org}/audit`: that of an organisation, for its administrators.
pub(crate) async fn show_org_log(
    state: AppState,
    Org(access): Org<ManageOrg>,
    Params(query): Params<AuditQuery>,
) -> ApiResult<Response> {
    audit::answer(&state, &AuditLog::org(&access.org), &query).await
}
