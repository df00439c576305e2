//! Putting entities into stores, finding them there, and taking them out.

use super::*;

/// An app of ann's, who is an administrator of olga's organisation `shop`.
async fn shop() -> (TestApp, Actor, String) {
    let (app, ann, id) = shelf().await;
    app.org("olga", "shop", &[("mia", "member"), ("ann", "admin")]).await;
    (app, ann, id)
}

#[tokio::test]
async fn an_entity_goes_into_a_store_and_out_again() {
    let (app, ann, id) = shop().await;
    let at = app.state().now().to_string();
    let response = ann.post_json(&store_of("shop"), &json!({ "entityId": id })).await;
    expect(&response, 201, &[]);
    let expected = |public: bool| json!({ "org_slug": "shop", "is_public": public, "published_by": "user:ann", "published_at": at });
    assert_eq!(response.json(), json!({ "publication": expected(false) }));
    consistent(&app, &id, &["shop"]).await;

    let entity = ann.get(&format!("/api/entities/{id}")).await.json()["entity"].clone();
    let mia = app.user("mia");
    let listed = mia.get(&store_of("shop")).await;
    expect(&listed, 200, &[]);
    let mut shown = entity.clone();
    shown["publication"] = expected(false);
    assert_eq!(listed.json(), json!({ "entities": [shown], "next": null }));
    let one = mia.get(&format!("{}/{id}", store_of("shop"))).await;
    expect(&one, 200, &[]);
    assert_eq!(one.json(), json!({ "publication": expected(false), "entity": entity }));

    // For everybody, and again for members only; the same a second time is no change.
    for (public, repeated) in [(false, true), (true, false), (true, true), (false, false)] {
        let records = app.audit("org:shop").await.len();
        let response = publish(&ann, "shop", &id, public).await;
        expect(&response, 200, &[]);
        assert_eq!(response.json()["publication"], expected(public));
        assert_eq!(app.audit("org:shop").await.len() - records, usize::from(!repeated));
        assert_eq!(ids(&app.user("eve"), &store_of("shop")).await.len(), usize::from(public));
        consistent(&app, &id, &["shop"]).await;
    }
    let default = ann.post_json(&store_of("shop"), &json!({ "entityId": id, "isPublic": null })).await;
    assert_eq!(default.json()["publication"], expected(false));

    expect(&withdraw(&ann, "shop", &id).await, 204, &[]);
    assert_eq!(asked(&mia, &id).await, 404, "at once");
    assert!(ids(&mia, &store_of("shop")).await.is_empty());
    expect(
        &mia.get(&format!("{}/{id}", store_of("shop"))).await,
        404,
        &["not in the store of organisation 'shop'"],
    );
    expect(&withdraw(&ann, "shop", &id).await, 404, &["not in the store of organisation 'shop'"]);
    consistent(&app, &id, &["shop"]).await;
    // Both the entity's owner and the organisation can look it up.
    for scope in ["user:ann", "org:shop"] {
        let counts =
            (recorded(&app, scope, "store.publish").await, recorded(&app, scope, "store.withdraw").await);
        assert_eq!(counts, (3, 1), "{scope}");
    }
}

#[tokio::test]
async fn an_organisation_has_one_record_of_its_own_entity() {
    let (app, ann, _) = shop().await;
    let id = made_entity(&ann, &json!({ "type": "app", "slug": "x", "name": "x", "org_slug": "shop" })).await;
    published(&ann, "shop", &id, false).await;
    assert_eq!(recorded(&app, "org:shop", "store.publish").await, 1);
}

/// It takes an administrator of the organisation, or its token, who is a publisher of the entity too.
#[tokio::test]
async fn who_may_publish() {
    let (app, ann, id) = shop().await;
    let of_shop = json!({ "type": "app", "slug": "x", "name": "x", "org_slug": "shop" });
    let own = made_entity(&ann, &of_shop).await;
    expect(
        &ann.post_json(&format!("/api/entities/{own}/publishers"), &json!({ "userId": "mia" })).await,
        201,
        &[],
    );
    app.org("bob", "other", &[]).await;
    for (actor, entity, status, words) in [
        (app.anonymous(), &own, 401, "authentication"),
        (app.user("eve"), &own, 404, "organisation 'shop' not found"),
        (app.user("bob"), &own, 404, "organisation 'shop' not found"),
        (app.org_token("bob", "other", &["admin"]).await, &own, 404, "organisation 'shop' not found"),
        // A publisher, but no administrator.
        (app.user("mia"), &own, 403, "role"),
        (app.org_token("olga", "shop", &["write"]).await, &own, 403, "role"),
        (app.account_token("ann", &["write"]).await, &own, 403, "scope"),
        // An administrator, but no publisher.
        (app.user("olga"), &id, 404, "entity"),
        (app.org_token("olga", "shop", &["admin"]).await, &id, 404, "entity"),
    ] {
        expect(&publish(&actor, "shop", entity, true).await, status, &[words]);
        expect(&withdraw(&actor, "shop", entity).await, status, &[words]);
    }
    assert!(row(&app, &own).await.stores.is_empty() && row(&app, &id).await.stores.is_empty());
    for actor in [
        app.user("olga"),
        app.account_token("olga", &["admin"]).await,
        app.org_token("olga", "shop", &["admin"]).await,
        app.user("root"),
    ] {
        published(&actor, "shop", &own, false).await;
        expect(&withdraw(&actor, "shop", &own).await, 204, &[]);
    }
}

