//! What a key opens, as its seller is shown it: the same as its customer finds.

use granary_testing::START;
use granary_testing::npm::NpmPackage;

use super::*;

const DAY: i64 = 86_400_000;

async fn publish(seller: &Actor, repo: &str, name: &str, versions: &[&str]) {
    for version in versions {
        let published = seller.publish(repo, &NpmPackage::new(name, version)).await;
        assert_eq!(published.status, 201, "{}", published.text());
    }
}

async fn visible(seller: &Actor, licence: &Value, query: &str) -> Value {
    let response = seller.get(&format!("{}/packages{query}", at(licence))).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

/// Repository, name and versions of each package of an answer.
fn found(answer: &Value) -> Vec<(String, String, Vec<String>)> {
    let words =
        |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    let packages = answer["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            (
                text(package, "repoId").to_owned(),
                text(package, "name").to_owned(),
                words(&package["versions"]),
            )
        })
        .collect()
}

fn entry(repo: &str, name: &str, versions: &[&str]) -> (String, String, Vec<String>) {
    (repo.into(), name.into(), versions.iter().map(|version| (*version).to_owned()).collect())
}

/// The versions that somebody's npm finds; none if there is no such package for it.
async fn installable(customer: &Actor, repo: &str, name: &str) -> Vec<String> {
    let response = customer.get(&format!("/api/npm/{repo}/{name}")).await;
    if response.status != 200 {
        return Vec::new();
    }
    response.json()["versions"].as_object().unwrap().keys().rev().cloned().collect()
}

