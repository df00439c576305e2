//! Packages that come from an upstream, as people see them.

use granary_testing::npm::NpmPackage;
use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use serde_json::Value;

use super::*;

/// A registry with the npm repository `libs` of `ann`, which has the fake registry `up` as its upstream `public`.
pub(super) struct Place {
    pub(super) app: TestApp,
    pub(super) up: FakeUpstream,
    pub(super) ann: Actor,
}

pub(super) async fn place(visibility: &str, settings: Value) -> Place {
    let app = TestApp::with(|config| config.kmp.allow_private_sources = true).await;
    let up = FakeUpstream::start().await;
    let ann = app.npm_repo("ann", "libs", visibility).await;
    let mut body = json!({ "name": "public", "packageType": "npm", "url": up.npm_url() });
    body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    expect(&ann.post_json("/api/repos/libs/upstreams", &body).await, 201);
    Place { app, up, ann }
}

pub(super) fn version(name: &str, version: &str) -> NpmPackage {
    NpmPackage::new(name, version).file("package/index.js", version.as_bytes())
}

impl Place {
    /// Has the document of a package fetched.
    pub(super) async fn fetch(&self, name: &str) {
        let got = self.ann.get(&format!("/api/npm/libs/{}", name.replace('/', "%2f"))).await;
        assert_eq!(got.status, 200, "{}", got.text());
    }

    /// Has the bytes of a version fetched.
    pub(super) async fn fetch_version(&self, name: &str, version: &str) {
        let got = self.ann.get(&format!("/api/npm/libs/-/tarball/{name}/{version}")).await;
        assert_eq!(got.status, 200, "{}", got.text());
    }

    async fn put(&self, path: &str, body: &Value) {
        expect(&self.ann.put_json(&format!("/api/repos/libs/{path}"), body).await, 200);
    }
}

async fn details(actor: &Actor, rest: &str) -> Value {
    let response = actor.get(&at(rest)).await;
    expect(&response, 200);
    response.json()
}

fn at(rest: &str) -> String {
    format!("/api/repos/libs/packages/{rest}")
}

