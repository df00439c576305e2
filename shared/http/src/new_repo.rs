//! Making a repository: for whoever asks for one, and for sellers who have none yet.

use granary_auth::Principal;
use granary_model::{Error, OrgRole, RepoId, Result, Role, UserId, Visibility};
use granary_storage::rows::{OrgRow, RepoRef, RepoRow};
use granary_storage::{Commit, Key, Transaction};

use crate::caller::Caller;
use crate::editing::{refused, require_token};
use crate::org::OrgAccess;
use crate::permit::CreateRepoInOrg;
use crate::state::AppState;
use crate::tokens::creator;

/// Where a new repository belongs.
#[derive(Debug)]
pub struct RepoHome {
    owner: UserId,
    org: Option<OrgRow>,
}

impl RepoHome {
    /// Authorises the caller to make a repository in this organisation, or in their own name. A token of
    /// an organisation makes it in its own.
    ///
    /// # Errors
    /// `Forbidden` and `NotFound` for whoever may not.
    pub async fn find(state: &AppState, caller: &Caller, org: Option<&str>) -> Result<Self> {
        let slug = match (&caller.principal, org) {
            (Principal::Org { slug, .. }, None) => slug.as_str(),
            (Principal::Org { .. } | Principal::User { .. }, Some(slug)) => slug,
            _ => return Ok(Self { owner: caller.own()?.clone(), org: None }),
        };
        let org = OrgAccess::<CreateRepoInOrg>::of_caller(state, caller, slug).await?.org;
        let creator = creator(state, caller).await?;
        // Who made a token may have left the organisation since, and must not own what it makes.
        let owner = if caller.principal.user().is_some() || org.members.contains_key(&creator) {
            creator
        } else {
            let owner = org.members.iter().find(|(_, role)| **role == OrgRole::Owner);
            owner
                .ok_or_else(|| Error::internal("making a repository", "an organisation without owner"))?
                .0
                .clone()
        };
        Ok(Self { owner, org: Some(org) })
    }

    /// A private repository without any protocol, not stored yet.
    pub fn new_repo(self, state: &AppState, id: RepoId) -> RepoRow {
        let (org, org_uid) = self.org.map(|org| (org.slug, org.uid)).unzip();
        let members = [(self.owner.clone(), Role::Owner)].into();
        RepoRow { org, org_uid, members, ..RepoRow::new(id, state.next_id(), self.owner, state.now()) }
    }
}

/// Commits a new repository with its places in the lists.
///
/// # Errors
/// `Conflict` if the name is taken, `NotFound` if the organisation is gone.
pub async fn store_new_repo(state: &AppState, caller: &Caller, row: &RepoRow) -> Result<()> {
    let (id, entry) = (row.id.clone(), RepoRef { id: row.id.clone() });
    let mut transaction = Transaction::new();
    require_token(&mut transaction, caller);
    if let (Some(org), Some(uid)) = (&row.org, &row.org_uid) {
        transaction.touch_org("org", org, uid);
        transaction.put("list of the organisation", &Key::RepoOfOrg(org.clone(), id.clone()), &entry)?;
    }
    transaction.put_new("repo", &Key::Repo(id.clone()), row)?;
    transaction.put("list of the owner", &Key::RepoOfUser(row.owner_id.clone(), id.clone()), &entry)?;
    if row.visibility == Visibility::Public {
        transaction.put("list of public ones", &Key::PublicRepo(id.clone()), &entry)?;
    }
    state.change(&caller.principal).audit(
        &mut transaction,
        &format!("repo:{id}"),
        "repo.create",
        id.as_str(),
    )?;
    let refusal = match state.storage().commit(transaction).await? {
        Commit::Done => return Ok(()),
        Commit::Refused(refusal) => refusal,
    };
    match refusal.label {
        "repo" => Err(Error::Conflict(match refusal.existing::<RepoRow>()? {
            Some(old) if old.deleting => {
                format!("the repository '{id}' is being deleted; its name is free again in a moment")
            }
            _ => format!("the repository name '{id}' is taken; choose another one"),
        })),
        "org" => Err(Error::NotFound("organisation not found".into())),
        label => Err(refused(label)),
    }
}