/// An unknown organisation, and who sees what of a known one.
#[tokio::test]
async fn members_see_everything_and_others_what_is_public() {
    let (app, ann, id) = shop().await;
    // Time orders ids.
    app.clock.advance_millis(1);
    let service = new_entity(&ann, "service", "my-service").await;
    published(&ann, "shop", &id, false).await;
    published(&ann, "shop", &service, true).await;
    app.org("bob", "other", &[]).await;
    let store = store_of("shop");
    for (n, (actor, all)) in [
        (app.user("mia"), true),
        (app.user("root"), true),
        (app.account_token("mia", &["read"]).await, true),
        (app.org_token("olga", "shop", &["read"]).await, true),
        (app.user("eve"), false),
        (app.org_token("bob", "other", &["admin"]).await, false),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = if all { vec![id.as_str(), service.as_str()] } else { vec![service.as_str()] };
        assert_eq!(ids(&actor, &store).await, expected, "case {n}");
        assert_eq!(ids(&actor, &format!("{store}?type=service")).await, [service.as_str()]);
        let apps = ids(&actor, &format!("{store}?type=app")).await;
        assert_eq!(apps.len(), usize::from(all));
        let one = actor.get(&format!("{store}/{id}")).await;
        assert_eq!(one.status, if all { 200 } else { 404 });
        expect(&actor.get(&format!("{store}/{service}")).await, 200, &[]);
        // What is not for the caller is told apart from nothing.
        if !all {
            let none = actor.get(&format!("{store}/{}", "0".repeat(36))).await;
            assert_eq!(one.text().replace(&id, "X"), none.text().replace(&"0".repeat(36), "X"));
        }
    }
    for path in [store.clone(), format!("{store}/{service}")] {
        expect(&app.anonymous().get(&path).await, 401, &[]);
    }
    app.npm_repo("bob", "libs", "public").await;
    let token = app.repo_token("bob", "libs", &["admin"]).await;
    expect(&token.get(&store).await, 403, &["art_"]);
    for unknown in ["nobody", "NOT-A-SLUG", "x"] {
        let response = app.user("eve").get(&store_of(unknown)).await;
        expect(&response, 404, &["organisation", "not found"]);
    }
}

#[tokio::test]
async fn there_is_an_end_to_stores_but_former_organisations_make_room() {
    let (app, ann, id) = shop().await;
    app.org("ann", "shut", &[]).await;
    published(&ann, "shut", &id, true).await;
    for n in 0..48 {
        let slug = format!("shop-{n}");
        app.org("ann", &slug, &[]).await;
        published(&ann, &slug, &id, false).await;
    }
    published(&ann, "shop", &id, false).await;
    app.org("ann", "one-more", &[]).await;
    expect(&publish(&ann, "one-more", &id, false).await, 400, &["at most 50 stores"]);
    assert_eq!(row(&app, &id).await.stores.len(), 50);
    // Those that it is in can still be changed.
    expect(&publish(&ann, "shop", &id, true).await, 200, &[]);
    // As if the request that deletes it had died before clean-up.
    app.state().storage().delete(&Key::Org("shut".parse().unwrap())).await.unwrap();
    published(&ann, "one-more", &id, false).await;
    let taken_out: Vec<_> = app
        .audit("user:ann")
        .await
        .into_iter()
        .filter(|record| record["action"] == "store.withdraw")
        .map(|record| (record["actor"].clone(), record["target"].clone()))
        .collect();
    assert_eq!(taken_out, [(json!("user:ann"), json!("entity/my-app/stores/shut"))]);
    let row = row(&app, &id).await;
    assert_eq!((row.stores.len(), row.stores.contains_key(&"shut".parse().unwrap())), (50, false));
    consistent(&app, &id, &["shut", "shop", "one-more", "shop-0"]).await;
}
