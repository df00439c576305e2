//! When a customer's key opens what: dates, suspension, permissions, what sellers switch off, and what it costs.

use granary_model::Timestamp;
use granary_storage::Tenant;
use granary_storage::rows::{LicenceConstraint, OnExpiry};
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, START, TestApp, tenant_of};
use serde_json::Value;

use super::support::{at, keys, private, publish, publish_all};

const TARBALL: &str = "pad/-/pad-1.0.0.tgz";

/// The status of every way to a version, and the code of a refusal.
async fn statuses(actor: &Actor, version: &str) -> Vec<(u16, String)> {
    let mut answers = Vec::new();
    for path in
        [format!("pad/{version}"), format!("pad/-/pad-{version}.tgz"), format!("-/tarball/pad/{version}")]
    {
        let response = actor.get(&at(&path)).await;
        let code = serde_json::from_slice::<Value>(&response.body).ok();
        let code = code.and_then(|body| body["code"].as_str().map(str::to_owned)).unwrap_or_default();
        assert_eq!(actor.head(&at(&path)).await.status, response.status, "{path}");
        answers.push((response.status, code));
    }
    answers.dedup();
    answers
}

fn is(status: u16, code: &str) -> Vec<(u16, String)> {
    vec![(status, code.to_owned())]
}

async fn listed(actor: &Actor) -> Vec<String> {
    let response = actor.get(&at("pad")).await;
    if response.status != 200 {
        return vec![response.json()["code"].as_str().unwrap().to_owned()];
    }
    keys(&response.json()["versions"]).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_licence_that_is_revoked_at_its_date_works_until_then_and_that_moment_included() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let until = Timestamp::from_millis(START + 10_000);
    let constraint = LicenceConstraint::Date(until);
    let customer = app.licence("ann", &["pad"], |row| row.constraint = constraint).await.actor;
    app.clock.advance_millis(9_999);
    assert_eq!(statuses(&customer, "1.0.0").await, is(200, ""), "-1 ms");
    app.clock.advance_millis(1);
    assert_eq!(statuses(&customer, "1.0.0").await, is(200, ""), "0 ms");
    assert_eq!(listed(&customer).await, ["1.0.0"]);
    let etag = customer.get(&at("pad")).await.header("etag").to_owned();
    app.clock.advance_millis(1);
    assert_eq!(statuses(&customer, "1.0.0").await, is(403, "LICENSE_EXPIRED"), "+1 ms");
    assert_eq!(listed(&customer).await, ["LICENSE_EXPIRED"]);
    // Also for versions that do not exist, for who knows the document, and for lists.
    assert_eq!(statuses(&customer, "9.0.0").await, is(403, "LICENSE_EXPIRED"));
    for path in ["pad", "-/v1/search?text=pad", "-/package/pad/dist-tags", "-/whoami", ""] {
        let response = customer.get_with(&at(path), &[("if-none-match", &etag)]).await;
        assert_eq!(response.status, 403, "{path}: {}", response.text());
        assert_eq!(response.json()["code"], "LICENSE_EXPIRED", "{path}");
    }
    // What was never sold is still not there.
    publish_all(&ann, "other", &["1.0.0"]).await;
    for path in ["other", "wrong", "other/-/other-1.0.0.tgz"] {
        assert_eq!(customer.get(&at(path)).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_licence_with_an_update_window_keeps_what_was_published_in_it() {
    for on_expiry in [OnExpiry::Restrict, OnExpiry::Maintain] {
        let (app, ann) = private().await;
        app.clock.advance_millis(9_999);
        for version in ["1.0.0", "1.0.1", "1.0.2"] {
            publish_all(&ann, "pad", &[version]).await;
            app.clock.advance_millis(1);
        }
        let until = Timestamp::from_millis(START + 10_000);
        let licensed = app.licence("ann", &["pad"], |row| {
            row.constraint = LicenceConstraint::Date(until);
            row.on_expiry = on_expiry;
        });
        let customer = licensed.await.actor;
        // Now and a year later, before the date has passed and after it.
        for advance in [0, 31_536_000_000, -31_536_020_000] {
            app.clock.advance_millis(advance);
            let what = format!("{on_expiry:?} {advance}");
            assert_eq!(statuses(&customer, "1.0.0").await, is(200, ""), "{what}: -1 ms");
            assert_eq!(statuses(&customer, "1.0.1").await, is(200, ""), "{what}: 0 ms");
            assert_eq!(statuses(&customer, "1.0.2").await, is(404, "NOT_FOUND"), "{what}: +1 ms");
            assert_eq!(listed(&customer).await, ["1.0.0", "1.0.1"], "{what}");
        }
    }
}

#[tokio::test]
async fn a_date_that_is_only_kept_limits_nothing() {
    let (app, ann) = private().await;
    let customer = app.licence("ann", &["pad"], |row| {
        row.constraint = LicenceConstraint::Date(Timestamp::from_millis(START));
        row.on_expiry = OnExpiry::Allow;
    });
    let customer = customer.await.actor;
    app.clock.advance_millis(86_400_000);
    publish_all(&ann, "pad", &["1.0.0"]).await;
    assert_eq!(statuses(&customer, "1.0.0").await, is(200, ""));
}

#[tokio::test]
async fn suspension_and_other_changes_act_on_the_next_request_of_a_warm_server() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "2.0.0"]).await;
    let mut licensed = app.licence("ann", &["pad"], |_| ()).await;
    let customer = licensed.actor.clone();
    assert_eq!(statuses(&customer, "2.0.0").await, is(200, ""));
    let etag = customer.get(&at("pad")).await.header("etag").to_owned();
    app.change_licence(&mut licensed, |row| row.suspended = true).await;
    assert_eq!(statuses(&customer, "2.0.0").await, is(403, "LICENSE_SUSPENDED"));
    for path in ["pad", "other", "-/v1/search?text=pad", "nothing/at/all"] {
        let response = customer.get_with(&at(path), &[("if-none-match", &etag)]).await;
        assert_eq!(
            (response.status, response.json()["code"].as_str()),
            (403, Some("LICENSE_SUSPENDED")),
            "{path}"
        );
    }
    app.change_licence(&mut licensed, |row| row.suspended = false).await;
    assert_eq!(statuses(&customer, "2.0.0").await, is(200, ""));
    app.change_licence(&mut licensed, |row| row.constraint = LicenceConstraint::Version("1.x".into())).await;
    assert_eq!(statuses(&customer, "2.0.0").await, is(404, "NOT_FOUND"));
    let response = customer.get_with(&at("pad"), &[("if-none-match", &etag)]).await;
    assert_eq!((response.status, keys(&response.json()["versions"])), (200, vec!["1.0.0"]));
    app.change_licence(&mut licensed, |row| row.packages.clear()).await;
    assert_eq!(statuses(&customer, "1.0.0").await, is(404, "NOT_FOUND"));
    assert_eq!(listed(&customer).await, ["NOT_FOUND"]);
}

