//! Who publishes an entity, whom it is shared with, and in which stores it is.

use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{after, after_filling, api};
use crate::address::path;
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageResult, see};
use crate::pages::products::Holder;

/// `POST /ui/artifacts/entities/{entity}/add-publisher`.
pub(super) async fn add_publisher(
    Path(entity): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let user = form.text("user");
    let path = api(&entity, &["publishers"]);
    let changed = visit.ask::<Value>(Method::POST, &path, None, Some(&json!({ "userId": user }))).await;
    after_filling(&visit, &entity, changed, "publishers", |page| user.clone_into(&mut page.new_publisher))
        .await
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
    shares: Vec<IgnoredAny>,
    already_had_access: Vec<IgnoredAny>,
    not_found: Vec<String>,
}

impl Shared {
    /// What is wrong, if somebody could not be found.
    fn problem(&self) -> Option<Problem> {
        if self.not_found.is_empty() {
            return None;
        }
        let others = if self.shares.is_empty() && self.already_had_access.is_empty() {
            ""
        } else {
            " The others have it."
        };
        Some(wrong(&format!(
            "Not shared with {}: nobody has signed in here with that address as a verified one.{others}",
            self.not_found.join(", ")
        )))
    }
}

/// `POST /ui/artifacts/entities/{entity}/share`: with the users of these e-mail addresses, one a line.
pub(super) async fn share(Path(entity): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let body = json!({ "emails": form.lines("emails") });
    let shared = visit.ask::<Shared>(Method::POST, &api(&entity, &["shares"]), None, Some(&body)).await;
    // Those who have it now need not be named again.
    let left = shared.as_ref().map_or_else(|_| form.lines("emails").join("\n"), |s| s.not_found.join("\n"));
    let shared = shared.and_then(|shared| shared.problem().map_or(Ok(()), Err));
    after_filling(&visit, &entity, shared, "shared", |page| page.new_shares = left).await
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
