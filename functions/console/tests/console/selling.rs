//! What is sold: licences, consumers, and packages with numbers.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, Browser, Page, TestApp};
use serde_json::{Value, json};

const LICENCES: &str = "/ui/selling/licences";
const CONSUMERS: &str = "/ui/selling/consumers";
const NEW_CONSUMER: &str = "/ui/selling/consumers/new";
const PACKAGES: &str = "/ui/selling/packages";

/// A registry with a private repository `libs` of Ann's, in which there are three versions of `@acme/tool`; her browser, and
/// she herself at the interface.
async fn shop() -> (TestApp, Browser, Actor) {
    let app = TestApp::new().await;
    let token = app.npm_repo("ann", "libs", "private").await;
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        app.clock.advance_millis(1000);
        let published = token.publish("libs", &NpmPackage::new("@acme/tool", version)).await;
        assert_eq!(published.status, 201, "{}", published.text());
    }
    let browser = app.browser("ann").await;
    let ann = app.user("ann");
    (app, browser, ann)
}

/// Makes a licence by the form and gives its page. It has a name and a package, unless the fields say otherwise.
async fn licence(browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    let page = browser.open(&format!("{LICENCES}/new")).await.expect(200);
    let form = page.form(LICENCES).with("name", "Somebody").with("packages", "@acme/tool");
    let form = fields.iter().fold(form, |form, (name, value)| form.with(name, value));
    browser.send(&form).await
}

fn path_of(page: &Page) -> String {
    page.path.split('?').next().unwrap().to_owned()
}

/// The only licence of somebody, as the interface shows it.
async fn only(seller: &Actor) -> Value {
    let list = seller.get("/v1/licenses").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    seller.get(&format!("/v1/licenses/{}", list["data"][0]["id"].as_str().unwrap())).await.json()
}

async fn installs(app: &TestApp, key: &str) -> u16 {
    app.token(key).get("/api/npm/libs/@acme%2ftool").await.status
}

#[tokio::test]
async fn a_licence_is_made_and_its_key_installs() {
    let (app, mut browser, ann) = shop().await;
    let fields = [
        ("name", "Customer Inc."),
        ("packages", "@acme/tool\r\n\r\nnot-there"),
        ("kind", "version"),
        ("range", "<2.0.0"),
        ("meta", "{\"order\": \"4711\"}"),
    ];
    let page = licence(&mut browser, &fields).await.expect(200);
    let made = only(&ann).await;
    assert_eq!(page.path, format!("{LICENCES}/{}?done=created", made["id"].as_str().unwrap()));
    assert_eq!((&made["name"], &made["suspended"]), (&json!("Customer Inc."), &json!(false)));
    assert_eq!(made["packages"], json!(["@acme/tool", "not-there"]));
    assert_eq!(made["constraint"], json!({ "type": "version", "value": "<2.0.0" }));
    assert_eq!(made["meta"], json!({ "order": "4711" }));
    let key = page.texts("#key").concat();
    assert_eq!(made["key"], key);
    assert_eq!(installs(&app, &key).await, 200);
    let text = page.text();
    assert!(
        text.contains("versions <2.0.0") && text.contains("1.1.0, 1.0.0") && !text.contains("2.0.0, 1.1.0"),
        "{text}"
    );
    let list = browser.open(LICENCES).await.expect(200);
    assert!(list.text().contains("Customer Inc.") && list.text().contains("active"), "{}", list.text());
    assert!(!list.html().contains(&key));
}

