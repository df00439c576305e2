//! Members of a repository.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::members::{self, Acting, MemberRequest, MemberView, member_views};
use granary_http::permit::{Admin, Read, RepoAction};
use granary_http::{ApiResult, AppState, Fields, Json, Params, Repo, RepoAccess, done, reply};
use granary_model::{Result, Role, UserId};
use granary_storage::Key;
use granary_storage::rows::{RepoRef, RepoRow};
use serde::Deserialize;
use serde_json::json;

use crate::edit::{Deed, edit_repo};

/// `GET /api/repos/{repo}/members`: for those who belong to it.
pub(crate) async fn list_members(state: AppState, Repo(access): Repo<Read>) -> ApiResult<Response> {
    access.require_insider(&state).await?;
    let members = member_views(&state, &access.repo.members).await?;
    Ok(reply(StatusCode::OK, &json!({ "members": members })))
}

/// `POST /api/repos/{repo}/members`: adds a member or changes a member's role.
pub(crate) async fn set_member(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Admin>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let MemberRequest { user, role } = MemberRequest::<Role>::read(&state, &fields).await?;
    let repo = access.repo.id.clone();
    let deed = Deed { action: "repo.member.set", target: format!("{repo}/members/{}={role}", user.id) };
    edit_repo(&state, &headers, access, deed, |acting, draft| {
        members::set_member(&mut draft.row.members, acting, &user.id, role)?;
        hand_over(&mut draft.row);
        let entry = RepoRef { id: repo.clone() };
        draft.rows.put("list of the member", &Key::RepoOfUser(user.id.clone(), repo.clone()), &entry)
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

/// `DELETE /api/repos/{repo}/members?userId=`: removes a member, or lets the caller leave.
pub(crate) async fn remove_member(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Read>,
    Params(removal): Params<Removal>,
) -> ApiResult<Response> {
    let user: UserId = removal.user_id.parse()?;
    if access.principal.user() == Some(&user) {
        access.caller().own()?;
        Box::pin(take_out(&state, &headers, access, "repo.member.leave", &user, |_| Acting::Oneself)).await?;
    } else {
        let repo = access.repo.id.as_str();
        let access = RepoAccess::<Admin>::authorize(&state, &headers, repo, None).await?;
        Box::pin(take_out(&state, &headers, access, "repo.member.remove", &user, Acting::As)).await?;
    }
    Ok(done())
}

async fn take_out<A: RepoAction>(
    state: &AppState,
    headers: &HeaderMap,
    access: RepoAccess<A>,
    action: &'static str,
    user: &UserId,
    acting: fn(Role) -> Acting<Role>,
) -> Result<RepoRow> {
    let deed = Deed { action, target: format!("{}/members/{user}", access.repo.id) };
    edit_repo(state, headers, access, deed, |role, draft| {
        members::remove_member(&mut draft.row.members, acting(role), user)?;
        hand_over(&mut draft.row);
        draft.rows.delete("list of the member", Key::RepoOfUser(user.clone(), draft.row.id.clone()));
        Ok(())
    })
    .await
}

/// Whoever is named as the owner is one: if the old one no longer is, the first that there is.
fn hand_over(row: &mut RepoRow) {
    if row.members.get(&row.owner_id) == Some(&Role::Owner) {
        return;
    }
    if let Some((owner, _)) = row.members.iter().find(|(_, role)| **role == Role::Owner) {
        row.owner_id = owner.clone();
    }
}
