//! Deleted organisations and repositories: their products, tokens, entities and stores go, and those of the next one of the
//! same name stay.

use granary_events::{Progress, handle};
use granary_storage::rows::{Event, OutboxRow};
use granary_storage::{Key, Subject, Tenant};
use granary_testing::entities::{EntityUpload, new_entity};
use granary_testing::{Actor, TestApp};
use serde_json::json;

use super::shelf::{
    actions, check_package, entity_row, exists, new_product, package_of, product_row, rows, uploaded,
    versions_of,
};
use super::support::{CLAIM, Interruption, lose_messages, sweep_all, waiting};

/// Bytes that all of it has in common with a package.
const SHARED: &[u8] = b"shared";

const VERSION: &str = "2024.06.10-153042";

/// An organisation `acme` of `ann` with products and their tokens, an entity of its own, and one of `carol` in its store.
struct Acme {
    app: TestApp,
    /// Her token, which reads the package.
    ann: Actor,
    carol: Actor,
    token: Actor,
    /// Tokens of its products.
    tokens: Vec<String>,
    tenant: Tenant,
    products: Vec<String>,
    own: String,
    of_carol: String,
}

impl Acme {
    async fn new(tokens: usize, products: usize) -> Self {
        let app = TestApp::new().await;
        let carol = app.account_token("carol", &["read", "write", "admin"]).await;
        let of_carol = new_entity(&carol, "service", "of-carol").await;
        let ann = package_of(&app, SHARED).await;
        Self::on(app, ann, carol, of_carol, (tokens, products)).await
    }

    async fn on(
        app: TestApp,
        ann: Actor,
        carol: Actor,
        of_carol: String,
        (tokens, products): (usize, usize),
    ) -> Self {
        app.org("ann", "acme", &[("carol", "admin")]).await;
        let token = app.org_token("ann", "acme", &["read", "write", "admin"]).await;
        let row: granary_storage::rows::OrgRow =
            app.state().storage().get(&Key::Org("acme".parse().unwrap())).await.unwrap().unwrap();
        let tenant = Tenant { subject: Subject::Org(row.slug), uid: Some(row.uid) };
        let own = new_entity(&token, "app", "of-acme").await;
        let mut acme =
            Self { app, ann, carol, token, tokens: Vec::new(), tenant, products: Vec::new(), own, of_carol };
        for n in 0..tokens {
            let registered = acme.token.put_json("/api/register", &json!({ "admin": n == 0 })).await;
            assert_eq!(registered.status, 201, "{}", registered.text());
            acme.tokens.push(registered.text());
        }
        for n in 0..products {
            let name = format!("tool-{n}");
            new_product(&acme.token, &name).await;
            uploaded(&acme.token, &name, "1.0", SHARED).await;
            acme.products.push(product_row(&acme.app, &acme.tenant, &name).await.uid);
        }
        EntityUpload::of(VERSION, SHARED).made(&acme.token, &acme.own).await;
        let body = json!({ "entityId": acme.of_carol, "isPublic": true });
        let published = acme.carol.post_json("/api/organizations/acme/store", &body).await;
        assert_eq!(published.status, 201, "{}", published.text());
        acme
    }

    /// Asks as the holder of a token of its products.
    async fn with(&self, token: &str) -> u16 {
        let anonymous = self.app.anonymous();
        anonymous.get_with("/api/product/list", &[("x-api-token", token)]).await.status
    }

    /// Its event, as if the request that deleted it had died.
    fn event(&self) -> OutboxRow {
        OutboxRow {
            shard: 0,
            id: "deletion".into(),
            at: self.app.state().now(),
            event: Event::SellerDeleted { tenant: self.tenant.clone() },
        }
    }

    /// Removes its row, as the request that died then.
    async fn vanish(&self) -> OutboxRow {
        let event = self.event();
        let storage = self.app.state().storage();
        storage.put(&Key::Outbox(0, event.id.clone()), &event).await.unwrap();
        storage.delete(&Key::Org("acme".parse().unwrap())).await.unwrap();
        event
    }

    /// Follows up what waits, and looks whether all is gone but the package and the entity of carol.
    async fn check_gone(&self, what: &str) {
        for _ in 0..3 {
            self.app.clock.advance_millis(CLAIM);
            assert_eq!(sweep_all(&self.app).await.failed, 0, "{what}");
        }
        let first = Key::Product(self.tenant.clone(), String::new());
        assert!(rows(&self.app, &first, "").await.is_empty(), "{what}");
        for token in &self.tokens {
            let token: granary_model::product::ProductToken = token.parse().unwrap();
            assert!(!exists(&self.app, &Key::ProductToken(token.hash())).await, "{what}");
        }
        for uid in &self.products {
            assert_eq!(versions_of(&self.app, uid).await, 0, "{what}");
        }
        assert!(rows(&self.app, &Key::Entity(self.own.clone()), "").await.is_empty(), "{what}");
        let list = Key::EntityOfOrg("acme".parse().unwrap(), String::new());
        for prefix in ["ENTITY#", "STORE#"] {
            assert!(rows(&self.app, &list, prefix).await.is_empty(), "{what} {prefix}");
        }
        let of_carol = entity_row(&self.app, &self.of_carol).await.unwrap();
        assert!(of_carol.stores.is_empty() && !of_carol.deleting, "{what}");
        assert_eq!(waiting(&self.app, |_| true).await, 0, "{what}: {:?}", self.app.outbox().await);
        check_package(&self.app, &self.ann, SHARED, what).await;
    }
}

