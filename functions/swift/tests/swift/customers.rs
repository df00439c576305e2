//! Customers: releases, manifests and archives of what was sold to them.

use axum::body::Body;
use granary_model::{PackageType, Timestamp};
use granary_storage::PackageKey;
use granary_storage::rows::{LicenceConstraint, OnExpiry};
use granary_testing::swift::{PublishForm, simple_archive};
use granary_testing::{Actor, START, TestApp, answers};
use serde_json::{Value, json};

use crate::support::{JSON, REPO, at, problem, published, put, related, url, with};

const NAME: &str = "mona.linkedlist";

fn key() -> PackageKey {
    PackageKey { repo: REPO.parse().unwrap(), kind: PackageType::Swift, name: NAME.into() }
}

/// Publishes a release whose source is at an address of its own.
async fn release(ann: &Actor, version: &str) {
    let metadata = json!({
        "description": format!("As of {version}"),
        "repositoryURLs": [format!("https://example.com/mona/list-{version}"), "https://example.com/mona/list"],
    });
    let form = PublishForm::new(&simple_archive(version)).metadata(&metadata.to_string());
    let response = form.put(ann, &at(&format!("mona/LinkedList/{version}"))).await;
    assert_eq!(response.status, 201, "{}", response.text());
}

/// `mona.LinkedList` in four releases, each a second later than the one before, and `mona.Other`.
async fn shop() -> (TestApp, Actor) {
    let (app, ann) = with("private").await;
    for version in ["1.0.0", "1.1.0", "2.0.0", "3.0.0"] {
        release(&ann, version).await;
        app.clock.advance_millis(1_000);
    }
    assert_eq!(put(&ann, "mona/Other/1.0.0", &simple_archive("other")).await.status, 201);
    (app, ann)
}

async fn up_to_two(app: &TestApp) -> Actor {
    let constraint = LicenceConstraint::Version(">=1.0.0 <2.0.0".into());
    app.licence("ann", &[NAME], |row| row.constraint = constraint).await.actor
}

async fn listed(actor: &Actor) -> Vec<(String, bool)> {
    let response = actor.get_with(&at("mona/LinkedList"), &[JSON]).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let list: Value = response.json();
    let releases = list["releases"].as_object().unwrap().iter();
    releases.map(|(version, entry)| (version.clone(), entry.get("url").is_some())).collect()
}

fn entries(versions: &[(&str, bool)]) -> Vec<(String, bool)> {
    versions.iter().map(|(version, live)| ((*version).to_owned(), *live)).collect()
}

