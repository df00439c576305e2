//! Shares, stores and e-mail addresses over HTTP, in process, on the embedded engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod access;
mod addresses;
mod costs;
mod faults;
mod listing;
mod paging;
mod races;
mod refusals;
mod shares;
mod stores;

use std::collections::BTreeSet;

use granary_storage::Key;
use granary_storage::rows::{EntityRef, EntityRow, StoreRef};
use granary_testing::entities::{made_entity, new_entity};
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

/// What is shared with the caller.
const WITH_ME: &str = "/api/entities/shared-with-me";

/// What the caller has shared.
const BY_ME: &str = "/api/entities/shares";

/// The users that tests look for in lists.
const USERS: [&str; 6] = ["ann", "bob", "eve", "mia", "olga", "sam"];

/// A registry, a user, and the id of an app of theirs. Bob, Eve and Sam have signed in before.
async fn shelf() -> (TestApp, Actor, String) {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    for user in ["bob", "eve", "sam"] {
        app.known_user(user).await;
    }
    let id = new_entity(&ann, "app", "my-app").await;
    (app, ann, id)
}

/// Checks a status; of an error also that its body is `{"error","code"}`, and that the message has these words.
#[track_caller]
fn expect(response: &TestResponse, status: u16, words: &[&str]) {
    assert_eq!(response.status, status, "{}", response.text());
    if status < 400 {
        return;
    }
    let body = response.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    for word in words {
        assert!(body["error"].as_str().unwrap().contains(word), "{word}: {body}");
    }
}

fn shares_of(id: &str) -> String {
    format!("/api/entities/{id}/shares")
}

fn share_of(id: &str, share: &str) -> String {
    format!("/api/entities/{id}/shares/{share}")
}

fn store_of(org: &str) -> String {
    format!("/api/organizations/{org}/store")
}

/// Asks to share an entity with addresses.
async fn share(actor: &Actor, id: &str, emails: &[&str]) -> TestResponse {
    actor.post_json(&shares_of(id), &json!({ "emails": emails })).await
}

/// Shares an entity with one user, which must work, and gives the share's id.
async fn shared(actor: &Actor, id: &str, user: &str) -> String {
    let response = share(actor, id, &[&format!("{user}@example.com")]).await;
    expect(&response, 201, &[]);
    response.json()["shares"][0]["id"].as_str().unwrap().to_owned()
}

async fn publish(actor: &Actor, org: &str, id: &str, public: bool) -> TestResponse {
    actor.post_json(&store_of(org), &json!({ "entityId": id, "isPublic": public })).await
}

async fn published(actor: &Actor, org: &str, id: &str, public: bool) {
    expect(&publish(actor, org, id, public).await, 201, &[]);
}

async fn withdraw(actor: &Actor, org: &str, id: &str) -> TestResponse {
    actor.json("DELETE", &store_of(org), &json!({ "entityId": id })).await
}

/// The status of asking for an entity.
async fn asked(actor: &Actor, id: &str) -> u16 {
    actor.get(&format!("/api/entities/{id}")).await.status
}

/// By what somebody has access to an entity; empty without any.
async fn standing(actor: &Actor, id: &str) -> String {
    let response = actor.get(&format!("/api/entities/{id}/details")).await;
    match response.status {
        200 => response.json()["access"].as_str().unwrap().to_owned(),
        status => {
            assert_eq!(status, 404, "{}", response.text());
            String::new()
        }
    }
}

/// The ids of a list.
async fn ids(actor: &Actor, path: &str) -> Vec<String> {
    let response = actor.get(path).await;
    expect(&response, 200, &[]);
    let body = response.json();
    body["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["id"].as_str().unwrap().to_owned())
        .collect()
}

/// One column of an array.
fn column(rows: &Value, name: &str) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
}

async fn row(app: &TestApp, id: &str) -> EntityRow {
    app.state().storage().get(&Key::Entity(id.to_owned())).await.unwrap().unwrap()
}

/// Changes the row of an entity behind the registry's back.
async fn change_row(app: &TestApp, id: &str, change: impl FnOnce(&mut EntityRow)) {
    let mut row = row(app, id).await;
    change(&mut row);
    row.rev += 1;
    app.state().storage().put(&Key::Entity(id.to_owned()), &row).await.unwrap();
}

/// Checks that the rows of the lists are what the entity's row says: none too many, none too few.
async fn consistent(app: &TestApp, id: &str, orgs: &[&str]) {
    let (storage, row) = (app.state().storage(), row(app, id).await);
    let with: BTreeSet<&str> = row.shares.values().map(|share| share.user.as_str()).collect();
    let by: BTreeSet<&str> = row.shares.values().map(|share| share.created_by.as_str()).collect();
    assert_eq!(with.len(), row.shares.len(), "nobody has two shares");
    for user in USERS {
        let of = user.parse().unwrap();
        let listed: Option<EntityRef> = storage.get(&Key::SharedWith(of, id.to_owned())).await.unwrap();
        assert_eq!(listed.is_some(), with.contains(user), "with {user}");
        let of = user.parse().unwrap();
        let listed: Option<EntityRef> = storage.get(&Key::SharedBy(of, id.to_owned())).await.unwrap();
        assert_eq!(listed.is_some(), by.contains(user), "by {user}");
    }
    for org in orgs {
        let slug = org.parse().unwrap();
        let listed: Option<StoreRef> = storage.get(&Key::StoreEntry(slug, id.to_owned())).await.unwrap();
        let public = row.stores.get(&org.parse().unwrap()).map(|publication| publication.public);
        assert_eq!(listed.map(|entry| entry.public), public, "{org}");
    }
}

/// How often something is in the log of a scope.
async fn recorded(app: &TestApp, scope: &str, action: &str) -> usize {
    app.audit(scope).await.iter().filter(|record| record["action"] == action).count()
}
