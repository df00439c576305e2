//! Making, listing and taking back shares.

use super::*;

#[tokio::test]
async fn a_request_says_what_became_of_each_address() {
    let (app, ann, id) = shelf().await;
    let emails = ["sam@example.com", "bob@example.com", "ann@example.com", "nobody@example.com"];
    let response = share(&ann, &id, &emails).await;
    expect(&response, 201, &[]);
    let body = response.json();
    let made = &body["shares"][0];
    assert_eq!(column(&body["shares"], "user_id"), ["bob", "sam"]);
    assert_eq!(
        made,
        &json!({
            "id": made["id"], "user_id": "bob", "email": "bob@example.com", "created_by": "ann",
            "created_at": app.state().now().to_string(),
        })
    );
    assert_eq!(body["already_had_access"], json!(["ann@example.com"]));
    assert_eq!(body["not_found"], json!(["nobody@example.com"]));
    assert_eq!(body.as_object().unwrap().len(), 3);
    for user in ["bob", "sam"] {
        assert_eq!(standing(&app.user(user), &id).await, "share");
    }
    assert_eq!(asked(&app.user("eve"), &id).await, 404);
    consistent(&app, &id, &[]).await;
    let records = app.audit("user:ann").await;
    let record = records.iter().find(|record| record["action"] == "entity.share").unwrap();
    assert_eq!(
        (&record["actor"], &record["target"]),
        (&json!("user:ann"), &json!("entity/my-app/shares/bob,sam"))
    );

    // The same again changes nothing, and says so.
    let again = share(&ann, &id, &emails).await;
    expect(&again, 200, &[]);
    assert_eq!(again.json()["shares"], json!([]));
    assert_eq!(
        again.json()["already_had_access"],
        json!(["ann@example.com", "bob@example.com", "sam@example.com"])
    );
    assert_eq!(recorded(&app, "user:ann", "entity.share").await, 1);
}

#[tokio::test]
async fn publishers_have_access_already() {
    let (app, ann, id) = shelf().await;
    let path = format!("/api/entities/{id}/publishers");
    expect(&ann.post_json(&path, &json!({ "userId": "bob" })).await, 201, &[]);
    for (who, whom) in [(&ann, "bob"), (&app.user("bob"), "ann"), (&app.user("bob"), "bob")] {
        let response = share(who, &id, &[&format!("{whom}@example.com")]).await;
        expect(&response, 200, &[]);
        assert_eq!(response.json()["already_had_access"], json!([format!("{whom}@example.com")]));
    }
    assert!(row(&app, &id).await.shares.is_empty());
    consistent(&app, &id, &[]).await;
}

/// An administrator of the owner publishes without being listed, and does not share with herself either. Sharing does
/// not tell who belongs to an organisation.
#[tokio::test]
async fn sharing_in_an_organisation() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("mia", "member")]).await;
    let ann = app.known_user("ann").await;
    let id =
        made_entity(&olga, &json!({ "type": "app", "slug": "x", "name": "x", "org_slug": "acme" })).await;
    let path = format!("/api/entities/{id}/publishers");
    expect(&olga.post_json(&path, &json!({ "userId": "ann" })).await, 201, &[]);
    expect(&olga.delete(&format!("{path}/olga")).await, 204, &[]);
    let response = share(&olga, &id, &["olga@example.com"]).await;
    expect(&response, 200, &[]);
    assert_eq!(response.json()["already_had_access"], json!(["olga@example.com"]));
    published(&olga, "acme", &id, false).await;
    let response = share(&ann, &id, &["mia@example.com", "olga@example.com"]).await;
    expect(&response, 201, &[]);
    assert_eq!(column(&response.json()["shares"], "user_id"), ["mia", "olga"]);

    // A token of the organisation shares in the name of who made it.
    let token = app.org_token("olga", "acme", &["write"]).await;
    app.known_user("sam").await;
    shared(&token, &id, "sam").await;
    let shares = token.get(&shares_of(&id)).await.json();
    let sams = shares["shares"].as_array().unwrap().iter().find(|share| share["user_id"] == "sam").unwrap();
    assert_eq!(sams["created_by"], "olga");
    consistent(&app, &id, &["acme"]).await;
}

#[tokio::test]
async fn publishers_see_all_shares_and_others_their_own() {
    let (app, ann, id) = shelf().await;
    let path = format!("/api/entities/{id}/publishers");
    expect(&ann.post_json(&path, &json!({ "userId": "bob" })).await, 201, &[]);
    shared(&ann, &id, "sam").await;
    // Time orders ids.
    app.clock.advance_millis(1);
    shared(&app.user("bob"), &id, "eve").await;
    app.clock.advance_millis(1);
    // Bob is no publisher any more, but has a share himself.
    expect(&ann.delete(&format!("{path}/bob")).await, 204, &[]);
    shared(&ann, &id, "bob").await;
    for (user, expected) in [
        ("ann", vec!["sam", "eve", "bob"]),
        ("bob", vec!["eve", "bob"]),
        ("sam", vec!["sam"]),
        ("root", vec!["sam", "eve", "bob"]),
    ] {
        let response = app.user(user).get(&shares_of(&id)).await;
        expect(&response, 200, &[]);
        assert_eq!(column(&response.json()["shares"], "user_id"), expected, "{user}");
    }
    expect(&app.user("mia").get(&shares_of(&id)).await, 404, &["entity", "not found"]);
}

