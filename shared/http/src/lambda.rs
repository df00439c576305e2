//! Running a family's router as a Lambda function.

use std::sync::Arc;

use axum::Router;
use granary_auth::{HttpKeys, KeySource, OidcVerifier};
use granary_model::{RandomIds, Result, SystemClock};
use granary_storage::Storage;

use crate::config::{Config, names_from_env, optional};
use crate::layers::serve;
use crate::state::{AppState, Parts};

/// The state of a function on AWS, from its environment. Opens connections ahead of the first request.
pub async fn connect() -> Result<AppState> {
    let config = Config::from_env()?;
    let storage = Storage::aws(names_from_env()?).await;
    let keys = KeySource::Http(HttpKeys::new(&config.oidc_issuer)?);
    let oidc = OidcVerifier::new(&config.oidc_issuer, &config.oidc_audience, keys);
    Ok(AppState::new(Parts { config, storage, oidc, clock: Arc::new(SystemClock), ids: Arc::new(RandomIds) }))
}

/// Runs a router under the Lambda runtime until the environment is taken down.
///
/// # Errors
/// Configuration errors, and whatever ends the runtime.
pub async fn run(routes: Router<AppState>) -> std::result::Result<(), lambda_http::Error> {
    init_logs();
    let state = connect().await?;
    lambda_http::run(serve(routes, state)).await
}

/// Structured logs to standard output, at the level of `GRANARY_LOG` (default `info`).
pub fn init_logs() {
    let filter = tracing_subscriber::EnvFilter::new(optional("GRANARY_LOG").unwrap_or_else(|| "info".into()));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_current_span(false)
        .init();
}
