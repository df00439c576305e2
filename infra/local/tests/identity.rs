//! The local identity provider, by its routes.
#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use granary_local::identity::{AUDIENCE, IdentityProvider};
use granary_model::{FixedClock, Timestamp};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const PUBLIC: &str = "http://localhost:8080";
const NOW: i64 = 1_800_000_000;

struct Setup {
    folder: TempDir,
    provider: Arc<IdentityProvider>,
    router: Router,
    clock: Arc<FixedClock>,
}

impl Setup {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn open(folder: TempDir) -> Self {
        let clock = Arc::new(FixedClock::new(Timestamp::from_millis(NOW * 1000)));
        let provider = IdentityProvider::open(folder.path(), PUBLIC, Arc::clone(&clock) as _).unwrap();
        let provider = Arc::new(provider);
        let router = Arc::clone(&provider).router();
        Self { folder, provider, router, clock }
    }

    async fn send(&self, request: Request<Body>) -> (Response<()>, String) {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> (Response<()>, String) {
        let request = Request::get(path).header("host", "localhost:8080");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, content_type: &str, body: String) -> (Response<()>, String) {
        let request =
            Request::post(path).header("host", "localhost:8080").header("content-type", content_type);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> (Response<()>, String) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post(path, "application/x-www-form-urlencoded", body).await
    }

    /// Verifies with the published key, as any client would.
    fn claims(&self, token: &str) -> Value {
        let keys: JwkSet = serde_json::from_value(self.provider.jwks_json()).unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(header.alg, Algorithm::ES256);
        let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&["http://localhost:8080/_idp"]);
        validation.set_audience(&[AUDIENCE]);
        validation.validate_exp = false;
        jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
    }
}

const CALLBACK: &str = "http://localhost:8080/console/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const SIGN_IN: [(&str, &str); 9] = [
    ("response_type", "code"),
    ("client_id", "granary"),
    ("redirect_uri", CALLBACK),
    ("state", "s t&te"),
    ("nonce", "n0"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("sub", "ann"),
    ("email", "ann@example.com"),
];

async fn code(setup: &Setup) -> String {
    let (response, _) = setup.post_form("/_idp/authorize", &SIGN_IN).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let location = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert!(location.as_str().starts_with(CALLBACK));
    let parameter = |name: &str| location.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(parameter("state"), "s t&te");
    parameter("code")
}

#[tokio::test]
async fn discovery_leads_to_the_key_that_signs() {
    let setup = Setup::new();
    let (response, text) = setup.get("/_idp/.well-known/openid-configuration").await;
    assert_eq!(response.status(), StatusCode::OK);
    let discovery: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(discovery["issuer"], "http://localhost:8080/_idp");
    assert_eq!(discovery["jwks_uri"], "http://localhost:8080/_idp/jwks.json");
    assert_eq!(discovery["authorization_endpoint"], "http://localhost:8080/_idp/authorize");
    let (_, text) = setup.get("/_idp/jwks.json").await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), setup.provider.jwks_json());
    assert!(!text.contains("\"d\""), "{text}");
    assert!(discovery["claims_supported"].as_array().unwrap().contains(&json!("email_verified")));
}

