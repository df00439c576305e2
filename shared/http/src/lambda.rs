//! Running a family's router as a Lambda function.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::StatusCode;
use granary_auth::{HttpKeys, KeySource, OidcVerifier};
use granary_model::{RandomIds, Result, SystemClock};
use granary_storage::Storage;
use http_body_util::BodyExt as _;
use tower::Service;

use crate::config::{Config, names_from_env, optional};
use crate::layers::{App, serve};
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
    lambda_http::run(Function(serve(routes, state))).await
}

/// Most bytes that leave as text: in JSON a control character takes six times its size, and an answer has 6 MB.
const MOST_TEXT: usize = 256 * 1024;

/// An application whose answers leave a function byte for byte.
///
/// `lambda_http` decides by the media type whether a body is text, and decodes it with loss if so: a POM in
/// Latin-1 would come out damaged. Here the bytes decide: what is UTF-8 and small goes as text,
/// everything else as base64.
#[derive(Clone, Debug)]
pub struct Function(pub App);

/// An answer of a [`Function`].
#[derive(Debug)]
pub struct FunctionResponse(axum::response::Response);

impl lambda_http::IntoResponse for FunctionResponse {
    fn into_response(self) -> Pin<Box<dyn Future<Output = lambda_http::Response<lambda_http::Body>> + Send>> {
        Box::pin(async move {
            let (mut parts, body) = self.0.into_parts();
            let body = match body.collect().await {
                Ok(collected) => {
                    let bytes: Vec<u8> = collected.to_bytes().into();
                    let fits = bytes.len() <= MOST_TEXT;
                    match String::from_utf8(bytes) {
                        Ok(text) if fits => lambda_http::Body::Text(text),
                        Ok(text) => lambda_http::Body::Binary(text.into_bytes()),
                        Err(binary) => lambda_http::Body::Binary(binary.into_bytes()),
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "an answer broke off");
                    parts.status = StatusCode::INTERNAL_SERVER_ERROR;
                    lambda_http::Body::Empty
                }
            };
            lambda_http::Response::from_parts(parts, body)
        })
    }
}

impl Service<lambda_http::Request> for Function {
    type Response = FunctionResponse;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<FunctionResponse, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Service::<lambda_http::Request>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, request: lambda_http::Request) -> Self::Future {
        let answer = Service::<lambda_http::Request>::call(&mut self.0, request);
        Box::pin(async move { Ok(FunctionResponse(answer.await?)) })
    }
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
