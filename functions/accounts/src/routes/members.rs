//! Members of an organisation.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::members::{self, Acting, MemberRequest, MemberView, member_views};
use granary_http::permit::{ManageOrg, ViewOrg};
use granary_http::{ApiResult, AppState, Fields, Json, Org, OrgAccess, Params, done, reply};
use granary_model::{OrgRole, UserId};
use granary_storage::Key;
use granary_storage::rows::OrgRef;
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
    let slug = access.org.slug.clone();
    let target = format!("{slug}/members/{user}");
    if access.principal.user() == Some(&user) {
        access.caller().own()?;
        let deed = Deed { action: "org.member.leave", target };
        edit_org(&state, &headers, access, deed, |_, org, rows| {
            members::remove_member(&mut org.members, Acting::Oneself, &user)?;
            rows.delete("list of the member", Key::OrgOf(user.clone(), slug.clone()));
            Ok(())
        })
        .await?;
        return Ok(done());
    }
    let access = OrgAccess::<ManageOrg>::of_caller(&state, &access.caller(), slug.as_str()).await?;
    let deed = Deed { action: "org.member.remove", target };
    edit_org(&state, &headers, access, deed, |acting, org, rows| {
        members::remove_member(&mut org.members, Acting::As(acting), &user)?;
        rows.delete("list of the member", Key::OrgOf(user.clone(), slug.clone()));
        Ok(())
    })
    .await?;
    Ok(done())
}