/// Somebody of the owning organisation who also has a share is a publisher all the same.
#[tokio::test]
async fn a_share_takes_nothing_from_an_administrator() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("ann", "admin")]).await;
    app.known_user("sam").await;
    let id =
        made_entity(&olga, &json!({ "type": "app", "slug": "x", "name": "x", "org_slug": "acme" })).await;
    let sams = shared(&olga, &id, "sam").await;
    // Time orders ids.
    app.clock.advance_millis(1);
    shared(&olga, &id, "ann").await;
    let ann = app.user("ann");
    assert_eq!(column(&ann.get(&shares_of(&id)).await.json()["shares"], "user_id"), ["sam", "ann"]);
    expect(&ann.delete(&share_of(&id, &sams)).await, 204, &[]);
    assert_eq!(asked(&app.user("sam"), &id).await, 404);
}

#[tokio::test]
async fn a_share_is_taken_back_by_who_made_it_or_the_owner() {
    let (app, ann, id) = shelf().await;
    let path = format!("/api/entities/{id}/publishers");
    expect(&ann.post_json(&path, &json!({ "userId": "bob" })).await, 201, &[]);
    let bob = app.user("bob");
    let (of_ann, of_bob) = (shared(&ann, &id, "sam").await, shared(&bob, &id, "eve").await);

    expect(&bob.delete(&share_of(&id, &of_ann)).await, 403, &["whoever made it", "owner"]);
    expect(&app.user("sam").delete(&share_of(&id, &of_ann)).await, 403, &["whoever made it"]);
    // Sam does not see the other share, so for him there is none.
    let unknown = app.user("sam").delete(&share_of(&id, "none")).await;
    expect(&unknown, 404, &["share 'none' not found"]);
    let hidden = app.user("sam").delete(&share_of(&id, &of_bob)).await;
    assert_eq!(hidden.text().replace(&of_bob, "none"), unknown.text());
    expect(&app.user("mia").delete(&share_of(&id, &of_ann)).await, 404, &["entity", "not found"]);
    expect(&app.anonymous().delete(&share_of(&id, &of_ann)).await, 401, &[]);
    let reader = app.account_token("ann", &["read"]).await;
    expect(&reader.delete(&share_of(&id, &of_ann)).await, 403, &["scope"]);
    assert_eq!(row(&app, &id).await.shares.len(), 2);

    // The owner takes back what another publisher has shared, and whoever made a share their own.
    expect(&ann.delete(&share_of(&id, &of_bob)).await, 204, &[]);
    assert_eq!(asked(&app.user("eve"), &id).await, 404, "at once");
    let of_bob = shared(&bob, &id, "eve").await;
    let writer = app.account_token("bob", &["write"]).await;
    expect(&writer.delete(&share_of(&id, &of_bob)).await, 204, &[]);
    expect(&writer.delete(&share_of(&id, &of_bob)).await, 404, &["share", "not found"]);
    consistent(&app, &id, &[]).await;
    assert_eq!(recorded(&app, "user:ann", "entity.unshare").await, 2);
    let records = app.audit("user:ann").await;
    let record = records.iter().rfind(|record| record["action"] == "entity.unshare").unwrap();
    assert_eq!(record["target"], "entity/my-app/shares/eve");
}

#[tokio::test]
async fn owners_of_an_organisations_entity_are_its_administrators_and_tokens() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("bob", "member"), ("mia", "member")]).await;
    app.org("eve", "other", &[]).await;
    let id =
        made_entity(&olga, &json!({ "type": "app", "slug": "x", "name": "x", "org_slug": "acme" })).await;
    let path = format!("/api/entities/{id}/publishers");
    for user in ["bob", "mia"] {
        expect(&olga.post_json(&path, &json!({ "userId": user })).await, 201, &[]);
    }
    app.known_user("sam").await;
    let [bob, mia] = ["bob", "mia"].map(|user| app.user(user));
    for (owner, works) in [
        (olga.clone(), true),
        (app.org_token("olga", "acme", &["write"]).await, true),
        (app.user("root"), true),
        (app.org_token("olga", "acme", &["read"]).await, false),
        (mia, false),
    ] {
        let made = shared(&bob, &id, "sam").await;
        let response = owner.delete(&share_of(&id, &made)).await;
        expect(&response, if works { 204 } else { 403 }, &[]);
        if !works {
            expect(&bob.delete(&share_of(&id, &made)).await, 204, &[]);
        }
    }
    let made = shared(&bob, &id, "sam").await;
    for stranger in [app.org_token("eve", "other", &["admin"]).await, app.user("eve")] {
        expect(&stranger.delete(&share_of(&id, &made)).await, 404, &["entity"]);
    }
    consistent(&app, &id, &[]).await;
}