#[tokio::test]
async fn a_script_gets_a_token_for_any_user() {
    let setup = Setup::new();
    let body = json!({ "sub": "ann", "email": "ann@example.com", "name": "Ann" });
    let (response, text) = setup.post("/_idp/id-token", "application/json", body.to_string()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let token = serde_json::from_str::<Value>(&text).unwrap()["idToken"].as_str().unwrap().to_owned();
    let expected = json!({
        "iss": "http://localhost:8080/_idp", "aud": "granary", "sub": "ann", "email": "ann@example.com",
        "email_verified": true, "name": "Ann", "iat": NOW, "exp": NOW + 3600,
    });
    assert_eq!(setup.claims(&token), expected);
    for bad in [json!({}), json!({ "sub": "" }), json!({ "sub": "a/b" })] {
        let (response, _) = setup.post("/_idp/id-token", "application/json", bad.to_string()).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    // What a form of another site can send without asking first.
    let (response, _) = setup.post("/_idp/id-token", "text/plain", body.to_string()).await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn the_key_outlives_a_restart() {
    let setup = Setup::new();
    let person = serde_json::from_value(json!({ "sub": "ann" })).unwrap();
    let token = setup.provider.id_token(&person, None).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = setup.folder.path().join("idp-key.p8").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let setup = Setup::open(setup.folder);
    let claims = setup.claims(&token);
    assert_eq!(claims["sub"], "ann");
    assert_eq!(claims.get("email_verified"), None, "there is no address");
}

#[tokio::test]
async fn a_browser_signs_in_and_its_client_gets_the_tokens_once() {
    let setup = Setup::new();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&SIGN_IN[..7]).finish();
    let (response, page) = setup.get(&format!("/_idp/authorize?{query}")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(page.contains("name=\"sub\"") && page.contains("value=\"s t&amp;te\""), "{page}");

    let code = code(&setup).await;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", "granary"),
        ("code_verifier", VERIFIER),
    ];
    let (response, text) = setup.post_form("/_idp/token", &exchange).await;
    assert_eq!(response.status(), StatusCode::OK, "{text}");
    let tokens: Value = serde_json::from_str(&text).unwrap();
    let claims = setup.claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&claims["sub"], &claims["nonce"]), (&json!("ann"), &json!("n0")));
    assert_eq!(claims.get("name"), None);
    let (response, text) = setup.post_form("/_idp/token", &exchange).await;
    assert_eq!((response.status(), text.as_str()), (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#));
}

#[tokio::test]
async fn a_code_is_of_no_use_to_others_or_later() {
    let setup = Setup::new();
    let exchange = |code: String, redirect: &'static str, verifier: &'static str| {
        let fields = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", redirect.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        setup.post("/_idp/token", "application/x-www-form-urlencoded", body)
    };
    for (redirect, verifier) in [(CALLBACK, "another"), ("http://localhost:8080/other", VERIFIER)] {
        let (response, _) = exchange(code(&setup).await, redirect, verifier).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    let late = code(&setup).await;
    setup.clock.advance_millis(60_000);
    let (response, _) = exchange(late, CALLBACK, VERIFIER).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_sign_in_leads_to_this_registry_only() {
    let setup = Setup::new();
    for (name, value) in [
        ("redirect_uri", "http://evil.example/"),
        ("redirect_uri", "http://localhost:8081/"),
        ("redirect_uri", "https://localhost:8080/"),
        ("redirect_uri", "http://localhost:8080@evil.example/"),
        ("redirect_uri", "javascript:alert(1)"),
        ("client_id", "other"),
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
    ] {
        let fields = SIGN_IN.map(|(key, usual)| (key, if key == name { value } else { usual }));
        let (response, _) = setup.post_form("/_idp/authorize", &fields).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name} {value}");
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields[..7]).finish();
        let (response, _) = setup.get(&format!("/_idp/authorize?{query}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name} {value}");
    }
    let fields = SIGN_IN.map(|(key, usual)| (key, if key == "sub" { "a b" } else { usual }));
    let (response, page) = setup.post_form("/_idp/authorize", &fields).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(page.contains("role=\"alert\""), "{page}");
}

#[tokio::test]
async fn a_name_that_only_points_here_gets_no_answer() {
    let setup = Setup::new();
    for (host, status) in [
        ("localhost:8080", StatusCode::OK),
        ("127.0.0.1:9", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("evil.example:8080", StatusCode::FORBIDDEN),
        ("localhost.evil.example", StatusCode::FORBIDDEN),
    ] {
        let request = Request::get("/_idp/jwks.json").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(setup.send(request).await.0.status(), status, "{host}");
    }
    let without = Request::get("/_idp/jwks.json").body(Body::empty()).unwrap();
    assert_eq!(setup.send(without).await.0.status(), StatusCode::FORBIDDEN);
}
