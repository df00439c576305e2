//! Storage that fails as AWS fails, at every call.

use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};

use super::*;

struct Place {
    ann: Actor,
    id: String,
    /// A share with bob.
    share: String,
}

/// An app of ann's that is shared with bob.
async fn prepared() -> (TestApp, Place) {
    let app = TestApp::on_aws().await;
    for user in ["bob", "sam"] {
        app.known_user(user).await;
    }
    // A token, whose use writes nothing by itself.
    let ann = app.account_token("ann", &["write", "admin"]).await;
    let id = new_entity(&ann, "app", "my-app").await;
    let share = shared(&ann, &id, "bob").await;
    (app, Place { ann, id, share })
}

/// The same, and in the store of `shop`.
async fn prepared_stores() -> (TestApp, Place) {
    let (app, place) = prepared().await;
    app.org("ann", "shop", &[("mia", "member")]).await;
    app.org("ann", "other", &[]).await;
    published(&place.ann, "shop", &place.id, false).await;
    (app, place)
}

/// Checks that the stores agree with the row, and the row with the log.
async fn whole(app: &TestApp, place: &Place) -> EntityRow {
    consistent(app, &place.id, &["shop", "other"]).await;
    let row = row(app, &place.id).await;
    let log = async |action: &str| recorded(app, "user:ann", action).await;
    assert_eq!(log("entity.share").await - log("entity.unshare").await, row.shares.len());
    assert_eq!(log("store.publish").await - log("store.withdraw").await, row.stores.len());
    row
}

struct Sharing;

impl Change for Sharing {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        share(&place.ann, &place.id, &["sam@example.com"]).await
    }

    async fn is_done(&self, app: &TestApp, place: &Place) -> bool {
        whole(app, place).await.shares.len() == 2
    }
}

struct Unsharing;

impl Change for Unsharing {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        place.ann.delete(&share_of(&place.id, &place.share)).await
    }

    async fn is_done(&self, app: &TestApp, place: &Place) -> bool {
        whole(app, place).await.shares.is_empty()
    }

    fn done_already(&self) -> &[u16] {
        &[404]
    }

    fn is_long(&self) -> bool {
        true
    }
}

struct Publishing;

impl Change for Publishing {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared_stores().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        publish(&place.ann, "other", &place.id, true).await
    }

    async fn is_done(&self, app: &TestApp, place: &Place) -> bool {
        whole(app, place).await.stores.len() == 2
    }

    fn is_long(&self) -> bool {
        true
    }
}

struct Withdrawing;

impl Change for Withdrawing {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared_stores().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        withdraw(&place.ann, "shop", &place.id).await
    }

    async fn is_done(&self, app: &TestApp, place: &Place) -> bool {
        whole(app, place).await.stores.is_empty()
    }

    fn done_already(&self) -> &[u16] {
        &[404]
    }

    fn is_long(&self) -> bool {
        true
    }
}

fn enough(tally: Tally) {
    assert!(tally.cases > 15 && tally.unnoticed > 5, "{tally:?}");
}

#[tokio::test]
async fn a_share_is_made_whole_or_not_at_all() {
    enough(every_call_fails(&Sharing).await);
}

#[tokio::test]
async fn a_share_is_taken_back_whole_or_not_at_all() {
    enough(every_call_fails(&Unsharing).await);
}

#[tokio::test]
async fn an_entity_is_in_a_store_whole_or_not_at_all() {
    enough(every_call_fails(&Publishing).await.and(every_call_fails(&Withdrawing).await));
}

/// A store that does not answer is no empty list, and no lack of access.
#[tokio::test]
async fn a_read_that_fails_says_so() {
    let (app, place) = prepared_stores().await;
    let mia = app.account_token("mia", &["read"]).await.secret().to_owned();
    let bob = app.account_token("bob", &["read"]).await.secret().to_owned();
    let ann = place.ann.secret().to_owned();
    for (token, path) in [
        (&bob, WITH_ME.to_owned()),
        (&ann, BY_ME.to_owned()),
        (&mia, store_of("shop")),
        (&mia, format!("{}/{}", store_of("shop"), place.id)),
        (&mia, shares_of(&place.id)),
    ] {
        every_read_fails(&Unsharing, &app, async |app: &TestApp| app.token(token).get(&path).await).await;
    }
}
