//! What an organisation or a repository sold goes with it.

use granary_model::CustomerKey;
use granary_storage::rows::{ConsumerRef, LicenceRow};
use granary_storage::{Key, Sequence, Subject, Tenant};
use granary_testing::probe::{Fault, Target};

use super::*;

/// Rows that a seller has, of any kind.
async fn rows_of(app: &TestApp, tenant: &Tenant) -> usize {
    let first = Key::Licence(tenant.clone(), String::new());
    app.state().storage().list_all::<Value>(&first, "").await.unwrap().len()
}

async fn is_taken(app: &TestApp, key: &str) -> bool {
    let key: CustomerKey = key.parse().unwrap();
    let row: Option<LicenceRow> =
        app.state().storage().get(&Key::LicenceKey(key.licence_hash())).await.unwrap();
    row.is_some()
}

/// Fills what a seller can have besides licences.
async fn fill(app: &TestApp, tenant: &Tenant) -> CustomerKey {
    let storage = app.state().storage();
    let consumer = app.consumer_of(tenant.clone(), &[(1, "*")]).await;
    let id = consumer.row.id;
    let place = ConsumerRef { consumer_id: id };
    storage.put(&Key::ConsumerEmail(tenant.clone(), "a#b@example.com".into(), id), &place).await.unwrap();
    storage.put(&Key::Permission(tenant.clone(), 1), &place).await.unwrap();
    // Whatever else is in these rows does not matter here.
    for key in [
        Key::SoldPackage(tenant.clone(), 1),
        Key::SoldVersion(tenant.clone(), 1),
        Key::SoldVersionOf(tenant.clone(), 1, 1),
    ] {
        storage.put(&key, &json!({ "id": 1, "key": "8.7.2.0", "rev": 1 })).await.unwrap();
    }
    storage.next_number(tenant, Sequence::Packages).await.unwrap();
    consumer.row.public_key
}

async fn acme(app: &TestApp) -> (Actor, Tenant) {
    let olga = app.known_user("olga").await;
    let made = olga.post_json("/api/orgs", &json!({ "slug": "acme", "name": "Acme" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let body = json!({ "name": "test", "scopes": ["admin"] });
    let token = olga.post_json("/api/orgs/acme/tokens", &body).await.json();
    let seller = app.token(token["rawToken"].as_str().unwrap());
    let row: granary_storage::rows::OrgRow =
        app.state().storage().get(&Key::Org("acme".parse().unwrap())).await.unwrap().unwrap();
    (seller, Tenant { subject: Subject::Org(row.slug), uid: Some(row.uid) })
}

#[tokio::test]
async fn what_an_organisation_sold_goes_with_it() {
    let app = TestApp::new().await;
    let (seller, tenant) = acme(&app).await;
    let mut keys = Vec::new();
    for _ in 0..60 {
        keys.push(text(&create(&seller, &plain(&["pad"])).await, "key").to_owned());
    }
    let public_key = fill(&app, &tenant).await;
    let ann = app.account_token("ann", &["admin"]).await;
    let of_ann = create(&ann, &plain(&["pad"])).await;
    assert_eq!(app.user("olga").delete("/api/orgs/acme").await.status, 200);
    assert_eq!(rows_of(&app, &tenant).await, 0);
    for key in &keys {
        assert!(!is_taken(&app, key).await, "{key}");
    }
    let consumer = Key::ConsumerKey(public_key.consumer_hash());
    assert!(app.state().storage().get::<Value>(&consumer).await.unwrap().is_none());
    assert!(is_taken(&app, text(&of_ann, "key")).await);
    // The keys are free, and the next organisation of the name has nothing of it.
    let (successor, _) = acme(&app).await;
    assert_eq!(successor.get(PATH).await.json()["pagination"]["count"], 0);
    let mut body = plain(&[]);
    body["key"] = keys[0].clone().into();
    create(&successor, &body).await;
}

#[tokio::test]
async fn a_deletion_that_breaks_off_is_finished_by_the_next_one() {
    for n in 1..100 {
        let app = TestApp::new().await;
        let (seller, tenant) = acme(&app).await;
        let key = text(&create(&seller, &plain(&["pad"])).await, "key").to_owned();
        fill(&app, &tenant).await;
        app.probe.reset();
        let fault = if n % 2 == 0 { Fault::Refuse } else { Fault::LoseAnswer };
        app.probe.inject(Target::any(n), fault);
        let first = app.user("olga").delete("/api/orgs/acme").await.status;
        let reached = app.probe.count() >= n;
        app.probe.reset();
        let again = app.user("olga").delete("/api/orgs/acme").await.status;
        assert!(matches!((first, again), (200, 404) | (503, 200 | 404)), "call {n}: {first} {again}");
        // Once the organisation is gone, the sweep finishes what broke off.
        app.sweep().await;
        assert_eq!((rows_of(&app, &tenant).await, is_taken(&app, &key).await), (0, false), "call {n}");
        if !reached {
            return;
        }
    }
    panic!("the deletion never ends");
}

#[tokio::test]
async fn what_a_repository_sold_goes_with_it() {
    let (app, ann) = shop().await;
    let seller = app.repo_token("ann", "libs", &["admin"]).await;
    let key = text(&create(&seller, &plain(&["pad"])).await, "key").to_owned();
    let of_ann = create(&ann, &plain(&["pad"])).await;
    let row: granary_storage::rows::RepoRow =
        app.state().storage().get(&Key::Repo("libs".parse().unwrap())).await.unwrap().unwrap();
    let tenant = Tenant { subject: Subject::Repo(row.id), uid: Some(row.uid) };
    let public_key = fill(&app, &tenant).await;
    assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
    // Until the clean-up: nothing new, and nothing works.
    let late = seller.post_json(PATH, &plain(&[])).await;
    assert!(refused(&late, 404).contains("deleted"));
    assert_eq!(app.token(&key).get("/api/npm/libs/pad").await.status, 404);
    app.settle().await;
    assert_eq!((rows_of(&app, &tenant).await, is_taken(&app, &key).await), (0, false));
    let consumer = Key::ConsumerKey(public_key.consumer_hash());
    assert!(app.state().storage().get::<Value>(&consumer).await.unwrap().is_none());
    assert_eq!(ann.get(&at(&of_ann)).await.json(), of_ann, "Ann's own licences stay");
}
