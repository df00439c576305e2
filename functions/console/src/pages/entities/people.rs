//! Who publishes an entity, whom it is shared with, and in which stores it is.

use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{after, api};
use crate::address::path;
use crate::form::{Submitted, wrong};
use crate::page::{PageResult, see};
use crate::pages::products::Holder;

/// `POST /ui/artifacts/entities/{entity}/add-publisher`.
pub(super) async fn add_publisher(
    Path(entity): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let body = json!({ "userId": form.text("user") });
    let path = api(&entity, &["publishers"]);
    let changed = visit.ask::<Value>(Method::POST, &path, None, Some(&body)).await;
    after(&visit, &entity, changed, "publishers").await
}

/// `POST /ui/artifacts/entities/{entity}/remove-publisher`.
pub(super) async fn remove_publisher(
    Path(entity): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let user = form.text("user");
    let changed = visit.ask::<Value>(Method::DELETE, &api(&entity, &["publishers", user]), None, None).await;
    let oneself = visit.user().is_some_and(|own| own.uid == user);
    if changed.is_ok() && oneself {
        // Who publishes it no longer may have nothing to see of it.
        return Ok(see(&Holder::of(&visit).done(&visit, &[], "publishers")));
    }
    after(&visit, &entity, changed, "publishers").await
}

/// What became of sharing.
#[derive(Deserialize)]
struct Shared {
    not_found: Vec<String>,
}

/// `POST /ui/artifacts/entities/{entity}/share`: with the users of these e-mail addresses, one a line.
pub(super) async fn share(Path(entity): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let body = json!({ "emails": form.lines("emails") });
    let shared = visit.ask::<Shared>(Method::POST, &api(&entity, &["shares"]), None, Some(&body)).await;
    let shared = shared.and_then(|shared| match shared.not_found.as_slice() {
        [] => Ok(()),
        nobody => Err(wrong(&format!(
            "Not shared with {}: nobody has signed in here with that address as a verified one. The others have it.",
            nobody.join(", ")
        ))),
    });
    after(&visit, &entity, shared, "shared").await
}

/// `POST /ui/artifacts/entities/{entity}/unshare`.
pub(super) async fn unshare(Path(entity): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let path = api(&entity, &["shares", form.text("share")]);
    let changed = visit.ask::<Value>(Method::DELETE, &path, None, None).await;
    after(&visit, &entity, changed, "unshared").await
}

/// `POST /ui/artifacts/entities/{entity}/publish`: puts it into the store of an organisation.
pub(super) async fn publish(Path(entity): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let body = json!({ "entityId": entity, "isPublic": form.is_checked("public") });
    let path = path(&["api", "organizations", form.text("store"), "store"]);
    let changed = visit.ask::<Value>(Method::POST, &path, None, Some(&body)).await;
    after(&visit, &entity, changed, "in-store").await
}

/// `POST /ui/artifacts/entities/{entity}/withdraw`: takes it out of the store of an organisation.
pub(super) async fn withdraw(Path(entity): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let path = path(&["api", "organizations", form.text("store"), "store"]);
    let changed = visit.ask::<Value>(Method::DELETE, &path, None, Some(&json!({ "entityId": entity }))).await;
    after(&visit, &entity, changed, "out-of-store").await
}
