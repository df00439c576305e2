//! Entities themselves over HTTP, in process, on the embedded engines: everything but versions, shares and stores.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod access;
mod costs;
mod deletion;
mod faults;
mod icons;
mod lists;
mod operations;
mod organisations;
mod publishers;
mod races;
mod refusals;
mod versions;

use std::collections::BTreeSet;
use std::time::Duration;

use granary_model::Sha256;
use granary_storage::Key;
use granary_storage::rows::{BlobRow, EntityRef, EntityRow};
use granary_testing::entities::{made_entity, put_signed};
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Path of all entities.
const PATH: &str = "/api/entities";

/// An SVG.
const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0h1v1z'/></svg>";

/// Checks a status; of an error also that its body is `{"error","code"}`, and that the message has these words.
#[track_caller]
fn expect(response: &TestResponse, status: u16, words: &[&str]) {
    assert_eq!(response.status, status, "{}", response.text());
    let code = match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        _ => return,
    };
    let body = response.json();
    assert_eq!((&body["code"], body.as_object().unwrap().len()), (&json!(code), 2), "{body}");
    for word in words {
        assert!(body["error"].as_str().unwrap().contains(word), "{word}: {body}");
    }
}

/// What is required of a new entity.
fn plain(slug: &str) -> Value {
    json!({ "type": "app", "slug": slug, "name": slug })
}

/// What is required of a new entity of an organisation.
fn plain_of(org: &str, slug: &str) -> Value {
    json!({ "type": "app", "slug": slug, "name": slug, "org_slug": org })
}

/// Path of an entity.
fn at(id: &str) -> String {
    format!("{PATH}/{id}")
}

/// A registry, a user, and the id of an entity of theirs.
async fn shelf() -> (TestApp, Actor, String) {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let id = made_entity(&ann, &plain("my-app")).await;
    (app, ann, id)
}

/// A PNG of one pixel with something behind it, as far as anybody looks.
fn png(mark: &str) -> Vec<u8> {
    let header =
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00CRC_";
    [header.as_slice(), mark.as_bytes()].concat()
}

/// Asks for the address of an icon, which must work.
async fn icon_address(actor: &Actor, slug: &str, ext: &str) -> Value {
    let body = json!({ "entity_slug": slug, "ext": ext });
    let response = actor.post_json(&format!("{PATH}/icon-upload-url"), &body).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

/// Sends an icon to an address of its own and gives its path.
async fn sent_icon(actor: &Actor, slug: &str, ext: &str, bytes: &[u8]) -> String {
    let address = icon_address(actor, slug, ext).await;
    assert_eq!(put_signed(&address, bytes).await, 200, "{address}");
    address["storage_path"].as_str().unwrap().to_owned()
}

/// The row of an entity.
async fn row(app: &TestApp, id: &str) -> EntityRow {
    app.state().storage().get(&Key::Entity(id.to_owned())).await.unwrap().unwrap()
}

/// Changes the row of an entity, as another part of the family would.
async fn change_row(app: &TestApp, id: &str, change: impl FnOnce(&mut EntityRow)) {
    let mut row = row(app, id).await;
    change(&mut row);
    row.rev += 1;
    app.state().storage().put(&Key::Entity(id.to_owned()), &row).await.unwrap();
}

/// How many files hold bytes, as they are counted; 0 for unknown ones.
async fn holders(app: &TestApp, digest: Sha256) -> u64 {
    let row: Option<BlobRow> = app.state().storage().get(&Key::Blob(digest)).await.unwrap();
    row.map_or(0, |row| row.refs)
}

/// The ids in the list of a user, whether they are true or not.
async fn listed(app: &TestApp, user: &str) -> Vec<String> {
    let key = Key::EntityOfUser(user.parse().unwrap(), String::new());
    let entries: Vec<EntityRef> = app.state().storage().list_all(&key, "ENTITY#").await.unwrap();
    entries.into_iter().map(|entry| entry.id).collect()
}

/// Checks that an entity stands in the lists of its publishers, of nobody else of these users, and under its short name.
async fn check(app: &TestApp, id: &str, users: &[&str]) {
    let row = row(app, id).await;
    assert!(!row.deleting);
    for user in users {
        let is_listed = listed(app, user).await.contains(&id.to_owned());
        assert_eq!(is_listed, row.publishers.contains(&user.parse().unwrap()), "{user}");
    }
    let slug: EntityRef =
        app.state().storage().get(&Key::EntitySlug(row.slug.to_string())).await.unwrap().unwrap();
    assert_eq!(slug.id, id);
}

/// The actions in the log of a scope, without repetitions.
async fn actions(app: &TestApp, scope: &str) -> BTreeSet<String> {
    app.audit(scope).await.iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}

/// Somebody's answer to `GET`.
async fn shown(actor: &Actor, id: &str) -> Value {
    let response = actor.get(&at(id)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["entity"].clone()
}

/// Begins a request, and comes back as soon as its first call of an operation on the tables is held up, for far longer than
/// what is done meanwhile takes.
async fn held(
    app: &TestApp,
    operation: &str,
    request: impl Future<Output = TestResponse> + Send + 'static,
) -> JoinHandle<TestResponse> {
    let waits = || app.probe.calls().iter().any(|call| call.operation == operation && call.ended.is_none());
    app.probe.reset();
    let target = Target::operation(Service::DynamoDb, operation, 1);
    app.probe.inject(target, Fault::Delay(Duration::from_secs(2)));
    let task = tokio::spawn(request);
    for _ in 0..10_000 {
        if waits() || task.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(waits(), "the request comes to its {operation}");
    task
}
