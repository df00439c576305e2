//! The shares of one entity.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_auth::{Denial, Principal, Standing};
use granary_http::entity::{AccessEntity, EntityAccess, PublishEntity};
use granary_http::tokens::creator;
use granary_http::users::users_by_email;
use granary_http::{ApiResult, AppState, Fields, Json, denied, no_content, reply};
use granary_model::{EmailAddress, Error, Result, Scope, UserId};
use granary_publish::shelf::{Edited, edit_shelf};
use granary_storage::rows::{EntityRow, Share};
use serde::Serialize;
use serde_json::json;

use crate::access::Entity;
use crate::sharing::sharing_edit::{AT_ONCE, Sharing, Unsharing, unknown_share};
use crate::view::ShareView;

/// Most addresses of one request.
const MAX_ADDRESSES: usize = 100;

/// What became of a request to share. Addresses are in lower case.
#[derive(Debug, Default, Serialize)]
struct Shared {
    /// The shares that were made.
    shares: Vec<ShareView>,
    already_had_access: Vec<EmailAddress>,
    /// Addresses of nobody here, or not verified to be theirs.
    not_found: Vec<EmailAddress>,
}

/// `GET /api/entities/{entity}/shares`: to publishers all of them, to others those that were made for them or by them.
pub(crate) async fn list_shares(Entity(access): Entity<AccessEntity>) -> ApiResult<Response> {
    let shares = visible_shares(&access);
    Ok(reply(StatusCode::OK, &json!({ "shares": shares })))
}

/// The shares that the caller may see: publishers and the owner all, others those that they made or were made for them.
pub(crate) fn visible_shares(access: &EntityAccess<AccessEntity>) -> Vec<ShareView> {
    let (user, all) =
        (access.caller.principal.user(), access.standing == Standing::Publisher || access.owns());
    let concerns = |share: &Share| Some(&share.user) == user || Some(&share.created_by) == user;
    share_views(&access.entity, |share| all || concerns(share))
}

/// The shares of an entity that fit, the oldest first.
pub(super) fn share_views(entity: &EntityRow, fits: impl Fn(&Share) -> bool) -> Vec<ShareView> {
    let shares = entity.shares.iter().filter(|(_, share)| fits(share));
    shares.map(|(id, share)| ShareView::new(id, share)).collect()
}

/// `POST /api/entities/{entity}/shares`: shares the entity with the users that these e-mail addresses belong to.
pub(crate) async fn create_shares(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let emails = addresses(&fields)?;
    let with = users_by_email(&state, &emails).await?;
    let not_found = emails.into_iter().filter(|email| !with.contains_key(email)).collect();
    let shared = Shared { not_found, ..share(&state, &access, with).await? };
    let status = if shared.shares.is_empty() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(reply(status, &shared))
}

fn addresses(fields: &Fields) -> Result<BTreeSet<EmailAddress>> {
    fields.only(&["emails"])?;
    let emails: Vec<EmailAddress> = Fields::required("emails", fields.list("emails")?)?;
    if emails.is_empty() || emails.len() > MAX_ADDRESSES {
        return Err(Error::BadRequest(format!("emails: 1 to {MAX_ADDRESSES} addresses at a time")));
    }
    Ok(emails.into_iter().collect())
}

/// Makes the shares, in as many transactions as they take. What was made before a failure stays: asking again goes on.
async fn share(
    state: &AppState,
    access: &EntityAccess<PublishEntity>,
    with: BTreeMap<EmailAddress, UserId>,
) -> Result<Shared> {
    let by = creator(state, &access.caller).await?;
    let permit = |row: &EntityRow| access.recheck(row);
    let hand = access.hand(state, &permit);
    let sharing = |with| Sharing {
        ids: state.ids(),
        by: &by,
        oneself: access.caller.principal.user(),
        with,
        created: Vec::new(),
        had_access: Vec::new(),
    };
    sharing(with.clone()).check(&access.entity)?;
    let (mut row, mut left, mut shared) = (access.entity.clone(), with, Shared::default());
    while !left.is_empty() {
        let rest = left.keys().nth(AT_ONCE).cloned().map(|email| left.split_off(&email));
        let mut edit = sharing(left);
        if let Edited::Changed(changed) = edit_shelf(&hand, row.clone(), &mut edit).await? {
            row = changed;
        }
        shared.shares.extend(edit.created.iter().map(|(id, share)| ShareView::new(id, share)));
        shared.already_had_access.extend(edit.had_access);
        left = rest.unwrap_or_default();
    }
    Ok(shared)
}

/// `DELETE /api/entities/{entity}/shares/{share}`: takes a share back, for whoever made it and for the entity's owner.
pub(crate) async fn delete_share(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Response> {
    require_right(&access, &id)?;
    let permit = |row: &EntityRow| access.recheck(row);
    let hand = access.hand(&state, &permit);
    edit_shelf(&hand, access.entity.clone(), &mut Unsharing { id: &id, user: None }).await?;
    Ok(no_content())
}

/// Refuses whoever neither made the share nor owns the entity. Who made it never changes.
fn require_right(access: &EntityAccess<AccessEntity>, id: &str) -> Result<()> {
    let (principal, entity) = (&access.caller.principal, &access.entity);
    let share = entity.shares.get(id).ok_or_else(|| unknown_share(id))?;
    let user = principal.user();
    if Some(&share.created_by) != user && !access.owns() {
        // Whoever does not see the share is told of none.
        if access.standing != Standing::Publisher && Some(&share.user) != user {
            return Err(unknown_share(id));
        }
        return Err(Error::Forbidden(
            "a share is taken back by whoever made it, or by the owner of the entity".into(),
        ));
    }
    if writes(principal) { Ok(()) } else { Err(denied(Denial::Scope, &format!("entity '{}'", entity.id))) }
}

fn writes(principal: &Principal) -> bool {
    match principal {
        Principal::User { scope, .. } | Principal::Org { scope, .. } => *scope >= Scope::Write,
        _ => false,
    }
}
