//! Changing and deleting an entity.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use granary_http::entity::{EntityAccess, PublishEntity};
use granary_http::{ApiResult, AppState, Fields, Json, no_content, reply};
use granary_model::{Error, Result};
use granary_publish::Change;
use granary_publish::shelf::{Edited, Next, ShelfEdit, edit_shelf};
use granary_storage::rows::{EntityRow, Event, FileRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Subject, Transaction};
use serde_json::json;

use super::fields::{Settings, Text};
use super::icon;
use crate::access::Entity;
use crate::view::EntityView;

/// Rows of publishers' lists that are removed together with the entity. One transaction has 100 parts; the events consumer
/// removes what is left.
const PUBLISHERS_AT_ONCE: usize = 80;

/// Carries out an edit by the right of whoever asks for it, and gives the row as it is then; `None` if it is gone.
pub(super) async fn edit<E: ShelfEdit<EntityRow>>(
    state: &AppState,
    access: &EntityAccess<PublishEntity>,
    edit: &mut E,
) -> Result<Edited<EntityRow>> {
    let permit = |row: &EntityRow| access.recheck(row);
    edit_shelf(&access.hand(state, &permit), access.entity.clone(), edit).await
}

/// `PUT /api/entities/{entity}`: changes the fields that are there.
pub(super) async fn update_entity(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&Settings::FIELDS)?;
    let settings = Settings::read(&fields)?;
    if fields.has("name") {
        Fields::required("name", settings.name.as_ref())?;
    }
    let icon = match &settings.icon_path {
        Text::Keep => Icon::Keep,
        Text::Clear => Icon::Clear,
        Text::Set(path) => {
            let (principal, slug) = (&access.caller.principal, &access.entity.slug);
            Icon::Set(icon::fetch(&state, principal, slug, path).await?)
        }
    };
    let mut update = Update { settings, icon };
    let row = match edit(&state, &access, &mut update).await? {
        Edited::Changed(row) => row,
        Edited::Removed | Edited::Unchanged => access.entity,
    };
    Ok(reply(StatusCode::OK, &json!({ "entity": EntityView::new(&row, state.config()) })))
}

/// What becomes of the icon.
enum Icon {
    Keep,
    Clear,
    /// This one, whose bytes are stored and claimed.
    Set(FileRow),
}

struct Update {
    settings: Settings,
    icon: Icon,
}

impl Update {
    fn applied(&self, row: &EntityRow) -> EntityRow {
        let mut new = row.clone();
        if let Some(name) = &self.settings.name {
            new.name.clone_from(name);
        }
        new.description = self.settings.description.or(row.description.as_ref());
        // A hash that is not said anew would go on standing for the icon before.
        match &self.icon {
            Icon::Keep => {}
            Icon::Clear => (new.icon, new.icon_hash) = (None, None),
            Icon::Set(icon) => {
                (new.icon, new.icon_hash) = (Some(icon.clone()), Some(icon.sha256.to_string()));
            }
        }
        new.icon_hash = self.settings.icon_hash.or(new.icon_hash.as_ref());
        new
    }
}

impl ShelfEdit<EntityRow> for Update {
    fn action(&self) -> &'static str {
        "entity.update"
    }

    async fn apply(
        &mut self,
        row: EntityRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let new = self.applied(&row);
        if new == row {
            return Ok(Next::Nothing);
        }
        let digest = |row: &EntityRow| row.icon.as_ref().map(|icon| icon.sha256);
        let (before, after) = (digest(&row), digest(&new));
        if before != after {
            if let Some(digest) = after {
                transaction.hold_blob("icon", digest, 1, change.now);
            }
            let released: BTreeMap<_, _> = before.into_iter().map(|digest| (digest, 1)).collect();
            change.release_blobs(transaction, released)?;
        }
        Ok(Next::Write(new))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<()> {
        match refusal.label {
            "icon" => Err(icon_moved()),
            // Somebody else has replaced the icon before, whose bytes are counted no more.
            "blob" => Ok(()),
            label => Err(Error::internal("changing an entity", format!("the part '{label}' was refused"))),
        }
    }
}

/// The error for an icon whose claim has ended.
pub(super) fn icon_moved() -> Error {
    Error::Unavailable("the icon took too long to be stored; try again".into())
}

/// `DELETE /api/entities/{entity}`: from now on nobody sees it, and its short name is free; the events consumer clears what it
/// held.
pub(super) async fn delete_entity(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
) -> ApiResult<Response> {
    edit(&state, &access, &mut Deletion).await?;
    Ok(no_content())
}

struct Deletion;

impl ShelfEdit<EntityRow> for Deletion {
    fn action(&self) -> &'static str {
        "entity.delete"
    }

    async fn apply(
        &mut self,
        row: EntityRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let id = &row.id;
        transaction.delete("slug", Key::EntitySlug(row.slug.to_string()));
        if let Subject::Org(org) = &row.owner.subject {
            transaction.delete("list of the organisation", Key::EntityOfOrg(org.clone(), id.clone()));
        }
        for user in row.publishers.iter().take(PUBLISHERS_AT_ONCE) {
            transaction.delete("list of a publisher", Key::EntityOfUser(user.clone(), id.clone()));
        }
        change.announce(transaction, Event::EntityDeleted { id: id.clone() })?;
        Ok(Next::Write(EntityRow { deleting: true, ..row }))
    }
}