#[tokio::test]
async fn nothing_of_a_deleted_organisation_is_reachable_and_then_everything_is_gone() {
    // More tokens and products than go in one transaction.
    let acme = Acme::new(50, 50).await;
    let eve = acme.app.account_token("eve", &["read"]).await;
    let path = format!("/api/entities/{}", acme.of_carol);
    acme.app.known_user("pat").await;
    let publishers = format!("/api/entities/{}/publishers", acme.own);
    assert_eq!(acme.token.post_json(&publishers, &json!({ "userId": "pat" })).await.status, 201);
    assert_eq!(eve.get(&path).await.status, 200, "it is in a public store");
    assert_eq!((acme.with(&acme.tokens[0]).await, acme.with(&acme.tokens[1]).await), (200, 200));
    let deleted = acme.app.user("ann").delete("/api/orgs/acme").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    for token in [&acme.tokens[0], &acme.tokens[1], &acme.tokens[49]] {
        assert_eq!(acme.with(token).await, 401);
    }
    assert_eq!(acme.token.get("/api/product/list").await.status, 401);
    for user in ["ann", "pat"] {
        assert_eq!(acme.app.user(user).get(&format!("/api/entities/{}", acme.own)).await.status, 404);
    }
    assert_eq!(eve.get(&path).await.status, 404);
    assert_eq!(acme.carol.get(&path).await.status, 200, "it is hers");
    acme.app.settle().await;
    let log = actions(&acme.app, "org:acme").await;
    assert_eq!((log["product.delete"], log["product-token.delete"]), (50, 50), "each is written down");
    acme.check_gone("deleted").await;
}

#[tokio::test]
async fn several_at_once_write_down_once_what_goes() {
    let acme = Acme::new(40, 40).await;
    let event = acme.vanish().await;
    lose_messages(&acme.app).await;
    let state = acme.app.state();
    for outcome in futures::future::join_all((0..4).map(|_| handle(state, &event))).await {
        assert_eq!(outcome.unwrap(), Progress::Finished);
    }
    let log = actions(&acme.app, "org:acme").await;
    assert_eq!((log["product.delete"], log["product-token.delete"]), (40, 40));
    acme.check_gone("at once").await;
}

#[tokio::test]
async fn nothing_is_reachable_even_if_the_request_died_when_the_row_was_gone() {
    let acme = Acme::new(2, 1).await;
    acme.app.known_user("pat").await;
    let publishers = format!("/api/entities/{}/publishers", acme.own);
    assert_eq!(acme.token.post_json(&publishers, &json!({ "userId": "pat" })).await.status, 201);
    acme.vanish().await;
    assert_eq!((acme.with(&acme.tokens[0]).await, acme.with(&acme.tokens[1]).await), (401, 401));
    assert_eq!(acme.token.get("/api/product/list").await.status, 401);
    let eve = acme.app.account_token("eve", &["read"]).await;
    assert_eq!(eve.get(&format!("/api/entities/{}", acme.of_carol)).await.status, 404);
    for user in ["ann", "pat"] {
        assert_eq!(acme.app.user(user).get(&format!("/api/entities/{}", acme.own)).await.status, 404);
    }
    acme.check_gone("vanished").await;
    let taken_out: Vec<_> = acme
        .app
        .audit("user:carol")
        .await
        .into_iter()
        .filter(|record| record["action"] == "store.withdraw")
        .map(|record| (record["actor"].clone(), record["target"].clone()))
        .collect();
    assert_eq!(taken_out, [(json!("system"), json!("entity/of-carol/stores/acme"))]);
}

