//! Sign-in for command-line clients, with a browser that is played by the test.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_model::Clock as _;
use granary_storage::Key;
use granary_storage::rows::LoginRow;
use granary_testing::{TestApp, TestResponse};
use serde_json::{Value, json};
use sha2::Digest as _;
use url::Url;

use super::provider::Provider;
use super::*;

const SESSION: &str = "0123456789abcdefghijABCDEFGHIJ-_23456789";

pub(super) struct Stage {
    pub(super) app: TestApp,
    provider: Provider,
}

/// A browser at the identity provider: its cookie and the query it was sent there with.
pub(super) struct AtProvider {
    pub(super) cookie: String,
    pub(super) query: HashMap<String, String>,
}

impl Stage {
    pub(super) async fn new(client: &str) -> Self {
        let provider = Provider::start().await;
        let issuer = provider.issuer.clone();
        let app = TestApp::with(|config| config.oidc_issuer = issuer).await;
        let stage = Self { app, provider };
        let expires_at = stage.app.clock.now().seconds() + 600;
        stage.put_login(waiting(expires_at, client)).await;
        stage
    }

    async fn put_login(&self, row: LoginRow) {
        self.app.state().storage().put(&Key::Login(SESSION.into()), &row).await.unwrap();
    }

    async fn login(&self) -> Option<LoginRow> {
        self.app.state().storage().get(&Key::Login(SESSION.into())).await.unwrap()
    }

    /// Opens the address that the client shows.
    async fn begin(&self) -> AtProvider {
        self.begin_at(&format!("/api/auth/cli/{SESSION}"), "").await
    }

    /// Opens any address that leads to the provider, with what the browser has kept.
    pub(super) async fn begin_at(&self, path: &str, cookie: &str) -> AtProvider {
        let headers = [("cookie", cookie)];
        let headers = if cookie.is_empty() { &[][..] } else { &headers[..] };
        let answer = self.app.anonymous().get_with(path, headers).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        protected(&answer);
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let address = Url::parse(answer.header("location")).unwrap();
        assert!(address.as_str().starts_with(&format!("{}/authorize?tenant=t&", self.provider.issuer)));
        AtProvider {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            query: address.query_pairs().into_owned().collect(),
        }
    }

    /// Lets the provider answer the exchange with these claims in place of good ones.
    pub(super) fn sign(&self, user: &str, nonce: &str, change: &Value) {
        let now = self.app.clock.now().seconds();
        let mut claims = json!({ "iss": self.provider.issuer, "aud": "granary", "sub": user, "nonce": nonce,
            "iat": now, "exp": now + 300, "email": "ann@example.com" });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.provider.exchange.lock().unwrap().id_token = Some(self.app.issuer.id_token(&claims));
    }

    /// Comes back from the provider.
    pub(super) async fn come_back(&self, at: &AtProvider) -> TestResponse {
        let path = format!("/api/auth/callback?code=the-code&state={}", at.query["state"]);
        self.app.anonymous().get_with(&path, &[("cookie", &at.cookie)]).await
    }

    /// Signs in and gives the browser and the confirmation page's ticket.
    async fn confirm(&self, user: &str) -> (AtProvider, String) {
        let at = self.begin().await;
        self.sign(user, &at.query["nonce"], &json!({}));
        let page = self.come_back(&at).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let ticket = between(&page.text(), "name=\"ticket\" value=\"", "\"").to_owned();
        (at, ticket)
    }

    async fn answer(&self, session: &str, cookie: &str, form: &str) -> TestResponse {
        let headers = [("cookie", cookie), ("content-type", "application/x-www-form-urlencoded")];
        let path = format!("/api/auth/cli/{session}/approve");
        self.app.anonymous().request("POST", &path, &headers, form.to_owned()).await
    }
}

/// A login that a client has begun.
fn waiting(expires_at: i64, client: &str) -> LoginRow {
    LoginRow { expires_at, client: client.into(), user: None, poll_hash: String::new() }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap().1.split_once(to).unwrap().0
}

