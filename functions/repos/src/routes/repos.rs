//! Repositories that there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::{Principal, RepoFacts, membership};
use granary_http::permit::{Admin, Owner, Read};
use granary_http::seller::listed_repos;
use granary_http::{ApiResult, AppState, Caller, Fields, Json, Repo, done, reply};
use granary_kmp::watched;
use granary_model::{Error, PackageType, RepoId, Result, Visibility};
use granary_storage::rows::{Event, OrgRef, OrgRow, PackageEntry, RepoRef, RepoRow};
use granary_storage::{Key, PackageKey};
use serde_json::json;

use crate::counts::{Counts, repo_counts};
use crate::edit::{Deed, Draft, edit_repo};
use crate::settings::Settings;
use crate::view::{PublicRepoView, RepoView};

/// Rows of members' lists that are removed together with the repository. One transaction has 100 parts;
/// the events consumer removes what is left.
const MEMBERS_AT_ONCE: usize = 80;

/// `GET /api/repos`: the repositories that the caller belongs to.
pub(crate) async fn list_repos(state: AppState, caller: Caller) -> ApiResult<Response> {
    let rows = repos_of(&state, &caller.principal).await?;
    let ids: Vec<RepoId> = rows.iter().map(|row| row.id.clone()).collect();
    let counts = repo_counts(&state, &ids).await?;
    let insider = caller.principal.repo_token().is_none();
    let views = rows.into_iter().zip(counts).map(|(row, counts)| {
        if insider {
            json!(RepoView::new(row, counts))
        } else {
            json!(PublicRepoView::new(row, counts, None))
        }
    });
    Ok(reply(StatusCode::OK, &json!({ "repos": views.collect::<Vec<_>>() })))
}

/// The live repositories of a principal, by name. The lists only say where to look.
pub(crate) async fn repos_of(state: &AppState, principal: &Principal) -> Result<Vec<RepoRow>> {
    let mut ids = BTreeSet::new();
    let mut orgs: Vec<OrgRow> = Vec::new();
    match principal {
        Principal::Anonymous
        | Principal::Licence(_)
        | Principal::Consumer(_)
        | Principal::Product(_)
        | Principal::Build { .. } => {}
        Principal::User { id: user, .. } => {
            ids.extend(listed_repos(state, &Key::RepoOfUser(user.clone(), ANY.parse()?)).await?);
            let refs: Vec<OrgRef> =
                state.storage().list_all(&Key::OrgOf(user.clone(), ANY.parse()?), "ORG#").await?;
            let keys: Vec<Key> = refs.into_iter().map(|entry| Key::Org(entry.slug)).collect();
            orgs.extend(state.storage().read_all(&keys).await?.into_iter().flatten());
            for org in &orgs {
                ids.extend(listed_repos(state, &Key::RepoOfOrg(org.slug.clone(), ANY.parse()?)).await?);
            }
        }
        Principal::Org { slug, .. } => {
            ids.extend(listed_repos(state, &Key::RepoOfOrg(slug.clone(), ANY.parse()?)).await?);
        }
        Principal::Repo { id, .. } => {
            ids.insert(id.clone());
        }
    }
    let keys: Vec<Key> = ids.into_iter().map(Key::Repo).collect();
    let rows: Vec<Option<RepoRow>> = state.storage().read_all(&keys).await?;
    let belongs = |row: &RepoRow| {
        let org = orgs.iter().find(|org| row.org_uid.as_ref() == Some(&org.uid));
        let org_role = org.zip(principal.user()).and_then(|(org, user)| org.members.get(user).copied());
        let facts = RepoFacts { repo: row, org_role, granted: false };
        !row.deleting && membership(principal, facts).is_some()
    };
    Ok(rows.into_iter().flatten().filter(belongs).collect())
}

/// Stands for any name where a key only has to say which partition to list.
const ANY: &str = "any";

/// `GET /api/repos/{repo}`: people only for those who belong to it.
pub(crate) async fn show_repo(state: AppState, Repo(access): Repo<Read>) -> ApiResult<Response> {
    let insider = access.is_insider(&state).await?;
    let counts = counts_of(&state, &access.repo.id).await?;
    let view = if insider {
        let role = access.role(&state).await?;
        json!(RepoView::new(Arc::unwrap_or_clone(access.repo), counts).seen_as(role))
    } else {
        json!(PublicRepoView::new(Arc::unwrap_or_clone(access.repo), counts, None))
    };
    Ok(reply(StatusCode::OK, &json!({ "repo": view })))
}