/// The versions of a page with how things stand with each.
fn standing(details: &Value) -> Vec<(&str, &str)> {
    let lines = details["versions"].as_array().unwrap().iter();
    lines.map(|line| (line["version"].as_str().unwrap(), line["status"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_package_is_shown_from_what_is_kept_of_it() {
    let place = place("private", json!({})).await;
    let package = version("left-pad", "1.0.0")
        .member("license", json!("MIT"))
        .member("homepage", json!("https://example.com/pad"))
        .member("dependencies", json!({ "leaf": "^1.0.0" }));
    place.up.publish(&package);
    place.up.publish(&version("left-pad", "1.10.0"));
    place.up.publish(&version("left-pad", "1.2.0"));
    place.up.tag("left-pad", "latest", "1.10.0");
    place.up.edit("left-pad", |document| document["readme"] = json!("# Left"));
    place.up.deprecate("left-pad", "1.0.0", "Use another");
    expect(&place.ann.get(&at("npm/left-pad")).await, 404);
    place.fetch("left-pad").await;
    place.fetch_version("left-pad", "1.0.0").await;
    let now = place.app.state().now().to_string();
    place.up.forget();
    place.app.clock.advance_millis(3_600_000);

    let shown = details(&place.ann, "npm/left-pad").await;
    let facts = &shown["package"];
    let origin =
        json!({ "upstream": "public", "fetchedAt": now, "checkedAt": now, "failing": null, "gone": false });
    assert_eq!((&facts["origin"], &facts["quarantine"]), (&origin, &json!([])));
    assert_eq!((&facts["name"], &facts["publisher"]), (&json!("left-pad"), &json!(null)));
    assert_eq!((&facts["versionCount"], &facts["latestVersion"]), (&json!(3), &json!("1.10.0")));
    assert_eq!(standing(&shown), [("1.10.0", "live"), ("1.2.0", "live"), ("1.0.0", "live")]);
    let (latest, fetched) = (&shown["versions"][0], &shown["versions"][2]);
    assert_eq!(latest["origin"], json!({ "upstream": "public", "fetchedAt": null }));
    assert_eq!(
        (&latest["size"], &latest["fileCount"], &latest["publisher"]),
        (&json!(0), &json!(0), &json!(null))
    );
    assert_eq!(fetched["origin"], json!({ "upstream": "public", "fetchedAt": now }));
    assert!(fetched["size"].as_u64().unwrap() > 0 && fetched["deprecated"].is_string());
    let version = &shown["version"];
    assert_eq!((&version["version"], &version["files"]), (&json!("1.10.0"), &json!([])));
    assert_eq!(version["readme"], json!({ "text": "# Left", "format": "markdown", "truncated": false }));
    assert!(version["publishedAt"].as_str().unwrap().starts_with("2015-01-"), "{version}");

    let asked = details(&place.ann, "npm/left-pad?version=1.0.0&limit=1").await;
    let version = &asked["version"];
    assert_eq!((&version["license"], &version["deprecated"]), (&json!("MIT"), &json!("Use another")));
    assert_eq!(version["homepage"], "https://example.com/pad");
    assert_eq!(version["dependencies"], json!([{ "name": "leaf", "range": "^1.0.0", "kind": "runtime" }]));
    assert_eq!((&version["origin"]["fetchedAt"], &version["status"]), (&json!(now), &json!("live")));
    assert_eq!(version["readme"], json!(null), "it is that of the latest version");
    let url = version["files"][0]["url"].as_str().unwrap().strip_prefix(granary_testing::PUBLIC_URL).unwrap();
    assert_eq!(place.ann.get(url).await.status, 200);
    assert_eq!(standing(&asked), [("1.10.0", "live")]);
    let next = asked["next"].as_str().unwrap();
    let second = details(&place.ann, &format!("npm/left-pad?limit=1&cursor={next}")).await;
    assert_eq!(standing(&second), [("1.2.0", "live")]);
    expect(&place.ann.get(&at("npm/left-pad?version=9.9.9")).await, 404);
    assert!(place.up.asked().is_empty(), "{:?}", place.up.asked());
}

#[tokio::test]
async fn why_nobody_gets_a_version_is_told_to_those_who_belong_there() {
    let place = place("public", json!({ "cooldownDays": 7, "anonymous": true })).await;
    for old in ["1.0.0", "1.1.0", "1.2.0"] {
        place.up.publish(&version("left-pad", old));
    }
    let yesterday = place.app.state().now().plus_days(-1).to_string();
    place.up.publish_at(&version("left-pad", "2.0.0"), &yesterday);
    place.fetch("left-pad").await;
    for fetched in ["1.0.0", "1.2.0"] {
        place.fetch_version("left-pad", fetched).await;
    }
    let rule =
        json!({ "packageType": "npm", "name": "left-pad", "versions": "1.1.0", "reason": "It mines coins" });
    expect(&place.ann.post_json("/api/repos/libs/blocks", &rule).await, 201);
    place.put("quarantine/npm/left-pad", &json!({ "version": "1.2.0", "reason": "Being looked at" })).await;

    let shown = details(&place.ann, "npm/left-pad").await;
    let expected = [("2.0.0", "cooldown"), ("1.2.0", "quarantined"), ("1.1.0", "blocked"), ("1.0.0", "live")];
    assert_eq!(standing(&shown), expected);
    let reason = |at: usize| shown["versions"][at]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason(0).starts_with("left-pad@2.0.0 is younger than the 7 days"), "{}", reason(0));
    assert_eq!(reason(1), "left-pad@1.2.0 is in quarantine: Being looked at");
    assert_eq!(reason(2), "left-pad@1.1.0 is blocked in this repository: It mines coins");
    assert_eq!(shown["versions"][3].get("reason"), None);
    assert_eq!(
        (&shown["package"]["versionCount"], &shown["version"]["version"]),
        (&json!(1), &json!("1.0.0"))
    );
    let aside = &shown["package"]["quarantine"];
    assert_eq!((&aside[0]["version"], &aside[0]["reason"]), (&json!("1.2.0"), &json!("Being looked at")));
    let asked = details(&place.ann, "npm/left-pad?version=2.0.0").await;
    assert_eq!(asked["version"]["status"], "cooldown");
    assert_eq!(asked["version"]["reason"], reason(0));

    let outside = details(&place.app.anonymous(), "npm/left-pad").await;
    assert_eq!(standing(&outside), [("1.0.0", "live")]);
    assert_eq!(
        (outside["package"].get("quarantine"), &outside["package"]["latestVersion"]),
        (None, &json!("1.0.0"))
    );
    assert_eq!(outside["package"]["origin"]["upstream"], "public");
    for version in ["2.0.0", "1.2.0", "1.1.0"] {
        let asked = at(&format!("npm/left-pad?version={version}"));
        expect(&place.app.anonymous().get(&asked).await, 404);
        expect(&place.ann.get(&asked).await, 200);
    }
    // Six days later the young one is old enough, and that needs no look at the upstream.
    place.app.clock.advance_millis(6 * 86_400_000 + 1000);
    let later = details(&place.app.anonymous(), "npm/left-pad").await;
    assert_eq!(standing(&later), [("2.0.0", "live"), ("1.0.0", "live")]);
}

#[tokio::test]
async fn what_the_upstream_removed_is_shown_as_far_as_it_is_here() {
    let place = place("public", json!({ "anonymous": true, "freshSeconds": 1 })).await;
    for one in ["1.0.0", "1.1.0", "1.2.0"] {
        place.up.publish(&version("left-pad", one));
    }
    place.fetch("left-pad").await;
    place.fetch_version("left-pad", "1.1.0").await;
    for one in ["1.1.0", "1.2.0"] {
        place.up.unpublish("left-pad", one);
    }
    place.app.clock.advance_millis(20_000);
    place.fetch("left-pad").await;
    place.app.settle().await;
    let shown = details(&place.ann, "npm/left-pad").await;
    assert_eq!(standing(&shown), [("1.1.0", "removed"), ("1.0.0", "live")]);
    let reason = shown["versions"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("left-pad@1.1.0 was removed from the upstream 'public'"), "{reason}");
    assert_eq!(standing(&details(&place.app.anonymous(), "npm/left-pad").await), [("1.0.0", "live")]);

    place.up.remove("left-pad");
    place.app.clock.advance_millis(20_000);
    place.fetch("left-pad").await;
    place.app.settle().await;
    let shown = details(&place.ann, "npm/left-pad").await;
    assert_eq!(shown["package"]["origin"]["gone"], true);
    assert_eq!((&shown["package"]["versionCount"], &shown["package"]["tags"]), (&json!(0), &json!({})));
    assert_eq!(standing(&shown), [("1.1.0", "removed"), ("1.0.0", "removed")]);
    expect(&place.app.anonymous().get(&at("npm/left-pad")).await, 404);
}

#[tokio::test]
async fn an_upstream_that_fails_is_said_to() {
    let place = place("private", json!({ "freshSeconds": 1 })).await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.fetch("left-pad").await;
    place.up.misbehave("/npm/left-pad", Some(Misbehaviour::Status(500)));
    place.app.clock.advance_millis(20_000);
    place.fetch("left-pad").await;
    place.app.settle().await;
    let since = place.app.state().now().to_string();
    let failing = details(&place.ann, "npm/left-pad").await["package"]["origin"]["failing"].clone();
    assert_eq!(failing["since"], since);
    assert!(failing["why"].as_str().unwrap().contains("500"), "{failing}");
}

#[tokio::test]
async fn names_that_differ_by_case_are_two_packages() {
    let place = place("private", json!({})).await;
    place.up.publish(&version("JSONStream", "1.0.0"));
    place.up.publish(&version("jsonstream", "2.0.0"));
    place.fetch("JSONStream").await;
    assert_eq!(details(&place.ann, "npm/JSONStream").await["package"]["name"], "JSONStream");
    expect(&place.ann.get(&at("npm/jsonstream")).await, 404);
    place.fetch("jsonstream").await;
    place.fetch_version("JSONStream", "1.0.0").await;
    assert_eq!(details(&place.ann, "npm/jsonstream").await["version"]["version"], "2.0.0");
    let upper = details(&place.ann, "npm/JSONStream").await;
    assert_eq!(
        (&upper["package"]["name"], standing(&upper)),
        (&json!("JSONStream"), vec![("1.0.0", "live")])
    );
    assert!(upper["version"]["origin"]["fetchedAt"].is_string());
    let file = "/api/repos/libs/files/npm/JSONStream?version=1.0.0&file=JSONStream-1.0.0.tgz";
    assert_eq!(place.ann.get(file).await.status, 200);
    place.app.state().write_counts().await.unwrap();
    let counted = place.ann.get("/api/repos/libs/downloads/npm/JSONStream?days=1").await;
    assert_eq!(counted.json()["total"], 2, "{}", counted.text());
    // What is published here has its name in any case.
    expect(&place.ann.publish("libs", &NpmPackage::new("Own", "1.0.0")).await, 201);
    for name in ["npm/Own", "npm/own", "npm/OWN"] {
        assert_eq!(details(&place.ann, name).await["package"]["origin"], json!(null), "{name}");
    }
}

#[tokio::test]
async fn a_package_of_a_member_says_which_repository_has_it() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    app.npm_repo("ann", "inner", "private").await;
    app.add_member("ann", "libs", "bob", "read").await;
    let body = json!({ "name": "inner", "packageType": "npm", "repoId": "inner" });
    expect(&ann.post_json("/api/repos/libs/upstreams", &body).await, 201);
    expect(&ann.publish("inner", &NpmPackage::new("Pad", "1.0.0")).await, 201);
    expect(&ann.publish("libs", &NpmPackage::new("own", "1.0.0")).await, 201);
    let shown = details(&ann, "npm/Pad").await;
    assert_eq!(shown["package"]["origin"], json!({ "repository": "inner" }));
    assert_eq!(
        (&shown["versions"][0]["origin"], &shown["versions"][0]["status"]),
        (&json!(null), &json!("live"))
    );
    assert_eq!((&shown["package"]["publisher"], shown["package"].get("quarantine")), (&json!(null), None));
    assert_eq!(details(&ann, "npm/own").await["package"]["origin"], json!(null));
    let bob = app.account_token("bob", &["read"]).await;
    assert_eq!(details(&bob, "npm/pad").await["package"]["origin"], json!({ "repository": "inner" }));
    // Whoever holds a token that only reads this repository need not know what else its owner has.
    let pipeline = app.repo_token("ann", "libs", &["read"]).await;
    assert_eq!(details(&pipeline, "npm/pad").await["package"]["origin"], json!({ "repository": null }));
    for repo in ["inner", "libs"] {
        expect(&ann.patch_json(&format!("/api/repos/{repo}"), &json!({ "visibility": "public" })).await, 200);
    }
    let anybody = details(&app.anonymous(), "npm/pad").await;
    assert_eq!(anybody["package"]["origin"], json!({ "repository": "inner" }));
}

#[tokio::test]
async fn quarantine_of_what_was_published_here_is_shown_to_those_who_belong_there() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["npm", "raw"], "public").await;
    for version in ["1.0.0", "1.1.0"] {
        expect(&ann.publish("libs", &NpmPackage::new("pad", version)).await, 201);
    }
    assert_eq!(ann.request("PUT", "/api/raw/libs/tool/1.0/f", &[], "x".to_owned()).await.status, 201);
    let aside = |body: Value| {
        let ann = ann.clone();
        async move { expect(&ann.put_json("/api/repos/libs/quarantine/npm/pad", &body).await, 200) }
    };
    aside(json!({ "version": "1.1.0", "reason": "Leaks" })).await;
    let shown = details(&ann, "npm/pad").await;
    assert_eq!(standing(&shown), [("1.1.0", "quarantined"), ("1.0.0", "live")]);
    assert_eq!(shown["version"]["status"], "quarantined");
    assert_eq!(shown["version"]["reason"], "pad@1.1.0 is in quarantine: Leaks");
    let list = json!([{ "version": "1.1.0", "reason": "Leaks", "by": "user:ann", "at": app.state().now().to_string() }]);
    assert_eq!(shown["package"]["quarantine"], list);
    let asked = details(&ann, "npm/pad?version=1.1.0").await;
    assert_eq!(
        (&asked["version"]["version"], &asked["version"]["status"]),
        (&json!("1.1.0"), &json!("quarantined"))
    );

    let stranger = app.anonymous();
    let outside = details(&stranger, "npm/pad").await;
    assert_eq!(
        (standing(&outside), &outside["version"]["version"]),
        (vec![("1.0.0", "live")], &json!("1.0.0"))
    );
    assert!(!outside.to_string().contains("1.1.0") && !outside.to_string().contains("Leaks"), "{outside}");
    expect(&stranger.get(&at("npm/pad?version=1.1.0")).await, 404);

    aside(json!({ "reason": "All of it" })).await;
    let whole = details(&ann, "npm/pad").await;
    assert_eq!(standing(&whole), [("1.1.0", "quarantined"), ("1.0.0", "quarantined")]);
    let outside = details(&stranger, "npm/pad").await;
    assert_eq!((standing(&outside), &outside["version"]), (vec![], &json!(null)));

    let raw = json!({ "version": "1.0", "reason": "Broken" });
    expect(&ann.put_json("/api/repos/libs/quarantine/raw/tool", &raw).await, 200);
    let shown = details(&ann, "raw/tool").await;
    assert_eq!(shown["version"]["reason"], "tool 1.0 is in quarantine: Broken");
    assert_eq!(details(&stranger, "raw/tool").await["version"], json!(null));
    expect(&ann.delete("/api/repos/libs/quarantine/raw/tool?version=1.0").await, 200);
    assert_eq!(standing(&details(&stranger, "raw/tool").await), [("1.0", "live")]);
}

