//! Entities of organisations.

use granary_storage::Subject;

use super::*;

#[tokio::test]
async fn an_entity_can_be_an_organisations() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("ann", "admin"), ("mia", "member")]).await;
    let by_ann = made_entity(&app.user("ann"), &plain_of("acme", "one")).await;
    let entity = shown(&olga, &by_ann).await;
    assert_eq!(entity["owner"], json!({ "type": "organization", "id": "acme" }));
    assert_eq!(entity["org_slug"], "acme");
    check(&app, &by_ann, &["olga", "ann", "mia"]).await;
    assert_eq!(listed(&app, "ann").await, std::slice::from_ref(&by_ann));
    let mut camel = plain("two");
    camel["orgSlug"] = "acme".into();
    made_entity(&olga, &camel).await;
    // A token makes it in its own organisation, named or not, and nobody is a publisher then.
    let token = app.org_token("olga", "acme", &["admin"]).await;
    let third = made_entity(&token, &plain("three")).await;
    made_entity(&token, &plain_of("acme", "four")).await;
    let row = row(&app, &third).await;
    assert_eq!((row.owner.subject, row.publishers.len()), (Subject::Org("acme".parse().unwrap()), 0));
    let slugs = async |actor: &Actor| {
        let body = actor.get(PATH).await.json();
        let mut slugs: Vec<String> = body["entities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entity| entity["slug"].as_str().unwrap().to_owned())
            .collect();
        slugs.sort();
        slugs
    };
    assert_eq!(slugs(&token).await, ["four", "one", "three", "two"]);
    assert_eq!(slugs(&app.org_token("olga", "acme", &["read"]).await).await, ["four", "one", "three", "two"]);
    assert_eq!(slugs(&app.user("ann")).await, ["one"]);
    assert!(slugs(&app.user("mia")).await.is_empty());
    let actors: BTreeSet<String> = app
        .audit("org:acme")
        .await
        .iter()
        .filter(|record| record["action"] == "entity.create")
        .map(|record| record["actor"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actors, BTreeSet::from(["org:acme".into(), "user:ann".into(), "user:olga".into()]));
}

#[tokio::test]
async fn making_one_takes_the_right_to_manage_the_store() {
    let app = TestApp::new().await;
    app.org("olga", "acme", &[("mia", "member")]).await;
    app.org("sue", "shop", &[]).await;
    let body = plain_of("acme", "one");
    for (actor, status, words) in [
        (app.user("mia"), 403, "role"),
        (app.account_token("olga", &["write"]).await, 403, "scope"),
        (app.org_token("olga", "acme", &["write"]).await, 403, "role"),
        (app.org_token("olga", "acme", &["read"]).await, 403, "write scope"),
        (app.user("sue"), 404, "organisation 'acme' not found"),
        (app.org_token("sue", "shop", &["admin"]).await, 404, "organisation 'acme' not found"),
        (app.known_user("eve").await, 404, "organisation 'acme' not found"),
        (app.anonymous(), 401, ""),
    ] {
        expect(&actor.post_json(PATH, &body).await, status, &[words]);
    }
    let unknown = app.user("eve").post_json(PATH, &plain_of("nobodys", "one")).await;
    expect(&unknown, 404, &["organisation 'nobodys' not found"]);
    made_entity(&app.user("olga"), &body).await;
}

#[tokio::test]
async fn an_entity_of_an_organisation_needs_no_publisher() {
    let app = TestApp::new().await;
    app.org("olga", "acme", &[]).await;
    let id = made_entity(&app.user("olga"), &plain_of("acme", "one")).await;
    let removed = app.user("olga").delete(&format!("{}/publishers/olga", at(&id))).await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    check(&app, &id, &["olga"]).await;
    // She goes on publishing it as the owner of the organisation.
    let path = format!("{}/publishers", at(&id));
    assert_eq!(app.user("olga").get(&path).await.json(), json!({ "publishers": [] }));
    assert_eq!(app.user("olga").get(&format!("{path}/olga")).await.json(), json!({ "is_publisher": true }));
    assert_eq!(app.user("olga").put_json(&at(&id), &json!({ "name": "x" })).await.status, 200);
    assert_eq!(app.user("olga").delete(&at(&id)).await.status, 204);
    let key = Key::EntityOfOrg("acme".parse().unwrap(), String::new());
    let left: Vec<EntityRef> = app.state().storage().list_all(&key, "ENTITY#").await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_that_goes_meanwhile_gets_nothing() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[]).await;
    let maker = olga.clone();
    let making =
        held(
            &app,
            "TransactWriteItems",
            async move { maker.post_json(PATH, &plain_of("acme", "one")).await },
        )
        .await;
    assert_eq!(olga.delete("/api/orgs/acme").await.status, 200);
    expect(&making.await.unwrap(), 404, &["organisation not found"]);
    assert!(listed(&app, "olga").await.is_empty());
    let slug: Option<EntityRef> = app.state().storage().get(&Key::EntitySlug("one".into())).await.unwrap();
    assert_eq!(slug, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deletion_of_an_organisation_sees_what_is_made_meanwhile() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[]).await;
    let deleter = olga.clone();
    let deleting =
        held(&app, "TransactWriteItems", async move { deleter.delete("/api/orgs/acme").await }).await;
    let id = made_entity(&olga, &plain_of("acme", "one")).await;
    assert_eq!(deleting.await.unwrap().status, 200);
    // It was refused once, and began again.
    let commits = app.probe.calls().iter().filter(|call| call.operation == "TransactWriteItems").count();
    assert!(commits >= 3, "{commits}");
    expect(&olga.get(&at(&id)).await, 404, &["entity"]);
    app.settle().await;
    let row: Option<EntityRow> = app.state().storage().get(&Key::Entity(id)).await.unwrap();
    assert_eq!(row, None);
    assert!(listed(&app, "olga").await.is_empty());
    made_entity(&olga, &plain("one")).await;
}
