//! What customers get.

use granary_publish::composer::declare::{Declaration, declare_package, hide_version};
use granary_storage::rows::{LicenceConstraint, OnExpiry, SoldAs};
use granary_testing::{Actor, START, TestApp, tenant_of};

use crate::support::{REPO, TOOL, at, branches, dist, names, releases, selling, tool};

/// Everything that a refused customer asks for answers so.
async fn refused(app: &TestApp, actor: &Actor, path: &str, status: u16, code: &str) {
    for headers in [
        &[][..],
        &[("range", "bytes=0-3")],
        &[("if-none-match", "*")],
        &[("if-modified-since", "Mon, 01 Jan 2035 00:00:00 GMT")],
    ] {
        let answer = actor.get_with(path, headers).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (status, Some(code)),
            "{path} {headers:?}"
        );
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["warning"].is_string(), status != 404, "{path}");
    }
    assert_eq!(actor.head(path).await.status, status);
    let _ = app;
}

#[tokio::test]
async fn a_licence_for_a_range_sees_that_range() {
    let (app, ann) = selling(&["1.0.0", "1.5.0", "2.0.0", "dev-main", "1.x-dev"]).await;
    app.publish_composer(REPO, "acme/other", &["1.0.0"]).await;
    let mine =
        app.licence("ann", &[TOOL], |row| row.constraint = LicenceConstraint::Version("1.*".into())).await;
    for actor in [mine.actor.clone(), app.basic("anything", mine.row.key.expose())] {
        assert_eq!(names(&actor).await, [TOOL]);
        assert_eq!(releases(&actor, TOOL).await, ["1.5.0", "1.0.0"]);
        assert_eq!(branches(&actor, TOOL).await, ["1.x-dev"]);
        assert_eq!(actor.get(&dist(&ann, TOOL, "1.5.0").await).await.status, 200);
        assert_eq!(actor.get(&dist(&ann, TOOL, "1.x-dev").await).await.status, 200);
        for version in ["2.0.0", "dev-main"] {
            refused(&app, &actor, &dist(&ann, TOOL, version).await, 403, "VERSION_NOT_LICENSED").await;
        }
        // What is not there and what is not sold cannot be told apart.
        let real = dist(&ann, TOOL, "2.0.0").await;
        let unreal = real.replace("2.0.0.0", "2.0.1.0");
        let (a, b) = (actor.get(&real).await.visible(), actor.get(&unreal).await.visible());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("2.0.1.0", "2.0.0.0");
        assert_eq!((a.0, a.1, text(&a.2)), (b.0, b.1, text(&b.2)));
        let other = dist(&ann, "acme/other", "1.0.0").await;
        for (granted, unknown) in [
            (at("p2/acme/other.json"), at("p2/acme/nothi.json")),
            (other.clone(), other.replace("acme/other", "acme/nothi")),
        ] {
            let (a, b) = (actor.get(&granted).await.visible(), actor.get(&unknown).await.visible());
            assert_eq!(a.0, 404);
            assert_eq!((a.1, text(&a.2)), (b.1, text(&b.2).replace("acme/nothi", "acme/other")));
        }
    }
}

#[tokio::test]
async fn a_licence_names_packages_of_one_repository_or_of_all() {
    let (app, _ann) = selling(&["1.0.0"]).await;
    for (package, status) in
        [("shop//acme/tool", 200), ("acme/tool", 200), ("else//acme/tool", 404), ("acme/none", 404)]
    {
        let licence = app.licence("ann", &[package], |_| ()).await;
        assert_eq!(licence.actor.get(&at("p2/acme/tool.json")).await.status, status, "{package}");
        assert_eq!(names(&licence.actor).await.len(), usize::from(status == 200), "{package}");
    }
    let stranger = app.licence("eve", &[TOOL], |_| ()).await;
    for path in ["packages.json", "p2/acme/tool.json", "list.json"] {
        assert_eq!(stranger.actor.get(&at(path)).await.status, 404);
    }
}

#[tokio::test]
async fn a_consumer_gets_what_all_its_permissions_allow_together() {
    let (app, ann) = selling(&["4.1.0", "5.0.0", "6.0.0"]).await;
    app.sell("ann", &tool(&app), 7).await;
    app.publish_composer(REPO, "acme/other", &["4.0.0"]).await;
    let mut consumer = app.consumer("ann", &[(7, "4.*"), (7, "6.*"), (8, "*")]).await;
    assert_eq!(names(&consumer.actor).await, [TOOL]);
    assert_eq!(releases(&consumer.actor, TOOL).await, ["6.0.0", "4.1.0"]);
    let five = dist(&ann, TOOL, "5.0.0").await;
    refused(&app, &consumer.actor, &five, 403, "VERSION_NOT_LICENSED").await;
    app.change_consumer(&mut consumer, |row| {
        row.permissions.get_mut(&1).unwrap().version = "5.*".into();
    })
    .await;
    assert_eq!(releases(&consumer.actor, TOOL).await, ["6.0.0", "5.0.0"]);
    assert_eq!(consumer.actor.get(&five).await.status, 200);
    app.change_consumer(&mut consumer, |row| row.permissions.clear()).await;
    assert_eq!(consumer.actor.get(&five).await.status, 404);
    assert!(names(&consumer.actor).await.is_empty());
}