#[tokio::test]
async fn a_page_of_a_package_from_an_upstream_costs_what_one_of_a_package_here_does() {
    let place = place("private", json!({})).await;
    for patch in 0..60 {
        place.up.publish(&version("left-pad", &format!("1.0.{patch}")));
    }
    place.fetch("left-pad").await;
    details(&place.ann, "npm/left-pad").await;
    place.app.probe.reset();
    let shown = details(&place.ann, "npm/left-pad").await;
    assert_eq!(shown["versions"].as_array().unwrap().len(), 50);
    let calls: Vec<String> = place.app.probe.calls().into_iter().map(|call| call.operation).collect();
    assert!(calls.len() <= 3 && place.app.probe.depth() <= 2, "{calls:?}");
    assert!(!calls.iter().any(|call| call == "GetObject" || call == "Query"), "{calls:?}");
}

#[tokio::test]
async fn what_came_from_upstreams_is_a_list_of_its_own() {
    let place = place("public", json!({ "anonymous": true })).await;
    for name in ["@types/node", "left-pad", "right-pad"] {
        place.up.publish(&version(name, "1.0.0"));
        place.fetch(name).await;
    }
    expect(&place.ann.publish("libs", &NpmPackage::new("own", "1.0.0")).await, 201);
    let list = async |actor: &Actor, query: &str| {
        let page = actor.get(&format!("/api/repos/libs/packages{query}")).await;
        expect(&page, 200);
        page
    };
    let own = list(&place.ann, "").await;
    assert_eq!(
        (column(&own, "packages", "name"), own.json()["packages"][0].get("origin")),
        (vec![json!("own")], None)
    );
    assert_eq!(column(&list(&place.ann, "?origin=local").await, "packages", "name"), ["own"]);
    let all = list(&place.ann, "?origin=upstream").await;
    assert_eq!(column(&all, "packages", "name"), ["@types/node", "left-pad", "right-pad"]);
    assert_eq!(column(&all, "packages", "origin"), ["upstream"; 3]);
    assert_eq!(all.json()["packages"][1]["latestVersion"], "1.0.0");
    let first = list(&place.ann, "?origin=upstream&limit=2").await.json();
    let next = first["next"].as_str().unwrap();
    let second = list(&place.ann, &format!("?origin=upstream&limit=2&cursor={next}")).await;
    assert_eq!(column(&second, "packages", "name"), ["right-pad"]);
    let found = list(&place.ann, "?origin=upstream&text=PAD&type=npm").await;
    assert_eq!(column(&found, "packages", "name"), ["left-pad", "right-pad"]);
    expect(&place.ann.get("/api/repos/libs/packages?origin=else").await, 400);

    // Of one that nobody gets only those who belong there see that it is there.
    place.put("quarantine/npm/left-pad", &json!({ "reason": "Being looked at" })).await;
    place.app.clock.advance_millis(20_000);
    place.ann.get("/api/npm/libs/left-pad").await;
    place.app.settle().await;
    let seen = column(&list(&place.ann, "?origin=upstream").await, "packages", "name");
    assert_eq!(seen, ["@types/node", "left-pad", "right-pad"]);
    let seen = column(&list(&place.app.anonymous(), "?origin=upstream").await, "packages", "name");
    assert_eq!(seen, ["@types/node", "right-pad"]);
    // What the repository owns from now on is none of it, before it is cleared.
    let owned =
        place.ann.patch_json("/api/repos/libs/upstreams/public", &json!({ "owned": ["@types/*"] })).await;
    expect(&owned, 200);
    let seen = column(&list(&place.ann, "?origin=upstream").await, "packages", "name");
    assert_eq!(seen, ["left-pad", "right-pad"]);
}

