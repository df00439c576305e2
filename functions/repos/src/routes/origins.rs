//! Whose the name of a package is: the repository's own, or an upstream's.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::permit::{Admin, Read};
use granary_http::{ApiResult, AppState, Fields, Json, RepoAccess, reply, shown};
use granary_model::{Error, PackageType, Result};
use granary_storage::rows::{HeadRow, VersionRow};
use granary_storage::{Key, PackageKey};
use granary_upstream::clear::{Heir, release};
use granary_upstream::{Asker, origin};
use serde_json::{Value, json};

use crate::named::any_key;

type Address = Path<(String, String, String)>;

/// How often a change is begun anew because another one came first.
const ATTEMPTS: u32 = 8;

/// `GET /api/repos/{repo}/origins/{kind}/{name}`: for whoever belongs to the repository.
pub(crate) async fn show_origin(
    state: AppState,
    Path((repo, kind, name)): Address,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let access = RepoAccess::<Read>::authorize(&state, &headers, &repo, None).await?;
    access.require_insider(&state).await?;
    let kind: PackageType = kind.parse()?;
    let (_, head) = find(&state, &access, kind, &name).await?;
    Ok(reply(StatusCode::OK, &json!({ "origin": view(&access, kind, head.as_ref()) })))
}

/// `PUT /api/repos/{repo}/origins/{kind}/{name}`: with `local` the name is the repository's own from that moment on: no upstream is
/// asked for it, and what is kept of one goes. With `upstream` it is nobody's again, which it can only be if nothing was ever
/// published under it.
pub(crate) async fn set_origin(
    state: AppState,
    Path((repo, kind, name)): Address,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let access = RepoAccess::<Admin>::authorize(&state, &headers, &repo, None).await?;
    fields.only(&["origin"])?;
    let heir = match Fields::required("origin", fields.text("origin")?)? {
        "local" => Heir::Repository,
        "upstream" => Heir::Nobody,
        _ => return Err(Error::BadRequest("origin: it is 'local' or 'upstream'".into()).into()),
    };
    let kind: PackageType = kind.parse()?;
    let work = state.upstream_work();
    let by = Asker { actor: access.principal.actor(), anonymous: false };
    for _ in 0..ATTEMPTS {
        let (package, head) = find(&state, &access, kind, &name).await?;
        let is_owned = head.as_ref().is_some_and(HeadRow::is_owned);
        match heir {
            Heir::Repository if is_owned => return Ok(answer(&access, kind, head.as_ref())),
            Heir::Nobody if !is_owned => return Ok(answer(&access, kind, head.as_ref())),
            Heir::Nobody => require_unused(&state, &package).await?,
            Heir::Repository => {}
        }
        // Under its own name, not under that of another case at an upstream.
        let own = PackageKey { name: own_key(kind, &name)?, ..package.clone() };
        if own == package {
            if release(&work, &access.repo, (&package, &name, head.as_ref()), heir, Some(&by)).await? {
                let (_, head) = find(&state, &access, kind, &name).await?;
                return Ok(answer(&access, kind, head.as_ref()));
            }
        } else if release(&work, &access.repo, (&package, &name, head.as_ref()), Heir::Nobody, Some(&by))
            .await?
        {
            let before: Option<HeadRow> = state.storage().get(&Key::Head(own.clone())).await?;
            let before = before.filter(|head| head.repo_uid == access.repo.uid);
            if release(&work, &access.repo, (&own, &name, before.as_ref()), heir, Some(&by)).await? {
                let (_, head) = find(&state, &access, kind, &name).await?;
                return Ok(answer(&access, kind, head.as_ref()));
            }
        }
    }
    Err(Error::Unavailable("the package is changing too fast; try again".into()).into())
}

fn answer(access: &RepoAccess<Admin>, kind: PackageType, head: Option<&HeadRow>) -> Response {
    reply(StatusCode::OK, &json!({ "origin": view(access, kind, head) }))
}

fn own_key(kind: PackageType, name: &str) -> Result<String> {
    let wrong = || Error::BadRequest(format!("'{}' is no name of a {kind} package", shown(name)));
    any_key(kind, name).into_iter().next().ok_or_else(wrong)
}

/// The package of a name with its head, whatever that is of.
async fn find<A: granary_http::permit::RepoAction>(
    state: &AppState,
    access: &RepoAccess<A>,
    kind: PackageType,
    name: &str,
) -> Result<(PackageKey, Option<HeadRow>)> {
    own_key(kind, name)?;
    let mut first = None;
    for key in any_key(kind, name) {
        let package = access.package_key(kind, &key);
        let head: Option<HeadRow> = state.storage().get(&Key::Head(package.clone())).await?;
        let head = head.filter(|head| head.repo_uid == access.repo.uid && !head.free);
        if head.is_some() {
            return Ok((package, head));
        }
        first.get_or_insert(package);
    }
    let package = first.ok_or_else(|| Error::internal("looking for a package", "it has no key"))?;
    // What is nobody's still has its revision.
    let head: Option<HeadRow> = state.storage().get(&Key::Head(package.clone())).await?;
    let head = head.filter(|head| head.repo_uid == access.repo.uid);
    Ok((package, head))
}

/// Refuses to give away a name under which something was published: its versions can never be published again, by nobody.
async fn require_unused(state: &AppState, package: &PackageKey) -> Result<()> {
    let first = Key::Version(package.clone(), String::new());
    let page = state.storage().list::<VersionRow>(&first, "VER#", None, 100).await?;
    if page.rows.iter().all(|row| row.fetched.is_some()) && page.next.is_none() {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "versions of '{}' were published in this repository, so its name stays the repository's: those who have them must never \
         get another package under it",
        package.name
    )))
}

fn view<A: granary_http::permit::RepoAction>(
    access: &RepoAccess<A>,
    kind: PackageType,
    head: Option<&HeadRow>,
) -> Value {
    match head {
        None => json!({ "origin": null }),
        Some(head) if head.free => json!({ "origin": null }),
        Some(head) => match &head.upstream {
            None => json!({ "origin": "local", "name": head.name }),
            Some(upstream) => json!({
                "origin": "upstream",
                "name": head.name,
                "upstream": upstream.name,
                "isConfigured": origin(&access.repo, kind, &head.name, head).is_some(),
            }),
        },
    }
}
