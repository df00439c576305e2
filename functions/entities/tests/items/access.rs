//! Who may do what, by each way to have access, in the order in which they are looked for.

use granary_model::OrgSlug;
use granary_storage::rows::{OrgRow, Publication, Share};

use super::*;

/// Puts an entity into the store of an organisation.
async fn publish_to(app: &TestApp, id: &str, org: &str, public: bool) {
    let slug: OrgSlug = org.parse().unwrap();
    let org: OrgRow = app.state().storage().get(&Key::Org(slug.clone())).await.unwrap().unwrap();
    let now = app.state().now();
    let publication =
        Publication { org_uid: org.uid, public, published_by: "user:ann".into(), published_at: now };
    change_row(app, id, |row| {
        row.stores.insert(slug, publication);
    })
    .await;
}

/// Shares an entity with a user.
async fn share_with(app: &TestApp, id: &str, user: &str) {
    let share = Share {
        user: user.parse().unwrap(),
        email: format!("{user}@example.com"),
        created_by: "ann".parse().unwrap(),
        created_at: app.state().now(),
    };
    change_row(app, id, |row| {
        row.shares.insert(format!("share-{user}"), share);
    })
    .await;
}

/// What the callers can do: whether they see it, and whether they may change it. Each right is tried by every operation.
async fn rights(actor: &Actor, id: &str) -> (u16, u16) {
    let mut reads = BTreeSet::new();
    for below in ["", "/details", "/publishers", "/publishers/ann", "/icon"] {
        let status = actor.get(&format!("{}{below}", at(id))).await.status;
        reads.insert(status);
    }
    let mut writes = BTreeSet::new();
    writes.insert(actor.put_json(&at(id), &json!({})).await.status);
    writes
        .insert(actor.post_json(&format!("{}/publishers", at(id)), &json!({ "userId": "ann" })).await.status);
    if !writes.contains(&200) {
        writes.insert(actor.delete(&format!("{}/publishers/ann", at(id))).await.status);
        writes.insert(actor.delete(&at(id)).await.status);
    }
    assert_eq!((reads.len(), writes.len()), (1, 1), "{reads:?} {writes:?}");
    (reads.pop_first().unwrap(), writes.pop_first().unwrap())
}

/// An entity of `acme` with an icon, made by ann, who is no member any more.
async fn of_acme() -> (TestApp, String) {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("ann", "admin"), ("adam", "admin"), ("mia", "member")]).await;
    app.org("sue", "shop", &[("bob", "member")]).await;
    app.org("tom", "mall", &[]).await;
    let ann = app.user("ann");
    let mut body = plain_of("acme", "my-app");
    body["icon_path"] = sent_icon(&ann, "my-app", "svg", SVG).await.into();
    let id = made_entity(&ann, &body).await;
    assert_eq!(olga.delete("/api/orgs/acme/members?userId=ann").await.status, 200);
    for user in ["sam", "eve"] {
        app.known_user(user).await;
    }
    (app, id)
}

#[tokio::test]
async fn each_way_gives_its_rights() {
    let (app, id) = of_acme().await;
    share_with(&app, &id, "sam").await;
    publish_to(&app, &id, "shop", false).await;
    for (actor, expected) in [
        (app.user("ann"), (200, 200)),
        (app.user("olga"), (200, 200)),
        (app.user("adam"), (200, 200)),
        (app.user("root"), (200, 200)),
        (app.org_token("olga", "acme", &["write"]).await, (200, 200)),
        (app.org_token("olga", "acme", &["read"]).await, (200, 403)),
        (app.account_token("ann", &["write"]).await, (200, 200)),
        (app.account_token("ann", &["read"]).await, (200, 403)),
        (app.user("sam"), (200, 403)),
        (app.user("bob"), (200, 403)),
        (app.user("sue"), (200, 403)),
        (app.org_token("sue", "shop", &["admin"]).await, (200, 403)),
        // A member of the owning organisation, who is no admin, has no part in what is not in its store.
        (app.user("mia"), (404, 404)),
        (app.user("tom"), (404, 404)),
        (app.user("eve"), (404, 404)),
        (app.org_token("tom", "mall", &["admin"]).await, (404, 404)),
        (app.anonymous(), (401, 401)),
    ] {
        assert_eq!(rights(&actor, &id).await, expected, "{actor:?}");
    }
    publish_to(&app, &id, "acme", false).await;
    assert_eq!(rights(&app.user("mia"), &id).await, (200, 403));
    publish_to(&app, &id, "shop", true).await;
    for actor in [app.user("eve"), app.user("tom"), app.org_token("tom", "mall", &["read"]).await] {
        assert_eq!(rights(&actor, &id).await, (200, 403));
    }
    assert_eq!(rights(&app.anonymous(), &id).await, (401, 401));
}

