//! `npm org`: members of the organisation.

use axum::response::{IntoResponse as _, Response};
use granary_http::OrgAccess;
use granary_http::org_members::{remove_org_member, set_org_member};
use granary_http::permit::{ManageOrg, ViewOrg};
use granary_model::{Error, OrgRole, Result, UserId};
use granary_storage::Key;
use granary_storage::rows::UserRow;
use serde_json::{Map, Value, json};

use crate::call::Call;

/// `GET /-/org/{org}/user`.
pub(crate) async fn list_members(call: &Call, org: &str) -> Result<Response> {
    let access = OrgAccess::<ViewOrg>::authorize(&call.state, &call.headers, org).await?;
    let list: Map<String, Value> =
        access.org.members.iter().map(|(user, role)| (user.to_string(), npm_role(*role).into())).collect();
    Ok(axum::Json(list).into_response())
}

/// `PUT /-/org/{org}/user` with `{"user","role"}`: npm's `developer` is a plain member, and the default.
pub(crate) async fn set_member(call: &mut Call, org: &str) -> Result<Response> {
    let access = OrgAccess::<ManageOrg>::authorize(&call.state, &call.headers, org).await?;
    let body = call.json().await?;
    let user = user(&body)?;
    let role = match body.get("role").and_then(Value::as_str) {
        None | Some("developer" | "member") => OrgRole::Member,
        Some(other) => other.parse()?,
    };
    let known: Option<UserRow> = call.state.storage().get(&Key::User(user.clone())).await?;
    if known.is_none() {
        return Err(Error::BadRequest(format!(
            "there is no user '{user}'; the person must sign in once before"
        )));
    }
    let org = set_org_member(&call.state, &call.headers, access, &user, role).await?;
    let body = json!({
        "org": { "name": org.slug, "size": org.members.len() },
        "user": user,
        "role": npm_role(role),
    });
    Ok(axum::Json(body).into_response())
}

/// `DELETE /-/org/{org}/user` with `{"user"}` in the body, as npm sends it.
pub(crate) async fn remove_member(call: &mut Call, org: &str) -> Result<Response> {
    let access = OrgAccess::<ViewOrg>::authorize(&call.state, &call.headers, org).await?;
    let user = user(&call.json().await?)?;
    remove_org_member(&call.state, &call.headers, access, &user).await?;
    Ok(axum::Json(json!({ "ok": true })).into_response())
}

/// The user that a body names, with or without npm's `@`.
fn user(body: &Value) -> Result<UserId> {
    let name = body.get("user").and_then(Value::as_str);
    name.ok_or_else(|| Error::BadRequest("the body must name a user".into()))?.trim_start_matches('@').parse()
}

/// npm's word for a role.
fn npm_role(role: OrgRole) -> &'static str {
    match role {
        OrgRole::Member => "developer",
        OrgRole::Admin => "admin",
        OrgRole::Owner => "owner",
    }
}