async fn counts_of(state: &AppState, repo: &RepoId) -> Result<Counts> {
    Ok(repo_counts(state, std::slice::from_ref(repo)).await?.pop().unwrap_or_default())
}

/// `PATCH /api/repos/{repo}`: changes settings.
pub(crate) async fn update_repo(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Admin>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&Settings::FIELDS)?;
    let settings = Settings::read(&state, &headers, &fields).await?;
    let mut row = RepoRow::clone(&access.repo);
    if !settings.is_empty() {
        if let Some(types) = &settings.package_types {
            require_unused(&state, &row, types).await?;
        }
        let deed = Deed { action: "repo.update", target: row.id.to_string() };
        row = edit_repo(&state, &headers, access, deed, |_, draft| update(draft, &settings)).await?;
    }
    let counts = counts_of(&state, &row.id).await?;
    Ok(reply(StatusCode::OK, &json!({ "repo": RepoView::new(row, counts) })))
}

fn update(draft: &mut Draft, settings: &Settings) -> Result<()> {
    settings.apply(&mut draft.row)?;
    let id = draft.row.id.clone();
    match settings.visibility {
        Some(Visibility::Public) => {
            draft.rows.put("list of public ones", &Key::PublicRepo(id.clone()), &RepoRef { id })
        }
        Some(Visibility::Private) => {
            draft.rows.delete("list of public ones", Key::PublicRepo(id));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Refuses to take away a protocol that still has packages, which nobody could reach any more, and the type `kmp` while
/// libraries are watched, which nobody would look at.
async fn require_unused(state: &AppState, repo: &RepoRow, types: &BTreeSet<PackageType>) -> Result<()> {
    let lost = offered(&repo.package_types).difference(&offered(types)).copied().collect::<Vec<_>>();
    for kind in lost {
        if kind == PackageType::Kmp && watched::is_any(state.storage(), &repo.id).await? {
            return Err(Error::Conflict(
                "packageTypes: 'kmp' cannot be taken away while libraries are watched".into(),
            ));
        }
        let first = PackageKey { repo: repo.id.clone(), kind, name: String::new() };
        let prefix = format!("PKG#{kind}#");
        let page = state.storage().list::<PackageEntry>(&Key::PackageOf(first), &prefix, None, 1).await?;
        if !page.rows.is_empty() {
            let type_of_repo = if repo.package_types.contains(&kind) { kind } else { PackageType::Kmp };
            return Err(Error::Conflict(format!(
                "packageTypes: '{type_of_repo}' cannot be taken away while there are {kind} packages"
            )));
        }
    }
    Ok(())
}

/// The protocols of which a repository of these types has packages.
fn offered(types: &BTreeSet<PackageType>) -> BTreeSet<PackageType> {
    let built = [PackageType::Npm, PackageType::Swift];
    let built = built.into_iter().filter(|_| types.contains(&PackageType::Kmp));
    types.iter().copied().chain(built).collect()
}

/// `DELETE /api/repos/{repo}`: from now on nobody sees it; the events consumer clears what it held.
pub(crate) async fn delete_repo(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Owner>,
) -> ApiResult<Response> {
    let deed = Deed { action: "repo.delete", target: access.repo.id.to_string() };
    edit_repo(&state, &headers, access, deed, |_, draft| {
        mark_deleted(draft);
        Ok(())
    })
    .await?;
    Ok(done())
}

fn mark_deleted(draft: &mut Draft) {
    let Draft { row, rows, event } = draft;
    row.deleting = true;
    rows.delete("list of public ones", Key::PublicRepo(row.id.clone()));
    if let Some(org) = &row.org {
        rows.delete("list of the organisation", Key::RepoOfOrg(org.clone(), row.id.clone()));
    }
    for user in row.members.keys().take(MEMBERS_AT_ONCE) {
        rows.delete("list of a member", Key::RepoOfUser(user.clone(), row.id.clone()));
    }
    *event = Some(Event::RepoDeleted { repo: row.id.clone(), uid: row.uid.clone() });
}
