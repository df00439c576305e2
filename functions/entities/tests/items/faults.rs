//! Storage that fails as AWS fails, at every call.

use granary_publish::digests::Digests;
use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};

use super::*;

/// A registry, and a token of ann's, whose use writes nothing by itself.
async fn on_aws() -> (TestApp, Actor) {
    let app = TestApp::on_aws().await;
    app.known_user("bob").await;
    app.known_user("ann").await;
    let ann = app.account_token("ann", &["write"]).await;
    (app, ann)
}

fn enough(tally: Tally) {
    assert!(tally.cases > 20 && tally.unnoticed > 5, "{tally:?}");
}

/// How often something is in the log of ann.
async fn recorded(app: &TestApp, action: &str) -> usize {
    app.audit("user:ann").await.iter().filter(|record| record["action"] == action).count()
}

/// A new entity with an icon.
struct Creation;

impl Change for Creation {
    type Place = (Actor, Value);

    async fn prepare(&self) -> (TestApp, Self::Place) {
        let (app, ann) = on_aws().await;
        let mut body = plain("my-app");
        body["icon_path"] = sent_icon(&ann, "my-app", "svg", SVG).await.into();
        (app, (ann, body))
    }

    async fn ask(&self, (ann, body): &Self::Place) -> TestResponse {
        ann.post_json(PATH, body).await
    }

    async fn is_done(&self, app: &TestApp, (ann, _): &Self::Place) -> bool {
        let body = app.restarted().token(ann.secret()).get(PATH).await.json();
        let entities = body["entities"].as_array().unwrap();
        assert!(entities.len() <= 1, "{body}");
        assert_eq!(recorded(app, "entity.create").await, entities.len());
        assert_eq!(holders(app, Digests::of(SVG).sha256).await, entities.len() as u64);
        let slug: Option<EntityRef> =
            app.state().storage().get(&Key::EntitySlug("my-app".into())).await.unwrap();
        assert_eq!(slug.is_some(), entities.len() == 1);
        if let Some(slug) = slug {
            check(app, &slug.id, &["ann", "bob"]).await;
        }
        entities.len() == 1
    }

    fn done_already(&self) -> &[u16] {
        &[409]
    }

    fn is_long(&self) -> bool {
        true
    }
}

/// An icon in the place of another one.
struct Icon;

impl Change for Icon {
    type Place = (Actor, String, Value);

    async fn prepare(&self) -> (TestApp, Self::Place) {
        let (app, ann) = on_aws().await;
        let mut body = plain("my-app");
        body["icon_path"] = sent_icon(&ann, "my-app", "svg", SVG).await.into();
        let id = made_entity(&ann, &body).await;
        let update = json!({ "icon_path": sent_icon(&ann, "my-app", "png", &png("x")).await });
        (app, (ann, id, update))
    }

    async fn ask(&self, (ann, id, update): &Self::Place) -> TestResponse {
        ann.put_json(&at(id), update).await
    }

    async fn is_done(&self, app: &TestApp, (ann, id, _): &Self::Place) -> bool {
        let (before, after) = (Digests::of(SVG).sha256, Digests::of(&png("x")).sha256);
        let row = row(app, id).await;
        let done = row.icon.as_ref().unwrap().sha256 == after;
        assert_eq!(row.rev, if done { 2 } else { 1 });
        assert_eq!(
            (holders(app, before).await, holders(app, after).await),
            (u64::from(!done), u64::from(done))
        );
        assert_eq!(recorded(app, "entity.update").await, usize::from(done));
        let icon = app.restarted().token(ann.secret()).get(&format!("{}/icon", at(id))).await;
        assert_eq!(icon.body[..], if done { png("x") } else { SVG.to_vec() });
        done
    }

    fn is_long(&self) -> bool {
        true
    }
}

/// A publisher more.
struct Publisher;

impl Change for Publisher {
    type Place = (Actor, String);

    async fn prepare(&self) -> (TestApp, Self::Place) {
        let (app, ann) = on_aws().await;
        let id = made_entity(&ann, &plain("my-app")).await;
        (app, (ann, id))
    }

    async fn ask(&self, (ann, id): &Self::Place) -> TestResponse {
        ann.post_json(&format!("{}/publishers", at(id)), &json!({ "userId": "bob" })).await
    }

    async fn is_done(&self, app: &TestApp, (_, id): &Self::Place) -> bool {
        check(app, id, &["ann", "bob"]).await;
        let count = row(app, id).await.publishers.len();
        assert_eq!(recorded(app, "entity.publisher.add").await, count - 1);
        count == 2
    }
}

/// The end of an entity.
struct Deletion;

impl Change for Deletion {
    type Place = (Actor, String);

    async fn prepare(&self) -> (TestApp, Self::Place) {
        Publisher.prepare().await
    }

    async fn ask(&self, (ann, id): &Self::Place) -> TestResponse {
        ann.delete(&at(id)).await
    }

    async fn is_done(&self, app: &TestApp, (ann, id): &Self::Place) -> bool {
        let response = app.restarted().token(ann.secret()).get(&at(id)).await;
        let done = response.status == 404;
        assert!(done || response.status == 200, "{}", response.text());
        assert_eq!(listed(app, "ann").await.is_empty(), done);
        assert_eq!(app.outbox().await.len(), usize::from(done));
        assert_eq!(recorded(app, "entity.delete").await, usize::from(done));
        done
    }

    fn done_already(&self) -> &[u16] {
        &[404]
    }
}

#[tokio::test]
async fn an_entity_is_made_once_and_whole() {
    enough(every_call_fails(&Creation).await);
}

#[tokio::test]
async fn an_icon_is_replaced_once_and_whole() {
    enough(every_call_fails(&Icon).await);
}

#[tokio::test]
async fn a_publisher_is_added_once_and_whole() {
    enough(every_call_fails(&Publisher).await);
}

#[tokio::test]
async fn an_entity_is_deleted_once_and_whole() {
    enough(every_call_fails(&Deletion).await);
}

#[tokio::test]
async fn reads_fail_as_busy_and_never_as_empty() {
    let (app, (ann, id, _)) = Icon.prepare().await;
    for below in ["", "/details", "/publishers", "/publishers/bob", "/icon"] {
        let (secret, path) = (ann.secret().to_owned(), format!("{}{below}", at(&id)));
        let read = async |fresh: &TestApp| fresh.token(&secret).get(&path).await;
        let tally = every_read_fails(&Icon, &app, read).await;
        assert!(tally.cases > 10, "{below} {tally:?}");
    }
    let secret = ann.secret().to_owned();
    let tally =
        every_read_fails(&Icon, &app, async |fresh: &TestApp| fresh.token(&secret).get(PATH).await).await;
    assert!(tally.cases > 10, "{tally:?}");
}
