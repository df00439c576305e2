//! Storage that fails as AWS fails, at every call.

use granary_storage::Key;
use granary_storage::rows::LicenceRow;
use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::tenant_of;

use super::*;

const KEY: &str = "0123456789";
const NEW_KEY: &str = "9876543210";

struct Place {
    ann: Actor,
    /// The licence that there is before the change.
    licence: Value,
}

async fn prepared() -> (TestApp, Place) {
    let app = TestApp::on_aws().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    let mut body = plain(&["pad"]);
    body["key"] = KEY.into();
    let licence = create(&ann, &body).await;
    (app, Place { ann, licence })
}

/// The licences of Ann by their keys. Stops the test unless each is in both places, the same, and on record.
async fn keys(app: &TestApp) -> Vec<String> {
    let storage = app.state().storage();
    let first = Key::Licence(tenant_of("ann"), String::new());
    let rows: Vec<LicenceRow> = storage.list_all(&first, "LICENCE#").await.unwrap();
    for key in [KEY, NEW_KEY] {
        let hash = key.parse::<granary_model::CustomerKey>().unwrap().licence_hash();
        let by_key: Option<LicenceRow> = storage.get(&Key::LicenceKey(hash)).await.unwrap();
        assert_eq!(by_key.as_ref(), rows.iter().find(|row| row.key.expose() == key));
    }
    let records = app.audit("user:ann").await;
    let of = |action: &str| records.iter().filter(|row| row["action"] == action).count();
    assert_eq!(of("licence.create") - of("licence.delete"), rows.len());
    let revs: u64 = rows.iter().map(|row| row.rev - 1).sum();
    assert!(rows.is_empty() || revs == of("licence.update") as u64);
    let mut keys: Vec<String> = rows.iter().map(|row| row.key.expose().to_owned()).collect();
    keys.sort();
    keys
}

struct Creation;

impl Change for Creation {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        let mut body = plain(&["pad"]);
        body["key"] = NEW_KEY.into();
        place.ann.post_json(PATH, &body).await
    }

    /// The key is taken.
    fn done_already(&self) -> &[u16] {
        &[400]
    }

    async fn is_done(&self, app: &TestApp, _: &Place) -> bool {
        keys(app).await == [KEY, NEW_KEY]
    }
}

struct Replacement;

impl Change for Replacement {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        let mut body = body_of(&place.licence);
        body["key"] = NEW_KEY.into();
        place.ann.put_json(&at(&place.licence), &body).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, _: &Place) -> bool {
        keys(app).await == [NEW_KEY]
    }
}

struct Removal;

impl Change for Removal {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        place.ann.delete(&at(&place.licence)).await
    }

    fn is_long(&self) -> bool {
        true
    }

    fn done_already(&self) -> &[u16] {
        &[404]
    }

    async fn is_done(&self, app: &TestApp, _: &Place) -> bool {
        keys(app).await.is_empty()
    }
}

fn enough(tally: Tally) {
    assert!(tally.cases > 15 && tally.unnoticed > 8, "{tally:?}");
}

#[tokio::test]
async fn a_licence_is_made_whole_or_not_at_all() {
    enough(every_call_fails(&Creation).await);
}

#[tokio::test]
async fn a_licence_is_replaced_whole_or_not_at_all() {
    enough(every_call_fails(&Replacement).await);
}

#[tokio::test]
async fn a_licence_is_removed_whole_or_not_at_all() {
    enough(every_call_fails(&Removal).await);
}

#[tokio::test]
async fn a_read_that_fails_is_no_empty_list() {
    let (app, place) = prepared().await;
    let token = place.ann.secret().to_owned();
    let query = format!("{PATH}?since={}", place.licence["createdAt"]);
    let path = at(&place.licence);
    enough(every_read_fails(&Removal, &app, async |app: &TestApp| app.token(&token).get(&query).await).await);
    enough(every_read_fails(&Removal, &app, async |app: &TestApp| app.token(&token).get(&path).await).await);
    // The customer is not told that the key is unknown.
    let key = text(&place.licence, "key").to_owned();
    let whoami = "/api/npm/libs/-/whoami";
    every_read_fails(&Removal, &app, async |app: &TestApp| app.token(&key).get(whoami).await).await;
}
