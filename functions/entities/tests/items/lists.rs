//! Lists only say where to look.

use super::*;

/// The slugs that somebody's list shows.
async fn slugs(actor: &Actor, query: &str) -> Vec<String> {
    let response = actor.get(&format!("{PATH}{query}")).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let body = response.json();
    assert_eq!(body["next"], json!(null));
    body["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["slug"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_list_has_what_the_caller_publishes() {
    let (app, ann, _) = shelf().await;
    let bob = app.known_user("bob").await;
    app.clock.advance_millis(1);
    let theirs = made_entity(&bob, &json!({ "type": "service", "slug": "theirs", "name": "x" })).await;
    assert_eq!(slugs(&ann, "").await, ["my-app"]);
    assert_eq!(slugs(&bob, "").await, ["theirs"]);
    let added = bob.post_json(&format!("{}/publishers", at(&theirs)), &json!({ "userId": "ann" })).await;
    assert_eq!(added.status, 201, "{}", added.text());
    assert_eq!(slugs(&ann, "").await, ["my-app", "theirs"]);
    assert_eq!(slugs(&ann, "?type=service").await, ["theirs"]);
    assert_eq!(slugs(&ann, "?type=app").await, ["my-app"]);
    assert!(slugs(&ann, "?type=chat_extension").await.is_empty());
    assert!(slugs(&app.known_user("eve").await, "").await.is_empty());
    assert_eq!(bob.delete(&format!("{}/publishers/ann", at(&theirs))).await.status, 204);
    assert_eq!(slugs(&ann, "").await, ["my-app"]);
    expect(&ann.get(&format!("{PATH}?type=tool")).await, 400, &["type", "chat_extension"]);
    // Whoever administers the instance may see everything, but does not publish it.
    assert!(slugs(&app.known_user("root").await, "").await.is_empty());
}

#[tokio::test]
async fn what_is_left_in_a_list_is_not_shown() {
    let (app, ann, id) = shelf().await;
    let eve = app.known_user("eve").await;
    let storage = app.state().storage();
    let gone = app.state().next_id();
    for (user, id) in [("eve", &id), ("eve", &gone), ("ann", &gone)] {
        let key = Key::EntityOfUser(user.parse().unwrap(), id.clone());
        storage.put(&key, &EntityRef { id: id.clone() }).await.unwrap();
    }
    assert!(slugs(&eve, "").await.is_empty());
    assert_eq!(slugs(&ann, "").await, ["my-app"]);
    change_row(&app, &id, |row| row.deleting = true).await;
    assert!(slugs(&ann, "").await.is_empty());
}

/// Entities of ann's besides the first one, with descriptions of this length. Gives all of their ids.
async fn many(app: &TestApp, ann: &Actor, number: usize, length: usize) -> Vec<String> {
    let first = made_entity(ann, &plain("first")).await;
    let template = row(app, &first).await;
    let storage = app.state().storage();
    let mut ids = vec![first];
    for n in 0..number {
        let id = app.state().next_id();
        let row = EntityRow {
            id: id.clone(),
            slug: format!("e{n}").parse().unwrap(),
            description: Some("x".repeat(length)),
            ..template.clone()
        };
        storage.put(&Key::Entity(id.clone()), &row).await.unwrap();
        let entry = EntityRef { id: id.clone() };
        storage.put(&Key::EntityOfUser("ann".parse().unwrap(), id.clone()), &entry).await.unwrap();
        ids.push(id);
    }
    ids.sort();
    ids
}

/// Follows the list to its end: the ids, the number of pages, and the largest page in bytes.
async fn whole(ann: &Actor) -> (Vec<String>, usize, usize) {
    let (mut seen, mut cursor, mut largest) = (Vec::new(), String::new(), 0);
    for pages in 1..100 {
        let response = ann.get(&format!("{PATH}{cursor}")).await;
        assert_eq!(response.status, 200, "{}", response.text());
        largest = largest.max(response.body.len());
        let body = response.json();
        let page = body["entities"].as_array().unwrap();
        seen.extend(page.iter().map(|entity| entity["id"].as_str().unwrap().to_owned()));
        match body["next"].as_str() {
            Some(next) => cursor = format!("?cursor={next}"),
            None => return (seen, pages, largest),
        }
    }
    panic!("the list never ends");
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let ids = many(&app, &ann, 1_020, 10).await;
    let (seen, pages, _) = whole(&ann).await;
    assert_eq!((pages, seen), (2, ids));
    let empty = ann.get(&format!("{PATH}?cursor={}", "z".repeat(36))).await.json();
    assert_eq!(empty, json!({ "entities": [], "next": null }));
    expect(&ann.get(&format!("{PATH}?cursor={}", "z".repeat(2_000))).await, 400, &["cursor"]);
}

#[tokio::test]
async fn a_page_fits_into_the_answer_of_a_function() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let ids = many(&app, &ann, 120, 100_000).await;
    app.probe.reset();
    let (seen, pages, largest) = whole(&ann).await;
    assert_eq!((pages, seen), (3, ids));
    assert!(largest < 4_600_000, "{largest}");
}