#[tokio::test]
async fn those_who_belong_to_a_repository_see_how_much_it_keeps_of_upstreams() {
    let place = place("public", json!({ "anonymous": true })).await;
    place.up.publish(&version("left-pad", "1.0.0"));
    place.fetch("left-pad").await;
    let repo = async |actor: &Actor| actor.get("/api/repos/libs").await.json()["repo"].clone();
    let before = repo(&place.ann).await;
    assert_eq!((before.get("cachedBytes"), before.get("cachedVersions")), (None, None));
    place.fetch_version("left-pad", "1.0.0").await;
    let size = details(&place.ann, "npm/left-pad").await["versions"][0]["size"].clone();
    let after = repo(&place.ann).await;
    assert_eq!((&after["cachedBytes"], &after["cachedVersions"]), (&size, &json!(1)));
    assert_eq!(after["packageCount"], 0);
    assert_eq!(repo(&place.app.anonymous()).await.get("cachedBytes"), None);
}

#[tokio::test]
async fn an_artifact_is_shown_from_its_files_and_from_what_its_repository_says() {
    let app = TestApp::with(|config| config.kmp.allow_private_sources = true).await;
    let up = FakeUpstream::start().await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    let body = json!({ "name": "central", "packageType": "maven", "url": up.maven_url() });
    expect(&ann.post_json("/api/repos/libs/upstreams", &body).await, 201);
    for version in ["1.9", "1.10"] {
        up.put_artifact("org.example", "lib", version);
    }
    let get = async |path: &str| {
        assert_eq!(ann.get(&format!("/api/maven/libs/org/example/{path}")).await.status, 200);
    };
    get("lib/1.9/lib-1.9.pom").await;
    get("lib/1.9/lib-1.9.jar").await;
    let shown = details(&ann, "maven/org.example:lib").await;
    assert_eq!(standing(&shown), [("1.9", "live")]);
    assert_eq!(shown["package"]["latestVersion"], "1.9");

    get("lib/maven-metadata.xml").await;
    up.forget();
    let shown = details(&ann, "maven/org.example:lib").await;
    assert_eq!(standing(&shown), [("1.10", "live"), ("1.9", "live")]);
    assert_eq!(
        (&shown["package"]["origin"]["upstream"], &shown["package"]["latestVersion"]),
        (&json!("central"), &json!("1.10"))
    );
    assert_eq!((&shown["version"]["version"], &shown["version"]["files"]), (&json!("1.10"), &json!([])));
    let asked = details(&ann, "maven/org.example:lib?version=1.9").await["version"].clone();
    let names: Vec<&str> =
        asked["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!((names, &asked["filesTotal"]), (vec!["lib-1.9.jar", "lib-1.9.pom"], &json!(2)));
    assert!(asked["origin"]["fetchedAt"].is_string());
    assert_eq!(shown["versions"][1]["fileCount"], 2);
    let aside = json!({ "version": "1.9", "reason": "Broken" });
    expect(&ann.put_json("/api/repos/libs/quarantine/maven/org.example:lib", &aside).await, 200);
    let shown = details(&ann, "maven/org.example:lib").await;
    assert_eq!(standing(&shown), [("1.10", "live"), ("1.9", "quarantined")]);
    assert!(up.asked().is_empty(), "{:?}", up.asked());
}
