//! Members of an organisation.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::members::{self, Acting, MemberRequest, MemberView, member_views};
use granary_http::permit::{ManageOrg, OrgPermission, ViewOrg};
use granary_http::{ApiResult, AppState, Fields, Json, Org, OrgAccess, Params, done, reply};
use granary_model::{OrgRole, Result, UserId};
use granary_storage::Key;
use granary_storage::rows::{OrgRef, OrgRow};
use serde::Deserialize;
use serde_json::json;

use crate::edit::{Deed, edit_org};

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
    let slug = access.org.slug.clone();
    let deed = Deed { action: "org.member.set", target: format!("{slug}/members/{}={role}", user.id) };
    edit_org(&state, &headers, access, deed, |acting, org, rows| {
        members::set_member(&mut org.members, acting, &user.id, role)?;
        let entry = OrgRef { slug: slug.clone() };
        rows.put("list of the member", &Key::OrgOf(user.id.clone(), slug.clone()), &entry)
    })
    .await?;
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
    if access.principal.user() == Some(&user) {
        access.caller().own()?;
        take_out(&state, &headers, access, "org.member.leave", &user, |_| Acting::Oneself).await?;
    } else {
        let slug = access.org.slug.as_str();
        let access = OrgAccess::<ManageOrg>::of_caller(&state, &access.caller(), slug).await?;
        take_out(&state, &headers, access, "org.member.remove", &user, Acting::As).await?;
    }
    Ok(done())
}

async fn take_out<A: OrgPermission>(
    state: &AppState,
    headers: &HeaderMap,
    access: OrgAccess<A>,
    action: &'static str,
    user: &UserId,
    acting: fn(OrgRole) -> Acting<OrgRole>,
) -> Result<OrgRow> {
    let deed = Deed { action, target: format!("{}/members/{user}", access.org.slug) };
    edit_org(state, headers, access, deed, |role, org, rows| {
        members::remove_member(&mut org.members, acting(role), user)?;
        rows.delete("list of the member", Key::OrgOf(user.clone(), org.slug.clone()));
        Ok(())
    })
    .await
}
