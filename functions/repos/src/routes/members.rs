//! Members of a repository.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::members::{self, Acting, MemberRequest, MemberView, member_views};
use granary_http::permit::{Admin, Read};
use granary_http::{ApiResult, AppState, Fields, Json, Params, Repo, RepoAccess, done, reply};
use granary_model::{Role, UserId};
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
    let repo = access.repo.id.clone();
    let target = format!("{repo}/members/{user}");
    if access.principal.user() == Some(&user) {
        access.caller().own()?;
        let deed = Deed { action: "repo.member.leave", target };
        edit_repo(&state, &headers, access, deed, |_, draft| {
            members::remove_member(&mut draft.row.members, Acting::Oneself, &user)?;
            hand_over(&mut draft.row);
            draft.rows.delete("list of the member", Key::RepoOfUser(user.clone(), repo.clone()));
            Ok(())
        })
        .await?;
        return Ok(done());
    }
    let access = RepoAccess::<Admin>::authorize(&state, &headers, repo.as_str(), None).await?;
    let deed = Deed { action: "repo.member.remove", target };
    edit_repo(&state, &headers, access, deed, |acting, draft| {
        members::remove_member(&mut draft.row.members, Acting::As(acting), &user)?;
        hand_over(&mut draft.row);
        draft.rows.delete("list of the member", Key::RepoOfUser(user.clone(), repo.clone()));
        Ok(())
    })
    .await?;
    Ok(done())
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
