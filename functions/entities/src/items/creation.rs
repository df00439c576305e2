//! New entities.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::Response;
use granary_auth::{Decision, Denial, Principal, decide_entity_creation};
use granary_http::editing::{refused, require_token};
use granary_http::permit::ManageStore;
use granary_http::{ApiResult, AppState, Caller, Fields, Json, OrgAccess, denied, reply};
use granary_model::entity::{EntitySlug, EntityType};
use granary_model::{Error, Result};
use granary_publish::shelf::ShelfRow;
use granary_storage::rows::{EntityRef, EntityRow};
use granary_storage::{Commit, Key, Subject, Tenant, Transaction};
use serde_json::json;

use super::edit::icon_moved;
use super::fields::Settings;
use super::icon;
use super::reading::storage_config;
use crate::view::EntityView;

/// Fields besides [`Settings`].
const FIELDS: [&str; 4] = ["type", "slug", "org_slug", "orgSlug"];

/// `POST /api/entities`: makes an entity of the caller or of an organisation.
pub(super) async fn create_entity(
    state: AppState,
    caller: Caller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    permit_creation(&caller.principal)?;
    fields.only(&[FIELDS, Settings::FIELDS].concat())?;
    let entity_type: EntityType = Fields::required("type", fields.parsed("type")?)?;
    let slug: EntitySlug = Fields::required("slug", fields.parsed("slug")?)?;
    let settings = Settings::read(&fields)?;
    let name = Fields::required("name", settings.name)?;
    let owner = owner(&state, &caller, org_slug(&fields)?).await?;
    let icon = match settings.icon_path.or(None) {
        Some(path) => Some(icon::fetch(&state, &caller.principal, &slug, &path).await?),
        None => None,
    };
    let now = state.now();
    let icon_hash = settings.icon_hash.or(icon.as_ref().map(|icon| icon.sha256.to_string()).as_ref());
    let row = EntityRow {
        id: state.next_id(),
        slug,
        entity_type,
        name,
        description: settings.description.or(None),
        icon,
        icon_hash,
        owner,
        publishers: caller.principal.user().cloned().into_iter().collect::<BTreeSet<_>>(),
        shares: std::collections::BTreeMap::new(),
        stores: std::collections::BTreeMap::new(),
        active: None,
        versions: 0,
        bytes: 0,
        created_at: now,
        updated_at: now,
        rev: 1,
        deleting: false,
    };
    store(&state, &caller, &row).await?;
    let body = json!({ "entity": EntityView::new(&row, state.config()), "storage": storage_config() });
    Ok(reply(StatusCode::CREATED, &body))
}

/// Refuses whoever can make no entities at all.
pub(super) fn permit_creation(principal: &Principal) -> Result<()> {
    match decide_entity_creation(principal) {
        Decision::Allow => Ok(()),
        Decision::Deny(Denial::Scope) => Err(Error::Forbidden(
            "the scope of this token does not allow this; use a token with write scope".into(),
        )),
        Decision::Deny(Denial::Session) => Err(Error::Forbidden(
            "entities are of users and organisations: use an account token (art_) or an organisation token (org_)".into(),
        )),
        Decision::Deny(denial) => Err(denied(denial, "this")),
    }
}

/// The organisation that is named. The documented bodies of this family are in snake case; the rest of the interface says
/// `orgSlug`.
fn org_slug(fields: &Fields) -> Result<Option<&str>> {
    match (fields.text("org_slug")?, fields.text("orgSlug")?) {
        (Some(_), Some(_)) => {
            Err(Error::BadRequest("org_slug: it is there twice, as orgSlug as well".into()))
        }
        (one, other) => Ok(one.or(other)),
    }
}

/// Whose the new entity is: the user's, or an organisation's whose store the caller may manage. A token of an organisation
/// makes it in its own.
async fn owner(state: &AppState, caller: &Caller, org: Option<&str>) -> Result<Tenant> {
    let slug = match (&caller.principal, org) {
        (Principal::Org { slug, .. }, None) => slug.as_str(),
        (_, Some(slug)) => slug,
        (_, None) => return Ok(Tenant { subject: Subject::User(caller.user()?.clone()), uid: None }),
    };
    let org = OrgAccess::<ManageStore>::of_caller(state, caller, slug).await?.org;
    Ok(Tenant { subject: Subject::Org(org.slug), uid: Some(org.uid) })
}

/// Commits a new entity with its short name and its places in the lists.
///
/// # Errors
/// `Conflict` if the short name is taken, `NotFound` if the organisation is gone.
async fn store(state: &AppState, caller: &Caller, row: &EntityRow) -> Result<()> {
    let entry = EntityRef { id: row.id.clone() };
    let mut transaction = Transaction::new();
    require_token(&mut transaction, caller);
    if let (Subject::Org(org), Some(uid)) = (&row.owner.subject, &row.owner.uid) {
        // So that the organisation's deletion cannot miss it.
        transaction.touch_org("org", org, uid);
        transaction.put(
            "list of the organisation",
            &Key::EntityOfOrg(org.clone(), row.id.clone()),
            &entry,
        )?;
    }
    transaction.put_new("slug", &Key::EntitySlug(row.slug.to_string()), &entry)?;
    transaction.put_new("entity", &Key::Entity(row.id.clone()), row)?;
    for user in &row.publishers {
        transaction.put("list of the publisher", &Key::EntityOfUser(user.clone(), row.id.clone()), &entry)?;
    }
    if let Some(icon) = &row.icon {
        transaction.hold_blob("icon", icon.sha256, 1, state.now());
    }
    let change = state.change(&caller.principal);
    change.audit(&mut transaction, &row.scope(), "entity.create", &row.label())?;
    let refusal = match state.storage().commit(transaction).await? {
        Commit::Done => return Ok(()),
        Commit::Refused(refusal) => refusal,
    };
    Err(match refusal.label {
        "slug" => Error::Conflict(format!("the slug '{}' is taken; choose another one", row.slug)),
        "org" => Error::NotFound("organisation not found".into()),
        "icon" => icon_moved(),
        label => refused(label),
    })
}
