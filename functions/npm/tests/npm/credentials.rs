//! What counts as a credential, and what only looks like one.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use granary_model::Clock as _;
use granary_testing::{Actor, TestApp, TestIssuer};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::support::{at, private, publish_all};

async fn read_as(app: &TestApp, authorization: &str) -> u16 {
    app.anonymous().get_with(&at("pad"), &[("authorization", authorization)]).await.status
}

#[tokio::test]
async fn bearer_and_basic_are_the_two_forms() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let token = ann.secret();
    for good in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("Basic {}", STANDARD.encode(format!("ann:{token}"))),
        format!("Basic {}", STANDARD.encode(format!("{token}:"))),
    ] {
        assert_eq!(read_as(&app, &good).await, 200, "{good}");
    }
    for bad in [
        token.to_owned(),
        format!("Bearer {token}x"),
        format!("Bearer {}", &token[..39]),
        format!("Token {token}"),
        format!("Basic {token}"),
        format!("Basic {}", STANDARD.encode("ann:password")),
        "Bearer".to_owned(),
        String::new(),
    ] {
        assert_eq!(read_as(&app, &bad).await, 401, "{bad}");
    }
}

#[tokio::test]
async fn a_credential_anywhere_but_in_the_header_is_none() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let token = ann.secret();
    for name in [
        "token",
        "access_token",
        "authToken",
        "_authToken",
        "auth",
        "private_token",
        "api_key",
        "Authorization",
    ] {
        for value in [token.to_owned(), format!("Bearer%20{token}")] {
            let response = app.anonymous().get(&at(&format!("pad?{name}={value}"))).await;
            assert_eq!(response.status, 401, "{name}");
        }
    }
    for header in
        ["x-auth-token", "x-jfrog-art-api", "proxy-authorization", "cookie", "private-token", "npm-otp"]
    {
        let response = app.anonymous().get_with(&at("pad"), &[(header, token)]).await;
        assert_eq!(response.status, 401, "{header}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let good = format!("Bearer {}", ann.secret());
    for second in [good.as_str(), "Bearer x", "Basic eDp5"] {
        let request =
            Request::builder().uri(at("pad")).header("authorization", &good).header("authorization", second);
        let response = app.anonymous().send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status, 400, "{second}: {}", response.text());
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_the_next_request_of_every_process() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let other = app.restarted().token(ann.secret());
    let paths = ["pad", "pad/1.0.0", "pad/-/pad-1.0.0.tgz", "-/whoami", "-/v1/search?text=pad"];
    for path in paths {
        assert_eq!(
            (ann.get(&at(path)).await.status, other.get(&at(path)).await.status),
            (200, 200),
            "{path}"
        );
    }
    let etag = ann.get(&at("pad")).await.header("etag").to_owned();
    assert_eq!(ann.delete(&at(&format!("-/user/token/{}", ann.secret()))).await.status, 200);
    for path in paths {
        assert_eq!(
            (ann.get(&at(path)).await.status, other.get(&at(path)).await.status),
            (401, 401),
            "{path}"
        );
    }
    assert_eq!(other.get_with(&at("pad"), &[("if-none-match", &etag)]).await.status, 401);
    assert_eq!(ann.publish("libs", &granary_testing::npm::NpmPackage::new("pad", "1.1.0")).await.status, 401);
}

#[tokio::test]
async fn a_token_works_until_the_very_moment_it_expires() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let body = json!({ "name": "short", "scopes": ["read"], "expiresInDays": 1 });
    let made = app.user("ann").post_json("/api/auth/token", &body).await.json();
    let short = app.token(made["rawToken"].as_str().unwrap());
    assert_eq!(short.get(&at("pad")).await.status, 200);
    app.clock.advance_millis(86_400_000 - 1);
    assert_eq!(short.get(&at("pad")).await.status, 200);
    app.clock.advance_millis(1);
    for path in ["pad", "pad/-/pad-1.0.0.tgz", "-/whoami"] {
        assert_eq!(short.get(&at(path)).await.status, 401, "{path}");
    }
    assert_eq!(ann.get(&at("pad")).await.status, 200);
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn status_of(app: &TestApp, token: &str) -> u16 {
    let actor: Actor = app.token(token);
    actor.get(&at("pad")).await.status
}

#[tokio::test]
async fn forged_id_tokens_are_refused() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let config = app.state().config().clone();
    let now = app.clock.now().seconds();
    let claims = json!({ "iss": config.oidc_issuer, "aud": config.oidc_audience, "sub": "ann", "iat": now, "exp": now + 3600 });
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().shift_remove(name);
        claims
    };
    let good = app.issuer.id_token(&claims);
    assert_eq!(status_of(&app, &good).await, 200, "the claims themselves are good");
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { panic!("three parts") };
    let key = |kid: &str, algorithm| Header { kid: Some(kid.into()), ..Header::new(algorithm) };
    let jwks = app.issuer.jwks();
    let hs256 = |secret: &[u8]| {
        jsonwebtoken::encode(&key("test", Algorithm::HS256), &claims, &EncodingKey::from_secret(secret))
            .unwrap()
    };
    let x = URL_SAFE_NO_PAD.decode(jwks["keys"][0]["x"].as_str().unwrap()).unwrap();
    let y = URL_SAFE_NO_PAD.decode(jwks["keys"][0]["y"].as_str().unwrap()).unwrap();
    let none = |algorithm: &str| {
        format!("{}.{payload}.", encoded(&json!({ "alg": algorithm, "typ": "JWT", "kid": "test" })))
    };
    let other_key = TestIssuer::default();
    let table = [
        ("no algorithm", none("none")),
        ("no algorithm, in other letters", none("nOnE")),
        ("no algorithm but a signature", format!("{}{signature}", none("none"))),
        ("the public key as a secret: JSON", hs256(jwks["keys"][0].to_string().as_bytes())),
        ("the public key as a secret: point", hs256(&[&[4], x.as_slice(), &y].concat())),
        ("the public key as a secret: x", hs256(&x)),
        ("an empty secret", hs256(b"")),
        ("an unknown key", app.issuer.sign(&key("other", Algorithm::ES256), &claims)),
        ("another key under the same name", other_key.id_token(&claims)),
        ("no signature", format!("{header}.{payload}.")),
        ("another signature", format!("{header}.{payload}.{}", "A".repeat(signature.len()))),
        (
            "another user under the signature",
            format!("{header}.{}.{signature}", encoded(&with("sub", "root".into()))),
        ),
        ("expired", app.issuer.id_token(&with("exp", (now - 31).into()))),
        ("not valid yet", app.issuer.id_token(&with("nbf", (now + 60).into()))),
        ("for somebody else", app.issuer.id_token(&with("aud", "other".into()))),
        ("for several others", app.issuer.id_token(&with("aud", json!(["other", "granary2"])))),
        ("of another issuer", app.issuer.id_token(&with("iss", "https://evil.example".into()))),
        (
            "of an issuer that begins alike",
            app.issuer.id_token(&with("iss", format!("{}/x", config.oidc_issuer).into())),
        ),
        ("without audience", app.issuer.id_token(&without("aud"))),
        ("without issuer", app.issuer.id_token(&without("iss"))),
        ("without end", app.issuer.id_token(&without("exp"))),
        ("without user", app.issuer.id_token(&without("sub"))),
        ("with an end that is a text", app.issuer.id_token(&with("exp", "never".into()))),
        ("with a user that is no user id", app.issuer.id_token(&with("sub", "ann#x".into()))),
        ("with an empty user", app.issuer.id_token(&with("sub", "".into()))),
    ];
    for (what, token) in table {
        let response = app.token(&token).get(&at("pad")).await;
        assert_eq!(response.status, 401, "{what}: {}", response.text());
        let text = response.text();
        assert!(
            !text.contains("signature") && !text.contains("issuer"),
            "{what}: no help for guessing: {text}"
        );
    }
    let several = app.issuer.id_token(&with("aud", json!(["other", config.oidc_audience])));
    assert_eq!(status_of(&app, &several).await, 200);
    // The user that never was has not been made by any of them.
    assert_eq!(app.user("ann").get(&at("-/user/org.couchdb.user:root")).await.status, 404);
}

#[tokio::test]
async fn a_session_ends_with_its_id_token() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let session = app.user("ann");
    assert_eq!(session.get(&at("pad")).await.status, 200);
    app.clock.advance_millis((3_600 + 29) * 1_000);
    assert_eq!(session.get(&at("pad")).await.status, 200, "clocks differ by up to half a minute");
    app.clock.advance_millis(1_000);
    assert_eq!(session.get(&at("pad")).await.status, 401);
}
