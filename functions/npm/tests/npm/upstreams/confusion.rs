//! The dependency-confusion attack in each variant: a name has one owner, and what is private is never asked of anybody.

use futures::future::join_all;
use granary_testing::npm::NpmPackage;
use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use serde_json::{Value, json};

use super::support::{Place, asked, expect, place, place_with, version};
use crate::npm::support::{INSTALL, accepting, at, for_write, keys, packument, publish};

/// Each way to ask for a package or something of it.
fn questions(name: &str) -> Vec<String> {
    let base = name.rsplit('/').next().unwrap();
    let escaped = name.replace('/', "%2f");
    [
        escaped.clone(),
        format!("{escaped}?write=true"),
        format!("{escaped}/latest"),
        format!("{escaped}/99.0.0"),
        format!("{name}/-/{base}-99.0.0.tgz"),
        format!("-/tarball/{escaped}/99.0.0"),
        format!("-/package/{escaped}/dist-tags"),
        format!("-/package/{escaped}/visibility"),
        format!("-/npm/v1/attestations/{escaped}@99.0.0"),
    ]
    .into()
}

/// Asks for a package in each way, and gives the statuses.
async fn ask_everything(place: &Place, name: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for question in questions(name) {
        let answer = accepting(&place.ann, &at(&question), INSTALL).await;
        assert!(!answer.text().contains("evil"), "{question}: {}", answer.text());
        statuses.push(answer.status);
        statuses.push(place.ann.head(&at(&question)).await.status);
    }
    place.app.settle().await;
    statuses
}

/// A public package that looks newer in every way.
fn attack(up: &FakeUpstream, name: &str) {
    up.publish(&version(name, "0.9.0"));
    up.publish(&version(name, "1.0.0").file("package/evil.js", b"evil"));
    up.publish(&version(name, "99.0.0").member("description", "evil".into()));
    up.tag(name, "next", "99.0.0");
}

#[tokio::test]
async fn what_was_published_here_is_never_asked_of_an_upstream() {
    let place = place().await;
    for name in ["tool", "@acme/tool"] {
        publish(&place.ann, &NpmPackage::new(name, "1.0.0")).await;
        attack(&place.up, name);
        let statuses = ask_everything(&place, name).await;
        assert_eq!(statuses[..6], [200; 6]);
        assert_eq!(statuses[6..12], [404; 6]);
        let path = name.replace('/', "%2f");
        let document = packument(&place.ann, &path).await;
        assert_eq!(keys(&document["versions"]), ["1.0.0"]);
        assert_eq!(document["dist-tags"], json!({ "latest": "1.0.0" }));
        let tarball = place.tarball(&path, "1.0.0").await;
        assert_eq!(tarball.body.to_vec(), NpmPackage::new(name, "1.0.0").tarball());
    }
    // Time changes nothing, nor does a process that knows nothing yet.
    place.wait(100_000);
    let cold = place.app.restarted();
    let cold = Place { ann: cold.account_token("ann", &["read"]).await, app: cold, up: place.up.clone() };
    ask_everything(&cold, "@acme/tool").await;
    assert_eq!(place.asked(), Vec::<String>::new());
}

/// npm looks for the versions of what it is about to publish, from its version 11 on.
#[tokio::test]
async fn the_question_before_a_publish_tells_the_name_to_nobody() {
    let place = place().await;
    attack(&place.up, "tool");
    let looked = place.ann.get_with(&at("tool"), &[("npm-command", "publish")]).await;
    expect(&looked, 404);
    assert_eq!(place.asked(), Vec::<String>::new());
    publish(&place.ann, &NpmPackage::new("tool", "1.0.0")).await;
    assert_eq!(keys(&packument(&place.ann, "tool").await["versions"]), ["1.0.0"]);
    assert_eq!(place.asked(), Vec::<String>::new());
    // What is known to be the upstream's is shown as ever.
    place.up.publish(&version("left-pad", "1.0.0"));
    packument(&place.ann, "left-pad").await;
    expect(&place.ann.get_with(&at("left-pad"), &[("npm-command", "publish")]).await, 200);
}

#[tokio::test]
async fn a_name_stays_owned_when_all_its_versions_were_unpublished() {
    let place = place().await;
    publish(&place.ann, &NpmPackage::new("tool", "1.0.0")).await;
    expect(&place.ann.delete(&at("tool/-rev/undefined")).await, 200);
    place.app.settle().await;
    attack(&place.up, "tool");
    let statuses = ask_everything(&place, "tool").await;
    assert!(statuses.iter().all(|status| *status == 404), "{statuses:?}");
    assert_eq!(place.asked(), Vec::<String>::new());
    publish(&place.ann, &NpmPackage::new("tool", "1.1.0")).await;
    assert_eq!(keys(&packument(&place.ann, "tool").await["versions"]), ["1.1.0"]);
}

