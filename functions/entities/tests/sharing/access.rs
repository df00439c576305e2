//! The four ways to an entity, in their order, and how each of them ends.

use super::*;

/// An app of ann's in the store of `shop`, whose owner is olga and whose member is mia.
async fn shop(public: bool) -> (TestApp, Actor, String) {
    let (app, ann, id) = shelf().await;
    app.org("olga", "shop", &[("mia", "member"), ("ann", "admin")]).await;
    published(&ann, "shop", &id, public).await;
    (app, ann, id)
}

#[tokio::test]
async fn the_first_of_four_ways_counts() {
    let (app, ann, id) = shop(true).await;
    let eve = app.user("eve");
    assert_eq!(standing(&eve, &id).await, "public_store");
    // Everybody comes by all ways that are below as well.
    expect(
        &app.user("olga")
            .post_json("/api/orgs/shop/members", &json!({ "userId": "eve", "role": "member" }))
            .await,
        201,
        &[],
    );
    assert_eq!(standing(&eve, &id).await, "org_store");
    shared(&ann, &id, "eve").await;
    assert_eq!(standing(&eve, &id).await, "share");
    let path = format!("/api/entities/{id}/publishers");
    expect(&ann.post_json(&path, &json!({ "userId": "eve" })).await, 201, &[]);
    assert_eq!(standing(&eve, &id).await, "publisher");
    // And back, one after the other.
    expect(&ann.delete(&format!("{path}/eve")).await, 204, &[]);
    assert_eq!(standing(&eve, &id).await, "share");
    let share = ann.get(&shares_of(&id)).await.json()["shares"][0]["id"].as_str().unwrap().to_owned();
    expect(&ann.delete(&share_of(&id, &share)).await, 204, &[]);
    assert_eq!(standing(&eve, &id).await, "org_store");
    expect(&eve.delete("/api/orgs/shop/members?userId=eve").await, 200, &[]);
    assert_eq!(standing(&eve, &id).await, "public_store");
    expect(&publish(&ann, "shop", &id, false).await, 200, &[]);
    assert_eq!(standing(&eve, &id).await, "");
    consistent(&app, &id, &["shop"]).await;
}

#[tokio::test]
async fn a_store_is_for_those_of_its_organisation() {
    let (app, ann, id) = shop(false).await;
    app.org("bob", "other", &[]).await;
    for (n, (actor, expected)) in [
        (ann.clone(), "publisher"),
        (app.user("olga"), "org_store"),
        (app.user("mia"), "org_store"),
        (app.account_token("mia", &["read"]).await, "org_store"),
        (app.org_token("olga", "shop", &["read"]).await, "org_store"),
        (app.user("root"), "publisher"),
        (app.user("eve"), ""),
        (app.user("bob"), ""),
        (app.org_token("bob", "other", &["admin"]).await, ""),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(standing(&actor, &id).await, expected, "case {n}");
    }
    expect(&app.anonymous().get(&format!("/api/entities/{id}")).await, 401, &[]);
    expect(&publish(&ann, "shop", &id, true).await, 200, &[]);
    for stranger in [app.user("eve"), app.org_token("bob", "other", &["read"]).await] {
        assert_eq!(standing(&stranger, &id).await, "public_store");
    }
    expect(&app.anonymous().get(&format!("/api/entities/{id}")).await, 401, &[]);
    app.npm_repo("bob", "libs", "public").await;
    let token = app.repo_token("bob", "libs", &["admin"]).await;
    assert_eq!(asked(&token, &id).await, 404, "a repository has no entities");
}

/// Nobody but publishers changes anything, by whatever way they have it.
#[tokio::test]
async fn whoever_has_it_only_does_not_share_it_on() {
    let (app, ann, id) = shop(true).await;
    shared(&ann, &id, "sam").await;
    for user in ["sam", "mia", "eve"] {
        let actor = app.user(user);
        expect(&share(&actor, &id, &["bob@example.com"]).await, 403, &["role"]);
        expect(&share(&actor, "none", &["bob@example.com"]).await, 404, &["entity 'none' not found"]);
    }
    // An administrator of the store's organisation is no publisher of what is in it.
    let olga = app.user("olga");
    expect(&publish(&olga, "shop", &id, true).await, 403, &["role"]);
    expect(&withdraw(&olga, "shop", &id).await, 403, &["role"]);
    expect(&share(&olga, &id, &["bob@example.com"]).await, 403, &["role"]);
    assert_eq!(row(&app, &id).await.shares.len(), 1);
}