#[tokio::test]
async fn suspending_changes_nothing_else() {
    let (app, mut browser, ann) = shop().await;
    let fields = [
        ("name", "A"),
        ("packages", "@acme/tool"),
        ("kind", "date"),
        ("until", "2027-12-31"),
        ("onExpiry", "restrict"),
        ("meta", "{\"b\":1,\"a\":[2]}"),
    ];
    let page = licence(&mut browser, &fields).await.expect(200);
    let (at, before) = (path_of(&page), only(&ann).await);
    assert_eq!(before["constraint"]["value"], 1_830_297_599_999_i64);
    assert_eq!(before["onExpiry"], "restrict");
    let key = before["key"].as_str().unwrap();
    let suspend = page.form(&format!("{at}/state"));
    let page = browser.send(&suspend).await.expect(200);
    assert!(page.text().contains("The key opens nothing from now on"), "{}", page.text());
    assert!(page.text().contains("the licence is suspended"), "{}", page.text());
    assert_eq!(installs(&app, key).await, 403);
    // What was not understood is not guessed.
    browser.send(&suspend.clone().with("state", "x")).await.expect(400);
    browser.send(&page.form(&format!("{at}/state"))).await.expect(200);
    assert_eq!(installs(&app, key).await, 200);
    let after = only(&ann).await;
    for member in ["name", "key", "constraint", "onExpiry", "suspended", "meta", "packages", "createdAt"] {
        assert_eq!(after[member], before[member], "{member}");
    }
}

