//! New repositories.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::Principal;
use granary_http::editing::{refused, require_token};
use granary_http::permit::CreateRepoInOrg;
use granary_http::tokens::creator;
use granary_http::{ApiResult, AppState, Caller, Fields, Json, OrgAccess, reply};
use granary_model::{Error, OrgRole, RepoId, Result, Role, UserId, Visibility};
use granary_storage::rows::{MavenSettings, OrgRow, RepoRef, RepoRow};
use granary_storage::{Commit, Key, Transaction};
use serde_json::json;

use crate::counts::Counts;
use crate::settings::Settings;
use crate::view::RepoView;

/// `POST /api/repos`: makes a repository of the caller or of an organisation.
pub(crate) async fn create_repo(
    state: AppState,
    headers: HeaderMap,
    caller: Caller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&[&["name", "orgSlug"], Settings::FIELDS.as_slice()].concat())?;
    let home = Home::find(&state, &caller, fields.text("orgSlug")?).await?;
    let id: RepoId = Fields::required("name", fields.parsed("name")?)?;
    let settings = Settings::read(&state, &headers, &fields).await?;
    Fields::required("packageTypes", settings.package_types.as_ref())?;
    let mut row = home.new_repo(&state, id);
    settings.apply(&mut row)?;
    store_new(&state, &caller, &row).await?;
    Ok(reply(StatusCode::CREATED, &json!({ "repo": RepoView::new(row, Counts::default()) })))
}

/// Where a new repository belongs.
struct Home {
    owner: UserId,
    org: Option<OrgRow>,
}

impl Home {
    /// Authorises the caller to make a repository in this organisation, or in their own name. A token of
    /// an organisation makes it in its own.
    async fn find(state: &AppState, caller: &Caller, org: Option<&str>) -> Result<Self> {
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

    fn new_repo(self, state: &AppState, id: RepoId) -> RepoRow {
        let now = state.now();
        let (org, org_uid) = self.org.map(|org| (org.slug, org.uid)).unzip();
        RepoRow {
            id,
            uid: state.next_id(),
            package_types: BTreeSet::new(),
            visibility: Visibility::default(),
            description: None,
            members: [(self.owner.clone(), Role::Owner)].into(),
            owner_id: self.owner,
            org,
            org_uid,
            kmp_config: None,
            maven: MavenSettings::default(),
            created_at: now,
            updated_at: now,
            rev: 1,
            deleting: false,
        }
    }
}

/// Commits a new repository with its places in the lists.
async fn store_new(state: &AppState, caller: &Caller, row: &RepoRow) -> Result<()> {
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
