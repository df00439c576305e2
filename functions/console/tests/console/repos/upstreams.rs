//! Upstreams of a repository, rules about their versions, and what is done with a package that came from one.

use granary_testing::npm::NpmPackage;
use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

const PAGE: &str = "/ui/repos/libs/upstreams";

struct Place {
    app: TestApp,
    up: FakeUpstream,
    ann: Actor,
}

/// A registry with the npm repository `libs` of `ann`, and a fake registry that is no upstream of it yet.
async fn place(visibility: &str) -> Place {
    let app = TestApp::with(|config| {
        config.kmp.allow_private_sources = true;
        config.secret_keys = granary_upstream::seal::Keys::new(vec![[7; 32]]);
    })
    .await;
    let up = FakeUpstream::start().await;
    let ann = app.npm_repo("ann", "libs", visibility).await;
    Place { app, up, ann }
}

impl Place {
    /// Adds the fake registry as an upstream.
    async fn connect(&self, name: &str, settings: Value) {
        let mut body = json!({ "name": name, "packageType": "npm", "url": self.up.npm_url() });
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let made = self.ann.post_json("/api/repos/libs/upstreams", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }

    async fn upstreams(&self) -> Vec<Value> {
        let got = self.ann.get("/api/repos/libs/upstreams").await.json();
        got["upstreams"].as_array().unwrap().clone()
    }

    async fn fetch(&self, path: &str) {
        let got = self.ann.get(&format!("/api/npm/libs/{path}")).await;
        assert_eq!(got.status, 200, "{}", got.text());
    }
}

fn names(upstreams: &[Value]) -> Vec<&str> {
    upstreams.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_upstream_is_added_changed_moved_and_deleted() {
    let place = place("private").await;
    let mut browser = place.app.browser("ann").await;
    let page = browser.open(PAGE).await.expect(200);
    assert!(page.text().contains("There is no upstream"), "{}", page.text());
    assert!(page.text().contains("owned here are never asked of anybody"), "{}", page.text());
    let form = page.form(PAGE).with("name", "npmjs").with("url", &place.up.npm_url()).with("token", "s3cret");
    let page =
        browser.send(&form.with("owned", "@acme/*\r\n\r\nsecret-*").with("cooldown", "7")).await.expect(200);
    assert_eq!(page.path, format!("{PAGE}?done=created"));
    let row = page.texts("tbody tr")[0].clone();
    for shown in ["npmjs", "npm", &place.up.npm_url(), "300 s", "7 days", "yes", "@acme/*", "secret-*"] {
        assert!(row.contains(shown), "{shown}: {row}");
    }
    assert!(!page.html().contains("s3cret"));
    let made = &place.upstreams().await[0];
    assert_eq!((&made["hasCredential"], &made["owned"]), (&json!(true), &json!(["@acme/*", "secret-*"])));
    assert_eq!(
        (&made["files"], &made["removed"], &made["search"]),
        (&json!("store"), &json!("refuse"), &json!(false))
    );

    place.app.npm_repo("ann", "inner", "private").await;
    let form = page.form(PAGE).with("name", "inner").with("repoId", "inner");
    let page = browser.send(&form).await.expect(200);
    assert_eq!(names(&place.upstreams().await), ["npmjs", "inner"]);
    let down = page.form(&format!("{PAGE}/npmjs/move"));
    assert!(page.texts("[aria-label='Move npmjs up']").is_empty());
    let page = browser.send(&down).await.expect(200);
    assert_eq!(
        (page.path.as_str(), names(&place.upstreams().await)),
        ("/ui/repos/libs/upstreams?done=ordered", vec!["inner", "npmjs"])
    );
    browser.send(&page.form(&format!("{PAGE}/npmjs/move"))).await.expect(200);
    assert_eq!(names(&place.upstreams().await), ["npmjs", "inner"]);

    // What is not filled in stays: the credential, and where it is.
    let edit = format!("{PAGE}/npmjs");
    let form = browser.open(&edit).await.expect(200).form(&edit);
    for field in [("cooldown", "7"), ("fresh", "300"), ("owned", "@acme/*\nsecret-*"), ("token", "")] {
        assert!(form.fields.contains(&(field.0.into(), field.1.into())), "{field:?}: {form:?}");
    }
    let form = form.with("cooldown", "0").with("removed", "keep").and("search", "1").with("name", "public");
    browser.send(&form).await.expect(200);
    let changed = &place.upstreams().await[0];
    assert_eq!(
        (&changed["name"], &changed["cooldownDays"], &changed["search"]),
        (&json!("public"), &json!(0), &json!(true))
    );
    assert_eq!((&changed["hasCredential"], &changed["removed"]), (&json!(true), &json!("keep")));
    let edit = format!("{PAGE}/public");
    let form = browser.open(&edit).await.expect(200).form(&edit);
    browser.send(&form.and("forget", "1")).await.expect(200);
    assert_eq!(place.upstreams().await[0]["hasCredential"], false);

    let delete = format!("{PAGE}/public/delete");
    let form = browser.open(&delete).await.expect(200).form(&delete);
    let page = browser.send(&form.clone().with("confirm", "publik")).await.expect(400);
    assert!(page.texts("[role=alert]").concat().contains("Nothing was deleted"), "{}", page.text());
    assert_eq!(place.upstreams().await.len(), 2);
    let page = browser.send(&form.with("confirm", "public")).await.expect(200);
    assert_eq!(
        (page.path.as_str(), names(&place.upstreams().await)),
        ("/ui/repos/libs/upstreams?done=deleted", vec!["inner"])
    );
}

#[tokio::test]
async fn an_upstream_that_does_not_fit_is_said_with_the_form_but_its_secrets() {
    let place = place("private").await;
    place.connect("npmjs", json!({})).await;
    let mut browser = place.app.browser("ann").await;
    let form = browser.open(PAGE).await.expect(200).form(PAGE);
    let good =
        form.with("name", "other").with("url", "https://registry.example.com/").with("owned", "@acme/*");
    for (field, value, status, message) in [
        ("name", "npmjs", 409, "already"),
        ("url", "https://ann:secret@registry.example.com/", 400, "credentials in it"),
        ("url", "", 400, "needs a url"),
        ("repoId", "none", 400, "not both"),
        ("cooldown", "many", 400, "a whole number, not 'many'"),
        ("cooldown", "366", 400, "from 0 to 365"),
        ("owned", "two words", 400, "owned"),
        ("username", "ann", 400, "a user name with its password"),
    ] {
        let sent =
            good.clone().with(field, value).with("token", if field == "username" { "" } else { "s3cret" });
        let page = browser.send(&sent).await.expect(status);
        assert!(page.texts("[role=alert]").concat().contains(message), "{field}={value}: {}", page.text());
        assert!(!page.html().contains("s3cret"), "{field}");
        if field != "owned" {
            assert_eq!(page.texts("#owned"), ["@acme/*"], "{field}");
        }
    }
    assert_eq!(place.upstreams().await.len(), 1);
    browser.open(&format!("{PAGE}/none")).await.expect(404);
    let edit = format!("{PAGE}/npmjs");
    let form = browser.open(&edit).await.expect(200).form(&edit);
    let page = browser.send(&form.with("fresh", "86401")).await.expect(400);
    assert!(page.texts("[role=alert]").concat().contains("freshSeconds"), "{}", page.text());
}

#[tokio::test]
async fn upstreams_are_for_those_who_administer_the_repository() {
    let place = place("public").await;
    place.connect("npmjs", json!({})).await;
    place.app.add_member("ann", "libs", "bob", "write").await;
    place.app.known_user("eve").await;
    let mut ann = place.app.browser("ann").await;
    let form = ann.open(PAGE).await.expect(200).form(PAGE);
    let rules = ann.open(PAGE).await.form("/ui/repos/libs/rules");
    for path in [PAGE.to_owned(), format!("{PAGE}/npmjs"), format!("{PAGE}/npmjs/delete")] {
        for other in ["bob", "eve"] {
            place.app.browser(other).await.open(&path).await.expect(403);
        }
        assert_eq!(place.app.stranger().request("GET", &path, &[], "").await.status, 303, "{path}");
    }
    // A form of somebody else's session changes nothing.
    for form in [
        form.with("name", "x").with("url", "https://registry.example.com/"),
        rules.with("name", "x").with("reason", "y"),
    ] {
        place.app.browser("bob").await.send(&form).await.expect(403);
        let sent = ann.request("POST", &form.action, &[], "csrf=wrong&name=x").await;
        assert_eq!(sent.status, 403);
    }
    assert_eq!(place.upstreams().await.len(), 1);
    assert_eq!(place.ann.get("/api/repos/libs/blocks").await.json(), json!({ "blocks": [] }));
}

#[tokio::test]
async fn rules_are_added_and_deleted() {
    let place = place("private").await;
    let mut browser = place.app.browser("ann").await;
    let page = browser.open(PAGE).await.expect(200);
    let form = page.form("/ui/repos/libs/rules");
    let bad = form.clone().with("name", "left-pad").with("versions", "<<1").with("reason", "Why");
    let page = browser.send(&bad).await.expect(400);
    assert!(page.texts("[role=alert]").concat().contains("versions"), "{}", page.text());
    assert_eq!(page.attributes("#rule-versions", "value"), ["<<1"]);
    let good = form.with("name", "left-pad").with("versions", ">=2 <3").with("reason", "<b>It mines coins");
    let page = browser.send(&good).await.expect(200);
    let row = page.texts("[aria-label=Rules] tbody tr")[0].clone();
    assert!(row.contains("left-pad") && row.contains(">=2 <3") && row.contains("<b>It mines coins"), "{row}");
    let page = browser.send(&page.form("/ui/repos/libs/rules/delete")).await.expect(200);
    assert!(page.text().contains("There is no rule."), "{}", page.text());
    assert_eq!(browser.open("/ui/repos/libs/rules").await.path, PAGE);
}

#[tokio::test]
async fn a_package_page_says_where_a_package_comes_from() {
    let place = place("public").await;
    place.connect("npmjs", json!({ "anonymous": true, "freshSeconds": 1 })).await;
    for version in ["1.0.0", "1.1.0"] {
        place.up.publish(&NpmPackage::new("left-pad", version));
    }
    place.fetch("left-pad").await;
    place.fetch("-/tarball/left-pad/1.0.0").await;
    let page = place.app.stranger().open("/ui/repos/libs/npm/left-pad?tab=versions").await.expect(200);
    assert!(
        page.text().contains(
            "From the upstream npmjs , fetched 2026-09-21 14:13 UTC, checked 2026-09-21 14:13 UTC."
        ),
        "{}",
        page.text()
    );
    let rows = page.texts("[aria-label=Versions] tbody tr");
    assert!(rows[0].contains("1.1.0") && rows[0].contains("not fetched yet"), "{rows:?}");
    assert!(rows[1].contains("1.0.0") && rows[1].contains(" B"), "{rows:?}");
    assert!(!page.text().contains("Administer"), "{}", page.text());
    assert!(!page.text().contains("looked for here too, and not found"), "{}", page.text());
    let files = place.app.stranger().open("/ui/repos/libs/npm/left-pad?tab=files").await.expect(200);
    assert!(files.text().contains("are at its upstream"), "{}", files.text());

    place.up.misbehave("/npm/left-pad", Some(Misbehaviour::Status(500)));
    place.app.clock.advance_millis(20_000);
    place.fetch("left-pad").await;
    place.app.settle().await;
    let page = place.app.stranger().open("/ui/repos/libs/npm/left-pad").await.expect(200);
    assert!(
        page.text().contains("has not answered as it should since 2026-09-21 14:13 UTC"),
        "{}",
        page.text()
    );

    // It is in a list of its own, which those who belong there are shown the way to.
    let mut ann = place.app.browser("ann").await;
    let page = ann.open("/ui/repos/libs").await.expect(200);
    assert!(!page.links().contains(&"/ui/repos/libs/npm/left-pad".to_owned()), "{:?}", page.links());
    assert!(page.text().contains("keeps 1 version of upstreams"), "{}", page.text());
    let fetched = "/ui/repos/libs?origin=upstream";
    assert!(page.links().contains(&fetched.to_owned()), "{:?}", page.links());
    let page = ann.open(fetched).await.expect(200);
    assert!(page.links().contains(&"/ui/repos/libs/npm/left-pad".to_owned()), "{:?}", page.links());
    let search = page.form("/ui/repos/libs").with("text", "right");
    assert!(search.fields.contains(&("origin".into(), "upstream".into())), "{search:?}");
    ann.open("/ui/repos/libs?origin=else").await.expect(400);
}

#[tokio::test]
async fn administrators_put_versions_aside_and_let_them_go() {
    let place = place("public").await;
    place.connect("npmjs", json!({})).await;
    place.up.publish(&NpmPackage::new("@s/pad", "1.0.0"));
    place.up.publish(&NpmPackage::new("@s/pad", "1.1.0"));
    place.fetch("@s%2fpad").await;
    let (package, aside) = ("/ui/repos/libs/npm/@s/pad", "/ui/repos/libs/quarantine/npm/@s/pad");
    let mut ann = place.app.browser("ann").await;
    let page = ann.open(package).await.expect(200);
    let one = format!("{aside}?version=1.1.0");
    for link in [one.as_str(), aside, "/ui/repos/libs/origins/npm/@s/pad"] {
        assert!(page.links().contains(&link.to_owned()), "{:?}", page.links());
    }
    let form = ann.open(&one).await.expect(200).form(aside);
    let page = ann.send(&form.clone().with("reason", " ")).await.expect(400);
    assert!(page.texts("[role=alert]").concat().contains("reason"), "{}", page.text());
    let page = ann.send(&form.with("reason", "Being <b>looked at")).await.expect(200);
    assert_eq!(page.path, format!("{package}?version=1.1.0&done=aside"));
    assert!(
        page.text().contains("Nobody gets this version: @s/pad@1.1.0 is in quarantine: Being <b>looked at"),
        "{}",
        page.text()
    );
    assert!(page.texts("#install-line").is_empty(), "{}", page.text());
    assert_eq!(place.ann.get("/api/npm/libs/-/tarball/@s%2fpad/1.1.0").await.status, 403);
    let page = ann.open(&format!("{package}?tab=versions")).await.expect(200);
    assert!(page.texts("[aria-label=Versions] tbody tr")[0].contains("quarantined"), "{}", page.text());

    let release = "/ui/repos/libs/release/npm/@s/pad";
    let page = ann.open(&one).await.expect(200);
    let page = ann.send(&page.form(release)).await.expect(200);
    assert_eq!(page.path, format!("{package}?version=1.1.0&done=let-go"));
    assert!(!page.text().contains("Nobody gets"), "{}", page.text());
    // The package as a whole.
    let form = ann.open(aside).await.expect(200).form(aside);
    let page = ann.send(&form.with("reason", "All of it")).await.expect(200);
    assert!(page.text().contains("In quarantine: all versions"), "{}", page.text());
    let page = ann.open(aside).await.expect(200);
    ann.send(&page.form(release)).await.expect(200);

    place.app.add_member("ann", "libs", "bob", "write").await;
    let mut bob = place.app.browser("bob").await;
    assert!(!bob.open(package).await.expect(200).text().contains("Administer"));
    for path in [aside, "/ui/repos/libs/origins/npm/@s/pad"] {
        bob.open(path).await.expect(403);
    }
}

#[tokio::test]
async fn administrators_make_a_name_their_own() {
    let place = place("private").await;
    place.connect("npmjs", json!({})).await;
    place.up.publish(&NpmPackage::new("left-pad", "1.0.0"));
    place.fetch("left-pad").await;
    let path = "/ui/repos/libs/origins/npm/left-pad";
    let mut ann = place.app.browser("ann").await;
    let form = ann.open(path).await.expect(200).form(path);
    let page = ann.send(&form.clone().with("confirm", "left")).await.expect(400);
    assert!(page.texts("[role=alert]").concat().contains("Nothing was changed"), "{}", page.text());
    place.fetch("left-pad").await;
    let page = ann.send(&form.with("confirm", "left-pad")).await.expect(200);
    assert_eq!(page.path, "/ui/repos/libs?done=owned");
    assert_eq!(place.ann.get("/api/npm/libs/left-pad").await.status, 404);
    assert_eq!(place.ann.publish("libs", &NpmPackage::new("left-pad", "9.0.0")).await.status, 201);
    let page = ann.open("/ui/repos/libs/npm/left-pad").await.expect(200);
    assert!(!page.links().contains(&path.to_owned()), "{:?}", page.links());
}
