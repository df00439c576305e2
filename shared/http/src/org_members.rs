//! Changing the members of an organisation: one implementation for the management API and for `npm org`.

use axum::http::HeaderMap;
use granary_model::{OrgRole, Result, UserId};
use granary_storage::Key;
use granary_storage::rows::{OrgRef, OrgRow};

use crate::members::{self, Acting};
use crate::org::OrgAccess;
use crate::org_edit::{Deed, edit_org};
use crate::permit::{ManageOrg, OrgPermission, ViewOrg};
use crate::state::AppState;

/// Adds a member or changes a member's role. The user must be known to the registry.
pub async fn set_org_member(
    state: &AppState,
    headers: &HeaderMap,
    access: OrgAccess<ManageOrg>,
    user: &UserId,
    role: OrgRole,
) -> Result<OrgRow> {
    let slug = access.org.slug.clone();
    let deed = Deed { action: "org.member.set", target: format!("{slug}/members/{user}={role}") };
    edit_org(state, headers, access, deed, |acting, org, rows| {
        members::set_member(&mut org.members, acting, user, role)?;
        let entry = OrgRef { slug: slug.clone() };
        rows.put("list of the member", &Key::OrgOf(user.clone(), slug.clone()), &entry)
    })
    .await
}

/// Removes a member, or lets the caller leave. Roles given to the user in single repositories stay.
pub async fn remove_org_member(
    state: &AppState,
    headers: &HeaderMap,
    access: OrgAccess<ViewOrg>,
    user: &UserId,
) -> Result<OrgRow> {
    if access.principal.user() == Some(user) {
        access.caller().own()?;
        return take_out(state, headers, access, "org.member.leave", user, |_| Acting::Oneself).await;
    }
    let slug = access.org.slug.as_str();
    let access = OrgAccess::<ManageOrg>::of_caller(state, &access.caller(), slug).await?;
    take_out(state, headers, access, "org.member.remove", user, Acting::As).await
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
