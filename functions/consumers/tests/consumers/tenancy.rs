//! Whose everything is, and who may manage it.

use granary_testing::{Actor, TestApp};
use serde_json::json;

use crate::{NAME, REPO, consumer, expect, id, made, package, permit, published, shop, versions};

const ROUTES: [(&str, &str); 29] = [
    ("GET", "/packages"),
    ("GET", "/packages/1"),
    ("POST", "/packages"),
    ("PUT", "/packages/1"),
    ("PATCH", "/packages/1"),
    ("DELETE", "/packages/1"),
    ("GET", "/versions/package/1"),
    ("POST", "/versions/package/1"),
    ("GET", "/versions/1"),
    ("PUT", "/versions/1"),
    ("PATCH", "/versions/1"),
    ("DELETE", "/versions/1"),
    ("POST", "/versions/1/confirm"),
    ("GET", "/consumers"),
    ("GET", "/consumers/email/one@example.com"),
    ("GET", "/consumers/1"),
    ("POST", "/consumers"),
    ("PUT", "/consumers/1"),
    ("PATCH", "/consumers/1"),
    ("DELETE", "/consumers/1"),
    ("GET", "/consumers/1/packages"),
    ("GET", "/consumers/1/packages/1"),
    ("GET", "/consumers/1/visible"),
    ("GET", "/consumers/1/permissions"),
    ("GET", "/permissions/1"),
    ("POST", "/permissions"),
    ("PUT", "/permissions/1"),
    ("PATCH", "/permissions/1"),
    ("DELETE", "/permissions/1"),
];

#[tokio::test]
async fn only_an_administrators_token_manages() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    published(&ann, one, "1.0").await;
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    let licensed = app.licence("ann", &[NAME], |_| {}).await;
    let actors: [(Actor, u16); 7] = [
        (app.anonymous(), 401),
        (app.token("art_unknown"), 401),
        (app.basic("somebody-else", "private-key-1"), 401),
        (app.account_token("ann", &["read"]).await, 403),
        (app.account_token("ann", &["read", "write"]).await, 403),
        (buyer, 403),
        (licensed.actor, 403),
    ];
    for (actor, status) in &actors {
        for (method, path) in ROUTES {
            let response = actor.request(method, path, &[("content-type", "application/json")], "{}").await;
            assert_eq!(response.status, *status, "{method} {path}: {}", response.text());
            assert_eq!(response.headers.contains_key("www-authenticate"), *status == 401, "{method} {path}");
        }
        let sent = actor.request("PUT", "/versions/1", &[("content-type", "application/zip")], "x").await;
        assert_eq!(sent.status, *status);
    }
    assert_eq!(versions(&ann, NAME).await, ["1.0"]);
}

async fn org(app: &TestApp, owner: &str, slug: &str) -> Actor {
    let session = app.known_user(owner).await;
    let response = session.post_json("/api/orgs", &json!({ "slug": slug, "name": slug })).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let made = session
        .post_json(&format!("/api/orgs/{slug}/tokens"), &json!({ "name": "test", "scopes": ["admin"] }))
        .await;
    app.token(made.json()["rawToken"].as_str().unwrap())
}

/// What one seller has is not there for another one, whatever its number.
#[tokio::test]
async fn sellers_have_numbers_of_their_own() {
    let (app, ann) = shop().await;
    let acme = org(&app, "ann", "acme").await;
    let token = app.repo_token("ann", REPO, &["admin"]).await;
    let bob = app.account_token("bob", &["admin"]).await;
    let sellers = [&ann, &acme, &token, &bob];
    for (index, seller) in sellers.into_iter().enumerate() {
        let one = made(seller, "/packages", json!({ "name": format!("acme/p{index}") })).await;
        let version = made(seller, "/versions/package/1", json!({ "name": "1.0" })).await;
        let consumer = made(seller, "/consumers", json!({ "email": format!("s{index}@example.com") })).await;
        let body = json!({ "consumer_id": 1, "package_id": 1, "version": "*" });
        let permission = made(seller, "/permissions", body).await;
        assert_eq!([id(&one), id(&version), id(&consumer), id(&permission)], [1; 4], "{index}");
    }
    for (index, seller) in sellers.into_iter().enumerate() {
        let consumers = seller.get("/consumers").await.json();
        assert_eq!(consumers.as_array().unwrap().len(), 1, "{index}");
        assert_eq!(consumers[0]["email"], format!("s{index}@example.com"));
        assert_eq!(seller.get("/packages/1").await.json()["name"], format!("acme/p{index}"));
        for path in ["/packages/2", "/versions/2", "/consumers/2", "/permissions/2"] {
            expect(&seller.get(path).await, 404, &[]);
        }
    }
    assert_eq!(token.get("/packages/1").await.json()["repo_id"], REPO);
    assert_eq!(acme.get("/packages/1").await.json()["repo_id"], "acme-composer");
    assert_eq!(bob.get("/packages/1").await.json()["repo_id"], "bob-composer");
}

