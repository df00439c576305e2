//! Customers: files of what was sold to them.

use granary_model::{PackageType, Timestamp};
use granary_storage::PackageKey;
use granary_storage::rows::{LicenceConstraint, OnExpiry};
use granary_testing::{Actor, START, TestApp, answers};
use serde_json::Value;

use crate::support::{REPO, at, put, stored, with};

fn key(name: &str) -> PackageKey {
    PackageKey { repo: REPO.parse().unwrap(), kind: PackageType::Raw, name: name.into() }
}

/// `tool` in three versions, each a second later than the one before, and `other`.
async fn shop() -> (TestApp, Actor) {
    let (app, ann) = with("private").await;
    for version in ["1.0.0", "2.0.0", "1.1.0"] {
        stored(&ann, &format!("tool/{version}/tool.bin"), version).await;
        app.clock.advance_millis(1_000);
    }
    stored(&ann, "other/1.0.0/tool.bin", "other").await;
    (app, ann)
}

async fn below_two(app: &TestApp) -> Actor {
    let constraint = LicenceConstraint::Version("<2.0.0".into());
    app.licence("ann", &["tool"], |row| row.constraint = constraint).await.actor
}

async fn listed(actor: &Actor) -> (Vec<String>, String) {
    let response = actor.get(&at("tool")).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let list: Value = response.json();
    let versions = list["versions"].as_array().unwrap().iter();
    let versions = versions.map(|entry| entry["version"].as_str().unwrap().to_owned()).collect();
    (versions, list["latestVersion"].as_str().unwrap().to_owned())
}

fn list(versions: &[&str]) -> (Vec<String>, String) {
    (versions.iter().map(|version| (*version).to_owned()).collect(), versions[0].to_owned())
}

#[tokio::test]
async fn lists_and_files_are_those_that_were_sold() {
    let (app, ann) = shop().await;
    let window = |millis| {
        let constraint = LicenceConstraint::Date(Timestamp::from_millis(START + millis));
        app.licence("ann", &["files//tool"], |row| {
            row.constraint = constraint;
            row.on_expiry = OnExpiry::Restrict;
        })
    };
    for (customer, versions) in [
        (below_two(&app).await, vec!["1.1.0", "1.0.0"]),
        (window(999).await.actor, vec!["1.0.0"]),
        (window(1_000).await.actor, vec!["2.0.0", "1.0.0"]),
        (app.licence("ann", &["tool"], |_| ()).await.actor, vec!["1.1.0", "2.0.0", "1.0.0"]),
    ] {
        assert_eq!(listed(&customer).await, list(&versions));
        for version in ["1.0.0", "1.1.0", "2.0.0"] {
            let sold = versions.contains(&version);
            for path in [format!("tool/{version}"), format!("tool/{version}/tool.bin")] {
                let (here, own) = (customer.get(&at(&path)).await, ann.get(&at(&path)).await);
                assert_eq!(here.status, if sold { 200 } else { 404 }, "{path}");
                assert_eq!(here.body == own.body, sold, "{path}");
                assert_eq!(customer.head(&at(&path)).await.status, here.status, "{path}");
            }
        }
    }
    assert_eq!(listed(&ann).await, list(&["1.1.0", "2.0.0", "1.0.0"]));
}

#[tokio::test]
async fn what_was_not_sold_answers_like_what_is_not_there() {
    let (app, _ann) = shop().await;
    let constraint = LicenceConstraint::Version(">=9.0.0".into());
    let nothing = app.licence("ann", &["other"], |row| row.constraint = constraint).await.actor;
    for customer in [below_two(&app).await, nothing] {
        for (path, names) in [
            ("tool/2.0.0", ("2.0.0", "9.9.9")),
            ("tool/2.0.0/tool.bin", ("2.0.0", "9.9.9")),
            ("other", ("other", "wrong")),
            ("other/1.0.0", ("other", "wrong")),
            ("other/1.0.0/tool.bin", ("other", "wrong")),
        ] {
            let here = answers(&customer, &at(path), (&[], &[]), names).await;
            let there = answers(&customer, &at(&path.replace(names.0, names.1)), (&[], &[]), names).await;
            assert_eq!(here, there, "{path}");
        }
    }
}

