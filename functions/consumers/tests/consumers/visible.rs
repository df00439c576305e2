//! What a pair opens, as its seller is shown it: the same as its consumer finds.

use granary_testing::Actor;
use granary_testing::npm::NpmPackage;
use serde_json::{Value, json};

use crate::{NAME, consumer, expect, id, made, package, permit, published, shop, versions};

async fn visible(actor: &Actor, consumer: u64) -> Value {
    let response = actor.get(&format!("/consumers/{consumer}/visible")).await;
    expect(&response, 200, &[]);
    response.json()
}

#[tokio::test]
async fn it_is_what_the_consumer_finds() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    for version in ["v1.0", "1.1", "2.0"] {
        app.clock.advance_millis(1000);
        published(&ann, one, version).await;
    }
    let (customer, buyer) = consumer(&app, &ann).await;
    assert_eq!(visible(&ann, customer).await, json!({ "packages": [] }));
    permit(&ann, customer, one, "1.*").await;
    let expected = json!({ "packages": [{
        "repoId": "shop", "packageType": "composer", "name": NAME, "versions": ["1.1", "v1.0"], "versionsTotal": 2,
    }] });
    assert_eq!(visible(&ann, customer).await, expected);
    assert_eq!(versions(&buyer, NAME).await, ["1.1", "v1.0"]);
    ann.patch_json(&format!("/packages/{one}"), &json!({ "status": 0 })).await;
    let hidden = visible(&ann, customer).await;
    assert_eq!(hidden["packages"][0]["versions"], json!([]));
    assert_eq!(hidden["packages"][0]["why"], "the package is switched off for customers");
    assert_eq!(versions(&buyer, NAME).await, Vec::<String>::new());
}

#[tokio::test]
async fn packages_of_all_protocols_are_there() {
    let (app, ann) = shop().await;
    app.repo("ann", "libs", &["npm"], "private").await;
    assert_eq!(ann.publish("libs", &NpmPackage::new("@Acme/Tool", "1.0.0")).await.status, 201);
    let body = json!({ "name": "@Acme/Tool", "type": "npm", "repo_id": "libs" });
    let tool = id(&made(&ann, "/packages", body).await);
    let empty = package(&ann, NAME).await;
    let (customer, _) = consumer(&app, &ann).await;
    permit(&ann, customer, tool, "*").await;
    permit(&ann, customer, empty, "*").await;
    let answer = visible(&ann, customer).await;
    let names: Vec<&Value> =
        answer["packages"].as_array().unwrap().iter().map(|found| &found["name"]).collect();
    assert_eq!(names, ["@Acme/Tool", NAME]);
    assert_eq!(answer["packages"][1]["why"], "nothing of it is published yet");
}

#[tokio::test]
async fn only_the_seller_looks() {
    let (app, ann) = shop().await;
    let (customer, buyer) = consumer(&app, &ann).await;
    for path in [format!("/consumers/{customer}/visible"), format!("/consumers/{customer}/permissions")] {
        expect(&app.anonymous().get(&path).await, 401, &[]);
        expect(&buyer.get(&path).await, 403, &[]);
        expect(&app.account_token("bob", &["admin"]).await.get(&path).await, 404, &["not found"]);
    }
    expect(&ann.get("/consumers/99/visible").await, 404, &["consumer 99"]);
    expect(&ann.get("/consumers/x/visible").await, 400, &["not a number"]);
    expect(&ann.get("/consumers/x/permissions").await, 400, &["not a number"]);
}

#[tokio::test]
async fn all_permissions_of_a_consumer_are_in_one_list() {
    let (app, ann) = shop().await;
    let (one, two) = (package(&ann, NAME).await, package(&ann, "acme/other").await);
    let (customer, _) = consumer(&app, &ann).await;
    let path = format!("/consumers/{customer}/permissions");
    assert_eq!(ann.get(&path).await.json(), json!([]));
    let first = permit(&ann, customer, one, "1.*").await;
    let second = permit(&ann, customer, two, "2.*").await;
    let list = ann.get(&path).await.json();
    let shown: Vec<_> =
        list.as_array().unwrap().iter().map(|given| (&given["id"], &given["version"])).collect();
    assert_eq!(shown, [(&json!(first), &json!("1.*")), (&json!(second), &json!("2.*"))]);
    assert_eq!((&list[0]["package_id"], &list[0]["consumer_id"]), (&json!(one), &json!(customer)));
}
