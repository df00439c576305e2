//! Signed in, signed out, and forms that nobody meant to send.

use granary_testing::TestApp;

#[tokio::test]
async fn pages_for_people_lead_to_the_sign_in_and_back() {
    let app = TestApp::new().await;
    let response = app.anonymous().get("/ui?text=a%20b").await;
    assert_eq!(response.status, 303);
    assert_eq!(response.header("location"), "/api/auth/sign-in?to=%2Fui%3Ftext%3Da%2520b");
    assert_eq!(response.header("cache-control"), "no-store");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let app = TestApp::new().await;
    let mut browser = app.browser("ann").await;
    let kept = browser.clone();
    let page = browser.open("/ui").await.expect(200);
    let page = browser.send(&page.form("/ui/sign-out")).await.expect(200);
    assert!(page.text().contains("Signed out."), "{}", page.text());
    assert_eq!(browser.cookie("granary-session"), None);
    // Whoever has kept the cookie has nothing.
    let response = kept.clone().request("GET", "/ui", &[], "").await;
    assert_eq!(response.status, 303, "{}", response.text());
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_of_them() {
    let app = TestApp::new().await;
    let mut here = app.browser("ann").await;
    let mut there = app.browser("ann").await;
    let mut other = app.browser("bob").await;
    let page = here.open("/ui").await.expect(200);
    here.send(&page.form("/ui/sign-out").with("everywhere", "on")).await.expect(200);
    assert_eq!(there.request("GET", "/ui", &[], "").await.status, 303);
    assert_eq!(other.request("GET", "/ui", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let app = TestApp::new().await;
    let mut browser = app.browser("ann").await;
    app.clock.advance_millis(12 * 3_600_000 - 1);
    assert_eq!(browser.request("GET", "/ui", &[], "").await.status, 200);
    app.clock.advance_millis(1);
    assert_eq!(browser.request("GET", "/ui", &[], "").await.status, 303);
}

#[tokio::test]
async fn forms_of_other_sites_and_of_other_sessions_change_nothing() {
    let app = TestApp::new().await;
    let (mut ann, mut bob) = (app.browser("ann").await, app.browser("bob").await);
    let own = ann.open("/ui").await.form("/ui/sign-out");
    let foreign = bob.open("/ui").await.form("/ui/sign-out");
    for form in
        [foreign, own.clone().with("csrf", ""), own.clone().without("csrf"), own.clone().with("csrf", "x")]
    {
        let page = ann.send(&form).await.expect(403);
        assert!(page.text().contains("nothing was changed"), "{}", page.text());
    }
    let body = form_urlencoded(&own.fields);
    for site in ["cross-site", "same-site"] {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", site)];
        assert_eq!(ann.request("POST", "/ui/sign-out", &headers, body.clone()).await.status, 403);
    }
    assert_eq!(ann.open("/ui").await.status(), 200);
}

fn form_urlencoded(fields: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[tokio::test]
async fn a_form_that_comes_after_the_end_of_the_sign_in_is_answered_with_a_page() {
    let app = TestApp::new().await;
    let mut browser = app.browser("ann").await;
    let form = browser.open("/ui").await.form("/ui/sign-out");
    app.clock.advance_millis(12 * 3_600_000);
    // Not with a redirect: browsers follow none from a form to a provider on another host.
    let page = browser.send(&form).await.expect(401);
    assert!(page.text().contains("so nothing was changed"), "{}", page.text());
    let way = page.links().into_iter().find(|link| link.starts_with("/api/auth/sign-in")).unwrap();
    assert_eq!(way, "/api/auth/sign-in?to=%2Fui%2Fsign-out");
    // Whoever comes back to the address of a form is led to its page.
    assert_eq!(app.browser("ann").await.open("/ui/sign-out").await.expect(200).path, "/ui");
}

#[tokio::test]
async fn the_sign_in_leads_back_from_wherever_it_is_offered() {
    let app = TestApp::new().await;
    let mut browser = app.stranger();
    for (page, way) in [
        ("/", "/api/auth/sign-in?to=%2F"),
        ("/?done=signed-out", "/api/auth/sign-in?to=%2F%3Fdone%3Dsigned-out"),
        ("/?text=a%20b", "/api/auth/sign-in?to=%2F%3Ftext%3Da%2520b"),
        (&format!("/?text={}", "a".repeat(3000)), "/api/auth/sign-in?to=%2F"),
    ] {
        let links = browser.open(page).await.links();
        assert!(links.contains(&way.to_owned()), "{page}: {links:?}");
    }
}

#[tokio::test]
async fn an_organisation_that_cannot_be_is_not_found() {
    let app = TestApp::new().await;
    let mut browser = app.browser("ann").await;
    for org in ["%0a", "%0d%0aX:y", "none", "%C3%BC"] {
        let page = browser.open(&format!("/ui/selling/licences?org={org}")).await;
        assert!([400, 404].contains(&page.status()), "{org}: {}", page.status());
    }
}
