//! Products and entities.

mod entities;
mod snippets;

use granary_testing::products::ApiCaller;
use granary_testing::{Browser, TestApp};
use serde_json::json;

const PAGE: &str = "/ui/artifacts";

/// Texts that would do something if they were not shown as text.
const HOSTILE: &str = "<script>alert(1)</script> \"><img src=x onerror=alert(1)> \u{202e}txet";

/// A registry, and Ann at a browser.
async fn start() -> (TestApp, Browser) {
    let app = TestApp::new().await;
    let ann = app.browser("ann").await;
    (app, ann)
}

/// Ann as an administrator of her products, over the interface.
async fn admin(app: &TestApp) -> ApiCaller {
    app.api_token("ann", true).await
}

#[tokio::test]
async fn the_first_product_is_made_on_the_page() {
    let (app, mut ann) = start().await;
    let page = ann.open(PAGE).await.expect(200);
    assert!(page.text().contains("There is no product yet"), "{}", page.text());
    let form = page.form("/ui/artifacts/products");
    let page = ann.send(&form.clone().with("name", "my-lib")).await.expect(200);
    assert!(page.path.starts_with("/ui/artifacts/products/my-lib?"), "{}", page.path);
    assert!(
        page.text().contains("Created.") && page.text().contains("Nothing was uploaded yet"),
        "{}",
        page.text()
    );
    assert!(
        page.text().contains("http://localhost:8080/api/product/upload"),
        "what to type: {}",
        page.text()
    );
    assert_eq!(admin(&app).await.get("/api/product/list").await.json(), json!(["my-lib"]));
    let list = ann.open(PAGE).await.expect(200);
    assert!(list.links().contains(&"/ui/artifacts/products/my-lib".to_owned()));
    // What cannot be a name, and one that is taken.
    for (name, words) in
        [(HOSTILE, "must start with alphanumeric"), ("", "name is required"), ("my-lib", "already")]
    {
        let page = ann.send(&form.clone().with("name", name)).await.expect(400);
        assert!(page.texts("[role=alert]")[0].contains(words), "{name}: {}", page.text());
        assert_eq!(page.attributes("#product-name", "value"), [name]);
        assert!(page.texts("main script").is_empty() && page.attributes("main img", "src").is_empty());
    }
    assert_eq!(ann.open("/ui/artifacts/products").await.expect(200).path, PAGE);
}

