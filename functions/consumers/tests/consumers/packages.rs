//! Packages: where they are, what their status means, and what may become of their names.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::{NAME, consumer, expect, id, made, package, permit, published, shop, versions};

#[tokio::test]
async fn who_has_no_repository_gets_one() {
    let app = TestApp::new().await;
    app.repo("bob", "ann-composer", &["raw"], "private").await;
    let ann = app.account_token("ann", &["admin"]).await;
    let one = made(&ann, "/packages", json!({ "name": NAME })).await;
    // The first name is taken by somebody else.
    assert_eq!(one["repo_id"], "ann-composer-2");
    let two = made(&ann, "/packages", json!({ "name": "acme/other" })).await;
    assert_eq!((&two["repo_id"], id(&two)), (&json!("ann-composer-2"), 2));
    let repo = app.user("ann").get("/api/repos/ann-composer-2").await.json();
    assert_eq!(repo["repo"]["packageTypes"], json!(["composer"]), "{repo}");
    assert_eq!(repo["repo"]["visibility"], "private", "{repo}");
    assert_eq!(app.account_token("bob", &["admin"]).await.get("/packages").await.json(), json!([]));
}

#[tokio::test]
async fn who_has_several_names_one() {
    let (app, ann) = shop().await;
    app.repo("ann", "second", &["composer", "npm"], "private").await;
    let several = ann.post_json("/packages", &json!({ "name": NAME })).await;
    expect(&several, 400, &["repo_id: ", "second", "shop"]);
    for repo in ["shop", "second"] {
        let made = made(&ann, "/packages", json!({ "name": NAME, "repo_id": repo })).await;
        assert_eq!(made["repo_id"], repo);
    }
    // The only one for npm.
    let npm = made(&ann, "/packages", json!({ "name": "tool", "type": "npm" })).await;
    assert_eq!((&npm["repo_id"], &npm["type"]), (&json!("second"), &json!("npm")));
}

async fn npm_versions(actor: &Actor) -> Vec<String> {
    let response = actor.get("/api/npm/libs/tool").await;
    match response.status {
        200 => response.json()["versions"].as_object().unwrap().keys().cloned().collect(),
        404 => Vec::new(),
        status => panic!("{status} {}", response.text()),
    }
}

#[tokio::test]
async fn a_package_of_another_protocol_is_sold_by_its_number() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["npm"], "private").await;
    for version in ["1.0.0", "2.0.0"] {
        assert_eq!(ann.publish("libs", &NpmPackage::new("tool", version)).await.status, 201);
    }
    let number = id(&made(&ann, "/packages", json!({ "name": "tool", "type": "npm" })).await);
    let (customer, buyer) = consumer(&app, &ann).await;
    assert_eq!(npm_versions(&buyer).await, Vec::<String>::new());
    permit(&ann, customer, number, "<2.0.0").await;
    assert_eq!(npm_versions(&buyer).await, ["1.0.0"]);
    // Composer's grammar is not npm's.
    let body = json!({ "consumer_id": customer, "package_id": number, "version": "1.0.0|2.0.0|@dev" });
    expect(&ann.post_json("/permissions", &body).await, 400, &["version: "]);
    let path = format!("/versions/package/{number}");
    assert_eq!(ann.get(&path).await.json(), json!([]));
    expect(&ann.post_json(&path, &json!({ "name": "3.0.0" })).await, 400, &["own client", "push npm"]);
    let hidden = ann.patch_json(&format!("/packages/{number}"), &json!({ "status": 0 })).await;
    expect(&hidden, 201, &[]);
    assert_eq!(npm_versions(&buyer).await, Vec::<String>::new());
    assert_eq!(npm_versions(&ann).await, ["1.0.0", "2.0.0"]);
    ann.patch_json(&format!("/packages/{number}"), &json!({ "status": 1 })).await;
    assert_eq!(npm_versions(&buyer).await, ["1.0.0"]);
    // Deleting takes the number away, not what its own client has published.
    assert_eq!(ann.delete(&format!("/packages/{number}")).await.status, 204);
    assert_eq!(npm_versions(&buyer).await, Vec::<String>::new());
    assert_eq!(npm_versions(&ann).await, ["1.0.0", "2.0.0"]);
    assert_eq!(ann.get(&format!("/consumers/{customer}/packages")).await.json(), json!([]));
    let again = made(&ann, "/packages", json!({ "name": "tool", "type": "npm" })).await;
    assert_ne!(id(&again), number);
    assert_eq!(npm_versions(&buyer).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_switched_off_stays_so_without_its_number() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["npm"], "private").await;
    assert_eq!(ann.publish("libs", &NpmPackage::new("tool", "1.0.0")).await.status, 201);
    let licensed = app.licence("ann", &["tool"], |_| {}).await;
    assert_eq!(npm_versions(&licensed.actor).await, ["1.0.0"]);
    let body = json!({ "name": "tool", "type": "npm", "status": 0 });
    let number = id(&made(&ann, "/packages", body).await);
    assert_eq!(npm_versions(&licensed.actor).await, Vec::<String>::new());
    assert_eq!(ann.delete(&format!("/packages/{number}")).await.status, 204);
    assert_eq!(npm_versions(&licensed.actor).await, Vec::<String>::new());
    // Whoever wants it shown again numbers it again.
    made(&ann, "/packages", json!({ "name": "tool", "type": "npm" })).await;
    assert_eq!(npm_versions(&licensed.actor).await, ["1.0.0"]);
}

