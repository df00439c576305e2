//! Deleting an entity.

use granary_storage::rows::Event;

use super::*;

#[tokio::test]
async fn a_deleted_entity_is_gone_at_once() {
    let (app, ann, id) = shelf().await;
    let bob = app.known_user("bob").await;
    assert_eq!(
        ann.post_json(&format!("{}/publishers", at(&id)), &json!({ "userId": "bob" })).await.status,
        201
    );
    let deleted = bob.delete(&at(&id)).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    for actor in [&ann, &bob] {
        expect(&actor.get(&at(&id)).await, 404, &["entity", "not found"]);
        expect(&actor.put_json(&at(&id), &json!({ "name": "x" })).await, 404, &["entity"]);
        expect(&actor.delete(&at(&id)).await, 404, &["entity"]);
        assert_eq!(actor.get(PATH).await.json()["entities"], json!([]));
    }
    assert!(listed(&app, "ann").await.is_empty() && listed(&app, "bob").await.is_empty());
    let waiting: Vec<Event> = app.outbox().await.into_iter().map(|row| row.event).collect();
    assert_eq!(waiting, [Event::EntityDeleted { id: id.clone() }]);
    // Its short name is free, for another one.
    let next = made_entity(&app.known_user("eve").await, &plain("my-app")).await;
    assert_ne!(next, id);
    check(&app, &next, &["ann", "bob", "eve"]).await;
}

#[tokio::test]
async fn one_with_very_many_publishers_can_be_deleted() {
    let (app, ann, id) = shelf().await;
    for n in 0..999 {
        let key = Key::EntityOfUser(format!("user-{n}").parse().unwrap(), id.clone());
        app.state().storage().put(&key, &EntityRef { id: id.clone() }).await.unwrap();
    }
    change_row(&app, &id, |row| {
        row.publishers.extend((0..999).map(|n| format!("user-{n}").parse().unwrap()));
    })
    .await;
    assert_eq!(ann.delete(&at(&id)).await.status, 204);
    expect(&ann.get(&at(&id)).await, 404, &["entity"]);
    app.settle().await;
    let row: Option<EntityRow> = app.state().storage().get(&Key::Entity(id)).await.unwrap();
    assert_eq!(row, None);
    for n in 0..999 {
        assert!(listed(&app, &format!("user-{n}")).await.is_empty(), "{n}");
    }
}
