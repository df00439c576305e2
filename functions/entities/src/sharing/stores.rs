//! The stores of organisations.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::{Principal, org_role};
use granary_http::entity::{EntityAccess, PublishEntity, owned};
use granary_http::permit::ManageStore;
use granary_http::{ApiResult, AppState, Caller, Fields, Json, Org, Params, no_content, reply, shown};
use granary_model::{Error, OrgSlug, Result};
use granary_publish::shelf::edit_shelf;
use granary_storage::Key;
use granary_storage::rows::{EntityRow, OrgRow, Publication, StoreRef};
use serde::Serialize;
use serde_json::json;

use crate::pages::{ListQuery, Pages};
use crate::sharing::publishing::{Publishing, Withdrawal, not_in_store};
use crate::view::{EntityView, PublicationView};

/// An entity of a store.
#[derive(Serialize)]
struct Published {
    #[serde(flatten)]
    entity: EntityView,
    publication: PublicationView,
}

/// A store as one caller sees it.
struct Store {
    org: OrgRow,
    /// Whether the caller belongs to the organisation, and so gets what is not public.
    inside: bool,
}

impl Store {
    /// The store of an organisation that there is: what is public in it is for every user and organisation.
    async fn open(state: &AppState, caller: &Caller, slug: &str) -> Result<Self> {
        if !matches!(caller.principal, Principal::User { .. } | Principal::Org { .. }) {
            return Err(Error::Forbidden(
                "entities are for users and organisations: use an account token (art_) or one of an organisation (org_)"
                    .into(),
            ));
        }
        let org: Option<OrgRow> = match slug.parse::<OrgSlug>() {
            Ok(slug) => state.storage().get(&Key::Org(slug)).await?,
            Err(_) => None,
        };
        let org = org.ok_or_else(|| Error::NotFound(format!("organisation '{}' not found", shown(slug))))?;
        Ok(Self { inside: org_role(&caller.principal, &org).is_some(), org })
    }

    /// The publication of an entity in this store, if the caller gets it.
    fn publication<'a>(&self, row: &'a EntityRow) -> Option<&'a Publication> {
        let there = row.stores.get(&self.org.slug).filter(|there| there.org_uid == self.org.uid)?;
        (self.inside || there.public).then_some(there)
    }

    fn view(&self, publication: &Publication) -> PublicationView {
        PublicationView::new(&self.org.slug, publication)
    }
}

/// `GET /api/organizations/{org}/store?type=`: to members everything in the store, to others what is public.
pub(crate) async fn list_store(
    state: AppState,
    caller: Caller,
    Path(slug): Path<String>,
    Params(query): Params<ListQuery>,
) -> ApiResult<Response> {
    let store = Store::open(&state, &caller, &slug).await?;
    let list = (Key::StoreEntry(store.org.slug.clone(), String::new()), "STORE#");
    let pick = |entry: StoreRef| (store.inside || entry.public).then_some(entry.id);
    let mut pages = Pages::open(&state, &query, list, pick).await?;
    while let Some(rows) = pages.next().await? {
        for row in rows {
            let Some(publication) = store.publication(&row) else { continue };
            let publication = store.view(publication);
            pages.show(&row, &Published { entity: EntityView::new(&row, state.config()), publication })?;
        }
    }
    Ok(reply(StatusCode::OK, &pages.answer()))
}

/// `GET /api/organizations/{org}/store/{entity}`: one publication.
pub(crate) async fn show_publication(
    state: AppState,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let store = Store::open(&state, &caller, &slug).await?;
    let row: Option<EntityRow> = state.storage().get(&Key::Entity(id.clone())).await?;
    let rows = owned(&state, row.into_iter().filter(|row| !row.deleting).collect()).await?;
    let there = rows.first().and_then(|row| Some((row, store.publication(row)?)));
    let (row, publication) = there.ok_or_else(|| not_in_store(&store.org.slug, &id))?;
    let answer = json!({
        "publication": store.view(publication),
        "entity": EntityView::new(row, state.config()),
    });
    Ok(reply(StatusCode::OK, &answer))
}

/// `POST /api/organizations/{org}/store`: puts an entity into the store, or changes for whom it is there.
pub(crate) async fn publish_entity(
    state: AppState,
    Org(access): Org<ManageStore>,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&["entityId", "isPublic"])?;
    let public = fields.json("isPublic")?.unwrap_or(false);
    let entity = publisher(&state, &headers, &fields).await?;
    let permit = |row: &EntityRow| entity.recheck(row);
    let hand = entity.hand(&state, &permit);
    let mut edit = Publishing {
        storage: state.storage(),
        org: &access.org,
        public,
        by: access.principal.actor(),
        was_there: false,
        publication: None,
    };
    edit_shelf(&hand, entity.entity.clone(), &mut edit).await?;
    let status = if edit.was_there { StatusCode::OK } else { StatusCode::CREATED };
    let view = edit.publication.as_ref().map(|there| PublicationView::new(&access.org.slug, there));
    Ok(reply(status, &json!({ "publication": view })))
}

/// `DELETE /api/organizations/{org}/store`: takes an entity out of the store. Whoever had it by the store alone has it no
/// more.
pub(crate) async fn withdraw_entity(
    state: AppState,
    Org(access): Org<ManageStore>,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&["entityId"])?;
    let entity = publisher(&state, &headers, &fields).await?;
    let permit = |row: &EntityRow| entity.recheck(row);
    let hand = entity.hand(&state, &permit);
    edit_shelf(&hand, entity.entity.clone(), &mut Withdrawal { org: &access.org }).await?;
    Ok(no_content())
}

/// The entity of the request, which the caller must be a publisher of.
async fn publisher(
    state: &AppState,
    headers: &HeaderMap,
    fields: &Fields,
) -> Result<EntityAccess<PublishEntity>> {
    let id = Fields::required("entityId", fields.text("entityId")?)?;
    EntityAccess::authorize(state, headers, id).await
}
