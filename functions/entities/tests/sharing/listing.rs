//! What is shared with somebody, and by somebody.

use super::*;

#[tokio::test]
async fn lists_show_what_is_shared() {
    let (app, ann, id) = shelf().await;
    // Time orders ids.
    app.clock.advance_millis(1);
    let service = new_entity(&ann, "service", "my-service").await;
    let one = shared(&ann, &id, "sam").await;
    app.clock.advance_millis(1);
    let at = app.state().now();
    let other = shared(&ann, &id, "bob").await;
    let third = shared(&ann, &service, "sam").await;
    let sam = app.user("sam");

    let received = sam.get(WITH_ME).await;
    expect(&received, 200, &[]);
    let body = received.json();
    assert_eq!((&body["next"], body.as_object().unwrap().len()), (&Value::Null, 2));
    assert_eq!(column(&body["entities"], "id"), [id.as_str(), service.as_str()]);
    let mut expected = sam.get(&format!("/api/entities/{id}")).await.json()["entity"].clone();
    let share = |id: &str, user: &str, millis: i64| {
        json!({
            "id": id, "email": format!("{user}@example.com"), "user_id": user, "created_by": "ann",
            "created_at": at.plus_millis(millis).to_string(),
        })
    };
    expected["share"] = share(&one, "sam", -1);
    assert_eq!(body["entities"][0], expected);
    assert_eq!(body["entities"][1]["share"], share(&third, "sam", 0));

    let given = ann.get(BY_ME).await;
    expect(&given, 200, &[]);
    expected.as_object_mut().unwrap().remove("share");
    expected["shares"] = json!([share(&one, "sam", -1), share(&other, "bob", 0)]);
    assert_eq!(given.json()["entities"][0], expected);
    assert_eq!(given.json()["entities"][1]["shares"], json!([share(&third, "sam", 0)]));

    for (actor, path) in [(&sam, WITH_ME), (&ann, BY_ME)] {
        assert_eq!(ids(actor, &format!("{path}?type=service")).await, [service.as_str()]);
        assert_eq!(ids(actor, &format!("{path}?type=app")).await, [id.as_str()]);
        assert!(ids(actor, &format!("{path}?type=chat_extension")).await.is_empty());
    }
    for (actor, path) in [(&sam, BY_ME), (&ann, WITH_ME), (&app.user("eve"), WITH_ME)] {
        assert!(ids(actor, path).await.is_empty(), "{path}");
    }
    expect(&ann.delete(&share_of(&id, &one)).await, 204, &[]);
    assert_eq!(ids(&sam, WITH_ME).await, [service.as_str()]);
    assert_eq!(column(&ann.get(BY_ME).await.json()["entities"][0]["shares"], "user_id"), ["bob"]);
    expect(&ann.delete(&share_of(&id, &other)).await, 204, &[]);
    assert_eq!(ids(&ann, BY_ME).await, [service.as_str()]);
    consistent(&app, &id, &[]).await;
}

#[tokio::test]
async fn lists_are_of_users() {
    let (app, ann, id) = shelf().await;
    app.org("olga", "acme", &[]).await;
    shared(&ann, &id, "sam").await;
    for path in [WITH_ME, BY_ME] {
        expect(&app.anonymous().get(path).await, 401, &[]);
        let token = app.org_token("olga", "acme", &["admin"]).await;
        expect(&token.get(path).await, 403, &["user"]);
    }
    let reader = app.account_token("sam", &["read"]).await;
    assert_eq!(ids(&reader, WITH_ME).await, [id.as_str()]);
}

/// Whoever has shared something and lost it is not told any more what became of it.
#[tokio::test]
async fn what_somebody_shared_is_shown_as_long_as_they_have_it() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("ann", "member")]).await;
    for user in ["bob", "sam"] {
        app.known_user(user).await;
    }
    let id =
        made_entity(&olga, &json!({ "type": "app", "slug": "x", "name": "x", "org_slug": "acme" })).await;
    let path = format!("/api/entities/{id}/publishers");
    for user in ["ann", "bob"] {
        expect(&olga.post_json(&path, &json!({ "userId": user })).await, 201, &[]);
    }
    let [ann, bob] = ["ann", "bob"].map(|user| app.user(user));
    shared(&ann, &id, "sam").await;
    let sees = async |actor: &Actor| !ids(actor, BY_ME).await.is_empty();
    assert!(sees(&ann).await);
    expect(&olga.delete(&format!("{path}/ann")).await, 204, &[]);
    assert!(!sees(&ann).await);
    shared(&bob, &id, "ann").await;
    assert!(sees(&bob).await);
    expect(&olga.delete(&format!("{path}/bob")).await, 204, &[]);
    assert!(sees(&ann).await && !sees(&bob).await, "ann has it by bob's share");
    published(&olga, "acme", &id, true).await;
    assert!(sees(&bob).await, "by the public store");
    expect(&publish(&olga, "acme", &id, false).await, 200, &[]);
    assert!(!sees(&bob).await);
    expect(
        &olga.post_json("/api/orgs/acme/members", &json!({ "userId": "bob", "role": "member" })).await,
        201,
        &[],
    );
    assert!(sees(&bob).await, "by the store");
    expect(&withdraw(&olga, "acme", &id).await, 204, &[]);
    assert!(!sees(&bob).await);
    expect(
        &olga.post_json("/api/orgs/acme/members", &json!({ "userId": "bob", "role": "admin" })).await,
        201,
        &[],
    );
    assert!(sees(&bob).await, "as an administrator of the owner");
    consistent(&app, &id, &["acme"]).await;
}

/// The rows of lists only say where to look.
#[tokio::test]
async fn rows_that_are_not_true_show_nothing() {
    let (app, ann, id) = shelf().await;
    app.org("olga", "shop", &[("mia", "member")]).await;
    let storage = app.state().storage();
    let entry = EntityRef { id: id.clone() };
    storage.put(&Key::SharedWith("eve".parse().unwrap(), id.clone()), &entry).await.unwrap();
    storage.put(&Key::SharedBy("ann".parse().unwrap(), id.clone()), &entry).await.unwrap();
    let entry = StoreRef { id: id.clone(), public: true };
    storage.put(&Key::StoreEntry("shop".parse().unwrap(), id.clone()), &entry).await.unwrap();
    let nowhere = StoreRef { id: "0".repeat(36), public: true };
    storage.put(&Key::StoreEntry("shop".parse().unwrap(), nowhere.id.clone()), &nowhere).await.unwrap();
    for (actor, path) in [
        (&app.user("eve"), WITH_ME.to_owned()),
        (&ann, BY_ME.to_owned()),
        (&app.user("mia"), store_of("shop")),
        (&app.user("eve"), store_of("shop")),
    ] {
        assert!(ids(actor, &path).await.is_empty(), "{path}");
    }
}
