//! `npm org`: members of the organisation.

use axum::response::{IntoResponse as _, Response};
use granary_http::OrgAccess;
use granary_http::permit::{ManageOrg, ViewOrg};
use granary_model::{Error, OrgRole, Result};
use serde_json::{Map, Value};

use crate::call::Call;

/// `GET /-/org/{org}/user`.
pub(crate) async fn list_members(call: &Call, org: &str) -> Result<Response> {
    let access = OrgAccess::<ViewOrg>::authorize(&call.state, &call.headers, org).await?;
    let list: Map<String, Value> =
        access.org.members.iter().map(|(user, role)| (user.to_string(), npm_role(*role).into())).collect();
    Ok(axum::Json(list).into_response())
}

/// `PUT` and `DELETE /-/org/{org}/user`: members are managed in one place, with its rules about owners.
pub(crate) async fn change_members(call: &Call, org: &str) -> Result<Response> {
    let access = OrgAccess::<ManageOrg>::authorize(&call.state, &call.headers, org).await?;
    Err(Error::NotSupported(format!(
        "members are managed through /api/orgs/{}/members (POST {{\"userId\",\"role\"}}, DELETE ?userId=)",
        access.org.slug
    )))
}

/// npm's word for a role.
fn npm_role(role: OrgRole) -> &'static str {
    match role {
        OrgRole::Member => "developer",
        OrgRole::Admin => "admin",
        OrgRole::Owner => "owner",
    }
}
