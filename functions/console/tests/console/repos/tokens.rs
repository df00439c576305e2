//! Tokens of a repository: the part of the page that accounts and organisations have as well.

use granary_testing::TestApp;
use granary_testing::npm::NpmPackage;
use serde_json::json;

const PAGE: &str = "/ui/repos/libs/tokens";

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    let mut browser = app.browser("ann").await;
    let page = browser.open(PAGE).await.expect(200);
    assert!(page.text().contains("There is no token yet"), "{}", page.text());
    let form = page.form(PAGE).with("name", "the <b>build</b>").and("scope", "write").with("life", "30");
    let made = browser.send(&form).await.expect(200);
    assert_eq!(made.response.header("cache-control"), "no-store");
    let secret = made.texts("#secret").remove(0);
    assert_eq!(made.attributes("[data-copy]", "data-copy"), ["secret"]);
    assert!(made.text().contains("not shown again"), "{}", made.text());

    let token = app.token(&secret);
    assert_eq!(token.publish("libs", &NpmPackage::new("app", "1.0.0")).await.status, 201);
    let page = browser.open(PAGE).await.expect(200);
    assert!(!page.html().contains(&secret), "{}", page.html());
    let listed = page.texts("tbody tr").concat();
    for word in ["the <b>build</b>", &secret[..12], "read, write", "2026-10-21"] {
        assert!(listed.contains(word), "no {word} in {listed}");
    }

    let asked = browser.open(&page.attributes("tbody a", "href").remove(0)).await.expect(200);
    assert!(asked.text().contains("Revoke token \" the <b>build</b> \"?"), "{}", asked.text());
    assert_eq!(token.get("/api/repos/libs").await.status, 200);
    let page = browser.send(&asked.form(&format!("{PAGE}/revoke"))).await.expect(200);
    assert!(page.text().contains("Revoked."), "{}", page.text());
    assert_eq!(token.get("/api/repos/libs").await.status, 401);
    // A page that was left open.
    browser.send(&asked.form(&format!("{PAGE}/revoke"))).await.expect(404);
}

#[tokio::test]
async fn expiry_and_last_use_are_shown() {
    let app = TestApp::new().await;
    let ann = app.user("ann");
    app.npm_repo("ann", "libs", "private").await;
    let mut secrets = Vec::new();
    for body in [json!({ "name": "short", "expiresInDays": 1 }), json!({ "name": "for ever" })] {
        let made = ann.post_json("/api/repos/libs/tokens", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        secrets.push(made.json()["rawToken"].as_str().unwrap().to_owned());
        app.clock.advance_millis(1);
    }
    let rows = app.browser("ann").await.open(PAGE).await.expect(200).texts("tbody tr");
    assert!(rows[0].contains("read 2026-09-22 never 2026-09-21"), "{rows:?}");
    assert!(rows[1].contains("read never never 2026-09-21"), "{rows:?}");
    app.clock.advance_millis(2 * 86_400_000);
    assert_eq!(app.token(&secrets[1]).get("/api/repos/libs").await.status, 200);
    app.state().write_counts().await.unwrap();
    let rows = app.browser("ann").await.open(PAGE).await.expect(200).texts("tbody tr");
    assert!(rows[0].contains("read expired 2026-09-22 never"), "{rows:?}");
    assert!(rows[1].contains("read never 2026-09-23"), "{rows:?}");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_form() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    let mut browser = app.browser("ann").await;
    let form = browser.open(PAGE).await.expect(200).form(PAGE).with("name", "ci");
    let long = "x".repeat(101);
    for (field, value, message) in [
        ("name", "", "1 to 100 printable characters"),
        ("name", long.as_str(), "1 to 100 printable characters"),
        ("name", "a\u{7}b", "1 to 100 printable characters"),
        ("scope", "king", "scope"),
        ("life", "0", "expiresInDays"),
        ("life", "4000", "at most 3650"),
        ("life", "", "whole number of days"),
        ("life", "other", "whole number of days"),
    ] {
        let page = browser.send(&form.clone().with(field, value)).await.expect(400);
        assert!(page.texts("[role=alert]").concat().contains(message), "{field}={value}: {}", page.text());
        assert_eq!(page.texts("#secret").len(), 0);
        let again = page.form(PAGE);
        if field != "name" {
            assert!(again.fields.contains(&("name".into(), "ci".into())), "{again:?}");
        }
    }
    browser.send(&form.clone().without("scope")).await.expect(400);
    let other = form.with("life", "other").with("days", "12");
    let rejected = other.clone().with("days", "1e3");
    assert_eq!(browser.send(&rejected).await.expect(400).attributes("#token-days", "value"), ["1e3"]);
    assert_eq!(app.user("ann").get("/api/repos/libs/tokens").await.json()["tokens"], json!([]));
    browser.send(&other).await.expect(200);
    let tokens = app.user("ann").get("/api/repos/libs/tokens").await.json()["tokens"].clone();
    assert!(tokens[0]["expiresAt"].as_str().unwrap().starts_with("2026-10-03"), "{tokens}");
}

#[tokio::test]
async fn only_those_who_administer_it_make_and_revoke_tokens() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    app.npm_repo("bob", "mine", "private").await;
    app.add_member("ann", "libs", "bob", "write").await;
    let made = app.user("ann").post_json("/api/repos/libs/tokens", &json!({ "name": "ci" })).await;
    let (id, secret) = (made.json()["token"]["id"].clone(), made.json()["rawToken"].clone());
    let mut bob = app.browser("bob").await;
    let mut form = bob.open("/ui/repos/mine/tokens").await.expect(200).form("/ui/repos/mine/tokens");
    form.action = PAGE.into();
    bob.send(&form.clone().with("name", "x")).await.expect(403);
    for repo in ["libs", "mine"] {
        form.action = format!("/ui/repos/{repo}/tokens/revoke");
        let status = bob.send(&form.clone().with("tokenId", id.as_str().unwrap())).await.status();
        assert_eq!(status, if repo == "libs" { 403 } else { 404 });
    }
    assert_eq!(app.token(secret.as_str().unwrap()).get("/api/repos/libs").await.status, 200);
}

#[tokio::test]
async fn many_tokens_come_in_pages() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    for number in 0..51 {
        let body = json!({ "name": format!("{}{number}", "n".repeat(90)) });
        assert_eq!(app.user("ann").post_json("/api/repos/libs/tokens", &body).await.status, 201);
    }
    let mut browser = app.browser("ann").await;
    let first = browser.open(PAGE).await.expect(200);
    assert_eq!(first.texts("tbody tr").len(), 50);
    assert!(first.html().len() < 100_000, "{} bytes", first.html().len());
    let second = browser.open(&first.attributes("a[rel=next]", "href").remove(0)).await.expect(200);
    assert_eq!(second.texts("tbody tr").len(), 1);
}
