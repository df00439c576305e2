//! Customers: metadata and files of what was sold to them.

use granary_model::Timestamp;
use granary_storage::rows::{LicenceConstraint, OnExpiry};
use granary_testing::{Actor, START, TestApp, answers};
use serde_json::Value;

use super::plugins::{path as plugin_path, plugin_jar};
use super::support::{
    LIB, artifact_metadata, assert_sums_fit, at, build_file, file, jar, key, listed, pom, private, publish,
    publish_build, publish_version, put, texts, xml,
};

const NAME: &str = "com.example:hello-lib";

/// `hello-lib` in three versions, each a second later than the one before, and `other-lib`.
async fn shop() -> (TestApp, Actor) {
    let (app, ann) = private().await;
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        publish_version(&ann, version).await;
        app.clock.advance_millis(1_000);
    }
    publish(&ann, &at("com/example/other-lib/1.0.0/other-lib-1.0.0.jar"), "other").await;
    publish(
        &ann,
        &at("com/example/other-lib/1.0.0/other-lib-1.0.0.pom"),
        pom("1.0.0").replace("hello", "other"),
    )
    .await;
    (app, ann)
}

/// The customer who gets the first version alone.
async fn first_only(app: &TestApp) -> Actor {
    let constraint = LicenceConstraint::Version("1.0.0".into());
    app.licence("ann", &[NAME], |row| row.constraint = constraint).await.actor
}

/// A restriction to what was published in the first seconds.
async fn window(app: &TestApp, packages: &[&str], millis: i64) -> Actor {
    let constraint = LicenceConstraint::Date(Timestamp::from_millis(START + millis));
    let licensed = app.licence("ann", packages, |row| {
        row.constraint = constraint;
        row.on_expiry = OnExpiry::Restrict;
    });
    licensed.await.actor
}

#[tokio::test]
async fn metadata_and_files_are_those_that_were_sold() {
    let (app, ann) = shop().await;
    let range = LicenceConstraint::Version("[1.0,2.0)".into());
    let ranged = app.licence("ann", &[NAME], |row| row.constraint = range).await.actor;
    for (customer, versions) in [
        (first_only(&app).await, vec!["1.0.0"]),
        (ranged, vec!["1.0.0", "1.1.0"]),
        (window(&app, &[NAME], 1_000).await, vec!["1.0.0", "1.1.0"]),
        (window(&app, &["libs//com.example:hello-lib"], 999).await, vec!["1.0.0"]),
        (app.licence("ann", &[NAME], |_| ()).await.actor, vec!["1.0.0", "1.1.0", "2.0.0"]),
    ] {
        let document = xml(&customer, &artifact_metadata()).await;
        let last = versions.last().map(|version| (*version).to_owned());
        assert_eq!(texts(&document, "version"), versions);
        assert_eq!(
            (texts(&document, "latest").pop(), texts(&document, "release").pop()),
            (last.clone(), last)
        );
        assert_sums_fit(&customer, &artifact_metadata()).await;
        for version in ["1.0.0", "1.1.0", "2.0.0"] {
            let sold = versions.contains(&version);
            for end in [".jar", ".pom", ".jar.sha1", ".pom.sha512"] {
                let (here, own) =
                    (customer.get(&file(version, end)).await, ann.get(&file(version, end)).await);
                assert_eq!(here.status, if sold { 200 } else { 404 }, "{version}{end}");
                assert_eq!(here.body == own.body, sold);
                assert_eq!(customer.head(&file(version, end)).await.status, here.status);
            }
        }
    }
    assert_eq!(listed(&ann).await, ["1.0.0", "1.1.0", "2.0.0"]);
}

