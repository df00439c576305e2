//! Customers: they see and install what was sold to them, and the rest is not there.

use axum::body::Body;
use granary_storage::rows::LicenceConstraint;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, Licensed, TestApp, answers};
use serde_json::{Value, json};

use super::support::{INSTALL, accepting, at, keys, packument, private, publish, publish_all};

/// Versions of `pad`, each a second later than the one before.
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0", "3.0.0-rc.1"];

/// A shop: `pad` in four versions, and `other`, which nobody bought.
async fn shop() -> (TestApp, Actor) {
    let (app, ann) = private().await;
    for version in VERSIONS {
        let tag = if version.contains('-') { "next" } else { "latest" };
        let package = NpmPackage::new("pad", version)
            .tag(tag)
            .member("description", format!("Pad {version}").into())
            .member("keywords", json!([format!("k{version}")]))
            .file("readme.txt", version.as_bytes());
        publish(&ann, &package).await;
        app.clock.advance_millis(1_000);
    }
    publish_all(&ann, "other", &["1.0.0", "2.0.0"]).await;
    (app, ann)
}

fn versions(range: &str) -> LicenceConstraint {
    LicenceConstraint::Version(range.into())
}

async fn up_to_two(app: &TestApp) -> Licensed {
    app.licence("ann", &["pad"], |row| row.constraint = versions("<2.0.0")).await
}

