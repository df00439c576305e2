//! Who may do what with the versions of an entity.

use granary_testing::entities::{EntityUpload, made_entity, new_entity};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::support::{FIRST, SECOND, activate, expect, fetched, path, shop, stored};

/// Every operation that shows something.
const READS: [&str; 4] = ["", "/active", "/2024.06.10-153042", "/2024.06.10-153042/download"];

/// Checks that somebody gets this status for everything that shows versions.
#[track_caller]
fn all(statuses: &[u16], expected: u16, who: &str) {
    assert_eq!(statuses, vec![expected; statuses.len()], "{who}");
}

async fn reads(actor: &Actor, entity: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for rest in READS {
        statuses.push(actor.get(&path(entity, rest)).await.status);
        statuses.push(actor.head(&path(entity, rest)).await.status);
    }
    statuses
}

/// The statuses of everything that changes versions. None of it would work, but for the right to it.
async fn writes(actor: &Actor, entity: &str) -> Vec<u16> {
    let nothing = json!({});
    let mut statuses = Vec::new();
    for (method, rest) in [
        ("POST", "/upload-url"),
        ("POST", "/confirm"),
        ("PUT", "/active"),
        ("POST", "/active"),
        ("DELETE", "/2024.06.10-153042"),
    ] {
        statuses.push(actor.json(method, &path(entity, rest), &nothing).await.status);
    }
    statuses
}

/// An entity of ann with an active version.
async fn published() -> (TestApp, Actor, String) {
    let (app, ann, entity) = shop().await;
    EntityUpload::new(FIRST).confirm_with("set_as_active", true).made(&ann, &entity).await;
    (app, ann, entity)
}

async fn share(actor: &Actor, entity: &str, user: &str) -> Value {
    let body = json!({ "emails": [format!("{user}@example.com")] });
    let response = actor.post_json(&format!("/api/entities/{entity}/shares"), &body).await;
    assert!(response.status < 300, "{}", response.text());
    response.json()["shares"][0].clone()
}

async fn publish(actor: &Actor, org: &str, entity: &str, public: bool) {
    let body = json!({ "entityId": entity, "isPublic": public });
    let response = actor.post_json(&format!("/api/organizations/{org}/store"), &body).await;
    assert!(response.status < 300, "{}", response.text());
}

#[tokio::test]
async fn nobody_and_strangers_learn_nothing() {
    let (app, ann, entity) = published().await;
    let nobody = app.anonymous();
    all(&reads(&nobody, &entity).await, 401, "nobody");
    all(&writes(&nobody, &entity).await, 401, "nobody");
    let bob = app.account_token("bob", &["read", "write", "admin"]).await;
    all(&reads(&bob, &entity).await, 404, "a stranger");
    all(&writes(&bob, &entity).await, 404, "a stranger");
    // As of an entity that does not exist, word for word.
    let unknown = "0".repeat(36);
    for rest in READS {
        let (hidden, absent) = (bob.get(&path(&entity, rest)).await, bob.get(&path(&unknown, rest)).await);
        assert_eq!(hidden.text().replace(&entity, &unknown), absent.text());
    }
    // A handover of a stranger is good for nothing, and neither is a stranger with somebody's handover.
    let begun = EntityUpload::new(SECOND).sent(&ann, &entity).await;
    expect(&EntityUpload::new(SECOND).confirmed(&bob, &entity, &begun).await, 404, &["not found"]);
    let own = new_entity(&bob, "app", "bobs-app").await;
    expect(&EntityUpload::new(SECOND).confirmed(&bob, &own, &begun).await, 400, &["storage_path"]);
    assert_eq!(stored(&app, &entity).await.live, [FIRST]);
}

#[tokio::test]
async fn publishers_may_do_everything_their_tokens_allow() {
    let (app, ann, entity) = published().await;
    let reader = app.account_token("ann", &["read"]).await;
    all(&reads(&reader, &entity).await, 200, "a token for reading");
    all(&writes(&reader, &entity).await, 403, "a token for reading");
    let writer = app.account_token("ann", &["write"]).await;
    EntityUpload::new(SECOND).made(&writer, &entity).await;
    app.known_user("paula").await;
    let body = json!({ "userId": "paula" });
    let added = ann.post_json(&format!("/api/entities/{entity}/publishers"), &body).await;
    assert!(added.status < 300, "{}", added.text());
    let paula = app.user("paula");
    activate(&paula, &entity, SECOND).await;
    // What one publisher has begun, another one may finish.
    let upload = EntityUpload::new("2025.01.01-000000");
    let begun = upload.sent(&ann, &entity).await;
    let made = upload.confirmed(&paula, &entity, &begun).await;
    expect(&made, 201, &[]);
    assert_eq!(made.json()["version"]["created_by"], "user:paula");
    // Until they are publishers no more.
    let begun = EntityUpload::new("2025.01.02-000000").sent(&paula, &entity).await;
    let removed = ann.delete(&format!("/api/entities/{entity}/publishers/paula")).await;
    assert!(removed.status < 300, "{}", removed.text());
    expect(&EntityUpload::new("2025.01.02-000000").confirmed(&paula, &entity, &begun).await, 404, &[]);
    all(&reads(&paula, &entity).await, 404, "no publisher any more");
}