#[tokio::test]
async fn leaving_ends_access_at_once() {
    let (app, _, id) = shop(false).await;
    let (mia, token) = (app.user("mia"), app.account_token("mia", &["admin"]).await);
    assert_eq!((asked(&mia, &id).await, asked(&token, &id).await), (200, 200));
    assert_eq!(ids(&mia, &store_of("shop")).await, [id.as_str()]);
    expect(&app.user("olga").delete("/api/orgs/shop/members?userId=mia").await, 200, &[]);
    for actor in [&mia, &token] {
        assert_eq!(asked(actor, &id).await, 404);
        assert!(ids(actor, &store_of("shop")).await.is_empty());
        expect(&actor.get(&format!("{}/{id}", store_of("shop"))).await, 404, &["not in the store"]);
    }
}

/// Also access by a public store ends, and neither comes back with the next organisation of that name.
#[tokio::test]
async fn a_store_ends_with_its_organisation() {
    for public in [false, true] {
        let (app, ann, id) = shop(public).await;
        let (mia, eve, olga) = (app.user("mia"), app.user("eve"), app.user("olga"));
        let token = app.org_token("olga", "shop", &["read"]).await;
        assert_eq!(asked(&mia, &id).await, 200);
        assert_eq!(asked(&eve, &id).await, if public { 200 } else { 404 });
        expect(&olga.delete("/api/orgs/shop").await, 200, &[]);
        let gone = async || {
            for actor in [&mia, &eve, &olga] {
                assert_eq!(asked(actor, &id).await, 404);
            }
            assert_eq!(asked(&token, &id).await, 401);
            assert_eq!(asked(&ann, &id).await, 200);
        };
        gone().await;
        expect(&mia.get(&store_of("shop")).await, 404, &["organisation 'shop' not found"]);
        app.org("olga", "shop", &[("mia", "member"), ("eve", "member"), ("ann", "admin")]).await;
        gone().await;
        assert!(ids(&mia, &store_of("shop")).await.is_empty());
        expect(&mia.get(&format!("{}/{id}", store_of("shop"))).await, 404, &["not in the store"]);
        expect(&withdraw(&ann, "shop", &id).await, 404, &["not in the store"]);
        let details = ann.get(&format!("/api/entities/{id}/details")).await.json();
        assert_eq!(details["stores"], json!([]));
        app.settle().await;
        gone().await;
        // The new organisation can have it as well, and then it has.
        published(&ann, "shop", &id, false).await;
        assert_eq!((asked(&mia, &id).await, ids(&mia, &store_of("shop")).await.len()), (200, 1));
        assert_eq!(asked(&app.user("bob"), &id).await, 404);
        consistent(&app, &id, &["shop"]).await;
    }
}

/// What somebody was given for themselves stays with them, whatever becomes of stores.
#[tokio::test]
async fn a_share_outlives_a_store() {
    let (app, ann, id) = shop(false).await;
    shared(&ann, &id, "mia").await;
    expect(&withdraw(&ann, "shop", &id).await, 204, &[]);
    assert_eq!(standing(&app.user("mia"), &id).await, "share");
    assert_eq!(standing(&app.user("olga"), &id).await, "");
    expect(&app.user("olga").delete("/api/orgs/shop").await, 200, &[]);
    assert_eq!(standing(&app.user("mia"), &id).await, "share");
}

#[tokio::test]
async fn a_deleted_entity_is_in_no_list() {
    let (app, ann, id) = shop(true).await;
    shared(&ann, &id, "sam").await;
    expect(&ann.delete(&format!("/api/entities/{id}")).await, 204, &[]);
    let sam = app.user("sam");
    for (actor, path) in [
        (&sam, WITH_ME.to_owned()),
        (&ann, BY_ME.to_owned()),
        (&sam, store_of("shop")),
        (&app.user("mia"), store_of("shop")),
    ] {
        assert!(ids(actor, &path).await.is_empty(), "{path}");
    }
    expect(&sam.get(&format!("{}/{id}", store_of("shop"))).await, 404, &["not in the store"]);
    expect(&share(&ann, &id, &["bob@example.com"]).await, 404, &["not found"]);
    expect(&publish(&ann, "shop", &id, false).await, 404, &["not found"]);
    expect(&withdraw(&ann, "shop", &id).await, 404, &["not found"]);
    expect(&sam.get(&shares_of(&id)).await, 404, &["not found"]);
}
