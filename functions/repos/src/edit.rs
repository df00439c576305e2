//! Changing a repository: one transaction around its row, tried again when the row moved meanwhile.

use axum::http::HeaderMap;
use granary_http::editing::{ATTEMPTS, pause, refused, require_token, too_busy};
use granary_http::permit::RepoAction;
use granary_http::{AppState, RepoAccess};
use granary_model::{Error, Result, Role};
use granary_storage::rows::{Event, RepoRow};
use granary_storage::{Commit, Key, Transaction};

/// A change in the making.
pub(crate) struct Draft {
    /// The repository as it shall be.
    pub(crate) row: RepoRow,
    /// Further rows that change with it.
    pub(crate) rows: Transaction,
    /// What has to be followed up.
    pub(crate) event: Option<Event>,
}

/// What the audit log says of a change.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    /// Such as `repo.update`.
    pub(crate) action: &'static str,
    /// Such as `libs` or `libs/members/ann=write`.
    pub(crate) target: String,
}

/// Carries out a change: row, lists, audit record and event commit together or not at all.
///
/// `edit` gets the role in which the caller acts. When another change came first, the caller is
/// authorised anew and `edit` starts from the row as it is then, so neither a permission nor a rule is
/// ever judged by an old row.
pub(crate) async fn edit_repo<A: RepoAction>(
    state: &AppState,
    headers: &HeaderMap,
    access: RepoAccess<A>,
    deed: Deed,
    mut edit: impl FnMut(Role, &mut Draft) -> Result<()> + Send,
) -> Result<RepoRow> {
    let mut access = access;
    for attempt in 0..ATTEMPTS {
        let role = access.role(state).await?;
        let role = role.ok_or_else(|| Error::internal("changing a repository", "allowed without a role"))?;
        let mut draft = Draft { row: RepoRow::clone(&access.repo), rows: Transaction::new(), event: None };
        edit(role, &mut draft)?;
        let Draft { mut row, rows: mut transaction, event } = draft;
        let mut change = state.change(&access.principal);
        row.rev += 1;
        row.updated_at = change.now.max(row.updated_at);
        require_token(&mut transaction, &access.caller());
        transaction.put_rev("repo", &Key::Repo(row.id.clone()), &row, Some(access.repo.rev))?;
        change.audit(&mut transaction, &format!("repo:{}", row.id), deed.action, &deed.target)?;
        if let Some(event) = event {
            change.announce(&mut transaction, event)?;
        }
        match state.storage().commit(transaction).await? {
            Commit::Done => {
                change.notify(state.storage()).await;
                return Ok(row);
            }
            Commit::Refused(refusal) if refusal.label == "repo" => {}
            Commit::Refused(refusal) => return Err(refused(refusal.label)),
        }
        pause(state, attempt).await;
        access = RepoAccess::authorize(state, headers, row.id.as_str(), None).await?;
    }
    Err(too_busy("repository"))
}