#[tokio::test]
async fn details_name_the_way_and_show_no_more_than_it_gives() {
    let (app, id) = of_acme().await;
    share_with(&app, &id, "sam").await;
    share_with(&app, &id, "joe").await;
    publish_to(&app, &id, "shop", false).await;
    let details = async |user: &str| {
        let response = app.user(user).get(&format!("{}/details", at(&id))).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    };
    let column = |value: &Value, name: &str| -> Vec<String> {
        value.as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
    };
    for (user, access, stores, shares) in [
        ("ann", "publisher", vec!["shop"], vec!["joe", "sam"]),
        ("olga", "publisher", vec!["shop"], vec!["joe", "sam"]),
        ("sam", "share", vec![], vec!["sam"]),
        ("bob", "org_store", vec!["shop"], vec![]),
    ] {
        let body = details(user).await;
        assert_eq!(body["access"], access);
        assert_eq!(column(&body["stores"], "org_slug"), stores, "{user}");
        assert_eq!(column(&body["shares"], "user_id"), shares, "{user}");
        let with_email = body["publishers"][0].get("email").is_some();
        assert_eq!(with_email, access == "publisher", "{body}");
    }
    publish_to(&app, &id, "mall", true).await;
    let body = details("eve").await;
    assert_eq!(
        (&body["access"], column(&body["stores"], "org_slug")),
        (&json!("public_store"), vec!["mall".into()])
    );
    let store = &body["stores"][0];
    let expected = json!({
        "org_slug": "mall", "is_public": true, "published_by": "user:ann", "published_at": app.state().now().to_string(),
    });
    assert_eq!(store, &expected);
    assert_eq!(column(&details("bob").await["stores"], "org_slug"), ["mall", "shop"]);
}

#[tokio::test]
async fn what_a_former_organisation_had_is_nobodys() {
    let (app, id) = of_acme().await;
    publish_to(&app, &id, "shop", false).await;
    let bob = app.user("bob");
    assert_eq!(rights(&bob, &id).await.0, 200);
    assert_eq!(app.user("sue").delete("/api/orgs/shop").await.status, 200);
    assert_eq!(rights(&bob, &id).await, (404, 404));
    let again = app.user("bob").post_json("/api/orgs", &json!({ "slug": "shop", "name": "Mine" })).await;
    assert_eq!(again.status, 201, "{}", again.text());
    assert_eq!(rights(&bob, &id).await, (404, 404));
    let details = app.user("ann").get(&format!("{}/details", at(&id))).await.json();
    assert_eq!(details["stores"], json!([]));
}

#[tokio::test]
async fn a_share_does_not_hide_that_somebody_publishes() {
    let (app, id) = of_acme().await;
    for user in ["adam", "mia"] {
        share_with(&app, &id, user).await;
    }
    for (user, access, publishes) in [("adam", "publisher", true), ("mia", "share", false)] {
        let actor = app.user(user);
        let details = actor.get(&format!("{}/details", at(&id))).await.json();
        assert_eq!(details["access"], access, "{user}");
        let check = actor.get(&format!("{}/publishers/{user}", at(&id))).await.json();
        assert_eq!(check, json!({ "is_publisher": publishes }), "{user}");
    }
}

/// Its row is gone, and clean-up has not come yet.
#[tokio::test]
async fn what_a_deleted_organisation_owned_is_out_of_reach_at_once() {
    let (app, id) = of_acme().await;
    share_with(&app, &id, "sam").await;
    publish_to(&app, &id, "shop", true).await;
    let storage = app.state().storage();
    let (ann, sam) = ("ann".parse().unwrap(), "sam".parse().unwrap());
    for key in [Key::SharedWith(sam, id.clone()), Key::SharedBy(ann, id.clone())] {
        storage.put(&key, &EntityRef { id: id.clone() }).await.unwrap();
    }
    let entry = granary_storage::rows::StoreRef { id: id.clone(), public: true };
    storage.put(&Key::StoreEntry("shop".parse().unwrap(), id.clone()), &entry).await.unwrap();
    let lists = [
        ("ann", PATH),
        ("sam", "/api/entities/shared-with-me"),
        ("ann", "/api/entities/shares"),
        ("bob", "/api/organizations/shop/store"),
    ];
    let listed = async |app: &TestApp, (user, path): (&str, &str)| {
        app.user(user).get(path).await.json()["entities"].as_array().unwrap().len()
    };
    for list in lists {
        assert_eq!(listed(&app, list).await, 1, "{list:?}");
    }
    let of_shop = format!("/api/organizations/shop/store/{id}");
    assert_eq!(app.user("bob").get(&of_shop).await.status, 200);
    let callers = ["ann", "sam", "bob", "eve", "olga", "root"];
    for user in callers {
        assert_eq!(rights(&app.user(user), &id).await.0, 200, "{user}");
    }
    storage.delete(&Key::Org("acme".parse().unwrap())).await.unwrap();
    for user in callers {
        assert_eq!(rights(&app.user(user), &id).await, (404, 404), "{user}");
    }
    for list in lists {
        assert_eq!(listed(&app, list).await, 0, "{list:?}");
    }
    assert_eq!(app.user("bob").get(&of_shop).await.status, 404);
}

#[tokio::test]
async fn rights_end_at_once() {
    let (app, id) = of_acme().await;
    share_with(&app, &id, "sam").await;
    let (adam, sam) = (app.user("adam"), app.user("sam"));
    assert_eq!((rights(&adam, &id).await.0, rights(&sam, &id).await.0), (200, 200));
    let demoted = app
        .user("olga")
        .post_json("/api/orgs/acme/members", &json!({ "userId": "adam", "role": "member" }))
        .await;
    assert!(demoted.status < 300, "{}", demoted.text());
    change_row(&app, &id, |row| row.shares.clear()).await;
    assert_eq!(rights(&adam, &id).await, (404, 404));
    assert_eq!(rights(&sam, &id).await, (404, 404));
    let olga = app.user("olga");
    assert_eq!(olga.delete(&format!("{}/publishers/ann", at(&id))).await.status, 204);
    assert_eq!(rights(&app.user("ann"), &id).await, (404, 404));
}