#[tokio::test]
async fn clean_up_that_broke_off_anywhere_is_finished() {
    for moments in Interruption::all() {
        for moment in moments {
            let acme = Acme::new(2, 2).await;
            let event = acme.vanish().await;
            lose_messages(&acme.app).await;
            moment.arm(&acme.app);
            let _may_fail = handle(acme.app.state(), &event).await;
            let is_reached = moment.is_reached(&acme.app);
            lose_messages(&acme.app).await;
            acme.check_gone(&format!("{moment:?}")).await;
            if !is_reached {
                assert!(
                    moment.after_commit || moment.nth > 8,
                    "tokens, products, entities, stores, what is sold, the event: {}",
                    moment.nth
                );
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_next_organisation_of_the_name_keeps_what_it_has() {
    let old = Acme::new(1, 1).await;
    let event = old.vanish().await;
    lose_messages(&old.app).await;
    let Acme { app, ann, carol, of_carol, own, tenant, .. } = old;
    // The short name of the old entity is in use until clean-up has come that far.
    assert_eq!(ann.get(&format!("/api/entities/{own}")).await.status, 404);
    let storage = app.state().storage().clone();
    storage.delete(&Key::EntitySlug("of-acme".into())).await.unwrap();
    let new = Acme::on(app, ann, carol, of_carol, (2, 2)).await;
    assert_ne!(new.tenant.uid, tenant.uid);
    for _ in 0..2 {
        assert_eq!(handle(new.app.state(), &event).await.unwrap(), Progress::Finished);
        new.app.sweep().await;
    }
    assert!(rows(&new.app, &Key::Product(tenant, String::new()), "").await.is_empty());
    assert!(entity_row(&new.app, &own).await.is_none(), "the old one's");
    assert_eq!((new.with(&new.tokens[0]).await, new.with(&new.tokens[1]).await), (200, 200));
    for uid in &new.products {
        assert_eq!(versions_of(&new.app, uid).await, 1);
    }
    let listed = new.token.get("/api/entities").await.json();
    assert_eq!(listed["entities"][0]["id"], new.own.as_str(), "{listed}");
    let eve = new.app.account_token("eve", &["read"]).await;
    assert_eq!(
        eve.get(&format!("/api/entities/{}", new.of_carol)).await.status,
        200,
        "it is in the new store"
    );
    let store = eve.get("/api/organizations/acme/store").await;
    assert!(store.text().contains(&new.of_carol), "{}", store.text());
}

#[tokio::test]
async fn the_products_of_a_repository_go_with_it() {
    let app = TestApp::new().await;
    let ann = package_of(&app, SHARED).await;
    app.repo("ann", "libs", &["npm"], "private").await;
    let token = app.repo_token("ann", "libs", &["admin"]).await;
    new_product(&token, "tool").await;
    uploaded(&token, "tool", "1.0", SHARED).await;
    let registered = token.put_json("/api/register", &json!({ "admin": true })).await.text();
    let key = Key::Repo("libs".parse().unwrap());
    let row: granary_storage::rows::RepoRow = app.state().storage().get(&key).await.unwrap().unwrap();
    let tenant = Tenant { subject: Subject::Repo(row.id), uid: Some(row.uid) };
    let uid = product_row(&app, &tenant, "tool").await.uid;
    let with = [("x-api-token", registered.as_str())];
    assert_eq!(app.anonymous().get_with("/api/product/list", &with).await.status, 200);
    assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
    assert_eq!(app.anonymous().get_with("/api/product/list", &with).await.status, 401, "at once");
    for _ in 0..3 {
        app.clock.advance_millis(CLAIM);
        assert_eq!(sweep_all(&app).await.failed, 0);
    }
    assert!(rows(&app, &Key::Product(tenant, String::new()), "").await.is_empty());
    assert_eq!(versions_of(&app, &uid).await, 0);
    let token: granary_model::product::ProductToken = registered.parse().unwrap();
    assert!(!exists(&app, &Key::ProductToken(token.hash())).await);
    check_package(&app, &ann, SHARED, "repository").await;
}

/// Whatever a product token makes while its organisation goes is refused or goes with it.
#[tokio::test]
async fn what_is_made_while_the_organisation_goes_goes_with_it() {
    let acme = Acme::new(1, 1).await;
    let make = async || {
        let headers = [("content-type", "application/json"), ("x-api-token", acme.tokens[0].as_str())];
        let mut made = Vec::new();
        for n in 0..8 {
            let body = json!({ "name": format!("late-{n}") }).to_string();
            let anonymous = acme.app.anonymous();
            made.push(anonymous.request("PUT", "/api/product/create", &headers, body).await.status);
            let body = json!({ "admin": true }).to_string();
            made.push(anonymous.request("PUT", "/api/register", &headers, body).await.status);
        }
        made
    };
    let deleting = async {
        // After some of them.
        acme.app.user("ann").get("/api/repos").await;
        acme.app.user("ann").delete("/api/orgs/acme").await.status
    };
    let (made, deleted) = tokio::join!(make(), deleting);
    assert_eq!(deleted, 200);
    assert!(made.iter().all(|status| matches!(status, 201 | 401)), "{made:?}");
    assert_eq!(make().await, [401; 16]);
    acme.check_gone("raced").await;
    let list = Key::ProductTokenOf(acme.tenant.clone(), granary_model::Sha256::from_bytes([0; 32]));
    assert!(rows(&acme.app, &list, "").await.is_empty());
}