#[tokio::test]
async fn status_0_hides_a_package_from_consumers_alone() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    published(&ann, one, "1.0").await;
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    let hidden = ann.put_json(&format!("/packages/{one}"), &json!({ "status": 0 })).await;
    expect(&hidden, 201, &[]);
    assert_eq!(hidden.json()["name"], NAME);
    assert_eq!(versions(&buyer, NAME).await, Vec::<String>::new());
    assert_eq!(versions(&ann, NAME).await, ["1.0"]);
    // A consumer's packages are listed with those that are hidden.
    let listed: Value = ann.get(&format!("/consumers/{customer}/packages")).await.json();
    assert_eq!((&listed[0]["id"], &listed[0]["status"]), (&json!(one), &json!(0)));
    ann.put_json(&format!("/packages/{one}"), &json!({ "status": 1 })).await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
}

#[tokio::test]
async fn a_package_made_hidden_is_hidden_from_the_first_version_on() {
    let (app, ann) = shop().await;
    let one = id(&made(&ann, "/packages", json!({ "name": NAME, "status": 0 })).await);
    published(&ann, one, "1.0").await;
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    assert_eq!(versions(&buyer, NAME).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_package_without_versions_can_be_renamed() {
    let (app, ann) = shop().await;
    let one = package(&ann, "acme/tol").await;
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    let renamed = ann.patch_json(&format!("/packages/{one}"), &json!({ "name": "Acme/Tool" })).await;
    expect(&renamed, 201, &[]);
    assert_eq!((&renamed.json()["name"], &renamed.json()["id"]), (&json!(NAME), &json!(one)));
    published(&ann, one, "1.0").await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    // The old name is free again, and gives nobody anything.
    let other = package(&ann, "acme/tol").await;
    assert_ne!(other, one);
    let body = json!({ "name": "1.0" });
    let number = id(&made(&ann, &format!("/versions/package/{other}"), body).await);
    assert_eq!(crate::put_zip(&ann, number, &crate::zip("acme/tol", "1.0")).await.status, 200);
    assert_eq!(versions(&buyer, "acme/tol").await, Vec::<String>::new());
    // A version that has a number only counts as well: its archive may be on its way.
    let third = package(&ann, "acme/third").await;
    made(&ann, &format!("/versions/package/{third}"), json!({ "name": "1.0" })).await;
    let refused = ann.patch_json(&format!("/packages/{third}"), &json!({ "name": "acme/fourth" })).await;
    expect(&refused, 400, &["name: ", "has versions"]);
}

#[tokio::test]
async fn descriptions_come_and_go() {
    let (_app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let path = format!("/packages/{one}");
    for (body, expected) in [
        (json!({ "description": "Text" }), json!("Text")),
        (json!({ "status": 1 }), json!("Text")),
        (json!({ "description": null }), json!(null)),
        (json!({ "description": "" }), json!("")),
    ] {
        let response = ann.put_json(&path, &body).await;
        expect(&response, 201, &[]);
        assert_eq!(response.json()["description"], expected, "{body}");
    }
}