/// Checks the headers of everything a browser gets.
#[track_caller]
pub(super) fn protected(answer: &TestResponse) {
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && policy.contains("form-action 'self'"), "{policy}");
}

#[track_caller]
pub(super) fn refused(answer: &TestResponse, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    protected(answer);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn from_the_address_to_a_token() {
    let stage = Stage::new("npm <on> \"laptop\"").await;
    let at = stage.begin().await;
    assert_eq!(at.query["response_type"], "code");
    assert_eq!(at.query["client_id"], "granary");
    assert_eq!(at.query["redirect_uri"], "http://localhost:8080/api/auth/callback");
    assert_eq!(at.query["code_challenge_method"], "S256");
    stage.sign("ann", &at.query["nonce"], &json!({}));
    let page = stage.come_back(&at).await;
    assert_eq!(page.status, 200, "{}", page.text());
    protected(&page);
    assert!(page.text().contains("npm &lt;on&gt; &quot;laptop&quot;"), "{}", page.text());
    assert!(!page.text().contains("<script"));
    let form: HashMap<String, String> =
        url::form_urlencoded::parse(stage.provider.exchange.lock().unwrap().form.as_bytes())
            .into_owned()
            .collect();
    assert_eq!((form["code"].as_str(), form["grant_type"].as_str()), ("the-code", "authorization_code"));
    let challenge = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&form["code_verifier"]));
    assert_eq!(challenge, at.query["code_challenge"]);
    assert!(stage.login().await.unwrap().user.is_none(), "nobody has agreed yet");

    let ticket = between(&page.text(), "name=\"ticket\" value=\"", "\"").to_owned();
    let done = stage.answer(SESSION, &at.cookie, &format!("ticket={ticket}&decision=allow")).await;
    assert_eq!(done.status, 200, "{}", done.text());
    protected(&done);
    assert!(done.text().contains("close this window") && !done.text().contains("<form"));
    assert_eq!(stage.login().await.unwrap().user.unwrap().as_str(), "ann");
    assert!(actions(&stage.app, "user:ann").await.is_empty(), "no token before the client asks for it");

    // Every step is over.
    refused(&stage.answer(SESSION, &at.cookie, &format!("ticket={ticket}&decision=allow")).await, 400);
    refused(&stage.come_back(&at).await, 400);
    refused(&stage.app.anonymous().get(&format!("/api/auth/cli/{SESSION}")).await, 404);
}

#[tokio::test]
async fn a_denial_ends_the_login() {
    let stage = Stage::new("npm").await;
    let (at, ticket) = stage.confirm("ann").await;
    let denied = stage.answer(SESSION, &at.cookie, &format!("ticket={ticket}&decision=deny")).await;
    assert_eq!(denied.status, 200, "{}", denied.text());
    assert!(stage.login().await.is_none());
    assert!(actions(&stage.app, "user:ann").await.is_empty());
}

#[tokio::test]
async fn only_the_browser_that_began_goes_on() {
    let stage = Stage::new("npm").await;
    let at = stage.begin().await;
    let other = stage.begin().await;
    stage.sign("ann", &at.query["nonce"], &json!({}));
    let path = format!("/api/auth/callback?code=c&state={}", at.query["state"]);
    refused(&stage.app.anonymous().get_with(&path, &[("cookie", &other.cookie)]).await, 400);
    // A state is spent by the first who brings it.
    refused(&stage.come_back(&at).await, 400);
    refused(&stage.app.anonymous().get(&path).await, 400);

    let (at, ticket) = stage.confirm("ann").await;
    let form = format!("ticket={ticket}&decision=allow");
    refused(&stage.answer(SESSION, &other.cookie, &form).await, 400);
    refused(&stage.answer(SESSION, &at.cookie, &form).await, 400);
    let (at, ticket) = stage.confirm("ann").await;
    let elsewhere = SESSION.replace('0', "9");
    refused(&stage.answer(&elsewhere, &at.cookie, &format!("ticket={ticket}&decision=allow")).await, 400);
    for form in ["", "ticket=&decision=allow", "decision=allow", "ticket=%00&decision=allow"] {
        refused(&stage.answer(SESSION, &at.cookie, form).await, 400);
    }
    assert!(stage.login().await.unwrap().user.is_none());
}