#[tokio::test]
async fn a_product_shows_its_versions_and_they_are_deleted_by_name() {
    let (app, mut ann) = start().await;
    let api = admin(&app).await;
    api.create("my-lib").await;
    for minor in 0..60 {
        assert_eq!(api.upload("my-lib", &format!("v1.{minor:02}"), b"bytes").await.status, 201);
    }
    let page = ann.open("/ui/artifacts/products/my-lib").await.expect(200);
    assert!(
        page.text().contains("60 versions") && page.text().contains("my-lib-v1.00.bin"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("sha256:"), "{}", page.text());
    assert_eq!(page.links().iter().filter(|link| link.contains("/delete/")).count(), 50);
    assert!(page.html().len() < 100_000);
    let second = ann.open("/ui/artifacts/products/my-lib?versions=2").await.expect(200);
    assert!(second.text().contains("v1.59") && !second.text().contains("v1.00"), "{}", second.text());
    let address = "/ui/artifacts/products/my-lib/delete/v1.00";
    let form = ann.open(address).await.expect(200).form(address);
    let refused = ann.send(&form.clone().with("name", "v1.01")).await.expect(400);
    assert!(refused.texts("[role=alert]")[0].contains("Nothing was deleted"), "{}", refused.text());
    assert_eq!(api.download("my-lib", "v1.00").await.status, 200);
    let page = ann.send(&form.clone().with("name", "v1.00")).await.expect(200);
    assert!(page.text().contains("Deleted.") && page.text().contains("59 versions"), "{}", page.text());
    assert_eq!(api.download("my-lib", "v1.00").await.status, 400);
    // It is gone already.
    let again = ann.send(&form.with("name", "v1.00")).await.expect(400);
    assert!(again.texts("[role=alert]")[0].contains("Version not found"), "{}", again.text());
    // The product as a whole.
    let address = "/ui/artifacts/products/my-lib/delete";
    let form = ann.open(address).await.expect(200).form(address);
    ann.send(&form.clone()).await.expect(400);
    assert_eq!(api.fetch("my-lib").await.status, 200);
    let page = ann.send(&form.with("name", "my-lib")).await.expect(200);
    assert!(page.path.starts_with("/ui/artifacts?") && page.text().contains("Deleted."), "{}", page.text());
    assert_eq!(api.fetch("my-lib").await.status, 404);
    ann.open("/ui/artifacts/products/my-lib").await.expect(404);
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_given_rights() {
    let (app, mut ann) = start().await;
    admin(&app).await.create("my-lib").await;
    let page = ann.open("/ui/artifacts/tokens").await.expect(200);
    let page = ann.send(&page.form("/ui/artifacts/tokens")).await.expect(200);
    let secret = page.texts("#secret").remove(0);
    let token = app.api(&secret);
    assert_eq!(token.get(&format!("/api/fetch/{secret}")).await.json()["admin"], json!(false));
    let list = ann.open("/ui/artifacts/tokens").await.expect(200);
    assert!(!list.html().contains(&secret) && list.text().contains(&token.hash()), "{}", list.text());
    // It may nothing until the product says so.
    assert_eq!(token.upload("my-lib", "v1", b"bytes").await.status, 403);
    let product = "/ui/artifacts/products/my-lib";
    let form = ann.open(product).await.expect(200).form(&format!("{product}/access"));
    assert!(form.fields.contains(&("right".into(), "download".into())), "the least that is of use");
    let page = ann.send(&form.clone().with("token", &secret).and("right", "upload")).await.expect(200);
    assert!(page.text().contains("The access has been changed.") && page.text().contains("download, upload"));
    assert!(page.text().contains(&token.hash()) && !page.html().contains(&secret));
    assert_eq!(token.upload("my-lib", "v1", b"bytes").await.status, 201);
    assert_eq!(token.request("DELETE", "/api/product/delete/my-lib/v1", &[], "").await.status, 403);
    // What is no token, and a right that there is not.
    let refused = ann.send(&form.clone().with("token", HOSTILE).with("right", "delete")).await.expect(400);
    assert!(refused.texts("[role=alert]")[0].contains("token not found"), "{}", refused.text());
    assert_eq!(
        refused.attributes("input[name=right][checked]", "value"),
        ["delete"],
        "what was filled in is kept"
    );
    ann.send(&form.clone().with("token", &secret).with("right", "everything")).await.expect(400);
    ann.send(&form.with("token", " ")).await.expect(400);
    // It is taken from the product, and ended.
    let take = ann.open(product).await.form(&format!("{product}/take"));
    ann.send(&take.clone()).await.expect(400);
    ann.send(&take.with("token", &secret)).await.expect(200);
    assert_eq!(token.upload("my-lib", "v2", b"bytes").await.status, 403);
    let prune = ann.open("/ui/artifacts/tokens").await.form("/ui/artifacts/tokens/prune");
    for nothing in ["", "not-a-token", "../../x"] {
        let page = ann.send(&prune.clone().with("token", nothing)).await.expect(400);
        assert!(!page.texts("[role=alert]").is_empty(), "{}", page.text());
    }
    let page = ann.send(&prune.with("token", &secret)).await.expect(200);
    assert!(page.text().contains("The token is gone."), "{}", page.text());
    assert_eq!(token.fetch("my-lib").await.status, 401);
}

#[tokio::test]
async fn an_administrator_token_is_made_only_on_purpose() {
    let (app, mut ann) = start().await;
    let form = ann.open("/ui/artifacts/tokens").await.expect(200).form("/ui/artifacts/tokens");
    let page = ann.send(&form.with("admin", "true")).await.expect(200);
    let token = app.api(&page.texts("#secret")[0]);
    assert_eq!(token.create("by-token").await.status, 201);
    assert!(page.text().contains("everything (administrator)"), "{}", page.text());
}

#[tokio::test]
async fn products_are_those_of_whoever_looks_or_of_their_organisation() {
    let (app, mut ann) = start().await;
    app.org("ann", "acme", &[("bob", "admin"), ("mia", "member")]).await;
    let own = ann.open(PAGE).await.form("/ui/artifacts/products");
    ann.send(&own.with("name", "mine")).await.expect(200);
    let page = ann.open("/ui/artifacts?org=acme").await.expect(200);
    assert!(
        page.text().contains("Build artifacts of acme") && !page.text().contains("mine"),
        "{}",
        page.text()
    );
    let page =
        ann.send(&page.form("/ui/artifacts/products?org=acme").with("name", "theirs")).await.expect(200);
    assert!(page.path.starts_with("/ui/artifacts/products/theirs?org=acme&done="), "{}", page.path);
    // Everything that this page leads to is the organisation's as well.
    for link in page.links().iter().filter(|link| link.starts_with("/ui/artifacts/")) {
        assert!(link.contains("org=acme"), "{link}");
    }
    let mut bob = app.browser("bob").await;
    let tokens = bob.open("/ui/artifacts/tokens?org=acme").await.expect(200);
    let made =
        bob.send(&tokens.form("/ui/artifacts/tokens?org=acme").with("admin", "true")).await.expect(200);
    let token = app.api(&made.texts("#secret")[0]);
    assert_eq!(token.get("/api/product/list").await.json(), json!(["theirs"]));
    bob.open("/ui/artifacts/products/theirs").await.expect(404);
    bob.open("/ui/artifacts/products/mine?org=acme").await.expect(404);
    // Members without a role for it are told, and strangers of nothing.
    let mut mia = app.browser("mia").await;
    let page = mia.open("/ui/artifacts?org=acme").await.expect(200);
    assert!(page.text().contains("Only who administers the organisation"), "{}", page.text());
    assert!(!page.text().contains("theirs"), "{}", page.text());
    mia.open("/ui/artifacts/products/theirs?org=acme").await.expect(403);
    mia.open("/ui/artifacts/tokens?org=acme").await.expect(403);
    let mut eve = app.browser("eve").await;
    for address in [
        "/ui/artifacts?org=acme",
        "/ui/artifacts/tokens?org=acme",
        "/ui/artifacts/products/theirs?org=acme",
        "/ui/artifacts?org=%3Cscript%3E",
    ] {
        let page = eve.open(address).await.expect(404);
        assert!(!page.text().contains("theirs") && page.texts("main script").is_empty(), "{}", page.text());
    }
}

#[tokio::test]
async fn others_have_no_part_in_ones_products() {
    let (app, mut ann) = start().await;
    admin(&app).await.create("secret-lib").await;
    let mut eve = app.browser("eve").await;
    assert!(!eve.open(PAGE).await.expect(200).text().contains("secret-lib"));
    eve.open("/ui/artifacts/products/secret-lib").await.expect(404);
    eve.open("/ui/artifacts/products/secret-lib/delete").await.expect(404);
    let address = "/ui/artifacts/products/secret-lib/delete";
    let form = ann.open(address).await.form(address).with("name", "secret-lib");
    let csrf = eve.open("/ui").await.form("/ui/sign-out").fields[0].1.clone();
    eve.send(&form.clone().with("csrf", &csrf)).await.expect(404);
    eve.send(&form).await.expect(403);
    assert_eq!(admin(&app).await.fetch("secret-lib").await.status, 200);
    for address in [PAGE, "/ui/artifacts/tokens", "/ui/artifacts/products/secret-lib"] {
        let nobody = app.stranger().request("GET", address, &[], "").await;
        assert!(nobody.header("location").starts_with("/api/auth/sign-in?to="), "{}", nobody.text());
    }
}

#[tokio::test]
async fn long_lists_of_products_come_in_pages() {
    let (app, mut ann) = start().await;
    let api = admin(&app).await;
    for number in 0..60 {
        assert_eq!(api.create(&format!("lib-{number:02}-{}", "x".repeat(190))).await.status, 201);
    }
    let page = ann.open(PAGE).await.expect(200);
    assert!(page.text().contains("lib-49-") && !page.text().contains("lib-50-"), "{}", page.text());
    assert!(page.html().len() < 100_000);
    let next = page.links().into_iter().find(|link| link.contains("products=2")).unwrap();
    let page = ann.open(&next).await.expect(200);
    assert!(page.text().contains("lib-59-") && !page.text().contains("lib-49-"), "{}", page.text());
}