fn names(found: &Value) -> Vec<(&str, &str)> {
    let hits = found["objects"].as_array().unwrap().iter();
    hits.map(|hit| (hit["package"]["name"].as_str().unwrap(), hit["package"]["version"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn documents_have_what_was_sold_and_are_computed_of_it() {
    let (app, ann) = shop().await;
    assert_eq!(packument(&ann, "pad").await["dist-tags"], json!({ "latest": "2.0.0", "next": "3.0.0-rc.1" }));
    let customer = up_to_two(&app).await.actor;
    for accept in ["application/json", INSTALL] {
        let response = accepting(&customer, &at("pad"), accept).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let document = response.json();
        assert_eq!(keys(&document["versions"]), ["1.0.0", "1.1.0"]);
        assert_eq!(document["dist-tags"], json!({ "latest": "1.1.0" }));
        assert_eq!(keys(&document["time"]), ["created", "modified", "1.0.0", "1.1.0"]);
        assert!(!response.text().contains("2.0.0") && !response.text().contains("rc.1"));
    }
    let full = packument(&customer, "pad").await;
    assert_eq!((&full["description"], &full["keywords"]), (&json!("Pad 1.1.0"), &json!(["k1.1.0"])));
    assert_eq!(full["maintainers"], json!([]), "the seller's people are no customer's business");
    // What clients read before a change is for those who may change something.
    assert_eq!(packument(&customer, "pad?write=true").await, full);
    assert_eq!(customer.get(&at("pad/latest")).await.json()["version"], "1.1.0");
    assert_eq!(customer.get(&at("pad/1.0.0")).await.json()["version"], "1.0.0");
    assert_eq!(customer.get(&at("-/package/pad/dist-tags")).await.json(), json!({ "latest": "1.1.0" }));
    assert_eq!(customer.get(&at("-/package/pad/visibility")).await.json(), json!({ "public": false }));
    // The owner still sees everything.
    assert_eq!(keys(&packument(&ann, "pad").await["versions"]), VERSIONS);
}

#[tokio::test]
async fn tarballs_come_in_every_way_that_credentials_do() {
    let (app, ann) = shop().await;
    let licensed = up_to_two(&app).await;
    let key = licensed.row.key.expose();
    let bearer = licensed.actor.clone();
    for actor in [bearer, app.basic("license", key), app.basic(key, ""), app.basic("anybody at all", key)] {
        for path in ["pad/-/pad-1.1.0.tgz", "-/tarball/pad/1.1.0"] {
            let (sold, own) = (actor.get(&at(path)).await, ann.get(&at(path)).await);
            assert_eq!((sold.status, sold.body), (200, own.body), "{path}");
            assert_eq!(actor.head(&at(path)).await.status, 200);
        }
        let part = actor.get_with(&at("pad/-/pad-1.1.0.tgz"), &[("range", "bytes=0-1")]).await;
        assert_eq!((part.status, part.body.len()), (206, 2));
    }
}

/// How npm's routes may be asked besides.
const ASKED: (&[&str], &[(&str, &str)]) =
    (&["OPTIONS", "PATCH"], &[("accept", INSTALL), ("accept-encoding", "gzip")]);

#[tokio::test]
async fn what_is_not_covered_answers_like_what_is_not_there() {
    let (app, _ann) = shop().await;
    let customer = up_to_two(&app).await.actor;
    for path in ["pad/V", "pad/-/pad-V.tgz", "-/tarball/pad/V", "-/npm/v1/attestations/pad@V"] {
        for hidden in ["2.0.0", "3.0.0-rc.1"] {
            let unknown = hidden.replace('0', "9");
            let here = answers(&customer, &at(&path.replace('V', hidden)), ASKED, (hidden, &unknown)).await;
            let there =
                answers(&customer, &at(&path.replace('V', &unknown)), ASKED, (&unknown, &unknown)).await;
            assert_eq!(here, there, "{path} {hidden}");
        }
    }
    for tag in ["next", "nope"] {
        assert_eq!(customer.get(&at(&format!("pad/{tag}"))).await.status, 404, "{tag}");
    }
    assert_eq!(
        answers(&customer, &at("pad/next"), ASKED, ("next", "nope")).await,
        answers(&customer, &at("pad/nope"), ASKED, ("nope", "nope")).await
    );
}

#[tokio::test]
async fn a_package_that_was_not_sold_answers_like_one_that_is_not_there() {
    let (app, _ann) = shop().await;
    let licensed = up_to_two(&app).await.actor;
    let covers_nothing =
        app.licence("ann", &["other", "wrong"], |row| row.constraint = versions(">=9.0.0")).await.actor;
    let consumer = app.consumer("ann", &[(7, "*")]).await.actor;
    for (who, customer) in [("licence", licensed), ("no version", covers_nothing), ("consumer", consumer)] {
        for path in [
            "other",
            "other?write=true",
            "other/1.0.0",
            "other/latest",
            "other/-/other-1.0.0.tgz",
            "-/tarball/other/1.0.0",
            "-/package/other/dist-tags",
            "-/package/other/visibility",
            "-/npm/v1/attestations/other@1.0.0",
        ] {
            let unknown = path.replace("other", "wrong");
            let here = answers(&customer, &at(path), ASKED, ("other", "wrong")).await;
            let there = answers(&customer, &at(&unknown), ASKED, ("wrong", "wrong")).await;
            assert_eq!(here, there, "{who}: {path}");
        }
        // Not even by a document that somebody else has.
        let etag = app.token(app.account_token("ann", &["read"]).await.secret());
        let etag = etag.get(&at("other")).await.header("etag").to_owned();
        let known = customer.get_with(&at("other"), &[("if-none-match", &etag)]).await;
        assert_eq!(known.status, 404, "{who}");
    }
}

#[tokio::test]
async fn search_finds_what_was_sold() {
    let (app, ann) = shop().await;
    publish_all(&ann, "padding", &["1.0.0"]).await;
    publish_all(&ann, "pads", &["1.0.0"]).await;
    app.hide_package(&app.package_key("libs", "pads"), true).await;
    let licence = app.licence("ann", &["pad", "libs//padding", "pads", "none", "libs//none"], |row| {
        row.constraint = versions("<2.0.0");
    });
    let customer = licence.await.actor;
    let search = async |actor: &Actor, query: &str| {
        let response = actor.get(&at(&format!("-/v1/search?{query}"))).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    };
    let found = search(&customer, "text=").await;
    assert_eq!(
        (found["total"].as_u64(), names(&found)),
        (Some(2), vec![("pad", "1.1.0"), ("padding", "1.0.0")])
    );
    assert_eq!(found["objects"][0]["package"]["description"], "Pad 1.1.0");
    let found = search(&customer, "text=padding").await;
    assert_eq!((found["total"].as_u64(), names(&found)), (Some(1), vec![("padding", "1.0.0")]));
    // Neither by what only other versions say, nor by who published.
    for query in ["text=keywords:k2.0.0", "text=author:ann", "text=other", "text=ann", "text=pads"] {
        assert_eq!(search(&customer, query).await["total"], 0, "{query}");
    }
    assert!(!search(&customer, "text=").await.to_string().contains("ann"));
    let page = search(&customer, "text=&size=1&from=1").await;
    assert_eq!((page["total"].as_u64(), names(&page)), (Some(2), vec![("padding", "1.0.0")]));
    // Somebody who bought nothing here.
    let nothing = app.licence("ann", &["elsewhere//pad"], |_| ()).await.actor;
    assert_eq!(search(&nothing, "text=").await["total"], 0);
}

#[tokio::test]
async fn customers_change_nothing_and_learn_nothing_about_people() {
    let (app, ann) = shop().await;
    let before = app.check_consistency("libs").await.audit;
    let customer = app.licence("ann", &["pad"], |_| ()).await.actor;
    let publish = NpmPackage::new("pad", "9.0.0").body();
    for (method, path, body) in [
        ("PUT", "pad", publish.clone()),
        ("PUT", "new", NpmPackage::new("new", "1.0.0").body()),
        ("PUT", "pad", json!({ "versions": { "1.0.0": { "deprecated": "x" } } })),
        ("PUT", "pad/-rev/undefined", json!({ "maintainers": [{ "name": "mallory" }] })),
        ("DELETE", "pad/-rev/undefined", Value::Null),
        ("DELETE", "pad/-/pad-1.0.0.tgz/-rev/undefined", Value::Null),
        ("PUT", "-/package/pad/dist-tags/latest", json!("1.0.0")),
        ("DELETE", "-/package/pad/dist-tags/next", Value::Null),
        ("POST", "-/package/pad/access", json!({ "access": "public" })),
        ("GET", "-/package/pad/collaborators", Value::Null),
        ("GET", "-/user/ann/package", Value::Null),
        ("GET", "-/org/acme/package", Value::Null),
        ("GET", "-/user/org.couchdb.user:ann", Value::Null),
        ("GET", "-/npm/v1/user", Value::Null),
        ("GET", "-/npm/v1/tokens", Value::Null),
        ("POST", "-/npm/v1/tokens", json!({})),
    ] {
        let response = customer.json(method, &at(path), &body).await;
        assert_eq!(response.status, 403, "{method} {path}: {}", response.text());
        assert_eq!(response.json()["code"], "FORBIDDEN", "{method} {path}");
    }
    assert_eq!(customer.get("/api/repos/libs").await.status, 403);
    assert_eq!(customer.get("/api/repos/libs/packages").await.status, 403);
    assert_eq!(app.check_consistency("libs").await.audit, before);
    assert_eq!(keys(&packument(&ann, "pad").await["versions"]), VERSIONS);
}

#[tokio::test]
async fn npm_can_ask_who_it_is_and_log_in_with_a_key() {
    let (app, _ann) = shop().await;
    let mut licensed = up_to_two(&app).await;
    let consumer = app.consumer("ann", &[]).await;
    let who = licensed.actor.get(&at("-/whoami")).await;
    assert_eq!(who.json(), json!({ "username": format!("licence:{}", licensed.row.id) }));
    let who = consumer.actor.get(&at("-/whoami")).await;
    assert_eq!(who.json(), json!({ "username": format!("consumer:{}", consumer.row.id) }));
    assert_eq!(licensed.actor.get(&at("-/ping")).await.status, 200);
    let key = licensed.row.key.expose().to_owned();
    let body = json!({ "name": "x", "password": key });
    let login = async || app.anonymous().put_json(&at("-/user/org.couchdb.user:x"), &body).await;
    let response = login().await;
    assert_eq!((response.status, response.json()["token"].as_str()), (201, Some(key.as_str())));
    app.change_licence(&mut licensed, |row| row.suspended = true).await;
    for refused in [login().await, licensed.actor.get(&at("-/whoami")).await] {
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("LICENSE_SUSPENDED")));
    }
    let elsewhere = app.npm_repo("bob", "bobs", "private").await;
    assert_eq!(elsewhere.get("/api/npm/bobs/-/whoami").await.status, 200);
    assert_eq!(consumer.actor.get("/api/npm/bobs/-/whoami").await.status, 404);
}

#[tokio::test]
async fn a_document_of_one_customer_is_none_of_another() {
    let (app, ann) = shop().await;
    let few = up_to_two(&app).await.actor;
    let many = app.licence("ann", &["pad"], |row| row.constraint = versions("<3.0.0")).await.actor;
    let same = up_to_two(&app).await.actor;
    let all = app.licence("ann", &["pad"], |_| ()).await.actor;
    let callers = [&ann, &few, &many, &all];
    let mut etags = Vec::new();
    for caller in callers {
        etags.push(caller.get(&at("pad")).await.header("etag").to_owned());
    }
    for (index, caller) in callers.iter().enumerate() {
        for (other, etag) in etags.iter().enumerate() {
            let expected = if index == other { 304 } else { 200 };
            for method in ["GET", "HEAD"] {
                let headers = [("if-none-match", etag.as_str())];
                let response = caller.request(method, &at("pad"), &headers, Body::empty()).await;
                assert_eq!(response.status, expected, "{index} with what {other} has");
            }
        }
    }
    // The same grants, the same document: nothing is rendered twice.
    let known = same.get_with(&at("pad"), &[("if-none-match", &etags[1])]).await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn in_a_public_repository_a_customer_is_like_anybody() {
    let (app, _ann) = shop().await;
    let mut licensed = up_to_two(&app).await;
    let public = json!({ "visibility": "public" });
    assert_eq!(app.user("ann").patch_json("/api/repos/libs", &public).await.status, 200);
    let anybody = app.anonymous().get(&at("pad")).await;
    let customer = licensed.actor.get(&at("pad")).await;
    assert_eq!((customer.header("etag"), &customer.body), (anybody.header("etag"), &anybody.body));
    assert_eq!(licensed.actor.get(&at("pad/-/pad-2.0.0.tgz")).await.status, 200);
    app.change_licence(&mut licensed, |row| row.suspended = true).await;
    let refused = licensed.actor.get(&at("pad")).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("LICENSE_SUSPENDED")));
}