#[tokio::test]
async fn dates_suspension_and_switches() {
    let (app, _ann) = shop().await;
    let until = Timestamp::from_millis(START + 10_000);
    let mut licensed =
        app.licence("ann", &["tool"], |row| row.constraint = LicenceConstraint::Date(until)).await;
    let customer = licensed.actor.clone();
    let paths = ["tool", "tool/1.0.0", "tool/1.0.0/tool.bin"];
    let etag = customer.get(&at("tool")).await.header("etag").to_owned();
    // Three seconds have passed.
    for (millis, code) in [(6_999, None), (1, None), (1, Some("LICENSE_EXPIRED"))] {
        app.clock.advance_millis(millis);
        for path in paths {
            let response = customer.get(&at(path)).await;
            assert_eq!(response.status, if code.is_some() { 403 } else { 200 }, "{path}");
            if let Some(code) = code {
                assert_eq!(response.json()["code"], code, "{path}");
            }
        }
    }
    assert_eq!(customer.get_with(&at("tool"), &[("if-none-match", &etag)]).await.status, 403);
    assert_eq!(customer.get(&at("other")).await.status, 404);
    app.change_licence(&mut licensed, |row| row.constraint = LicenceConstraint::None).await;
    app.hide_version(&key("tool"), "1.1.0", true).await;
    assert_eq!(listed(&customer).await, list(&["2.0.0", "1.0.0"]));
    assert_eq!(customer.get(&at("tool/1.1.0/tool.bin")).await.status, 404);
    app.hide_package(&key("tool"), true).await;
    for path in paths {
        assert_eq!(customer.get(&at(path)).await.status, 404, "{path}");
    }
    app.hide_package(&key("tool"), false).await;
    app.change_licence(&mut licensed, |row| row.suspended = true).await;
    for path in paths.iter().chain(&["other", "none/1/f"]) {
        let response = customer.get(&at(path)).await;
        assert_eq!(
            (response.status, response.json()["code"].as_str()),
            (403, Some("LICENSE_SUSPENDED")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn permissions_add_up_and_customers_upload_nothing() {
    let (app, ann) = shop().await;
    app.sell("ann", &key("tool"), 2).await;
    let consumer = app.consumer("ann", &[(2, "1.0.0"), (2, ">=2.0.0"), (1, "*")]).await.actor;
    assert_eq!(listed(&consumer).await, list(&["2.0.0", "1.0.0"]));
    assert_eq!(consumer.get(&at("tool/1.1.0/tool.bin")).await.status, 404);
    for path in ["tool/1.0.0/more", "tool/9.0.0/tool.bin", "new/1.0.0/f"] {
        let response = put(&consumer, path, "bytes").await;
        assert_eq!((response.status, response.json()["code"].as_str()), (403, Some("FORBIDDEN")), "{path}");
    }
    assert_eq!(consumer.delete(&at("tool/1.0.0/tool.bin")).await.status, 403);
    let stranger = app.consumer("bob", &[(2, "*")]).await.actor;
    assert_eq!(stranger.get(&at("tool")).await.status, 404);
    assert_eq!(put(&stranger, "tool/1.0.0/more", "bytes").await.status, 404);
    assert_eq!(listed(&ann).await, list(&["1.1.0", "2.0.0", "1.0.0"]));
}

#[tokio::test]
async fn conditions_belong_to_a_credential_and_warm_reads_cost_the_same() {
    let (app, ann) = shop().await;
    app.settle().await;
    let callers = [&ann, &below_two(&app).await, &app.licence("ann", &["tool"], |_| ()).await.actor];
    let mut etags = Vec::new();
    for caller in callers {
        etags.push(caller.get(&at("tool")).await.header("etag").to_owned());
    }
    for (index, caller) in callers.iter().enumerate() {
        for (other, etag) in etags.iter().enumerate() {
            let response = caller.get_with(&at("tool"), &[("if-none-match", etag)]).await;
            assert_eq!(
                response.status,
                if index == other { 304 } else { 200 },
                "{index} with what {other} has"
            );
        }
    }
    for path in ["tool", "tool/1.0.0", "tool/1.0.0/tool.bin", "tool/9.9.9"] {
        let mut made = Vec::new();
        for caller in callers {
            caller.get(&at(path)).await;
            app.probe.reset();
            caller.get(&at(path)).await;
            let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
            made.push(calls);
        }
        made.dedup();
        assert_eq!(made.len(), 1, "{path}: {made:?}");
    }
}

/// A version goes on growing: what comes after the end of a licence is not for it, although the version is.
#[tokio::test]
async fn files_that_came_later_are_not_for_a_licence_that_had_ended() {
    let (app, ann) = shop().await;
    let until = LicenceConstraint::Date(app.state().now());
    let customer = app.licence("ann", &["tool"], |row| {
        row.constraint = until;
        row.on_expiry = OnExpiry::Restrict;
    });
    let customer = customer.await.actor;
    app.clock.advance_millis(1);
    assert_eq!(ann.request("PUT", &at("tool/1.0.0/late.bin"), &[], "late").await.status, 201);
    assert_eq!(ann.get(&at("tool/1.0.0/late.bin")).await.status, 200);
    let late = customer.get(&at("tool/1.0.0/late.bin")).await;
    let never = customer.get(&at("tool/1.0.0/never.bin")).await;
    assert_eq!((late.status, late.text()), (404, never.text().replace("never", "late")));
    let files = |response: granary_testing::TestResponse| response.json()["files"].as_array().unwrap().len();
    assert_eq!(files(ann.get(&at("tool/1.0.0")).await), 2);
    assert_eq!(files(customer.get(&at("tool/1.0.0")).await), 1);
}