#[tokio::test]
async fn what_a_seller_switches_off_is_gone_for_customers_only() {
    let (app, ann) = selling(&["1.0.0", "2.0.0"]).await;
    let customer = app.licence("ann", &[TOOL], |_| ()).await.actor;
    let two = dist(&customer, TOOL, "2.0.0").await;
    let owned = app.owned(REPO, TOOL).await.unwrap();
    let now = app.state().now();
    hide_version(owned.target(&app), now, "2.0.0.0", true, None).await.unwrap();
    assert_eq!(releases(&customer, TOOL).await, ["1.0.0"]);
    refused(&app, &customer, &two, 404, "NOT_FOUND").await;
    assert_eq!(releases(&ann, TOOL).await, ["2.0.0", "1.0.0"]);
    assert_eq!(ann.get(&two).await.status, 200);
    hide_version(owned.target(&app), now, "2.0.0.0", false, None).await.unwrap();
    assert_eq!(customer.get(&two).await.status, 200);
    let mut declaration = Declaration {
        name: TOOL.into(),
        hidden: true,
        sold_as: Some(SoldAs { tenant: tenant_of("ann"), id: 1 }),
        ..Declaration::default()
    };
    declare_package(owned.target(&app), now, &declaration, None).await.unwrap();
    assert!(names(&customer).await.is_empty());
    refused(&app, &customer, &two, 404, "NOT_FOUND").await;
    refused(&app, &customer, &at("p2/acme/tool.json"), 404, "NOT_FOUND").await;
    assert_eq!(names(&ann).await, [TOOL]);
    declaration.hidden = false;
    declare_package(owned.target(&app), now, &declaration, None).await.unwrap();
    assert_eq!(releases(&customer, TOOL).await, ["2.0.0", "1.0.0"]);
    // All versions hidden: like a package that is not there.
    for version in ["1.0.0.0", "2.0.0.0"] {
        hide_version(owned.target(&app), now, version, true, None).await.unwrap();
    }
    assert!(names(&customer).await.is_empty());
    let (hidden, unknown) =
        (customer.get(&at("p2/acme/tool.json")).await, customer.get(&at("p2/acme/nope.json")).await);
    assert_eq!(hidden.text(), unknown.text().replace("nope", "tool"));
    assert_eq!(hidden.status, 404);
}