#[tokio::test]
async fn any_of_several_permissions_is_enough() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.5.0", "2.0.0", "3.0.0", "4.0.0"]).await;
    let package = app.package_key("libs", "pad");
    let mut consuming = app.consumer("ann", &[(1, "<1.2.0"), (1, "3.x"), (2, "*")]).await;
    assert_eq!(listed(&consuming.actor).await, ["NOT_FOUND"], "it is not for sale yet");
    app.sell("ann", &package, 1).await;
    let customer = consuming.actor.clone();
    assert_eq!(listed(&customer).await, ["1.0.0", "3.0.0"]);
    for (version, sold) in
        [("1.0.0", true), ("1.5.0", false), ("2.0.0", false), ("3.0.0", true), ("4.0.0", false)]
    {
        let expected = if sold { is(200, "") } else { is(404, "NOT_FOUND") };
        assert_eq!(statuses(&customer, version).await, expected, "{version}");
    }
    let found = customer.get(&at("-/v1/search?text=pad")).await.json();
    assert_eq!((&found["total"], &found["objects"][0]["package"]["version"]), (&1.into(), &"3.0.0".into()));
    // The other half of the pair, or the half alone, opens nothing.
    let (public, private) = (consuming.row.public_key.expose(), consuming.row.private_key.expose());
    for wrong in
        [app.basic(private, public), app.basic(public, public), app.token(private), app.token(public)]
    {
        assert_eq!(wrong.get(&at("pad")).await.status, 401);
    }
    app.change_consumer(&mut consuming, |row| row.permissions.retain(|_, given| given.version == "3.x"))
        .await;
    assert_eq!(listed(&customer).await, ["3.0.0"]);
    app.change_consumer(&mut consuming, |row| row.permissions.clear()).await;
    assert_eq!(listed(&customer).await, ["NOT_FOUND"]);
    assert_eq!(statuses(&customer, "3.0.0").await, is(404, "NOT_FOUND"));
}

#[tokio::test]
async fn what_its_seller_has_switched_off_is_not_there_for_customers() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "2.0.0"]).await;
    let package = app.package_key("libs", "pad");
    app.sell("ann", &package, 1).await;
    let licence = app.licence("ann", &["libs//pad"], |_| ()).await.actor;
    let consumer = app.consumer("ann", &[(1, "*")]).await.actor;
    for customer in [&licence, &consumer] {
        assert_eq!(listed(customer).await, ["1.0.0", "2.0.0"]);
        app.hide_version(&package, "2.0.0", true).await;
        assert_eq!(listed(customer).await, ["1.0.0"]);
        assert_eq!(customer.get(&at("pad/latest")).await.json()["version"], "1.0.0");
        assert_eq!(statuses(customer, "2.0.0").await, is(404, "NOT_FOUND"));
        app.hide_version(&package, "1.0.0", true).await;
        assert_eq!(listed(customer).await, ["NOT_FOUND"]);
        app.hide_version(&package, "1.0.0", false).await;
        app.hide_version(&package, "2.0.0", false).await;
        app.hide_package(&package, true).await;
        assert_eq!(listed(customer).await, ["NOT_FOUND"]);
        assert_eq!(statuses(customer, "1.0.0").await, is(404, "NOT_FOUND"));
        assert_eq!(listed(&ann).await, ["1.0.0", "2.0.0"], "its own people go on seeing it");
        app.hide_package(&package, false).await;
        assert_eq!(listed(customer).await, ["1.0.0", "2.0.0"]);
    }
}

