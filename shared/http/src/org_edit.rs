//! Changing an organisation: one transaction around its row, tried again when the row moved meanwhile.

use axum::http::HeaderMap;
use granary_model::{Error, OrgRole, Result};
use granary_storage::rows::OrgRow;
use granary_storage::{Commit, Key, Transaction};

use crate::editing::{ATTEMPTS, pause, refused, require_token, too_busy};
use crate::org::OrgAccess;
use crate::permit::OrgPermission;
use crate::state::AppState;

/// What the audit log says of a change.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Such as `org.update`.
    pub action: &'static str,
    /// Such as `acme` or `acme/members/ann=admin`.
    pub target: String,
}

/// Carries out a change: row, lists and audit record commit together or not at all.
///
/// `edit` gets the role in which the caller acts, the row to change and the transaction for further rows.
/// When another change came first, the caller is authorised anew and `edit` starts from the row as it is
/// then, so neither a permission nor a rule is ever judged by an old row.
pub async fn edit_org<A: OrgPermission>(
    state: &AppState,
    headers: &HeaderMap,
    access: OrgAccess<A>,
    deed: Deed,
    mut edit: impl FnMut(OrgRole, &mut OrgRow, &mut Transaction) -> Result<()> + Send,
) -> Result<OrgRow> {
    let mut access = access;
    for attempt in 0..ATTEMPTS {
        let role = access.role();
        let role =
            role.ok_or_else(|| Error::internal("changing an organisation", "allowed without a role"))?;
        let (mut row, mut transaction) = (access.org.clone(), Transaction::new());
        edit(role, &mut row, &mut transaction)?;
        let change = state.change(&access.principal);
        row.rev += 1;
        row.updated_at = change.now.max(row.updated_at);
        require_token(&mut transaction, &access.caller());
        transaction.put_rev("org", &Key::Org(row.slug.clone()), &row, Some(access.org.rev))?;
        change.audit(&mut transaction, &format!("org:{}", row.slug), deed.action, &deed.target)?;
        match state.storage().commit(transaction).await? {
            Commit::Done => return Ok(row),
            Commit::Refused(refusal) if refusal.label == "org" => {}
            Commit::Refused(refusal) => return Err(refused(refusal.label)),
        }
        pause(state, attempt).await;
        access = OrgAccess::authorize(state, headers, row.slug.as_str()).await?;
    }
    Err(too_busy("organisation"))
}