#[tokio::test]
async fn a_suspended_licence_opens_nothing_on_the_next_request() {
    let (app, _ann) = selling(&["1.0.0"]).await;
    let mut licence = app.licence("ann", &[TOOL], |_| ()).await;
    let customer = licence.actor.clone();
    let path = dist(&customer, TOOL, "1.0.0").await;
    app.change_licence(&mut licence, |row| row.suspended = true).await;
    for path in
        [path.clone(), at("packages.json"), at("p2/acme/tool.json"), at("list.json"), at("search.json?q=a")]
    {
        refused(&app, &customer, &path, 403, "LICENSE_SUSPENDED").await;
    }
    app.change_licence(&mut licence, |row| row.suspended = false).await;
    assert_eq!(customer.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_moment_of_expiry() {
    let (app, ann) = selling(&["1.0.0"]).await;
    let path = dist(&ann, TOOL, "1.0.0").await;
    let until = granary_model::Timestamp::from_millis(app.state().now().millis() + 10_000);
    let dated = |on_expiry| {
        move |row: &mut granary_storage::rows::LicenceRow| {
            row.constraint = LicenceConstraint::Date(until);
            row.on_expiry = on_expiry;
        }
    };
    let revoked = app.licence("ann", &[TOOL], dated(OnExpiry::Revoke)).await.actor;
    let restricted = app.licence("ann", &[TOOL], dated(OnExpiry::Restrict)).await.actor;
    let allowed = app.licence("ann", &[TOOL], dated(OnExpiry::Allow)).await.actor;
    let infos = revoked.get(&at("packages.json")).await.json()["infos"].clone();
    assert!(infos[0]["message"].as_str().unwrap().contains(&until.to_string()[..10]), "{infos}");
    assert_eq!(infos[0]["versions"], "*");
    assert!(allowed.get(&at("packages.json")).await.json().get("infos").is_none());
    let mut at_time = Vec::new();
    for (millis, version) in [(9_999, "2.0.0"), (1, "3.0.0"), (1, "4.0.0")] {
        app.clock.advance_millis(millis);
        app.publish_composer(REPO, TOOL, &[version]).await;
        at_time.push(revoked.get(&path).await.status);
    }
    assert_eq!(at_time, [200, 200, 403]);
    for path in [path, at("packages.json"), at("p2/acme/tool.json")] {
        refused(&app, &revoked, &path, 403, "LICENSE_EXPIRED").await;
    }
    refused(&app, &revoked, &at("p2/acme/other.json"), 404, "NOT_FOUND").await;
    assert_eq!(releases(&restricted, TOOL).await, ["3.0.0", "2.0.0", "1.0.0"]);
    refused(&app, &restricted, &dist(&ann, TOOL, "4.0.0").await, 403, "OUTSIDE_UPDATE_WINDOW").await;
    assert_eq!(restricted.get(&dist(&ann, TOOL, "3.0.0").await).await.status, 200);
    assert_eq!(releases(&allowed, TOOL).await.len(), 4);
    assert!(app.state().now().millis() > START);
}

#[tokio::test]
async fn customers_install_and_do_nothing_else() {
    let (app, _ann) = selling(&["1.0.0"]).await;
    let customer = app.licence("ann", &[TOOL], |_| ()).await.actor;
    let report = serde_json::json!({ "downloads": [{ "name": TOOL, "version": "1.0.0.0" }] });
    assert_eq!(customer.post_json(&at("downloads"), &report).await.status, 204);
    for path in ["/api/repos/shop", "/api/repos/shop/packages"] {
        assert!(matches!(customer.get(path).await.status, 401 | 403 | 404), "{path}");
    }
}

/// Filtering and then rendering is rendering what is left.
#[tokio::test]
async fn a_filtered_document_is_that_of_a_package_with_fewer_versions() {
    let all = ["1.0.0", "1.1.0-beta1", "1.1.0", "2.0.0", "2.1.0", "3.0.0-RC1", "dev-main", "2.x-dev"];
    let (app, _ann) = selling(&[]).await;
    app.publish_composer(REPO, TOOL, &all).await;
    for (at, (range, left)) in [
        ("*", &all[..]),
        ("1.*", &["1.0.0", "1.1.0-beta1", "1.1.0"]),
        ("^1.0 || ^2.1", &["1.0.0", "1.1.0-beta1", "1.1.0", "2.1.0", "2.x-dev"]),
        ("2.0.0", &["2.0.0"]),
        ("dev-main", &["dev-main"]),
    ]
    .into_iter()
    .enumerate()
    {
        let repo = format!("only{at}");
        let whole = app.repo("ann", &repo, &["composer"], "private").await;
        app.publish_composer(&repo, TOOL, left).await;
        let customer = app
            .licence("ann", &[TOOL], |row| row.constraint = LicenceConstraint::Version(range.into()))
            .await
            .actor;
        for document in ["p2/acme/tool.json", "p2/acme/tool~dev.json"] {
            let filtered = customer.get(&crate::support::at(document)).await;
            let expected = whole.get(&format!("/composer/{repo}/{document}")).await;
            assert_eq!(filtered.status, 200, "{range}: {}", filtered.text());
            let text = expected.text().replace(&format!("/composer/{repo}/"), "/composer/shop/");
            assert_eq!(filtered.text(), text, "{range} {document}");
        }
    }
}

/// What is switched off, what is deleted and what never was cannot be told apart, whatever is asked for.
#[tokio::test]
async fn what_is_switched_off_reads_like_what_is_not_there() {
    let (app, ann) = selling(&["1.0.0", "1.5.0", "2.0.0"]).await;
    let (inside, outside) = (dist(&ann, TOOL, "1.5.0").await, dist(&ann, TOOL, "2.0.0").await);
    let package = app.key_of(REPO, granary_model::PackageType::Composer, TOOL);
    for version in ["1.5.0.0", "2.0.0.0"] {
        app.hide_version(&package, version, true).await;
    }
    let range = LicenceConstraint::Version("1.*".into());
    let customer = app.licence("ann", &[TOOL, "acme/none"], |row| row.constraint = range).await.actor;
    for (path, status) in [(inside, 404), (outside, 403)] {
        let absent = path.replace(".0.0/", ".9.0/");
        let (there, not_there) = (customer.get(&path).await, customer.get(&absent).await);
        assert_eq!((there.status, not_there.status), (status, status), "{path}");
        assert_eq!(there.text(), not_there.text().replace(".9.0", ".0.0"));
        // The same for a package that the licence names and that does not exist.
        let nameless = customer.get(&path.replace("/tool/", "/none/")).await;
        assert_eq!((nameless.status, nameless.text().replace("acme/none", TOOL)), (status, there.text()));
    }
}