#[tokio::test]
async fn it_is_what_the_customer_finds() {
    let (app, ann) = shop().await;
    app.npm_repo("ann", "more", "private").await;
    publish(&ann, "libs", "pad", &["1.0.0", "1.1.0", "2.0.0"]).await;
    publish(&ann, "more", "pad", &["3.0.0"]).await;
    publish(&ann, "libs", "Other", &["1.0.0"]).await;
    publish(&ann, "libs", "unsold", &["1.0.0"]).await;
    let mut body = plain(&["pad", "libs/Other", "not-there"]);
    body["constraint"] = json!({ "type": "version", "value": "<2" });
    let licence = create(&ann, &body).await;
    let answer = visible(&ann, &licence, "").await;
    assert_eq!(
        found(&answer),
        [
            entry("libs", "Other", &["1.0.0"]),
            entry("libs", "pad", &["1.1.0", "1.0.0"]),
            entry("more", "pad", &[]),
        ]
    );
    assert_eq!((&answer["blocked"], &answer["next"]), (&Value::Null, &Value::Null));
    let [other, pad, newer] = [0, 1, 2].map(|at| &answer["packages"][at]);
    assert_eq!(
        (&other["why"], &pad["versionsTotal"], &pad["packageType"]),
        (&Value::Null, &json!(2), &json!("npm"))
    );
    assert_eq!(newer["why"], "the key covers none of its versions, or they are switched off");
    let customer = app.token(text(&licence, "key"));
    for (repo, name, versions) in found(&answer) {
        assert_eq!(installable(&customer, &repo, &name).await, versions, "{repo} {name}");
    }
    assert_eq!(installable(&customer, "libs", "unsold").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_opens_nothing_says_why() {
    let (app, ann) = shop().await;
    publish(&ann, "libs", "pad", &["1.0.0"]).await;
    let licence = create(&ann, &plain(&["pad"])).await;
    let suspended = change(&ann, &licence, &[("suspended", true.into())]).await;
    let answer = visible(&ann, &suspended, "").await;
    assert_eq!(found(&answer), []);
    assert_eq!(answer["blocked"], "the licence is suspended; ask the seller");
    let date = json!({ "type": "date", "value": START + DAY });
    let changes = [("suspended", false.into()), ("constraint", date)];
    let ending = change(&ann, &licence, &changes).await;
    assert_eq!(found(&visible(&ann, &ending, "").await), [entry("libs", "pad", &["1.0.0"])]);
    app.clock.advance_millis(DAY + 1);
    let answer = visible(&ann, &ending, "").await;
    assert_eq!(found(&answer), []);
    assert_eq!(answer["blocked"], "the licence has expired; renew it to install from here");
}

/// One that ends what is new only, and one whose package is switched off.
#[tokio::test]
async fn what_is_kept_back_is_named_with_its_reason() {
    let (app, ann) = shop().await;
    publish(&ann, "libs", "pad", &["1.0.0"]).await;
    app.clock.advance_millis(2 * DAY);
    publish(&ann, "libs", "pad", &["1.1.0"]).await;
    publish(&ann, "libs", "off", &["1.0.0"]).await;
    let key = app.key_of("libs", granary_model::PackageType::Npm, "off");
    app.hide_package(&key, true).await;
    let mut body = plain(&["pad", "off"]);
    body["constraint"] = json!({ "type": "date", "value": START + DAY });
    body["onExpiry"] = "restrict".into();
    let licence = create(&ann, &body).await;
    let answer = visible(&ann, &licence, "").await;
    assert_eq!(found(&answer), [entry("libs", "off", &[]), entry("libs", "pad", &["1.0.0"])]);
    assert_eq!(answer["packages"][0]["why"], "the package is switched off for customers");
    let customer = app.token(text(&licence, "key"));
    assert_eq!(installable(&customer, "libs", "pad").await, ["1.0.0"]);
    assert_eq!(installable(&customer, "libs", "off").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_everybody_may_read_is_said_to_be_so() {
    let (app, ann) = shop().await;
    let open = app.npm_repo("ann", "open", "public").await;
    publish(&open, "open", "pad", &["1.0.0", "9.0.0"]).await;
    let mut body = plain(&["pad"]);
    body["constraint"] = json!({ "type": "version", "value": "<2" });
    let licence = create(&ann, &body).await;
    let answer = visible(&ann, &licence, "").await;
    assert_eq!(found(&answer), [entry("open", "pad", &["9.0.0", "1.0.0"])]);
    assert_eq!(answer["packages"][0]["why"], "everybody may read this repository");
}

#[tokio::test]
async fn pages_hold_all_packages_once() {
    let (app, ann) = shop().await;
    let names: Vec<String> = (0..7).map(|n| format!("pad-{n}")).collect();
    for name in &names {
        publish(&ann, "libs", name, &["1.0.0"]).await;
    }
    let sold: Vec<&str> = names.iter().map(String::as_str).collect();
    let licence = create(&ann, &plain(&sold)).await;
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    for _ in 0..5 {
        let answer = visible(&ann, &licence, &query).await;
        assert!(found(&answer).len() <= 3, "{answer}");
        seen.extend(found(&answer).into_iter().map(|(_, name, _)| name));
        let Some(next) = answer["next"].as_str() else { break };
        query = format!("?limit=3&cursor={next}");
    }
    assert_eq!(seen, names);
    for bad in ["?limit=0", "?limit=201", "?limit=x", "?cursor=!", "?cursor=bGlicw"] {
        refused(&ann.get(&format!("{}/packages{bad}", at(&licence))).await, 400);
    }
    // The cursor only says where to go on: it opens no list of anybody else.
    let bob = app.account_token("bob", &["admin"]).await;
    refused(&bob.get(&format!("{}/packages{query}", at(&licence))).await, 404);
}

#[tokio::test]
async fn versions_are_named_as_far_as_there_is_room() {
    let (app, ann) = shop().await;
    for minor in 0..25 {
        app.clock.advance_millis(1);
        publish(&ann, "libs", "pad", &[&format!("1.{minor}.0")]).await;
    }
    let licence = create(&ann, &plain(&["pad"])).await;
    let answer = visible(&ann, &licence, "").await;
    let package = &answer["packages"][0];
    assert_eq!(package["versionsTotal"], 25);
    let versions = &found(&answer)[0].2;
    assert_eq!((versions.len(), versions[0].as_str(), versions[19].as_str()), (20, "1.24.0", "1.5.0"));
}

#[tokio::test]
async fn it_is_for_the_seller_alone() {
    let (app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    let path = format!("{}/packages", at(&licence));
    for (actor, status) in [
        (app.anonymous(), 401),
        (app.token(text(&licence, "key")), 403),
        (app.account_token("ann", &["write"]).await, 403),
        (app.account_token("bob", &["admin"]).await, 404),
    ] {
        refused(&actor.get(&path).await, status);
    }
    refused(&ann.get("/v1/licenses/0192a1b2-0000-7000-8000-000000000000/packages").await, 404);
}

/// It begins with what was sold: what else there is costs nothing.
#[tokio::test]
async fn it_costs_as_many_calls_as_packages_were_sold() {
    let (app, ann) = shop().await;
    for name in ["one", "two", "three", "unsold", "unsold-too"] {
        publish(&ann, "libs", name, &["1.0.0"]).await;
    }
    let licence = create(&ann, &plain(&["one", "two", "three"])).await;
    app.probe.reset();
    assert_eq!(found(&visible(&ann, &licence, "").await).len(), 3);
    let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
    // Token; licence; repositories, twice; heads; the versions of each package.
    let expected =
        ["BatchGetItem", "GetItem", "Query", "BatchGetItem", "BatchGetItem", "Query", "Query", "Query"];
    assert_eq!(calls, expected);
}