/// A repository of the same owner that is read through this one, until everybody may read this one.
#[tokio::test]
async fn names_of_a_repository_that_may_not_be_read_through_any_more_are_asked_of_nobody() {
    let place = place().await;
    let admin = place.app.user("ann");
    place.app.npm_repo("ann", "team", "private").await;
    let member = json!({ "name": "team", "packageType": "npm", "repoId": "team" });
    expect(&admin.post_json("/api/repos/libs/upstreams", &member).await, 201);
    // Of one of the names something came from the upstream first.
    attack(&place.up, "secret");
    packument(&place.ann, "secret").await;
    expect(&place.tarball("secret", "99.0.0").await, 200);
    for name in ["@acme/tool", "secret"] {
        expect(&place.ann.publish("team", &NpmPackage::new(name, "1.0.0")).await, 201);
    }
    let versions = async |name: &str| keys(&packument(&place.ann, name).await["versions"]).join(" ");
    assert_eq!((versions("@acme%2ftool").await, versions("secret").await), ("1.0.0".into(), "1.0.0".into()));
    place.asked();
    for name in ["@acme/tool", "@Acme/Tool"] {
        attack(&place.up, name);
    }
    let opened = admin.patch_json("/api/repos/libs", &json!({ "visibility": "public" })).await;
    expect(&opened, 200);
    let (bob, anybody) = (place.app.known_user("bob").await, place.app.anonymous());
    for name in ["@acme/tool", "@Acme/Tool", "secret"] {
        let statuses = ask_everything(&place, name).await;
        assert!(statuses.iter().all(|status| *status == 404), "{name}: {statuses:?}");
        for reader in [&place.ann, &bob, &anybody] {
            let answer = reader.get(&at(&name.replace('/', "%2f"))).await;
            expect(&answer, 404);
            assert!(!answer.text().contains("team"), "{}", answer.text());
        }
    }
    assert_eq!(place.asked(), Vec::<String>::new());
    // Other names are the upstream's as ever.
    place.up.publish(&version("left-pad", "1.0.0"));
    assert_eq!(versions("left-pad").await, "1.0.0");
    let closed = admin.patch_json("/api/repos/libs", &json!({ "visibility": "private" })).await;
    expect(&closed, 200);
    assert_eq!((versions("@acme%2ftool").await, versions("secret").await), ("1.0.0".into(), "1.0.0".into()));
}