#[tokio::test]
async fn the_key_of_another_seller_finds_no_repository() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    app.sell("ann", &app.package_key("libs", "pad"), 1).await;
    let repo: granary_storage::rows::RepoRow = app
        .state()
        .storage()
        .get(&granary_storage::Key::Repo("libs".parse().unwrap()))
        .await
        .unwrap()
        .unwrap();
    let of_repo = |uid: &str| Tenant {
        subject: granary_storage::Subject::Repo("libs".parse().unwrap()),
        uid: Some(uid.to_owned()),
    };
    let bobs = app.licence("bob", &["pad", "libs//pad"], |_| ()).await.actor;
    let bobs_consumer = app.consumer("bob", &[(1, "*")]).await.actor;
    let former = app.licence_of(of_repo("an earlier one"), &["pad"], |_| ()).await.actor;
    for stranger in [bobs, bobs_consumer, former] {
        for path in ["pad", TARBALL, "pad/1.0.0", "-/v1/search?text=pad", "-/package/pad/collaborators", ""] {
            let here = stranger.get(&at(path)).await;
            let there = stranger.get(&at(path).replace("/libs", "/bibs")).await;
            assert_eq!(here.status, 404, "{path}: {}", here.text());
            assert_eq!(here.text(), there.text().replace("bibs", "libs"), "{path}");
        }
        let response = stranger.publish("libs", &NpmPackage::new("pad", "2.0.0")).await;
        assert_eq!(response.status, 404, "{}", response.text());
    }
    let own = app.licence_of(of_repo(&repo.uid), &["pad"], |_| ()).await.actor;
    assert_eq!(listed(&own).await, ["1.0.0"], "a repository can sell on its own");
    let unknown = app.token("no-such-key-1").get(&at("pad")).await;
    assert_eq!(unknown.status, 401);
    assert_eq!(tenant_of("ann").uid, None);
}

#[tokio::test]
async fn a_warm_read_costs_a_customer_what_it_costs_a_token() {
    let (app, ann) = private().await;
    for version in ["1.0.0", "2.0.0"] {
        publish(&ann, &NpmPackage::new("pad", version)).await;
    }
    app.sell("ann", &app.package_key("libs", "pad"), 1).await;
    let constraint = LicenceConstraint::Version("1.x".into());
    let licence = app.licence("ann", &["pad"], |row| row.constraint = constraint).await.actor;
    let consumer = app.consumer("ann", &[(1, "1.x")]).await.actor;
    let calls = async |actor: &Actor, path: &str, etag: Option<&str>| {
        app.probe.reset();
        let headers: Vec<(&str, &str)> = etag.map(|etag| ("if-none-match", etag)).into_iter().collect();
        let response = actor.get_with(&at(path), &headers).await;
        let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
        (response, calls)
    };
    for path in ["pad", "pad/1.0.0", "pad/latest", TARBALL, "-/package/pad/dist-tags", "pad/9.9.9", "unknown"]
    {
        for actor in [&ann, &licence, &consumer] {
            actor.get(&at(path)).await;
        }
        let (_, expected) = calls(&ann, path, None).await;
        for actor in [&licence, &consumer] {
            let (response, made) = calls(actor, path, None).await;
            assert_eq!(made, expected, "{path}");
            let etag = response.header("etag").to_owned();
            if !etag.is_empty() && path == "pad" {
                let (response, made) = calls(actor, path, Some(&etag)).await;
                assert_eq!((response.status, made), (304, vec!["BatchGetItem".to_owned()]), "{path}");
            }
        }
    }
    // What was not sold takes no longer to be refused than what is not there.
    publish_all(&ann, "other", &["1.0.0"]).await;
    for path in ["other", "wrong", "other/1.0.0", "wrong/1.0.0", "other/-/other-1.0.0.tgz"] {
        let (response, made) = calls(&licence, path, None).await;
        assert_eq!((response.status, made), (404, vec!["BatchGetItem".to_owned()]), "{path}");
    }
    let (_, made) = calls(&licence, "-/v1/search?text=", None).await;
    assert_eq!(made, ["BatchGetItem"; 3], "who, heads, the versions that latest names");
    let (_, made) = calls(&consumer, "-/v1/search?text=", None).await;
    assert_eq!(made, ["BatchGetItem"; 4], "and what was sold under which number");
}

#[tokio::test]
async fn a_large_number_of_licensed_packages_is_searched_by_the_hundred() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let many: Vec<String> = (0..950).map(|n| format!("none-{n}")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).chain(["pad"]).collect();
    let customer = app.licence("ann", &names, |_| ()).await.actor;
    app.probe.reset();
    assert_eq!(customer.get(&at("-/v1/search?text=")).await.json()["total"], 1);
    assert!(app.probe.calls().len() <= 12, "{}", app.probe.calls().len());
}