#[tokio::test]
async fn lists_and_links_name_what_was_sold() {
    let (app, ann) = shop().await;
    let customer = up_to_two(&app).await;
    assert_eq!(listed(&customer).await, entries(&[("1.1.0", true), ("1.0.0", true)]));
    let list = customer.get(&at("mona/LinkedList")).await;
    assert_eq!(related(&list, "latest-version"), [url("mona/LinkedList/1.1.0")]);
    assert_eq!(related(&list, "canonical"), ["https://example.com/mona/list-1.1.0"]);
    let newest = customer.get(&at("mona/LinkedList/1.1.0")).await;
    assert_eq!(newest.json()["metadata"]["description"], "As of 1.1.0");
    assert_eq!(related(&newest, "latest-version"), [url("mona/LinkedList/1.1.0")]);
    assert_eq!(related(&newest, "successor-version"), Vec::<String>::new());
    assert_eq!(related(&newest, "predecessor-version"), [url("mona/LinkedList/1.0.0")]);
    for path in ["mona/LinkedList/1.1.0.zip", "mona/LinkedList/1.1.0/Package.swift"] {
        let (sold, own) = (customer.get(&at(path)).await, ann.get(&at(path)).await);
        assert_eq!((sold.status, sold.body), (200, own.body), "{path}");
        assert_eq!(customer.head(&at(path)).await.status, 200, "{path}");
    }
    assert_eq!(
        related(&ann.get(&at("mona/LinkedList")).await, "latest-version"),
        [url("mona/LinkedList/3.0.0")]
    );
    for path in ["", "availability"] {
        assert_eq!(customer.get(&at(path)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn withdrawn_releases_are_listed_for_whoever_would_have_got_them() {
    let (app, ann) = shop().await;
    for version in ["1.0.0", "2.0.0"] {
        assert_eq!(ann.delete(&at(&format!("mona/LinkedList/{version}"))).await.status, 200);
    }
    let customer = up_to_two(&app).await;
    assert_eq!(listed(&customer).await, entries(&[("1.1.0", true), ("1.0.0", false)]));
    let release = customer.get(&at("mona/LinkedList/1.1.0")).await;
    assert_eq!(related(&release, "predecessor-version"), Vec::<String>::new());
    assert_eq!(ann.delete(&at("mona/LinkedList/1.1.0")).await.status, 200);
    assert_eq!(listed(&customer).await, entries(&[("1.1.0", false), ("1.0.0", false)]));
    let list = customer.get(&at("mona/LinkedList")).await;
    assert_eq!(list.header("link"), "");
}

/// How Swift's routes may be asked besides.
const ASKED: (&[&str], &[(&str, &str)]) = (&["OPTIONS"], &[JSON]);

#[tokio::test]
async fn what_was_not_sold_answers_like_what_is_not_there() {
    let (app, _ann) = shop().await;
    let constraint = LicenceConstraint::Version("9.0.0".into());
    let nothing = app.licence("ann", &["mona.other"], |row| row.constraint = constraint).await.actor;
    for customer in [up_to_two(&app).await, nothing] {
        for end in ["", ".json", ".zip", "/Package.swift", "/Package.swift?swift-version=5"] {
            let names = ("2.0.0", "9.0.9");
            let path = |version: &str| format!("mona/LinkedList/{version}{end}");
            let here = answers(&customer, &at(&path("2.0.0")), ASKED, names).await;
            assert_eq!(here, answers(&customer, &at(&path("9.0.9")), ASKED, names).await, "{end}");
        }
        for path in
            ["mona/Other", "mona/Other/1.0.0", "mona/Other/1.0.0.zip", "mona/Other/1.0.0/Package.swift"]
        {
            let names = ("Other", "Wrong");
            let here = answers(&customer, &at(path), ASKED, names).await;
            let there = answers(&customer, &at(&path.replace("Other", "Wrong")), ASKED, names).await;
            assert_eq!(here, there, "{path}");
        }
    }
}

#[tokio::test]
async fn an_address_leads_to_what_was_sold() {
    let (app, ann) = shop().await;
    let customer = up_to_two(&app).await;
    let other = app.licence("ann", &["mona.other"], |_| ()).await.actor;
    let lookup = async |actor: &Actor, source: &str| {
        let response = actor.get(&at(&format!("identifiers?url=https://example.com/mona/{source}"))).await;
        if response.status == 404 {
            return Vec::new();
        }
        let identifiers = response.json()["identifiers"].clone();
        identifiers.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    for (source, owner, sold) in [
        ("list", true, true),
        ("list-1.0.0", true, true),
        ("list-3.0.0", true, false),
        ("none", false, false),
    ] {
        assert_eq!(!lookup(&ann, source).await.is_empty(), owner, "{source}");
        assert_eq!(!lookup(&customer, source).await.is_empty(), sold, "{source}");
        assert_eq!(lookup(&other, source).await, Vec::<String>::new(), "{source}");
    }
    let hidden = other.get(&at("identifiers?url=https://example.com/mona/list")).await;
    let unknown = other.get(&at("identifiers?url=https://example.com/mona/none")).await;
    assert_eq!(hidden.visible(), unknown.visible());
}

#[tokio::test]
async fn dates_suspension_and_switches() {
    let (app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    let until = Timestamp::from_millis(START + 10_000);
    let mut licensed =
        app.licence("ann", &[NAME], |row| row.constraint = LicenceConstraint::Date(until)).await;
    let customer = licensed.actor.clone();
    let paths = [
        "mona/LinkedList",
        "mona/LinkedList/1.0.0",
        "mona/LinkedList/1.0.0.zip",
        "mona/LinkedList/1.0.0/Package.swift",
    ];
    let etag = customer.get(&at(paths[0])).await.header("etag").to_owned();
    for (millis, expected) in [(9_999, None), (1, None), (1, Some("LICENSE_EXPIRED"))] {
        app.clock.advance_millis(millis);
        for path in paths {
            let response = customer.get(&at(path)).await;
            match expected {
                None => assert_eq!(response.status, 200, "{path}"),
                Some(code) => {
                    problem(&response, 403);
                    assert_eq!(response.json()["code"], code, "{path}");
                }
            }
        }
    }
    assert_eq!(customer.get_with(&at(paths[0]), &[("if-none-match", &etag)]).await.status, 403);
    // What came after the date is not there if the rest stays.
    app.change_licence(&mut licensed, |row| row.on_expiry = OnExpiry::Restrict).await;
    published(&ann, "1.0.1").await;
    assert_eq!(listed(&customer).await, entries(&[("1.0.0", true)]));
    assert_eq!(customer.get(&at("mona/LinkedList/1.0.1.zip")).await.status, 404);
    app.change_licence(&mut licensed, |row| row.constraint = LicenceConstraint::None).await;
    assert_eq!(customer.get(&at("mona/LinkedList/1.0.1.zip")).await.status, 200);
    app.hide_version(&key(), "1.0.1", true).await;
    assert_eq!(listed(&customer).await, entries(&[("1.0.0", true)]));
    assert_eq!(customer.get(&at("mona/LinkedList/1.0.1.zip")).await.status, 404);
    app.change_licence(&mut licensed, |row| row.suspended = true).await;
    for path in paths.iter().chain(&["", "availability", "mona/None", "identifiers?url=x"]) {
        let response = customer.get(&at(path)).await;
        problem(&response, 403);
        assert_eq!(response.json()["code"], "LICENSE_SUSPENDED", "{path}");
    }
}

#[tokio::test]
async fn swiftpm_logs_in_with_a_key() {
    let (app, _ann) = shop().await;
    let mut licensed = app.licence("ann", &[NAME], |_| ()).await;
    let consumer = app.consumer("ann", &[]).await.actor;
    let stranger = app.licence("bob", &[NAME], |_| ()).await.actor;
    let basic = app.basic("license", licensed.row.key.expose());
    let login = async |actor: &Actor, path: &str| actor.request("POST", path, &[], Body::empty()).await;
    for path in [at("login"), format!("/api/swift/{REPO}"), "/login".to_owned()] {
        for customer in [&licensed.actor, &basic, &consumer] {
            assert_eq!(login(customer, &path).await.status, 200, "{path}");
        }
        let elsewhere = login(&stranger, &path).await;
        assert_eq!(elsewhere.status, if path == "/login" { 200 } else { 404 }, "{path}");
        assert_eq!(login(&app.token("no-such-key-1"), &path).await.status, 401, "{path}");
        app.change_licence(&mut licensed, |row| row.suspended = true).await;
        problem(&login(&licensed.actor, &path).await, 403);
        app.change_licence(&mut licensed, |row| row.suspended = false).await;
    }
}

#[tokio::test]
async fn customers_publish_and_withdraw_nothing() {
    let (app, ann) = shop().await;
    let customer = app.licence("ann", &[NAME], |_| ()).await.actor;
    problem(&put(&customer, "mona/LinkedList/9.0.0", &simple_archive("x")).await, 403);
    problem(&put(&customer, "mona/New/1.0.0", &simple_archive("x")).await, 403);
    problem(&customer.delete(&at("mona/LinkedList/1.0.0")).await, 403);
    assert_eq!(listed(&ann).await.len(), 4);
}

#[tokio::test]
async fn permissions_add_up_and_warm_reads_cost_the_same() {
    let (app, ann) = shop().await;
    app.sell("ann", &key(), 3).await;
    app.settle().await;
    let consumer = app.consumer("ann", &[(3, "1.0.0"), (3, ">=3.0.0"), (4, "*")]).await.actor;
    assert_eq!(listed(&consumer).await, entries(&[("3.0.0", true), ("1.0.0", true)]));
    let release = consumer.get(&at("mona/LinkedList/1.0.0")).await;
    assert_eq!(related(&release, "successor-version"), [url("mona/LinkedList/3.0.0")]);
    let licence = up_to_two(&app).await;
    let callers = [&ann, &consumer, &licence];
    for path in
        ["mona/LinkedList", "mona/LinkedList/1.0.0", "mona/LinkedList/1.0.0.zip", "mona/LinkedList/9.0.0"]
    {
        let (mut made, mut etags) = (Vec::new(), Vec::new());
        for caller in callers {
            etags.push(caller.get(&at(path)).await.header("etag").to_owned());
            app.probe.reset();
            caller.get(&at(path)).await;
            let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
            made.push(calls);
        }
        made.dedup();
        assert_eq!(made.len(), 1, "{path}: {made:?}");
        if path.contains(".zip") || etags[0].is_empty() {
            continue;
        }
        for (index, caller) in callers.iter().enumerate() {
            for (other, etag) in etags.iter().enumerate() {
                let response = caller.get_with(&at(path), &[("if-none-match", etag)]).await;
                assert_eq!(response.status, if index == other { 304 } else { 200 }, "{path} {index} {other}");
            }
        }
    }
    let stranger = app.consumer("bob", &[(3, "*")]).await.actor;
    assert_eq!(stranger.get(&at("mona/LinkedList")).await.status, 404);
}
