//! One's own account: tokens, browsers, and what one has done.

use granary_testing::TestApp;

#[tokio::test]
async fn the_account_says_who_one_is_and_how_to_sign_in_elsewhere() {
    let app = TestApp::new().await;
    let page = app.browser("ann").await.open("/ui/account").await.expect(200);
    let text = page.text();
    for words in
        ["Name of ann", "ann@example.com", "npm login", "granary login http://localhost:8080", "this one"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(app.anonymous().get("/ui/account").await.status, 303);
}

#[tokio::test]
async fn a_browser_is_signed_out_from_another_one() {
    let app = TestApp::new().await;
    let mut here = app.browser("ann").await;
    app.clock.advance_millis(60_000);
    let mut there = app.browser("ann").await;
    let mut other = app.browser("bob").await;
    let page = here.open("/ui/account").await.expect(200);
    assert_eq!(page.texts("tbody tr").len(), 2);
    let form = page.form("/ui/account/sessions/end");
    let page = here.send(&form).await.expect(200);
    assert!(page.text().contains("That browser is signed out."), "{}", page.text());
    assert_eq!(there.request("GET", "/ui", &[], "").await.status, 303);
    assert_eq!(here.request("GET", "/ui", &[], "").await.status, 200);
    // Once more there is nothing to sign out, and nobody signs out anybody else.
    here.send(&form).await.expect(404);
    let foreign = other.open("/ui/account").await.expect(200);
    assert!(!foreign.has_form("/ui/account/sessions/end"));
    let own = form.with("csrf", &foreign.form("/ui/sign-out").fields[0].1);
    other.send(&own).await.expect(404);
}

#[tokio::test]
async fn signing_out_everywhere_is_one_button() {
    let app = TestApp::new().await;
    let mut here = app.browser("ann").await;
    let mut there = app.browser("ann").await;
    let page = here.open("/ui/account").await.expect(200);
    assert_eq!(page.texts("main form[action='/ui/sign-out'] button"), ["Sign out everywhere"]);
    let csrf = page.form("/ui/sign-out");
    here.send(&csrf.with("everywhere", "on")).await.expect(200);
    assert_eq!(there.request("GET", "/ui", &[], "").await.status, 303);
}

#[tokio::test]
async fn an_account_token_works_until_it_is_revoked() {
    let app = TestApp::new().await;
    let mut ann = app.browser("ann").await;
    let page = ann.open("/ui/account/tokens").await.expect(200);
    let form = page.form("/ui/account/tokens").with("name", "<b>laptop</b>");
    let page = ann.send(&form).await.expect(200);
    let secret = page.texts(".secret").concat();
    assert!(secret.starts_with("art_"), "{secret}");
    assert_eq!(app.token(&secret).get("/api/repos").await.status, 200);
    let page = ann.open("/ui/account/tokens").await.expect(200);
    assert!(page.text().contains("<b>laptop</b>") && !page.html().contains(&secret), "{}", page.text());
    let doom = page.links().into_iter().find(|link| link.contains("revoke=")).unwrap();
    let page = ann.open(&doom).await.expect(200);
    assert_eq!(app.token(&secret).get("/api/repos").await.status, 200);
    ann.send(&page.form("/ui/account/tokens/revoke")).await.expect(200);
    assert_eq!(app.token(&secret).get("/api/repos").await.status, 401);
    let page = ann.send(&form.with("name", "")).await.expect(400);
    assert!(page.text().contains("a token's name has"), "{}", page.text());
}

#[tokio::test]
async fn ones_own_changes_are_in_the_log() {
    let app = TestApp::new().await;
    app.account_token("ann", &["read"]).await;
    app.account_token("bob", &["read"]).await;
    let page = app.browser("ann").await.open("/ui/account/audit").await.expect(200);
    let text = page.text();
    assert!(
        text.contains("token.create") && text.contains("user:ann") && !text.contains("user:bob"),
        "{text}"
    );
}
