//! Lists of entities, and entities as a whole.

use axum::http::StatusCode;
use axum::response::Response;
use granary_auth::{Principal, Standing, org_role};
use granary_http::entity::{AccessEntity, EntityAccess, organisations};
use granary_http::{ApiResult, AppState, Caller, Params, reply};
use granary_model::entity::EntitySlug;
use granary_model::{OrgSlug, Result};
use granary_storage::rows::{EntityRef, EntityRow, EntityVersionRow, OrgRow};
use granary_storage::{Key, Subject};
use serde::Serialize;
use serde_json::{Value, json};

use super::publishers::publisher_views;
use crate::access::Entity;
use crate::pages::{ListQuery, Pages};
use crate::sharing::visible_shares;
use crate::view::{EntityView, PublicationView, PublisherView, ShareView, VersionView, Versions};

/// Where the bytes of entities are: the only answer there is.
pub(super) fn storage_config() -> Value {
    json!({ "type": "platform-managed" })
}

/// `GET /api/entities`: the entities that the caller publishes, or that belong to the organisation of the token.
pub(super) async fn list_entities(
    state: AppState,
    caller: Caller,
    Params(query): Params<ListQuery>,
) -> ApiResult<Response> {
    // The id does not matter: the key only says whose list it is.
    let first = match &caller.principal {
        Principal::Org { slug, .. } => Key::EntityOfOrg(slug.clone(), String::new()),
        _ => Key::EntityOfUser(caller.user()?.clone(), String::new()),
    };
    let list = (first, "ENTITY#");
    let mut pages = Pages::open(&state, &query, list, |entry: EntityRef| Some(entry.id)).await?;
    while let Some(rows) = pages.next().await? {
        for row in rows.iter().filter(|row| is_mine(&caller.principal, row)) {
            pages.show(row, &EntityView::new(row, state.config()))?;
        }
    }
    Ok(reply(StatusCode::OK, &pages.answer()))
}

/// Whether an entity is one of the caller's: the lists only say where to look.
fn is_mine(principal: &Principal, row: &EntityRow) -> bool {
    match principal {
        Principal::User { id, .. } => row.publishers.contains(id),
        Principal::Org { slug, uid, .. } => {
            row.owner.subject == Subject::Org(slug.clone()) && row.owner.uid.as_ref() == Some(uid)
        }
        _ => false,
    }
}

/// `GET /api/entities/{entity}`.
pub(super) async fn show_entity(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
) -> ApiResult<Response> {
    let whole = Box::pin(Whole::read(&state, &access.entity)).await?;
    Ok(reply(StatusCode::OK, &whole.view(&state, &access.entity)))
}

/// `GET /api/entities/{entity}/details`: who publishes it, who may have it, and what it needs besides.
pub(super) async fn show_details(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
) -> ApiResult<Response> {
    let entity = &access.entity;
    let (whole, publishers, orgs) = tokio::try_join!(
        Whole::read(&state, entity),
        publisher_views(&state, &access),
        organisations(&state, entity.stores.keys()),
    )?;
    let details = Details {
        whole: whole.view(&state, entity),
        access: standing_name(access.standing),
        publishers,
        stores: stores(&access, &orgs),
        shares: visible_shares(&access),
        dependencies: whole.dependencies(),
    };
    Ok(reply(StatusCode::OK, &details))
}

/// An entity as it is shown.
#[derive(Debug, Serialize)]
struct WholeView<'a> {
    entity: EntityView,
    active_version: Option<&'a VersionView>,
    versions: Vec<VersionView>,
    versions_truncated: bool,
    storage: Value,
}

/// The same with everything else that there is to know.
#[derive(Debug, Serialize)]
struct Details<'a> {
    #[serde(flatten)]
    whole: WholeView<'a>,
    /// By what the caller has access.
    access: &'static str,
    publishers: Vec<PublisherView>,
    stores: Vec<PublicationView>,
    shares: Vec<ShareView>,
    /// Services that the active version needs.
    dependencies: &'a [EntitySlug],
}

/// An entity with its versions.
struct Whole {
    versions: Versions,
    /// The active version, with its `package.json`.
    active: Option<(EntityVersionRow, VersionView)>,
}

impl Whole {
    async fn read(state: &AppState, entity: &EntityRow) -> Result<Self> {
        let (versions, active) = tokio::try_join!(Versions::read(state, entity), active(state, entity))?;
        Ok(Self { versions, active })
    }

    fn view(&self, state: &AppState, entity: &EntityRow) -> WholeView<'_> {
        WholeView {
            entity: EntityView::new(entity, state.config()),
            active_version: self.active.as_ref().map(|(_, view)| view),
            versions: self.versions.views(entity),
            versions_truncated: self.versions.next.is_some(),
            storage: storage_config(),
        }
    }

    /// Services that the active version needs; without one, those of the newest.
    fn dependencies(&self) -> &[EntitySlug] {
        let row = self.active.as_ref().map(|(row, _)| row).or(self.versions.rows.first());
        row.map_or(&[], |row| &row.service_dependencies)
    }
}

async fn active(state: &AppState, entity: &EntityRow) -> Result<Option<(EntityVersionRow, VersionView)>> {
    let Some(version) = &entity.active else { return Ok(None) };
    let key = Key::EntityVersion(entity.id.clone(), version.to_string());
    let row: Option<EntityVersionRow> = state.storage().get(&key).await?;
    // It may have been deleted since the entity was read.
    let Some(row) = row.filter(EntityVersionRow::is_live) else { return Ok(None) };
    let view = VersionView::of(state, entity, &row).await?;
    Ok(Some((row, view)))
}

/// The stores that the caller may know of: publishers of all, others of those of their organisations and of public ones.
fn stores(access: &EntityAccess<AccessEntity>, orgs: &[OrgRow]) -> Vec<PublicationView> {
    let entity = &access.entity;
    let still = |slug: &OrgSlug, uid: &str| orgs.iter().find(|org| org.slug == *slug && org.uid == uid);
    let shown = |slug: &OrgSlug| {
        let publication = entity.stores.get(slug)?;
        let org = still(slug, &publication.org_uid)?;
        let knows = access.standing == Standing::Publisher
            || publication.public
            || org_role(&access.caller.principal, org).is_some();
        knows.then(|| PublicationView::new(slug, publication))
    };
    entity.stores.keys().filter_map(shown).collect()
}

fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Publisher => "publisher",
        Standing::Share => "share",
        Standing::OrgStore => "org_store",
        Standing::PublicStore => "public_store",
    }
}
