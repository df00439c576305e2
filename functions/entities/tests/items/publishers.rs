//! Publishers.

use super::*;

/// Path of the publishers of an entity.
fn publishers(id: &str) -> String {
    format!("{}/publishers", at(id))
}

/// The ids of publishers that somebody sees.
async fn names(actor: &Actor, id: &str) -> Vec<String> {
    let body = actor.get(&publishers(id)).await.json();
    let list = body["publishers"].as_array().unwrap();
    list.iter().map(|entry| entry["user_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn publishers_come_and_go() {
    let (app, ann, id) = shelf().await;
    let bob = app.known_user("bob").await;
    let path = publishers(&id);
    assert_eq!(ann.get(&format!("{path}/bob")).await.json(), json!({ "is_publisher": false }));
    let added = ann.post_json(&path, &json!({ "userId": "bob" })).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let view = json!({ "user_id": "bob", "name": "Name of bob", "email": "bob@example.com" });
    assert_eq!(added.json(), json!({ "publisher": view }));
    check(&app, &id, &["ann", "bob"]).await;
    let rev = row(&app, &id).await.rev;
    let again = ann.post_json(&path, &json!({ "userId": "bob" })).await;
    assert_eq!((again.status, again.json()), (200, json!({ "publisher": view })));
    assert_eq!(row(&app, &id).await.rev, rev);
    assert_eq!(names(&bob, &id).await, ["ann", "bob"]);
    for (user, expected) in [("ann", true), ("bob", true), ("eve", false), ("no such", false), ("..x", false)]
    {
        let user = user.replace(' ', "%20");
        let answer = bob.get(&format!("{path}/{user}")).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "is_publisher": expected })), "{user}");
    }
    // A publisher may do everything, also take out the one who made it.
    assert_eq!(bob.put_json(&at(&id), &json!({ "name": "Ours" })).await.status, 200);
    let removed = bob.delete(&format!("{path}/ann")).await;
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    check(&app, &id, &["ann", "bob"]).await;
    expect(&ann.get(&at(&id)).await, 404, &["entity"]);
    expect(&bob.delete(&format!("{path}/bob")).await, 409, &["last publisher"]);
    assert_eq!(names(&bob, &id).await, ["bob"]);
}

#[tokio::test]
async fn one_leaves_by_oneself() {
    let (app, ann, id) = shelf().await;
    let bob = app.known_user("bob").await;
    assert_eq!(ann.post_json(&publishers(&id), &json!({ "userId": "bob" })).await.status, 201);
    assert_eq!(bob.delete(&format!("{}/bob", publishers(&id))).await.status, 204);
    expect(&bob.get(&at(&id)).await, 404, &["entity"]);
    check(&app, &id, &["ann", "bob"]).await;
}

#[tokio::test]
async fn requests_are_checked() {
    let (app, ann, id) = shelf().await;
    let path = publishers(&id);
    for (body, words) in [
        (json!({}), ["userId", "required"]),
        (json!({ "userId": 1 }), ["userId", "string"]),
        (json!({ "userId": "a b" }), ["userId", "letters"]),
        (json!({ "userId": "stranger" }), ["no user 'stranger'", "sign in"]),
        (json!({ "userId": "ann", "role": "x" }), ["unknown field", "role"]),
        (json!({ "user_id": "ann" }), ["unknown field", "userId"]),
    ] {
        expect(&ann.post_json(&path, &body).await, 400, &words);
    }
    for user in ["stranger", "a%20b", "%2E%2Ex"] {
        expect(&ann.delete(&format!("{path}/{user}")).await, 404, &["publisher", "not found"]);
    }
    assert_eq!(row(&app, &id).await.rev, 1);
}

#[tokio::test]
async fn there_is_an_end_to_publishers() {
    let (app, ann, id) = shelf().await;
    app.known_user("bob").await;
    let path = publishers(&id);
    change_row(&app, &id, |row| {
        row.publishers.extend((0..999).map(|n| format!("user-{n}").parse().unwrap()));
    })
    .await;
    expect(&ann.post_json(&path, &json!({ "userId": "bob" })).await, 409, &["1000"]);
    // One who is there already is no more.
    app.known_user("user-1").await;
    assert_eq!(ann.post_json(&path, &json!({ "userId": "user-1" })).await.status, 200);
    assert_eq!(ann.delete(&format!("{path}/user-1")).await.status, 204);
    assert_eq!(ann.post_json(&path, &json!({ "userId": "bob" })).await.status, 201);
    assert_eq!(names(&ann, &id).await.len(), 1_000);
    // Long ids take the room of many: the row has to be written whatever they are.
    change_row(&app, &id, |row| {
        let fill = "x".repeat(360_000);
        row.description = Some(fill);
    })
    .await;
    assert_eq!(ann.delete(&format!("{path}/bob")).await.status, 204);
    expect(&ann.post_json(&path, &json!({ "userId": "bob" })).await, 409, &["no room"]);
}