#[tokio::test]
async fn what_was_not_sold_answers_like_what_is_not_there() {
    let (app, ann) = shop().await;
    publish_build(&ann, "3.0.0-SNAPSHOT", "20261122.025620-1").await;
    let covers_nothing = LicenceConstraint::Version("9.9.9".into());
    let nothing = app.licence("ann", &["com.example:other-lib"], |row| row.constraint = covers_nothing);
    for customer in [first_only(&app).await, nothing.await.actor] {
        for end in [".jar", ".pom", ".jar.sha1", "-sources.jar"] {
            let names = ("2.0.0", "9.0.9");
            let here = answers(&customer, &file("2.0.0", end), (&[], &[]), names).await;
            assert_eq!(here, answers(&customer, &file("9.0.9", end), (&[], &[]), names).await, "{end}");
        }
        for path in [
            "com/example/other-lib/maven-metadata.xml",
            "com/example/other-lib/maven-metadata.xml.sha1",
            "com/example/other-lib/1.0.0/other-lib-1.0.0.jar",
            "com/example/other-lib/1.0.0/other-lib-1.0.0.pom.md5",
            "com/example/other-lib/1.0.0/maven-metadata.xml",
            "com/example/other-lib/1.0.0",
        ] {
            let names = ("other", "wrong");
            let here = answers(&customer, &at(path), (&[], &[]), names).await;
            let there = answers(&customer, &at(&path.replace("other", "wrong")), (&[], &[]), names).await;
            assert_eq!(here, there, "{path}");
        }
        for path in [
            file("3.0.0-SNAPSHOT", ".jar"),
            build_file("3.0.0-SNAPSHOT", "20261122.025620-1", ".jar"),
            at(&format!("{LIB}/3.0.0-SNAPSHOT/maven-metadata.xml")),
        ] {
            let names = ("3.0.0", "9.0.9");
            let here = answers(&customer, &path, (&[], &[]), names).await;
            assert_eq!(
                here,
                answers(&customer, &path.replace("3.0.0", "9.0.9"), (&[], &[]), names).await,
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_snapshot_goes_on_growing_but_not_for_whoever_has_not_paid_for_it() {
    let (app, ann) = private().await;
    let version = "1.0-SNAPSHOT";
    let builds = ["20261122.025620-1", "20261122.025630-2", "20261122.025640-3"];
    for build in builds {
        publish_build(&ann, version, build).await;
        app.clock.advance_millis(10_000);
    }
    let customer = window(&app, &[NAME], 10_000).await;
    let metadata = at(&format!("{LIB}/{version}/maven-metadata.xml"));
    let document = xml(&customer, &metadata).await;
    assert_eq!(texts(&document, "buildNumber"), ["2"]);
    assert!(!document.contains("025640"), "{document}");
    assert_sums_fit(&customer, &metadata).await;
    assert_eq!(customer.get(&file(version, ".jar")).await.body.to_vec(), jar(builds[1]));
    for (build, status) in [(builds[0], 200), (builds[1], 200), (builds[2], 404)] {
        for end in [".jar", ".pom", ".jar.sha256"] {
            assert_eq!(customer.get(&build_file(version, build, end)).await.status, status, "{build}{end}");
        }
    }
    assert_eq!(texts(&xml(&ann, &metadata).await, "buildNumber"), ["3"]);
}

#[tokio::test]
async fn plugins_are_listed_for_whoever_sees_a_version_of_them() {
    let (app, ann) = private().await;
    for (artifact, prefix) in
        [("foo-maven-plugin", "foo"), ("bar-maven-plugin", "bar"), ("baz-maven-plugin", "baz")]
    {
        publish(&ann, &plugin_path(artifact, "1.0.0"), plugin_jar(prefix, prefix)).await;
    }
    let group = at("com/example/maven-metadata.xml");
    assert_eq!(texts(&xml(&ann, &group).await, "prefix"), ["bar", "baz", "foo"]);
    let customer = app.licence("ann", &["com.example:foo-maven-plugin"], |_| ()).await.actor;
    assert_eq!(texts(&xml(&customer, &group).await, "prefix"), ["foo"]);
    assert_sums_fit(&customer, &group).await;
    // What the owner's copy is called is no matter.
    let etag = ann.get(&group).await.header("etag").to_owned();
    assert_eq!(customer.get_with(&group, &[("if-none-match", &etag)]).await.status, 200);
    let nothing = window(&app, &["com.example:bar-maven-plugin"], -1).await;
    let elsewhere = at("com/exempla/maven-metadata.xml");
    let names = ("exempla", "example");
    assert_eq!(
        answers(&nothing, &group, (&[], &[]), names).await,
        answers(&nothing, &elsewhere, (&[], &[]), names).await
    );
    app.hide_package(
        &granary_storage::PackageKey { name: "com.example:foo-maven-plugin".into(), ..key() },
        true,
    )
    .await;
    assert_eq!(customer.get(&group).await.status, 404);
}

#[tokio::test]
async fn dates_suspension_and_switches() {
    let (app, _ann) = shop().await;
    let until = Timestamp::from_millis(START + 10_000);
    let mut licensed =
        app.licence("ann", &[NAME], |row| row.constraint = LicenceConstraint::Date(until)).await;
    let customer = licensed.actor.clone();
    let paths = [file("1.0.0", ".jar"), file("1.0.0", ".jar.sha1"), artifact_metadata()];
    let etag = customer.get(&artifact_metadata()).await.header("etag").to_owned();
    // Three seconds have passed.
    for (millis, expected) in [(6_999, None), (1, None), (1, Some("LICENSE_EXPIRED"))] {
        app.clock.advance_millis(millis);
        for path in &paths {
            let response = customer.get(path).await;
            assert_eq!(response.status, if expected.is_some() { 403 } else { 200 }, "{path}");
            if let Some(code) = expected {
                let problem: Value = response.json();
                assert_eq!(problem["code"], code, "{problem}");
                assert_eq!(response.header("content-type"), "application/problem+json");
            }
        }
    }
    assert_eq!(customer.get_with(&artifact_metadata(), &[("if-none-match", &etag)]).await.status, 403);
    assert_eq!(customer.get(&at("com/example/other-lib/maven-metadata.xml")).await.status, 404);
    app.change_licence(&mut licensed, |row| row.constraint = LicenceConstraint::None).await;
    assert_eq!(customer.get(&paths[0]).await.status, 200);
    app.change_licence(&mut licensed, |row| row.suspended = true).await;
    for path in paths.iter().chain([&at("no/such/1.0/such-1.0.jar"), &at("")]) {
        let response = customer.get(path).await;
        assert_eq!(
            (response.status, response.json()["code"].as_str()),
            (403, Some("LICENSE_SUSPENDED")),
            "{path}"
        );
    }
    app.change_licence(&mut licensed, |row| row.suspended = false).await;
    app.hide_version(&key(), "2.0.0", true).await;
    assert_eq!(listed(&customer).await, ["1.0.0", "1.1.0"]);
    assert_eq!(customer.get(&file("2.0.0", ".jar")).await.status, 404);
    app.hide_package(&key(), true).await;
    assert_eq!(customer.get(&artifact_metadata()).await.status, 404);
    assert_eq!(customer.get(&file("1.0.0", ".jar")).await.status, 404);
}

#[tokio::test]
async fn consumers_get_what_their_permissions_add_up_to() {
    let (app, _ann) = shop().await;
    app.sell("ann", &key(), 4).await;
    let consumer = app.consumer("ann", &[(4, "1.0.0"), (4, "2.0.0"), (5, "1.1.0")]).await.actor;
    assert_eq!(listed(&consumer).await, ["1.0.0", "2.0.0"]);
    for (version, status) in [("1.0.0", 200), ("1.1.0", 404), ("2.0.0", 200)] {
        assert_eq!(consumer.get(&file(version, ".jar")).await.status, status, "{version}");
    }
    let stranger = app.consumer("bob", &[(4, "1.0.0")]).await.actor;
    for path in [file("1.0.0", ".jar"), artifact_metadata(), at("")] {
        assert_eq!(stranger.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn customers_deploy_nothing() {
    let (app, ann) = shop().await;
    let customer = app.licence("ann", &[NAME], |_| ()).await.actor;
    for (path, body) in [
        (file("1.0.0", "-extra.jar"), "x"),
        (file("5.0.0", ".jar"), "x"),
        (file("1.0.0", ".jar.sha1"), "x"),
        (artifact_metadata(), "x"),
        (at("no/such/1.0/wrong-1.0.jar"), "x"),
    ] {
        let response = put(&customer, &path, body).await;
        assert_eq!((response.status, response.json()["code"].as_str()), (403, Some("FORBIDDEN")), "{path}");
    }
    for path in [at(&format!("{LIB}/1.0.0")), file("1.0.0", ".jar")] {
        assert_eq!(customer.delete(&path).await.status, 403, "{path}");
    }
    assert_eq!(listed(&ann).await, ["1.0.0", "1.1.0", "2.0.0"]);
}

#[tokio::test]
async fn conditions_belong_to_a_credential_and_warm_reads_cost_the_same() {
    let (app, ann) = shop().await;
    app.settle().await;
    let (few, all) = (first_only(&app).await, app.licence("ann", &[NAME], |_| ()).await.actor);
    let callers = [&ann, &few, &all];
    let mut etags = Vec::new();
    for caller in callers {
        etags.push(caller.get(&artifact_metadata()).await.header("etag").to_owned());
    }
    for (index, caller) in callers.iter().enumerate() {
        for (other, etag) in etags.iter().enumerate() {
            let headers = [("if-none-match", etag.as_str())];
            let response = caller.get_with(&artifact_metadata(), &headers).await;
            assert_eq!(
                response.status,
                if index == other { 304 } else { 200 },
                "{index} with what {other} has"
            );
        }
    }
    for path in
        [artifact_metadata(), file("1.0.0", ".jar"), file("1.0.0", ".pom.sha1"), file("9.0.0", ".jar")]
    {
        let mut made = Vec::new();
        for caller in callers {
            caller.get(&path).await;
            app.probe.reset();
            caller.get(&path).await;
            let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
            made.push(calls);
        }
        made.dedup();
        assert_eq!(made.len(), 1, "{path}: {made:?}");
    }
}