#[tokio::test]
async fn a_licence_is_changed_and_deleted() {
    let (app, mut browser, ann) = shop().await;
    let page = licence(&mut browser, &[("name", "Old"), ("packages", "@acme/tool")]).await.expect(200);
    let (at, before) = (path_of(&page), only(&ann).await);
    let edit = format!("{at}/edit");
    let form = browser.open(&edit).await.expect(200).form(&edit);
    let changed = form.clone().with("name", "New").with("key", "my-own-key-1").with("packages", "");
    let page = browser.send(&changed).await.expect(200);
    assert!(page.text().contains("Saved."), "{}", page.text());
    let after = only(&ann).await;
    assert_eq!(
        (&after["name"], &after["key"], &after["packages"]),
        (&json!("New"), &json!("my-own-key-1"), &json!([]))
    );
    assert_eq!(installs(&app, before["key"].as_str().unwrap()).await, 401);
    for (name, value, words) in [
        ("key", "short", "a key has 10 to 200 characters"),
        ("key", "", "Key: say the key"),
        ("meta", "{\"order\":", "Notes: what begins with { has to be a JSON object"),
        ("name", "", "name: 1 to 100"),
        ("packages", "two words", "packages:"),
    ] {
        let page = browser.send(&form.clone().with(name, value)).await.expect(400);
        assert!(page.texts(".note.bad").concat().contains(words), "{name}: {}", page.text());
        let kept = page.form(&edit).fields;
        assert!(kept.contains(&(name.to_owned(), value.to_owned())), "{name}: {kept:?}");
    }
    assert_eq!(only(&ann).await, after);
    let end = format!("{at}/delete");
    let form = browser.open(&end).await.expect(200).form(&end);
    let page = browser.send(&form.clone().with("confirm", "Old")).await.expect(400);
    assert!(page.text().contains("Nothing was deleted"), "{}", page.text());
    let page = browser.send(&form.with("confirm", "New")).await.expect(200);
    assert!(page.text().contains("Deleted."), "{}", page.text());
    assert_eq!(ann.get("/v1/licenses").await.json()["data"], json!([]));
    browser.open(&at).await.expect(404);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_licence_is_said_beside_what_was_filled_in() {
    let (_, mut browser, ann) = shop().await;
    for (fields, words) in [
        (vec![("kind", "date"), ("until", "soon")], "Until: a day"),
        (vec![("kind", "version"), ("range", ">>1"), ("packages", "@acme/tool")], "is no range"),
        (vec![("kind", "other")], "is unknown"),
        (vec![("onExpiry", "explode")], "onExpiry"),
        (vec![("packages", "a b")], "packages:"),
        (vec![("packages", "")], "Packages: name at least one"),
        (vec![("name", "")], "name: 1 to 100"),
        (vec![("key", "with space in it")], "without spaces"),
    ] {
        let page = licence(&mut browser, &fields).await.expect(400);
        assert!(page.texts("[role=alert]").concat().contains(words), "{words}: {}", page.text());
        for (name, value) in fields.iter().filter(|(name, _)| !matches!(*name, "kind" | "onExpiry")) {
            let kept = page.form(LICENCES).fields;
            assert!(kept.contains(&((*name).to_owned(), (*value).to_owned())), "{name}: {kept:?}");
        }
    }
    assert_eq!(ann.get("/v1/licenses").await.json()["data"], json!([]));
}

#[tokio::test]
async fn notes_may_be_plain_text() {
    let (_, mut browser, ann) = shop().await;
    let page = licence(&mut browser, &[("meta", "Order 4711,\r\n[paid]")]).await.expect(200);
    assert_eq!(only(&ann).await["meta"], json!({ "notes": "Order 4711,\n[paid]" }));
    assert!(page.text().contains("Order 4711, [paid]"), "{}", page.text());
    // Saving the form as it is changes nothing.
    let before = only(&ann).await;
    let edit = format!("{}/edit", path_of(&page));
    let form = browser.open(&edit).await.expect(200).form(&edit);
    browser.send(&form).await.expect(200);
    assert_eq!(only(&ann).await["meta"], before["meta"]);
}

#[tokio::test]
async fn the_letter_says_how_to_install() {
    let (_, mut browser, ann) = shop().await;
    let page = licence(&mut browser, &[("name", "A"), ("packages", "@acme/tool")]).await.expect(200);
    let letter = format!("{}/letter", path_of(&page));
    assert!(page.links().contains(&letter));
    let key = only(&ann).await["key"].as_str().unwrap().to_owned();
    let page = browser.open(&letter).await.expect(200);
    let text = page.texts("#letter").concat();
    for words in [
        format!("npm config set //localhost:8080/api/npm/libs/:_authToken {key}"),
        "npm install @acme/tool@2.0.0".into(),
    ] {
        assert!(text.contains(&words), "{words}: {text}");
    }
    let page = licence(&mut browser, &[("name", "B"), ("packages", "not-there")]).await.expect(200);
    let page = browser.open(&format!("{}/letter", path_of(&page))).await.expect(200);
    assert!(page.text().contains("There is nothing to install yet"), "{}", page.text());
}

#[tokio::test]
async fn a_consumer_gets_what_it_was_permitted() {
    let (app, mut browser, ann) = shop().await;
    let page = browser.open(PACKAGES).await.expect(200);
    let form = page.form(PACKAGES).with("repo", "libs").with("name", "@acme/tool");
    let page = browser.send(&form).await.expect(200);
    assert!(
        page.text().contains("Created.") && page.texts("h1") == ["@acme/tool on"],
        "{:?}",
        page.texts("h1")
    );
    let page = browser.send(&form).await.expect(400);
    assert!(
        page.text().contains("is taken") && page.attributes("#name", "value") == ["@acme/tool"],
        "{}",
        page.text()
    );

    let page = browser.open(CONSUMERS).await.expect(200);
    let new = page.form(NEW_CONSUMER).with("email", "one@example.com");
    let page = browser.send(&new).await.expect(200);
    let at = path_of(&page);
    assert_eq!(at, format!("{CONSUMERS}/1"));
    let [public, private] = ["#public-key", "#private-key"].map(|id| page.texts(id).concat());
    let buyer = app.basic(&public, &private);
    assert_eq!(buyer.get("/api/npm/libs/@acme%2ftool").await.status, 404);

    let permissions = format!("{at}/permissions");
    let give = page.form(&permissions);
    let bad = browser.send(&give.clone().with("version", ">>")).await.expect(400);
    assert!(
        bad.text().contains("version:") && bad.attributes("#version", "value") == [">>"],
        "{}",
        bad.text()
    );
    let page = browser.send(&give.with("version", "1.x")).await.expect(200);
    let versions = buyer.get("/api/npm/libs/@acme%2ftool").await.json()["versions"].clone();
    assert_eq!(versions.as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0.0", "1.1.0"]);
    assert!(page.text().contains("1.1.0, 1.0.0"), "{}", page.text());

    let one = format!("{permissions}/1");
    let change = page.form(&one);
    let bad = browser.send(&change.clone().with("version", "!")).await.expect(400);
    assert_eq!(bad.attributes("[name=version][aria-invalid]", "value"), ["!"]);
    browser.send(&change.with("version", "^2")).await.expect(200);
    assert_eq!(ann.get("/permissions/1").await.json()["version"], "^2");

    let page = browser.open(&format!("{at}?remove=1")).await.expect(200);
    assert_eq!(ann.get("/permissions/1").await.status, 200);
    browser.send(&page.form(&format!("{one}/remove"))).await.expect(200);
    assert_eq!(ann.get("/permissions/1").await.status, 404);
    assert_eq!(buyer.get("/api/npm/libs/@acme%2ftool").await.status, 404);
}

#[tokio::test]
async fn a_consumer_is_found_changed_and_deleted() {
    let (app, mut browser, ann) = shop().await;
    for email in ["one@example.com", "two@example.com"] {
        let page = browser.open(CONSUMERS).await.expect(200);
        browser.send(&page.form(NEW_CONSUMER).with("email", email)).await.expect(200);
    }
    let page = browser.open(CONSUMERS).await.expect(200);
    let page = browser.send(&page.form(CONSUMERS).with("email", "TWO@example.com")).await.expect(200);
    assert_eq!(page.texts("tbody th"), ["two@example.com"]);
    let page = browser.send(&page.form(NEW_CONSUMER).with("email", "no address")).await.expect(400);
    assert!(page.text().contains("is not an e-mail address"), "{}", page.text());
    assert_eq!(page.attributes("#email", "value"), ["no address"]);

    let before = ann.get("/consumers/1").await.json();
    let edit = format!("{CONSUMERS}/1/edit");
    let page = browser.open(&edit).await.expect(200);
    assert_eq!(page.attributes("#private-key", "value"), [before["private_key"].as_str().unwrap()]);
    let page = browser.open(&format!("{edit}?fresh=on")).await.expect(200);
    assert_eq!(ann.get("/consumers/1").await.json(), before);
    let fresh = page.attributes("#private-key", "value").concat();
    assert_ne!(fresh, before["private_key"].as_str().unwrap());
    browser.send(&page.form(&edit)).await.expect(200);
    let after = ann.get("/consumers/1").await.json();
    assert_eq!(after["private_key"], fresh);
    let old = app.basic(before["public_key"].as_str().unwrap(), before["private_key"].as_str().unwrap());
    assert_eq!(old.get("/api/npm/libs/x").await.status, 401);
    let page = browser.send(&page.form(&edit).with("email", "@")).await.expect(400);
    assert!(page.text().contains("is not an e-mail address"), "{}", page.text());

    let end = format!("{CONSUMERS}/1/delete");
    let form = browser.open(&end).await.expect(200).form(&end);
    let page = browser.send(&form.clone().with("confirm", "1")).await.expect(400);
    assert!(page.text().contains("Nothing was deleted"), "{}", page.text());
    browser.send(&form.with("confirm", "one@example.com")).await.expect(200);
    assert_eq!(ann.get("/consumers/1").await.status, 404);
    browser.open(&format!("{CONSUMERS}/1")).await.expect(404);
}

#[tokio::test]
async fn a_package_is_switched_off_and_taken_off_the_market() {
    let (app, mut browser, ann) = shop().await;
    let page = browser.open(PACKAGES).await.expect(200);
    let form = page
        .form(PACKAGES)
        .with("repo", "libs")
        .with("name", "@acme/tool")
        .with("description", "A <b>tool</b>");
    let page = browser.send(&form).await.expect(200);
    let at = path_of(&page);
    let licensed = app.licence("ann", &["@acme/tool"], |_| {}).await;
    assert_eq!(licensed.actor.get("/api/npm/libs/@acme%2ftool").await.status, 200);
    browser.send(&page.form(&at).without("on")).await.expect(200);
    assert_eq!(licensed.actor.get("/api/npm/libs/@acme%2ftool").await.status, 404);
    let row = ann.get("/packages/1").await.json();
    assert_eq!((&row["status"], &row["description"]), (&json!(0), &json!("A <b>tool</b>")));
    let list = browser.open(PACKAGES).await.expect(200);
    assert!(list.text().contains("switched off") && list.text().contains("A <b>tool</b>"), "{}", list.text());
    let page = browser.send(&page.form(&at).with("description", &"x".repeat(1001))).await.expect(400);
    assert!(page.text().contains("description: at most"), "{}", page.text());
    let end = format!("{at}/delete");
    let form = browser.open(&end).await.expect(200).form(&end);
    browser.send(&form.clone().with("confirm", "tool")).await.expect(400);
    assert_eq!(ann.get("/packages/1").await.status, 200);
    browser.send(&form.with("confirm", "@acme/tool")).await.expect(200);
    assert_eq!(ann.get("/packages/1").await.status, 404);
    assert_eq!(ann.get("/api/npm/libs/@acme%2ftool").await.status, 200);
}

#[tokio::test]
async fn versions_of_composer_packages_are_switched_off() {
    let app = TestApp::new().await;
    let token = app.repo("ann", "shop", &["composer"], "private").await;
    assert_eq!(token.post_json("/packages", &json!({ "name": "acme/tool" })).await.status, 201);
    let made = token.post_json("/versions/package/1", &json!({ "name": "1.0" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let mut browser = app.browser("ann").await;
    let at = format!("{PACKAGES}/1");
    let switch = format!("{at}/versions/1");
    for (words, status) in [("Switch off", 0), ("Switch on", 1)] {
        let page = browser.open(&at).await.expect(200);
        assert!(page.text().contains(words), "{}", page.text());
        browser.send(&page.form(&switch)).await.expect(200);
        assert_eq!(token.get("/versions/1").await.json()["status"], status);
    }
}

#[tokio::test]
async fn an_administrator_sells_for_the_organisation() {
    let app = TestApp::new().await;
    let session = app.known_user("ann").await;
    assert_eq!(session.post_json("/api/orgs", &json!({ "slug": "acme", "name": "Acme" })).await.status, 201);
    let body = json!({ "name": "of-acme", "packageTypes": ["npm"], "orgSlug": "acme" });
    assert_eq!(session.post_json("/api/repos", &body).await.status, 201);
    let mut ann = app.browser("ann").await;
    let page = ann.open("/ui/selling").await.expect(200);
    let page = ann.send(&page.form("/ui/selling").with("org", "acme")).await.expect(200);
    assert!(page.links().contains(&format!("{LICENCES}?org=acme")), "{:?}", page.links());
    let page = ann.open(&format!("{LICENCES}/new?org=acme")).await.expect(200);
    let form = page.form(&format!("{LICENCES}?org=acme")).with("name", "Of Acme").with("packages", "pad");
    let page = ann.send(&form).await.expect(200);
    assert!(page.path.contains("?org=acme&done=created"), "{}", page.path);
    assert_eq!(session.get("/v1/licenses").await.json()["data"], json!([]));
    let of_acme = session.get_with("/v1/licenses", &[("granary-org", "acme")]).await.json();
    assert_eq!(of_acme["data"][0]["name"], "Of Acme");
    // The same licence is not there for oneself, and nothing is there for others.
    ann.open(&path_of(&page)).await.expect(404);
    let mut bob = app.browser("bob").await;
    for path in [LICENCES, CONSUMERS, PACKAGES] {
        bob.open(&format!("{path}?org=acme")).await.expect(404);
        assert_eq!(bob.open(path).await.status(), 200);
        assert_eq!(app.anonymous().get(path).await.status, 303);
    }
    let page = ann.open(&format!("{PACKAGES}?org=acme")).await.expect(200);
    assert_eq!(page.attributes("datalist option", "value"), ["of-acme"]);
    let form = page.form(&format!("{PACKAGES}?org=acme")).with("repo", "of-acme").with("name", "pad");
    let page = ann.send(&form).await.expect(200);
    assert!(page.path.starts_with(&format!("{PACKAGES}/1?org=acme")), "{}", page.path);
    // A member who is no administrator does not sell.
    app.known_user("cleo").await;
    let member = json!({ "userId": "cleo", "role": "member" });
    assert_eq!(session.post_json("/api/orgs/acme/members", &member).await.status, 201);
    app.browser("cleo").await.open(&format!("{LICENCES}?org=acme")).await.expect(403);
}

#[tokio::test]
async fn what_is_of_somebody_else_is_not_there() {
    let (app, mut browser, ann) = shop().await;
    licence(&mut browser, &[("name", "A"), ("packages", "@acme/tool")]).await.expect(200);
    let id = only(&ann).await["id"].as_str().unwrap().to_owned();
    assert_eq!(ann.post_json("/consumers", &json!({ "email": "a@b" })).await.status, 201);
    let sold = json!({ "name": "@acme/tool", "type": "npm", "repo_id": "libs" });
    assert_eq!(ann.post_json("/packages", &sold).await.status, 201);
    let mut bob = app.browser("bob").await;
    for path in [
        format!("{LICENCES}/{id}"),
        format!("{LICENCES}/{id}/edit"),
        format!("{LICENCES}/{id}/delete"),
        format!("{LICENCES}/{id}/letter"),
        format!("{CONSUMERS}/1"),
        format!("{CONSUMERS}/1/edit"),
        format!("{CONSUMERS}/1/letter"),
        format!("{CONSUMERS}/1/delete"),
        format!("{PACKAGES}/1"),
        format!("{PACKAGES}/1/delete"),
    ] {
        bob.open(&path).await.expect(404);
        browser.open(&path).await.expect(200);
    }
}

#[tokio::test]
async fn names_and_notes_are_text() {
    let (_, mut browser, _) = shop().await;
    for name in ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a\u{202e}moc.live"] {
        let meta = json!({ "a": name }).to_string();
        let page =
            licence(&mut browser, &[("name", name), ("packages", "@acme/tool"), ("meta", &meta)]).await;
        let page = page.expect(200);
        assert_eq!(page.texts("h1 bdi"), [name]);
        let at = path_of(&page);
        for path in ["", "/edit", "/delete", "/letter"] {
            let page = browser.open(&format!("{at}{path}")).await.expect(200);
            assert!(!page.html().contains("<script>alert") && !page.html().contains("<img"), "{path}");
        }
    }
    let list = browser.open(LICENCES).await.expect(200);
    assert_eq!(list.texts("tbody tr").len(), 3);
    assert!(!list.html().contains("<script>alert") && !list.html().contains("<img"));
}

#[tokio::test]
async fn large_lists_stay_small_pages() {
    let (app, mut browser, _) = shop().await;
    let names: Vec<String> = (0..300).map(|number| format!("{number}{}", "n".repeat(200))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut ids = Vec::new();
    for _ in 0..60 {
        app.clock.advance_millis(1);
        let id = granary_model::Ids::next(&granary_model::RandomIds, app.state().now());
        ids.push(app.licence("ann", &names, |row| row.id = id).await.row.id);
    }
    let page = browser.open(LICENCES).await.expect(200);
    assert!(page.html().len() < 100_000, "{}", page.html().len());
    let next = page.attributes("a[rel=next]", "href").concat();
    let rest = browser.open(&next).await.expect(200);
    assert_eq!(page.texts("tbody tr").len() + rest.texts("tbody tr").len(), 60);
    let page = browser.open(&format!("{LICENCES}/{}", ids[0])).await.expect(200);
    assert!(page.html().len() < 100_000, "{}", page.html().len());
    assert!(page.text().contains("and 250 others"), "{}", page.text());
}
