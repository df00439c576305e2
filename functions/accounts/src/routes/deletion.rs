//! Deleting an organisation.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, pause, refused, require_token, too_busy};
use granary_http::permit::DeleteOrg;
use granary_http::{ApiResult, AppState, Org, OrgAccess, done, seller, tokens};
use granary_model::{Error, Result};
use granary_storage::rows::{Event, OrgRow, RepoRef, RepoRow};
use granary_storage::{Commit, Key, Subject, Tenant, Transaction};
use tokio::time::timeout;

/// Rows of members' lists that are removed together with the organisation. One transaction has 100
/// parts; what is left is ignored, because a list only says where to look.
const MEMBERS_AT_ONCE: usize = 80;

/// Most rows that are read in one call.
const BATCH: usize = 100;

/// How long the request clears away what the organisation had. Large ones are left to the event, so that a client is told in
/// time that its organisation is gone.
const CLEARING: Duration = Duration::from_secs(5);

/// `DELETE /api/orgs/{org}`: only without repositories. Its tokens go first, and whatever is made in it meanwhile moves
/// its `rev`, so nothing of it outlives its row. What it sold, its products and its entities go last: until its row is gone,
/// they may be kept after all. The tokens of its products count for nothing without that row.
pub(crate) async fn delete_org(
    state: AppState,
    headers: HeaderMap,
    Org(access): Org<DeleteOrg>,
) -> ApiResult<Response> {
    let mut access = access;
    for attempt in 0..ATTEMPTS {
        let slug = access.org.slug.clone();
        require_empty(&state, &access.org).await?;
        let change = state.change(&access.principal);
        let subject = Subject::Org(slug.clone());
        tokens::revoke_all(state.storage(), &change, &subject).await?;
        let tenant = Tenant { subject, uid: Some(access.org.uid.clone()) };
        let mut transaction = removal(&access);
        let mut change = state.change(&access.principal);
        change.audit(&mut transaction, &format!("org:{slug}"), "org.delete", slug.as_str())?;
        change.announce(&mut transaction, Event::SellerDeleted { tenant: tenant.clone() })?;
        match state.storage().commit(transaction).await? {
            Commit::Done => {
                // Nobody reaches anything of it any more. If this breaks off, its event is followed up.
                match timeout(CLEARING, seller::purge(&state, &tenant)).await {
                    Ok(Ok(())) => return Ok(done()),
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "what an organisation had is left to its event");
                    }
                    Err(_) => tracing::info!("an organisation had much, which is left to its event"),
                }
                change.notify(state.storage()).await;
                return Ok(done());
            }
            Commit::Refused(refusal) if refusal.label == "org" => {}
            Commit::Refused(refusal) => return Err(refused(refusal.label).into()),
        }
        pause(&state, attempt).await;
        access = OrgAccess::authorize(&state, &headers, slug.as_str()).await?;
    }
    Err(too_busy("organisation").into())
}

/// The removal of the organisation's row, and of it from its members' lists.
fn removal(access: &OrgAccess<DeleteOrg>) -> Transaction {
    let org = &access.org;
    let mut transaction = Transaction::new();
    require_token(&mut transaction, &access.caller());
    transaction.delete_rev("org", Key::Org(org.slug.clone()), org.rev);
    for user in org.members.keys().take(MEMBERS_AT_ONCE) {
        transaction.delete("list of a member", Key::OrgOf(user.clone(), org.slug.clone()));
    }
    transaction
}

/// Refuses an organisation that owns repositories.
async fn require_empty(state: &AppState, org: &OrgRow) -> Result<()> {
    let first = Key::RepoOfOrg(org.slug.clone(), "any".parse()?);
    let refs: Vec<RepoRef> = state.storage().list_all(&first, "REPO#").await?;
    let mut owned = 0_usize;
    for chunk in refs.chunks(BATCH) {
        let keys: Vec<Key> = chunk.iter().map(|entry| Key::Repo(entry.id.clone())).collect();
        let rows: Vec<Option<RepoRow>> = state.storage().batch_get(&keys).await?;
        let alive = |row: &&RepoRow| !row.deleting && row.org_uid.as_ref() == Some(&org.uid);
        owned += rows.iter().flatten().filter(alive).count();
    }
    if owned == 0 {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "organisation '{}' still owns {owned} {}; delete them first",
        org.slug,
        if owned == 1 { "repository" } else { "repositories" }
    )))
}