#[tokio::test]
async fn a_seller_sells_what_is_its_own() {
    let (app, ann) = shop().await;
    let token = app.repo_token("ann", REPO, &["admin"]).await;
    app.repo("ann", "second", &["composer"], "private").await;
    app.repo("bob", "bobs", &["composer"], "public").await;
    app.add_member("bob", "bobs", "ann", "admin").await;
    let bodies = |repo: &str| json!({ "name": NAME, "repo_id": repo });
    // An administrator of somebody else's repository changes it, but does not sell it.
    expect(&ann.post_json("/packages", &bodies("bobs")).await, 400, &["repo_id: ", "'bobs'"]);
    expect(&ann.post_json("/packages", &bodies("nobodys")).await, 400, &["repo_id: ", "'nobodys'"]);
    expect(&token.post_json("/packages", &bodies("second")).await, 400, &["repo_id: ", REPO]);
    made(&token, "/packages", json!({ "name": NAME })).await;
    // The owner covers the repository as well, but a package has one seller.
    expect(&ann.post_json("/packages", &bodies(REPO)).await, 400, &["name: ", "repo:shop"]);
    made(&ann, "/packages", bodies("second")).await;
}

#[tokio::test]
async fn a_consumer_of_one_seller_gets_nothing_of_another() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    published(&ann, one, "1.0").await;
    let bob = app.account_token("bob", &["admin"]).await;
    package(&bob, NAME).await;
    let (customer, buyer) = consumer(&app, &bob).await;
    permit(&bob, customer, 1, "*").await;
    let response = buyer.get(&format!("/composer/{REPO}/p2/{NAME}.json")).await;
    assert_eq!(response.status, 404);
    // A pair is unique in the instance, so that it means one consumer.
    let key = bob.get("/consumers/1").await.json()["public_key"].clone();
    let taken = ann.post_json("/consumers", &json!({ "email": "a@b", "public_key": key })).await;
    expect(&taken, 400, &["public_key: "]);
}

#[tokio::test]
async fn a_token_that_is_revoked_changes_nothing() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let tokens = app.user("ann").get("/api/auth/token").await.json();
    for token in tokens["tokens"].as_array().unwrap() {
        let path = format!("/api/auth/token?tokenId={}", token["id"].as_str().unwrap());
        assert_eq!(app.user("ann").delete(&path).await.status, 200);
    }
    expect(&ann.delete(&format!("/packages/{one}")).await, 401, &[]);
    // In person it goes on.
    assert_eq!(app.user("ann").delete(&format!("/packages/{one}")).await.status, 204);
}

#[tokio::test]
async fn whoever_takes_over_a_repository_sells_what_is_in_it() {
    for visibility in ["private", "public"] {
        let app = TestApp::new().await;
        let ann = app.repo("ann", REPO, &["composer"], visibility).await;
        let bob = app.account_token("bob", &["admin"]).await;
        let one = id(&made(&ann, "/packages", json!({ "name": NAME, "status": 0 })).await);
        app.publish_composer(REPO, NAME, &["1.0"]).await;
        app.add_member("ann", REPO, "bob", "owner").await;
        let body = json!({ "name": NAME, "repo_id": REPO });
        expect(&bob.post_json("/packages", &body).await, 400, &["repo_id: "]);
        let left = app.user("ann").delete(&format!("/api/repos/{REPO}/members?userId=ann")).await;
        assert_eq!(left.status, 200, "{}", left.text());
        let his = id(&made(&bob, "/packages", body).await);
        let (customer, buyer) = consumer(&app, &bob).await;
        permit(&bob, customer, his, "*").await;
        assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
        // What she sold is nothing any more but a number.
        expect(&ann.patch_json(&format!("/packages/{one}"), &json!({ "status": 1 })).await, 400, &["gone"]);
        assert_eq!(ann.delete(&format!("/packages/{one}")).await.status, 204, "{visibility}");
        assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    }
}

#[tokio::test]
async fn what_a_person_sells_for_an_organisation_is_made_in_the_organisation() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    assert_eq!(ann.post_json("/api/orgs", &json!({ "slug": "acme", "name": "acme" })).await.status, 201);
    let for_acme = [("granary-org", "acme"), ("content-type", "application/json")];
    let body = json!({ "name": NAME }).to_string();
    let sold = ann.request("POST", "/packages", &for_acme, body).await;
    assert_eq!(sold.status, 201, "{}", sold.text());
    let repo = ann.get("/api/repos/acme-composer").await.json();
    assert_eq!(repo["repo"]["orgSlug"], "acme", "{repo}");
    assert_eq!(
        ann.get("/api/repos").await.json()["repos"].as_array().unwrap().len(),
        1,
        "no other one besides"
    );
    assert_eq!(ann.get("/packages").await.json(), json!([]), "it is not her own");
    assert_eq!(ann.get_with("/packages", &for_acme).await.json().as_array().unwrap().len(), 1);
}