#[tokio::test]
async fn silence_is_no_agreement() {
    let stage = Stage::new("npm").await;
    for decision in ["", "&decision=", "&decision=yes"] {
        stage.put_login(waiting(i64::MAX, "npm")).await;
        let (at, ticket) = stage.confirm("ann").await;
        stage.answer(SESSION, &at.cookie, &format!("ticket={ticket}{decision}")).await;
        assert!(stage.login().await.is_none_or(|login| login.user.is_none()), "{decision}");
    }
}

#[tokio::test]
async fn a_bad_answer_of_the_provider_is_refused() {
    let stage = Stage::new("npm").await;
    let at = stage.begin().await;
    refused(&stage.come_back(&at).await, 401);
    for change in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "somebody-else" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": 1 }),
        json!({ "sub": "a/b" }),
    ] {
        let at = stage.begin().await;
        stage.sign("ann", &at.query["nonce"], &change);
        let answer = stage.come_back(&at).await;
        refused(&answer, 401);
        assert!(!answer.text().contains("ticket"), "{change}");
    }
    let at = stage.begin().await;
    stage.provider.exchange.lock().unwrap().id_token = Some("art_000".into());
    refused(&stage.come_back(&at).await, 401);
    let at = stage.begin().await;
    let path = format!("/api/auth/callback?error=access_denied&state={}", at.query["state"]);
    refused(&stage.app.anonymous().get_with(&path, &[("cookie", &at.cookie)]).await, 403);
}

#[tokio::test]
async fn everything_expires() {
    let stage = Stage::new("npm").await;
    let at = stage.begin().await;
    let (second, ticket) = stage.confirm("ann").await;
    stage.app.clock.advance_millis(600_000);
    stage.sign("ann", &at.query["nonce"], &json!({}));
    refused(&stage.come_back(&at).await, 400);
    refused(&stage.answer(SESSION, &second.cookie, &format!("ticket={ticket}&decision=allow")).await, 400);
    refused(&stage.app.anonymous().get(&format!("/api/auth/cli/{SESSION}")).await, 404);
    for unknown in ["x", &SESSION.replace('0', "9"), "0123456789abcdefghijABCDEFGHIJ-_2345678~"] {
        refused(&stage.app.anonymous().get(&format!("/api/auth/cli/{unknown}")).await, 404);
    }
}

#[tokio::test]
async fn one_login_gets_one_answer() {
    let stage = Stage::new("npm").await;
    let (first, ticket) = stage.confirm("ann").await;
    let (second, other) = stage.confirm("bob").await;
    let allow = async |at: &AtProvider, ticket: &str| {
        stage.answer(SESSION, &at.cookie, &format!("ticket={ticket}&decision=allow")).await.status
    };
    let (a, b) = tokio::join!(allow(&first, &ticket), allow(&second, &other));
    assert!((a == 200) != (b == 200), "{a} {b}");
    let agreed = stage.login().await.unwrap().user.unwrap();
    assert_eq!(agreed.as_str(), if a == 200 { "ann" } else { "bob" });
}

#[tokio::test]
async fn a_silent_provider_is_said_to_be_silent() {
    // A port that was free a moment ago, and where nobody listens.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let app = TestApp::with(|config| config.oidc_issuer = format!("http://{free}")).await;
    app.state().storage().put(&Key::Login(SESSION.into()), &waiting(i64::MAX, "npm")).await.unwrap();
    refused(&app.anonymous().get(&format!("/api/auth/cli/{SESSION}")).await, 503);
}