#[tokio::test]
async fn a_name_that_was_published_here_is_owned_in_any_case() {
    let place = place().await;
    publish(&place.ann, &NpmPackage::new("tool", "1.0.0")).await;
    for name in ["Tool", "TOOL"] {
        attack(&place.up, name);
        let statuses = ask_everything(&place, name).await;
        assert!(statuses.iter().all(|status| *status == 404), "{name}: {statuses:?}");
    }
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn publishing_takes_the_name_in_any_case_from_an_upstream_that_differs_by_case() {
    let place = place().await;
    place.up.publish(&version("Tool", "1.0.0"));
    packument(&place.ann, "Tool").await;
    expect(&place.tarball("Tool", "1.0.0").await, 200);
    let published = place.ann.publish("libs", &NpmPackage::new("tool", "1.0.0")).await;
    place.app.settle().await;
    place.asked();
    // One of the two, and the other one never beside it.
    let (foreign, own) = (place.ann.get(&at("Tool")).await, place.ann.get(&at("tool")).await);
    if published.status == 201 {
        assert_eq!((foreign.status, own.status), (404, 200));
        expect(&place.tarball("Tool", "1.0.0").await, 404);
    } else {
        assert_eq!((published.status, foreign.status, own.status), (409, 200, 404));
    }
    assert!(!place.asked().contains(&"GET /npm/Tool".to_owned()));
}

#[tokio::test]
async fn a_pattern_owns_what_is_not_here_yet() {
    let place =
        place_with("private", json!({ "owned": ["@acme/*", "acme-*", "secret", "*-internal"] })).await;
    for name in [
        "@acme/tool",
        "@ACME/tool",
        "@Acme/Tool",
        "acme-cli",
        "Acme-CLI",
        "secret",
        "SECRET",
        "db-internal",
        "@other/db-internal",
    ] {
        attack(&place.up, name);
        let statuses = ask_everything(&place, name).await;
        assert!(statuses.iter().all(|status| *status == 404), "{name}: {statuses:?}");
    }
    assert_eq!(place.asked(), Vec::<String>::new());
    // What only looks a little like it is somebody else's.
    place.up.publish(&version("@acme-tools/x", "1.0.0"));
    place.up.publish(&version("secrets", "1.0.0"));
    for name in ["@acme-tools%2fx", "secrets"] {
        packument(&place.ann, name).await;
    }
    publish(&place.ann, &NpmPackage::new("@acme/tool", "1.0.0")).await;
    assert_eq!(keys(&packument(&place.ann, "@acme%2ftool").await["versions"]), ["1.0.0"]);
}

#[tokio::test]
async fn an_escaped_name_is_owned_like_a_plain_one() {
    let place = place_with("private", json!({ "owned": ["@acme/*", "secret"] })).await;
    attack(&place.up, "@acme/tool");
    attack(&place.up, "secret");
    for path in [
        "@acme/tool",
        "%40acme%2ftool",
        "%40acme/tool",
        "@acme%2Ftool",
        "%73ecret",
        "secret/",
        "./secret",
        "x/../secret",
        "secret%00",
        "secret%20",
        "@acme%2f%74ool/-/tool-99.0.0.tgz",
        "@acme/tool/-/tool-99.0.0.tgz",
        "-/tarball/%40acme%2ftool/99.0.0",
    ] {
        let answer = place.ann.get(&at(path)).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    for asked in place.asked() {
        let asked = asked.to_lowercase();
        assert!(!asked.contains("acme") && !asked.contains("secret"), "{asked}");
    }
}

#[tokio::test]
async fn a_pattern_that_comes_later_hides_what_was_fetched() {
    let place = place().await;
    for name in ["tool", "Tool", "other"] {
        place.up.publish(&version(name, "1.0.0"));
        packument(&place.ann, name).await;
        expect(&place.tarball(name, "1.0.0").await, 200);
    }
    place.asked();
    place.set(json!({ "owned": ["tool"] })).await;
    for settled in [false, true] {
        for name in ["tool", "Tool"] {
            let mut statuses = ask_everything(&place, name).await;
            statuses.push(place.tarball(name, "1.0.0").await.status);
            assert!(statuses.iter().all(|status| *status == 404), "{name}: {statuses:?}");
        }
        assert_eq!(place.asked(), Vec::<String>::new(), "{settled}");
        place.wait(1_000);
    }
    expect(&place.tarball("other", "1.0.0").await, 200);
    // Taking the pattern back is no way to mix anything either: it is the upstream's again.
    place.set(json!({ "owned": [] })).await;
    assert_eq!(keys(&packument(&place.ann, "tool").await["versions"]), ["1.0.0"]);
}

#[tokio::test]
async fn nothing_can_be_changed_of_what_was_first_seen_upstream() {
    let place = place().await;
    place.up.publish(&version("tool", "1.0.0"));
    packument(&place.ann, "tool").await;
    expect(&place.tarball("tool", "1.0.0").await, 200);
    let before = place.app.audit("repo:libs").await.len();
    let document = for_write(&place.ann, "tool").await;
    let mut deprecated = document.clone();
    deprecated["versions"]["1.0.0"]["deprecated"] = "mine now".into();
    let mut fewer = document.clone();
    fewer["versions"] = json!({});
    for (what, method, path, body) in [
        ("publish", "PUT", "tool", NpmPackage::new("tool", "9.0.0").body()),
        ("publish the same", "PUT", "tool", version("tool", "1.0.0").body()),
        ("publish a pre-release", "PUT", "tool", NpmPackage::new("tool", "1.0.1-acme.1").tag("acme").body()),
        ("deprecate", "PUT", "tool", deprecated),
        ("tag", "PUT", "-/package/tool/dist-tags/beta", json!("1.0.0")),
        ("untag", "DELETE", "-/package/tool/dist-tags/latest", Value::Null),
        ("unpublish", "DELETE", "tool/-rev/undefined", Value::Null),
        ("unpublish a version", "DELETE", "tool/-/tool-1.0.0.tgz/-rev/undefined", Value::Null),
        ("unpublish by document", "PUT", "tool/-rev/undefined", fewer),
        ("owner", "PUT", "tool/-rev/undefined", json!({ "maintainers": [{ "name": "ann" }] })),
        ("access", "POST", "-/package/tool/access", json!({ "access": "private" })),
    ] {
        let refused = place.ann.json(method, &at(path), &body).await;
        assert_eq!(refused.status, 409, "{what}: {}", refused.text());
        let text = refused.error();
        for part in ["'tool'", "'public'", "/api/repos/libs/origins/npm/tool"] {
            assert!(text.contains(part), "{what}: {text}");
        }
    }
    place.app.settle().await;
    assert_eq!(place.app.audit("repo:libs").await.len(), before, "nothing happened");
    assert_eq!(packument(&place.ann, "tool").await, document);
    let listed = place.app.user("ann").get("/api/repos/libs/packages").await.json();
    assert!(!listed.to_string().contains("9.0.0"), "{listed}");
    assert_eq!(place.ann.get(&at("-/user/ann/package")).await.json(), json!({}));
}

/// In each round a package is published here at the moment when it is fetched for the first time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_publish_and_a_first_fetch_at_once_one_is_the_owner() {
    let place = place().await;
    let (mut ours, mut theirs) = (0, 0);
    for round in 0..40 {
        let name = format!("tool-{round}");
        place.up.publish(&version(&name, "2.0.0"));
        let package = NpmPackage::new(&name, "1.0.0");
        let publishing = place.ann.publish("libs", &package);
        let path = at(&name);
        let reading = async {
            // Now before the other one and now after it.
            tokio::time::sleep(std::time::Duration::from_micros(round * 500)).await;
            join_all((0..3).map(|_| place.ann.get(&path))).await
        };
        let (published, read) = tokio::join!(publishing, reading);
        place.app.settle().await;
        let document = packument(&place.ann, &name).await;
        let versions = keys(&document["versions"]);
        if published.status == 201 {
            ours += 1;
            assert_eq!(versions, ["1.0.0"], "{name}");
            expect(&place.tarball(&name, "2.0.0").await, 404);
        } else {
            theirs += 1;
            assert_eq!(published.status, 409, "{}", published.text());
            assert_eq!(versions, ["2.0.0"], "{name}");
            expect(&place.tarball(&name, "1.0.0").await, 404);
        }
        for answer in read {
            match answer.status {
                200 => assert_eq!(keys(&answer.json()["versions"]).len(), 1, "{}", answer.text()),
                status => assert_eq!(status, 404, "{}", answer.text()),
            }
        }
        assert_eq!(place.app.restarted().token(place.ann.secret()).get(&path).await.json(), document);
    }
    assert_eq!(ours + theirs, 40);
}

#[tokio::test]
async fn the_first_upstream_that_has_a_package_has_it_for_good() {
    let place = place().await;
    let second = FakeUpstream::start().await;
    place.connect_to("second", &second, json!({})).await;
    place.up.publish(&version("both", "1.0.0"));
    second.publish(&version("both", "9.0.0"));
    second.publish(&version("late", "9.0.0"));
    assert_eq!(keys(&packument(&place.ann, "both").await["versions"]), ["1.0.0"]);
    assert_eq!(asked(&second), Vec::<String>::new());
    assert_eq!(keys(&packument(&place.ann, "late").await["versions"]), ["9.0.0"]);
    assert_eq!(place.asked(), ["GET /npm/both", "GET /npm/late"]);
    // Whatever the other one gets afterwards.
    place.up.publish(&version("late", "1.0.0"));
    second.publish(&version("both", "10.0.0"));
    for name in ["both", "late"] {
        place.refresh(name).await;
    }
    assert_eq!(keys(&packument(&place.ann, "both").await["versions"]), ["1.0.0"]);
    assert_eq!(keys(&packument(&place.ann, "late").await["versions"]), ["9.0.0"]);
    expect(&place.tarball("both", "9.0.0").await, 404);
    // Even if the first one has it no more, and if the order is another one.
    place.up.remove("both");
    let body = json!({ "order": ["second", "public"] });
    expect(&place.app.user("ann").put_json("/api/repos/libs/upstreams", &body).await, 200);
    place.refresh("both").await;
    expect(&place.ann.get(&at("both")).await, 404);
    expect(&place.tarball("both", "9.0.0").await, 404);
}

#[tokio::test]
async fn an_upstream_that_fails_does_not_make_the_next_one_be_asked() {
    let html = vec![("content-type", "text/html".to_owned())];
    for (how, status) in [
        (Misbehaviour::Status(500), 503),
        (Misbehaviour::Status(503), 503),
        (Misbehaviour::Status(429), 503),
        (Misbehaviour::Status(401), 502),
        (Misbehaviour::Status(403), 502),
        (Misbehaviour::StatusWith(200, html.clone(), b"<html>evil</html>".to_vec()), 502),
        (Misbehaviour::StatusWith(200, html, Vec::new()), 502),
        (Misbehaviour::Status(204), 502),
        (Misbehaviour::Status(304), 502),
        (Misbehaviour::Short, 503),
        (Misbehaviour::RedirectLoop, 502),
        (Misbehaviour::Redirect("http://127.0.0.1:9/".into()), 503),
    ] {
        let place = place().await;
        let second = FakeUpstream::start().await;
        place.connect_to("second", &second, json!({})).await;
        place.up.publish(&version("tool", "1.0.0"));
        attack(&second, "tool");
        place.up.misbehave("/npm/tool", Some(how.clone()));
        for _ in 0..5 {
            for path in ["tool", "tool/-/tool-99.0.0.tgz", "tool/latest", "-/package/tool/dist-tags"] {
                let answer = place.ann.get(&at(path)).await;
                assert_eq!(answer.status, status, "{how:?}: {path}: {}", answer.text());
            }
            place.wait(2);
        }
        assert_eq!(asked(&second), Vec::<String>::new(), "{how:?}");
        place.up.misbehave("/npm/tool", None);
        place.wait(100);
        assert_eq!(keys(&packument(&place.ann, "tool").await["versions"]), ["1.0.0"], "{how:?}");
    }
}

#[tokio::test]
async fn only_names_that_an_upstream_is_named_for_are_asked_of_it() {
    let place =
        place_with("private", json!({ "names": ["@types/*", "left-*"], "owned": ["left-out"] })).await;
    let second = FakeUpstream::start().await;
    for name in ["@types/node", "left-pad", "left-out", "right-pad"] {
        place.up.publish(&version(name, "1.0.0"));
        second.publish(&version(name, "2.0.0"));
    }
    for (path, status) in [("@types%2fnode", 200), ("left-pad", 200), ("left-out", 404), ("right-pad", 404)] {
        expect(&place.ann.get(&at(path)).await, status);
    }
    assert_eq!(place.asked(), ["GET /npm/@types%2fnode", "GET /npm/left-pad"]);
    place.connect_to("second", &second, json!({ "owned": ["left-out"] })).await;
    // It was not there a moment ago, which is remembered of those that were asked. Nobody was.
    assert_eq!(keys(&packument(&place.ann, "right-pad").await["versions"]), ["2.0.0"]);
    expect(&place.ann.get(&at("left-out")).await, 404);
    assert_eq!(place.asked(), Vec::<String>::new());
    assert_eq!(asked(&second), ["GET /npm/right-pad"]);
}

#[tokio::test]
async fn private_names_are_never_sent_anywhere() {
    let place = place_with("private", json!({ "owned": ["@acme/*"] })).await;
    let public = version("left-pad", "1.0.0");
    place.up.publish(&public);
    let private =
        NpmPackage::new("@acme/app", "1.0.0").member("dependencies", json!({ "left-pad": "^1.0.0" }));
    publish(&place.ann, &private).await;
    publish(&place.ann, &NpmPackage::new("acme-plain", "1.0.0")).await;
    for name in ["@acme%2fapp", "acme-plain", "left-pad"] {
        packument(&place.ann, name).await;
        expect(&place.tarball(name, "1.0.0").await, 200);
    }
    let audit = json!({ "@acme/app": ["1.0.0"], "acme-plain": ["1.0.0"], "@acme/unknown": ["1.0.0"] });
    for path in ["-/npm/v1/security/advisories/bulk", "-/npm/v1/security/audits/quick"] {
        expect(&place.ann.post_json(&at(path), &audit).await, 200);
    }
    expect(&place.ann.get(&at("-/v1/search?text=acme")).await, 200);
    expect(&place.ann.get(&at("@acme%2funknown")).await, 404);
    expect(&place.tarball("@acme%2fapp", "2.0.0").await, 404);
    place.refresh("left-pad").await;
    place.refresh("@acme%2fapp").await;
    let requests = place.up.requests();
    assert!(requests.len() >= 3, "{requests:?}");
    for request in requests {
        let headers = format!("{:?}", request.headers);
        let body = String::from_utf8_lossy(&request.body);
        for text in [&request.path, &headers, &*body] {
            assert!(!text.to_lowercase().contains("acme"), "{request:?}");
            assert!(!text.contains("libs") && !text.contains(place.ann.secret()), "{request:?}");
        }
    }
}
