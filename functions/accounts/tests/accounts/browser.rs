//! Sign-in of a browser for the console, and the sessions that come of it.

use super::sign_in::{AtProvider, Stage, protected, refused};
use super::*;

const BEGIN: &str = "/api/auth/sign-in?to=%2Fui%2Frepos%2Flibs%3Ftext%3Da";

/// The session that an answer gives the browser.
fn session(answer: &TestResponse) -> String {
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let cookie = cookies.find_map(|cookie| cookie.strip_prefix("granary-session=")).unwrap();
    assert!(cookie.contains("; Max-Age=43200; HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

async fn signed_in(stage: &Stage, user: &str, at: &AtProvider) -> TestResponse {
    stage.sign(user, &at.query["nonce"], &json!({}));
    stage.come_back(at).await
}

#[tokio::test]
async fn a_browser_comes_back_to_its_page_and_is_signed_in() {
    let stage = Stage::new("npm").await;
    let at = stage.begin_at(BEGIN, "").await;
    assert_eq!(at.query["redirect_uri"], "http://localhost:8080/api/auth/callback");
    let back = signed_in(&stage, "ann", &at).await;
    assert_eq!(back.status, 303, "{}", back.text());
    protected(&back);
    assert_eq!(back.header("location"), "http://localhost:8080/ui/repos/libs?text=a");
    let ann = stage.app.token(&session(&back));
    let me = ann.get("/api/auth/me").await;
    expect(&me, 200);
    assert_eq!(me.json()["user"]["uid"], "ann");
    // As good as an ID token: it makes tokens, which no token does.
    expect(&ann.post_json("/api/auth/token", &json!({ "name": "ci" })).await, 201);
    // The state is spent.
    refused(&stage.come_back(&at).await, 400);
}

#[tokio::test]
async fn another_browser_cannot_finish_it() {
    let stage = Stage::new("npm").await;
    let at = stage.begin_at(BEGIN, "").await;
    let other = stage.begin_at(BEGIN, "").await;
    stage.sign("ann", &at.query["nonce"], &json!({}));
    let mixed = AtProvider { cookie: other.cookie, query: at.query };
    let answer = stage.come_back(&mixed).await;
    refused(&answer, 400);
    assert!(answer.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn two_windows_of_one_browser_do_not_end_each_others_sign_in() {
    let stage = Stage::new("npm").await;
    let first = stage.begin_at(BEGIN, "").await;
    let second = stage.begin_at("/api/auth/sign-in", &first.cookie).await;
    assert_eq!(first.cookie, second.cookie);
    assert_eq!(signed_in(&stage, "ann", &second).await.header("location"), "http://localhost:8080/ui");
    assert_eq!(signed_in(&stage, "ann", &first).await.status, 303);
}

#[tokio::test]
async fn the_way_back_leads_nowhere_else() {
    let stage = Stage::new("npm").await;
    for to in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "/api/repos",
        "/ui/../x",
        "javascript:x",
        "/ui%0Ax",
    ] {
        refused(&stage.app.anonymous().get(&format!("/api/auth/sign-in?to={to}")).await, 400);
    }
}

#[tokio::test]
async fn a_login_of_a_client_cannot_be_finished_as_one_of_a_browser() {
    let stage = Stage::new("npm").await;
    let at = stage.begin_at(BEGIN, "").await;
    let page = signed_in(&stage, "ann", &at).await;
    assert_eq!(page.status, 303);
    // Nobody has agreed to the login that waits, which has nothing to do with this.
    assert!(!page.text().contains("ticket"));
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let stage = Stage::new("npm").await;
    let mut browsers = Vec::new();
    for user in ["ann", "ann", "bob"] {
        let at = stage.begin_at(BEGIN, "").await;
        let secret = session(&signed_in(&stage, user, &at).await);
        browsers.push(stage.app.token(&secret));
    }
    let [first, second, other] = &browsers[..] else { panic!("three browsers") };
    let listed = first.get("/api/auth/sessions").await;
    expect(&listed, 200);
    let sessions = listed.json()["sessions"].as_array().unwrap().clone();
    let of = |current: bool| {
        let found: Vec<_> = sessions.iter().filter(|session| session["current"] == current).collect();
        assert_eq!(found.len(), 1, "{sessions:?}");
        found[0]["id"].as_str().unwrap().to_owned()
    };
    assert_ne!(of(true), of(false));
    assert!(!listed.text().contains(first.secret()), "no secret in a list");
    let second_id = of(false);

    // Those of others are unknown.
    expect(&other.delete(&format!("/api/auth/sessions?sessionId={second_id}")).await, 404);
    expect(&second.get("/api/auth/me").await, 200);
    expect(&first.delete(&format!("/api/auth/sessions?sessionId={second_id}")).await, 200);
    expect(&second.get("/api/auth/me").await, 401);
    expect(&first.delete(&format!("/api/auth/sessions?sessionId={second_id}")).await, 404);

    expect(&first.delete("/api/auth/sessions?sessionId=current").await, 200);
    expect(&first.get("/api/auth/me").await, 401);
    expect(&other.get("/api/auth/me").await, 200);
}

#[tokio::test]
async fn all_sessions_end_at_once_and_by_themselves() {
    let stage = Stage::new("npm").await;
    let at = stage.begin_at(BEGIN, "").await;
    let browser = stage.app.token(&session(&signed_in(&stage, "ann", &at).await));
    // Also from elsewhere, by an ID token; a token cannot.
    let token =
        stage.app.token(
            browser.post_json("/api/auth/token", &json!({ "name": "ci", "scopes": ["admin"] })).await.json()
                ["rawToken"]
                .as_str()
                .unwrap(),
        );
    expect(&token.delete("/api/auth/sessions").await, 403);
    expect(&token.get("/api/auth/sessions").await, 403);
    expect(&browser.delete("/api/auth/sessions").await, 200);
    expect(&browser.get("/api/auth/me").await, 401);

    let at = stage.begin_at(BEGIN, "").await;
    let browser = stage.app.token(&session(&signed_in(&stage, "ann", &at).await));
    stage.app.clock.advance_millis(12 * 3_600_000);
    expect(&browser.get("/api/auth/me").await, 401);
}

#[tokio::test]
async fn a_session_is_read_in_the_call_that_authorises() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    let browser = app.browser("ann").await;
    let secret = browser.cookie("granary-session").unwrap().to_owned();
    app.probe.reset();
    expect(&app.token(&secret).get("/api/repos/libs").await, 200);
    let with_session = app.probe.count();
    app.probe.reset();
    let token = app.account_token("ann", &["read"]).await;
    app.probe.reset();
    expect(&token.get("/api/repos/libs").await, 200);
    assert_eq!(with_session, app.probe.count());
}
