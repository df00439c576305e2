//! An identity provider on a loopback port, which signs what the test tells it.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the provider was asked, and what it shall answer.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// The form of the last code exchange.
    pub(crate) form: String,
    /// The ID token to answer with; without one the code is refused.
    pub(crate) id_token: Option<String>,
}

/// A running provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    /// Its issuer.
    pub(crate) issuer: String,
    /// The code exchange.
    pub(crate) exchange: Arc<Mutex<Exchange>>,
}

impl Provider {
    /// Starts one on a free port. It ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self { issuer, exchange: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }
}

async fn discovery(State(provider): State<Provider>) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?tenant=t"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
    }))
}

async fn token(State(provider): State<Provider>, form: String) -> impl IntoResponse {
    let mut exchange = provider.exchange.lock().unwrap();
    exchange.form = form;
    match &exchange.id_token {
        Some(token) => (StatusCode::OK, Json(json!({ "id_token": token, "token_type": "Bearer" }))),
        None => (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))),
    }
}
