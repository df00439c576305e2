//! Publishers of an entity: users who may change it and upload versions.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_auth::Standing;
use granary_http::entity::{AccessEntity, EntityAccess, PublishEntity};
use granary_http::{ApiResult, AppState, Fields, Json, no_content, reply, shown};
use granary_model::{Error, Result, UserId};
use granary_publish::Change;
use granary_publish::shelf::{Edited, Next, ShelfEdit};
use granary_storage::rows::{EntityRef, EntityRow, UserRow};
use granary_storage::{Key, Subject, Transaction};
use serde_json::json;

use super::edit::edit;
use crate::access::{Entity, check_size};
use crate::view::PublisherView;

/// Most publishers of an entity: they stand in its row.
const MAX_PUBLISHERS: usize = 1_000;

/// `GET /api/entities/{entity}/publishers`.
pub(super) async fn list_publishers(
    state: AppState,
    Entity(access): Entity<AccessEntity>,
) -> ApiResult<Response> {
    let publishers = publisher_views(&state, &access).await?;
    Ok(reply(StatusCode::OK, &json!({ "publishers": publishers })))
}

/// The publishers as the caller may see them.
pub(super) async fn publisher_views(
    state: &AppState,
    access: &EntityAccess<AccessEntity>,
) -> Result<Vec<PublisherView>> {
    let users = &access.entity.publishers;
    let keys: Vec<Key> = users.iter().cloned().map(Key::User).collect();
    let profiles: Vec<Option<UserRow>> = state.storage().read_all(&keys).await?;
    let with_email = access.standing == Standing::Publisher;
    Ok(users
        .iter()
        .zip(profiles)
        .map(|(user, profile)| PublisherView::new(user.clone(), profile, with_email))
        .collect())
}

/// `GET /api/entities/{entity}/publishers/{user}`: whether somebody publishes it. Of themselves callers learn also whether they
/// do by their organisation.
pub(super) async fn check_publisher(
    Entity(access): Entity<AccessEntity>,
    Path((_, user)): Path<(String, String)>,
) -> ApiResult<Response> {
    let listed = access.entity.publishers.iter().any(|publisher| publisher.as_str() == user);
    let oneself = access.caller.principal.user().is_some_and(|caller| caller.as_str() == user);
    let is_publisher = listed || oneself && access.standing == Standing::Publisher;
    Ok(reply(StatusCode::OK, &json!({ "is_publisher": is_publisher })))
}

/// `POST /api/entities/{entity}/publishers`: 201 for a new one, 200 for one who was there.
pub(super) async fn add_publisher(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&["userId"])?;
    let user: UserId = Fields::required("userId", fields.parsed("userId")?)?;
    let profile: Option<UserRow> = state.storage().get(&Key::User(user.clone())).await?;
    let profile = profile.ok_or_else(|| {
        Error::BadRequest(format!("there is no user '{user}'; the person must sign in once before"))
    })?;
    let status = match edit(&state, &access, &mut Add { user: user.clone() }).await? {
        Edited::Unchanged => StatusCode::OK,
        Edited::Changed(_) | Edited::Removed => StatusCode::CREATED,
    };
    Ok(reply(status, &json!({ "publisher": PublisherView::new(user, Some(profile), true) })))
}

struct Add {
    user: UserId,
}

impl ShelfEdit<EntityRow> for Add {
    fn action(&self) -> &'static str {
        "entity.publisher.add"
    }

    fn detail(&self) -> String {
        format!("/publishers/{}", self.user)
    }

    async fn apply(
        &mut self,
        row: EntityRow,
        transaction: &mut Transaction,
        _: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let mut row = row;
        if !row.publishers.insert(self.user.clone()) {
            return Ok(Next::Nothing);
        }
        if row.publishers.len() > MAX_PUBLISHERS {
            return Err(Error::Conflict(format!("an entity has at most {MAX_PUBLISHERS} publishers")));
        }
        check_size(&row)?;
        let entry = EntityRef { id: row.id.clone() };
        transaction.put(
            "list of the publisher",
            &Key::EntityOfUser(self.user.clone(), row.id.clone()),
            &entry,
        )?;
        Ok(Next::Write(row))
    }
}

/// `DELETE /api/entities/{entity}/publishers/{user}`.
pub(super) async fn remove_publisher(
    state: AppState,
    Entity(access): Entity<PublishEntity>,
    Path((_, user)): Path<(String, String)>,
) -> ApiResult<Response> {
    let user: UserId = user.parse().map_err(|_| no_publisher(&user))?;
    edit(&state, &access, &mut Remove { user }).await?;
    Ok(no_content())
}

fn no_publisher(user: &str) -> Error {
    Error::NotFound(format!("publisher '{}' not found", shown(user)))
}

struct Remove {
    user: UserId,
}

impl ShelfEdit<EntityRow> for Remove {
    fn action(&self) -> &'static str {
        "entity.publisher.remove"
    }

    fn detail(&self) -> String {
        format!("/publishers/{}", self.user)
    }

    async fn apply(
        &mut self,
        row: EntityRow,
        transaction: &mut Transaction,
        _: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let mut row = row;
        if !row.publishers.remove(&self.user) {
            return Err(no_publisher(self.user.as_str()));
        }
        // An organisation's admins publish what is the organisation's; nobody does so for a user.
        if row.publishers.is_empty() && matches!(row.owner.subject, Subject::User(_)) {
            return Err(Error::Conflict(
                "the last publisher has to stay; add somebody else first, or delete the entity".into(),
            ));
        }
        transaction.delete("list of the publisher", Key::EntityOfUser(self.user.clone(), row.id.clone()));
        Ok(Next::Write(row))
    }
}
