//! Organisations themselves.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::{Principal, org_role};
use granary_http::editing::{refused, require_token};
use granary_http::org_edit::{Deed, edit_org};
use granary_http::permit::{ManageOrg, ViewOrg};
use granary_http::{ApiResult, AppState, Caller, Fields, Json, Org, reply};
use granary_model::{Error, OrgRole, OrgSlug, Result, UserId};
use granary_storage::rows::{OrgRef, OrgRow};
use granary_storage::{Commit, Key, Transaction};
use serde_json::json;

use crate::view::OrgView;

/// Longest name, in characters.
const MAX_NAME: usize = 100;

/// `POST /api/orgs`: makes an organisation that the caller owns.
pub(crate) async fn create_org(
    state: AppState,
    caller: Caller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let owner = caller.own()?.clone();
    fields.only(&["slug", "name"])?;
    let slug: OrgSlug = Fields::required("slug", fields.parsed("slug")?)?;
    let name = name(&fields)?.unwrap_or_else(|| slug.to_string());
    let row = new_org(&state, slug, name, owner);
    store_new(&state, &caller, &row).await?;
    Ok(reply(StatusCode::CREATED, &json!({ "org": OrgView::from(row) })))
}

fn new_org(state: &AppState, slug: OrgSlug, name: String, owner: UserId) -> OrgRow {
    let now = state.now();
    OrgRow {
        slug,
        uid: state.next_id(),
        name,
        members: [(owner, OrgRole::Owner)].into(),
        created_at: now,
        updated_at: now,
        rev: 1,
    }
}

/// The name to show, if the request names one.
fn name(fields: &Fields) -> Result<Option<String>> {
    let Some(name) = fields.text("name")?.map(str::trim) else { return Ok(None) };
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::BadRequest(format!("name: 1 to {MAX_NAME} printable characters")));
    }
    Ok(Some(name.into()))
}

/// Commits a new organisation with its place in its owner's list.
async fn store_new(state: &AppState, caller: &Caller, row: &OrgRow) -> Result<()> {
    let slug = &row.slug;
    let mut transaction = Transaction::new();
    require_token(&mut transaction, caller);
    transaction.put_new("org", &Key::Org(slug.clone()), row)?;
    for user in row.members.keys() {
        let entry = OrgRef { slug: slug.clone() };
        transaction.put("list of the owner", &Key::OrgOf(user.clone(), slug.clone()), &entry)?;
    }
    let change = state.change(&caller.principal);
    change.audit(&mut transaction, &format!("org:{slug}"), "org.create", slug.as_str())?;
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(()),
        Commit::Refused(refusal) if refusal.label == "org" => {
            Err(Error::Conflict(format!("the organisation slug '{slug}' is taken; choose another one")))
        }
        Commit::Refused(refusal) => Err(refused(refusal.label)),
    }
}

/// `GET /api/orgs`: the organisations that the caller belongs to.
pub(crate) async fn list_orgs(state: AppState, caller: Caller) -> ApiResult<Response> {
    let orgs = orgs_of(&state, &caller).await?.into_iter().map(OrgView::from);
    Ok(reply(StatusCode::OK, &json!({ "orgs": orgs.collect::<Vec<_>>() })))
}

/// The organisations of a caller, by slug. The list only says where to look.
async fn orgs_of(state: &AppState, caller: &Caller) -> Result<Vec<OrgRow>> {
    let slugs: Vec<OrgSlug> = if let Principal::Org { slug, .. } = &caller.principal {
        vec![slug.clone()]
    } else {
        // The slug does not matter: the key only says whose list it is.
        let first = Key::OrgOf(caller.user()?.clone(), "any".parse()?);
        let refs: Vec<OrgRef> = state.storage().list_all(&first, "ORG#").await?;
        refs.into_iter().map(|entry| entry.slug).collect()
    };
    let keys: Vec<Key> = slugs.into_iter().map(Key::Org).collect();
    let rows: Vec<Option<OrgRow>> = state.storage().read_all(&keys).await?;
    Ok(rows.into_iter().flatten().filter(|org| org_role(&caller.principal, org).is_some()).collect())
}

/// `GET /api/orgs/{org}`.
pub(crate) async fn show_org(Org(access): Org<ViewOrg>) -> ApiResult<Response> {
    Ok(reply(StatusCode::OK, &json!({ "org": OrgView::from(access.org) })))
}

/// `PATCH /api/orgs/{org}`: changes the name.
pub(crate) async fn update_org(
    state: AppState,
    headers: HeaderMap,
    Org(access): Org<ManageOrg>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&["name"])?;
    let name = Fields::required("name", name(&fields)?)?;
    let deed = Deed { action: "org.update", target: access.org.slug.to_string() };
    let org = edit_org(&state, &headers, access, deed, |_, org, _| {
        org.name.clone_from(&name);
        Ok(())
    })
    .await?;
    Ok(reply(StatusCode::OK, &json!({ "org": OrgView::from(org) })))
}
