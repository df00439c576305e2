//! `npm access`: who may see and write packages. Rights belong to the repository here, so most of this
//! answers questions and says where to change things.

use axum::response::{IntoResponse as _, Response};
use granary_auth::{RepoFacts, repo_role};
use granary_http::RepoAccess;
use granary_http::permit::{Admin, Fetch, Read};
use granary_model::npm::NpmName;
use granary_model::{Error, Result, Role, Visibility};
use granary_storage::rows::PackageEntry;
use granary_storage::{Key, PackageKey};
use serde_json::{Map, Value, json};

use crate::call::{Call, live_head, source};

/// Most packages that one list names.
const MAX_LISTED: usize = 10_000;

/// `GET /-/package/{name}/visibility`.
pub(crate) async fn show_visibility(call: &Call, name: &NpmName) -> Result<Response> {
    let access = call.package::<Fetch>(name).await?;
    source(call, &access, name).await?;
    Ok(axum::Json(json!({ "public": access.repo.visibility == Visibility::Public })).into_response())
}

/// `POST /-/package/{name}/access`: accepted where it asks for what is so already.
pub(crate) async fn set_access(call: &mut Call, name: &NpmName) -> Result<Response> {
    let access = call.package::<Admin>(name).await?;
    live_head(&access, name)?;
    let body = call.json().await?;
    let wanted = match body.get("access").and_then(Value::as_str) {
        Some("public") => Visibility::Public,
        Some("private" | "restricted") => Visibility::Private,
        _ => {
            return Err(Error::NotSupported(
                "this registry has no second factor for packages; only 'access' can be asked for".into(),
            ));
        }
    };
    if wanted != access.repo.visibility {
        return Err(Error::Forbidden(format!(
            "visibility belongs to the repository: change it with PATCH /api/repos/{} {{\"visibility\":\"{wanted}\"}}",
            access.repo.id
        )));
    }
    Ok(axum::Json(json!({ "ok": true })).into_response())
}

/// `GET /-/package/{name}/collaborators`: the members of the repository, for those who are known here.
pub(crate) async fn list_collaborators(call: &Call, name: &NpmName) -> Result<Response> {
    let access = call.package::<Read>(name).await?;
    let head = live_head(&access, name)?;
    access.require_insider(&call.state).await?;
    let list: Map<String, Value> = access
        .repo
        .members
        .iter()
        .map(|(user, role)| {
            (user.to_string(), permission(*role >= Role::Write || head.granted.contains(user)))
        })
        .collect();
    Ok(axum::Json(list).into_response())
}

/// `GET /-/org/{org}/package`: packages of this repository, if it belongs to that organisation.
pub(crate) async fn list_org_packages(call: &Call, org: &str) -> Result<Response> {
    let access = call.repo::<Read>().await?;
    if access.repo.org.as_ref().is_none_or(|slug| slug.as_str() != org) {
        return Err(Error::NotFound(format!("organisation '{}' not found", org.escape_debug())));
    }
    list_packages(call, &access).await
}

/// `GET /-/user/{user}/package`: packages of this repository, for the user who asks about themself.
pub(crate) async fn list_user_packages(call: &Call, user: &str) -> Result<Response> {
    let access = call.repo::<Read>().await?;
    if access.principal.display_name() != user {
        return Err(Error::NotFound(format!("user '{}' not found", user.escape_debug())));
    }
    list_packages(call, &access).await
}

async fn list_packages(call: &Call, access: &RepoAccess<Read>) -> Result<Response> {
    let facts = RepoFacts::of(&access.repo);
    let writes = repo_role(&access.principal, facts).is_some_and(|role| role >= Role::Write);
    let first = Key::PackageOf(PackageKey {
        repo: access.repo.id.clone(),
        kind: granary_model::PackageType::Npm,
        name: String::new(),
    });
    let (mut list, mut after) = (Map::new(), None::<String>);
    while list.len() < MAX_LISTED {
        let page =
            call.state.storage().list::<PackageEntry>(&first, "PKG#npm#", after.as_deref(), 1000).await?;
        list.extend(
            page.rows
                .into_iter()
                .filter(|entry| entry.versions > 0)
                .map(|entry| (entry.name, permission(writes))),
        );
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(axum::Json(list).into_response())
}

/// npm's words for rights.
fn permission(writes: bool) -> Value {
    if writes { "write".into() } else { "read".into() }
}
