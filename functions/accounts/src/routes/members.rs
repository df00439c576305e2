//! Members of an organisation.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::members::{MemberRequest, MemberView, member_views};
use granary_http::org_members::{remove_org_member, set_org_member};
use granary_http::permit::{ManageOrg, ViewOrg};
use granary_http::{ApiResult, AppState, Fields, Json, Org, Params, done, reply};
use granary_model::{OrgRole, UserId};
use serde::Deserialize;
use serde_json::json;

/// `GET /api/orgs/{org}/members`.
pub(crate) async fn list_members(state: AppState, Org(access): Org<ViewOrg>) -> ApiResult<Response> {
    let members = member_views(&state, &access.org.members).await?;
    Ok(reply(StatusCode::OK, &json!({ "members": members })))
}

/// `POST /api/orgs/{org}/members`: adds a member or changes a member's role.
pub(crate) async fn set_member(
    state: AppState,
    headers: HeaderMap,
    Org(access): Org<ManageOrg>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let MemberRequest { user, role } = MemberRequest::<OrgRole>::read(&state, &fields).await?;
    set_org_member(&state, &headers, access, &user.id, role).await?;
    let member = MemberView::new(user.id.clone(), role, Some(user));
    Ok(reply(StatusCode::CREATED, &json!({ "member": member })))
}

/// Query of [`remove_member`].
#[derive(Debug, Deserialize)]
pub(crate) struct Removal {
    #[serde(rename = "userId")]
    user_id: String,
}

/// `DELETE /api/orgs/{org}/members?userId=`: removes a member, or lets the caller leave. Roles given to
/// the user in single repositories stay.
pub(crate) async fn remove_member(
    state: AppState,
    headers: HeaderMap,
    Org(access): Org<ViewOrg>,
    Params(removal): Params<Removal>,
) -> ApiResult<Response> {
    let user: UserId = removal.user_id.parse()?;
    remove_org_member(&state, &headers, access, &user).await?;
    Ok(done())
}
