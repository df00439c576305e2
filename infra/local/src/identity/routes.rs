//! The provider's routes.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Form, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use granary_model::UserId;
use http::header::{CACHE_CONTROL, HOST};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::identity::codes::Agreement;
use crate::identity::{AUDIENCE, IdentityProvider, LIFETIME, Person, page};

type Provider = State<Arc<IdentityProvider>>;

pub(crate) fn router(provider: Arc<IdentityProvider>) -> Router {
    Router::new()
        .route("/_idp/.well-known/openid-configuration", get(show_configuration))
        .route("/_idp/jwks.json", get(show_keys))
        .route("/_idp/authorize", get(show_sign_in).post(sign_in))
        .route("/_idp/token", post(exchange_code))
        .route("/_idp/id-token", post(create_id_token))
        .layer(middleware::from_fn_with_state(Arc::clone(&provider), check_host))
        .with_state(provider)
}

/// Refuses requests for host names that are not this registry's: a page whose own name points here could
/// otherwise read the answers.
async fn check_host(State(provider): Provider, request: Request, next: Next) -> Response {
    if !is_own_host(&provider.public_url, request.headers()) {
        return (StatusCode::FORBIDDEN, "the identity provider answers on this machine only\n")
            .into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_own_host(public_url: &Url, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(asked) = Url::parse(&format!("http://{host}/")) else { return false };
    let asked = asked.host_str();
    asked == public_url.host_str() || matches!(asked, Some("localhost" | "127.0.0.1" | "[::1]"))
}

async fn show_configuration(State(provider): Provider) -> Json<Value> {
    let issuer = provider.issuer();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks.json"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "email", "profile"],
        "claims_supported": ["iss", "aud", "sub", "email", "email_verified", "name", "iat", "exp", "nonce"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
    }))
}

async fn show_keys(State(provider): Provider) -> Json<Value> {
    Json(provider.jwks_json())
}

/// What a client asks for when it sends a browser here, and what the form sends back besides the person.
#[derive(Debug, Deserialize)]
struct Authorize {
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

impl Authorize {
    /// Says what is wrong with the request. Such a request must not be redirected: its address is what is
    /// in doubt.
    fn check(&self, public_url: &Url) -> Result<Url, &'static str> {
        if self.client_id != AUDIENCE {
            return Err("the client is unknown: client_id has to be 'granary'");
        }
        let target = Url::parse(&self.redirect_uri).map_err(|_| "redirect_uri is not an address")?;
        let own_path = public_url.path().trim_end_matches('/');
        let below = target.path().strip_prefix(own_path).is_some_and(|rest| rest.starts_with('/'));
        if target.origin() != public_url.origin() || !below || !target.username().is_empty() {
            return Err("redirect_uri is not an address of this registry");
        }
        if self.response_type != "code" {
            return Err("response_type has to be 'code'");
        }
        if self.code_challenge.is_some() && self.code_challenge_method.as_deref() != Some("S256") {
            return Err("code_challenge_method has to be 'S256'");
        }
        Ok(target)
    }

    fn hidden(&self) -> Vec<(&'static str, &str)> {
        [
            ("response_type", Some(self.response_type.as_str())),
            ("client_id", Some(self.client_id.as_str())),
            ("redirect_uri", Some(self.redirect_uri.as_str())),
            ("state", self.state.as_deref()),
            ("nonce", self.nonce.as_deref()),
            ("code_challenge", self.code_challenge.as_deref()),
            ("code_challenge_method", self.code_challenge_method.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

async fn show_sign_in(State(provider): Provider, Query(request): Query<Authorize>) -> Response {
    match request.check(&provider.public_url) {
        Ok(_) => Html(page::sign_in(&request.hidden(), None)).into_response(),
        Err(problem) => (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct SignIn {
    #[serde(flatten)]
    request: Authorize,
    sub: String,
    email: Option<String>,
    name: Option<String>,
}

async fn sign_in(State(provider): Provider, Form(form): Form<SignIn>) -> Response {
    let SignIn { request, sub, email, name } = form;
    let mut target = match request.check(&provider.public_url) {
        Ok(target) => target,
        Err(problem) => return (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
    };
    let sub = match sub.trim().parse::<UserId>() {
        Ok(sub) => sub,
        Err(problem) => {
            let page = page::sign_in(&request.hidden(), Some(&problem.to_string()));
            return (StatusCode::BAD_REQUEST, Html(page)).into_response();
        }
    };
    let given =
        |field: Option<String>| field.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let agreement = Agreement {
        person: Person { sub, email: given(email), name: given(name) },
        redirect_uri: request.redirect_uri,
        nonce: request.nonce,
        code_challenge: request.code_challenge,
    };
    let code = provider.codes.issue(agreement, provider.clock.now());
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = request.state {
        target.query_pairs_mut().append_pair("state", &state);
    }
    Redirect::to(target.as_str()).into_response()
}

#[derive(Debug, Deserialize)]
struct Exchange {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    code: String,
    redirect_uri: Option<String>,
    client_id: Option<String>,
    code_verifier: Option<String>,
}

async fn exchange_code(State(provider): Provider, Form(request): Form<Exchange>) -> Response {
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if request.grant_type != "authorization_code" {
        return refuse("unsupported_grant_type");
    }
    if request.client_id.is_some_and(|client| client != AUDIENCE) {
        return refuse("invalid_client");
    }
    let agreement = provider.codes.take(&request.code, provider.clock.now());
    let agreement = agreement.filter(|agreement| {
        agreement.is_from(request.redirect_uri.as_deref(), request.code_verifier.as_deref())
    });
    let Some(agreement) = agreement else { return refuse("invalid_grant") };
    match provider.id_token(&agreement.person, agreement.nonce.as_deref()) {
        // There is nothing else here to have access to, so the token that OAuth demands is the same.
        Ok(token) => Json(json!({
            "access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": LIFETIME,
        }))
        .into_response(),
        Err(error) => failed(&error),
    }
}

async fn create_id_token(State(provider): Provider, body: Result<Json<Person>, JsonRejection>) -> Response {
    let person = match body {
        Ok(Json(person)) => person,
        Err(problem) => {
            return (problem.status(), Json(json!({ "error": problem.body_text() }))).into_response();
        }
    };
    match provider.id_token(&person, None) {
        Ok(token) => Json(json!({ "idToken": token })).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "an ID token could not be made");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "server_error" }))).into_response()
}