#[tokio::test]
async fn a_share_gives_access_until_it_is_taken_back() {
    let (app, ann, entity) = published().await;
    app.known_user("sam").await;
    let sam = app.account_token("sam", &["read", "write", "admin"]).await;
    all(&reads(&sam, &entity).await, 404, "before");
    let made = share(&ann, &entity, "sam").await;
    all(&reads(&sam, &entity).await, 200, "shared with them");
    all(&writes(&sam, &entity).await, 403, "shared with them");
    let download = sam.get(&path(&entity, &format!("/{FIRST}/download"))).await.json();
    assert_eq!(fetched(&download["download_url"]).await.1, EntityUpload::new(FIRST).package);
    let id = made["id"].as_str().unwrap();
    let removed = ann.delete(&format!("/api/entities/{entity}/shares/{id}")).await;
    assert!(removed.status < 300, "{}", removed.text());
    all(&reads(&sam, &entity).await, 404, "at once");
}

#[tokio::test]
async fn stores_give_access_to_members_and_public_ones_to_everybody() {
    let (app, ann, entity) = published().await;
    let olga = app.org("olga", "acme", &[("ann", "admin"), ("mia", "member")]).await;
    let (mia, bob) = (app.user("mia"), app.user("bob"));
    let org = app.org_token("olga", "acme", &["read", "write"]).await;
    publish(&app.user("ann"), "acme", &entity, false).await;
    for (actor, who) in [(&mia, "a member"), (&olga, "the owner of the organisation"), (&org, "its token")] {
        all(&reads(actor, &entity).await, 200, who);
        all(&writes(actor, &entity).await, 403, who);
    }
    all(&reads(&bob, &entity).await, 404, "somebody else");
    // A member who leaves.
    let left = olga.delete("/api/orgs/acme/members?userId=mia").await;
    assert!(left.status < 300, "{}", left.text());
    all(&reads(&mia, &entity).await, 404, "no member any more");
    publish(&app.user("ann"), "acme", &entity, true).await;
    all(&reads(&bob, &entity).await, 200, "everybody who has signed in");
    all(&writes(&bob, &entity).await, 403, "everybody who has signed in");
    all(&reads(&app.anonymous(), &entity).await, 401, "and nobody else");
    let body = json!({ "entityId": entity });
    let withdrawn = app.user("ann").json("DELETE", "/api/organizations/acme/store", &body).await;
    assert!(withdrawn.status < 300, "{}", withdrawn.text());
    for actor in [&bob, &olga, &org] {
        all(&reads(actor, &entity).await, 404, "withdrawn");
    }
    all(&reads(&ann, &entity).await, 200, "the publisher");
}

#[tokio::test]
async fn entities_of_organisations_are_published_by_admins_and_tokens() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("adam", "admin"), ("mia", "member")]).await;
    let org = app.org_token("olga", "acme", &["write"]).await;
    let body = json!({ "type": "app", "slug": "team-app", "name": "Team app" });
    let entity = made_entity(&app.org_token("olga", "acme", &["admin"]).await, &body).await;
    let made = EntityUpload::new(FIRST).confirm_with("set_as_active", true).made(&org, &entity).await;
    assert!(made["created_by"].as_str().unwrap().starts_with("org:acme"), "{made}");
    for actor in [&app.user("adam"), &olga] {
        all(&reads(actor, &entity).await, 200, "an admin");
        activate(actor, &entity, FIRST).await;
    }
    EntityUpload::new(SECOND).made(&app.user("adam"), &entity).await;
    all(&reads(&app.user("mia"), &entity).await, 404, "a member");
    let reader = app.org_token("olga", "acme", &["read"]).await;
    all(&reads(&reader, &entity).await, 200, "a token for reading");
    all(&writes(&reader, &entity).await, 403, "a token for reading");
    // Tokens of repositories have nothing to do with entities.
    app.repo("ann", "libs", &["npm"], "private").await;
    let repo = app.repo_token("ann", "libs", &["read", "write", "admin"]).await;
    all(&reads(&repo, &entity).await, 404, "a token of a repository");
    all(&writes(&repo, &entity).await, 404, "a token of a repository");
}
