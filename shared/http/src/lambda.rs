//! Running a family's router as a Lambda function.

pub mod queue;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use granary_auth::{HttpKeys, KeySource, OidcVerifier};
use granary_model::{RandomIds, Result, SystemClock, Timestamp};
use granary_storage::{Names, Storage};
use http_body_util::BodyExt as _;
use lambda_http::RequestExt as _;
use lambda_http::lambda_runtime::layers::TracingLayer;
use lambda_http::lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::Service;
use tower::util::AndThenLayer;

use crate::config::{Config, names_from_env, optional};
use crate::damage;
use crate::layers::{App, TimeLimit, serve};
use crate::state::{AppState, Parts};

/// The state of a function on AWS, from its environment. Opens connections ahead of the first request.
pub async fn connect_from_env() -> Result<AppState> {
    connect(Config::from_env()?, names_from_env()?).await
}

/// The state of what runs over the stores of a deployment.
pub async fn connect(config: Config, names: Names) -> Result<AppState> {
    let storage = Storage::aws(names).await;
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
    let state = connect_from_env().await?;
    drive(lambda_http::runtime(Function(serve(routes, state)))).await
}

/// Runs what answers invocations that are no requests: messages of a queue ([`queue`]) and tasks ([`task`]).
///
/// # Errors
/// Configuration errors, and whatever ends the runtime.
pub async fn run_events<F>(
    answer: impl Fn(AppState, LambdaEvent<Value>) -> F,
) -> std::result::Result<(), lambda_http::Error>
where
    F: Future<Output = std::result::Result<Value, lambda_http::Error>>,
{
    init_logs();
    let state = connect_from_env().await?;
    drive(Runtime::new(service_fn(|event| answer(state.clone(), event)))).await
}

/// What an invocation asks for that has the member `task`, as schedules and operators send it.
///
/// # Errors
/// There is no such task.
pub fn task<T: DeserializeOwned>(payload: &Value) -> std::result::Result<Option<T>, lambda_http::Error> {
    if payload.get("task").is_none() {
        return Ok(None);
    }
    let task = T::deserialize(payload).map_err(|e| format!("this task cannot be read: {e}"))?;
    Ok(Some(task))
}

/// Runs a runtime until its environment is taken down, or until the process cannot sign in any more.
///
/// # Errors
/// Whatever ends the runtime.
pub async fn drive<S>(runtime: Runtime<S>) -> std::result::Result<(), lambda_http::Error>
where
    S: Service<LambdaInvocation, Response = (), Error = lambda_http::Error>,
{
    // Around everything else, so that the answer has been sent by then.
    let renewed = AndThenLayer::new(|()| std::future::ready(while_credentials_work()));
    runtime.layer(TracingLayer::new()).layer(renewed).run().await
}

/// Fails once a service has refused the credentials of this process.
///
/// They are in its environment and stay as they are, so it would fail at every request until AWS replaces it; ended,
/// it is replaced at once.
fn while_credentials_work() -> std::result::Result<(), lambda_http::Error> {
    if granary_storage::credentials_refused() {
        return Err(
            "the credentials of this process are refused; it ends, so that another one gets new ones".into(),
        );
    }
    Ok(())
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
pub struct FunctionResponse(lambda_http::Response<lambda_http::Body>);

impl lambda_http::IntoResponse for FunctionResponse {
    fn into_response(self) -> Pin<Box<dyn Future<Output = lambda_http::Response<lambda_http::Body>> + Send>> {
        Box::pin(std::future::ready(self.0))
    }
}

/// Gives the answer its form. Its body is in memory already: see [`TimeLimit`].
async fn finished(response: axum::response::Response) -> FunctionResponse {
    let (mut parts, body) = response.into_parts();
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
    FunctionResponse(lambda_http::Response::from_parts(parts, body))
}

/// What is kept of a function's time to answer that there is no more of it.
const RESERVE: Duration = Duration::from_secs(3);

/// How long a request may take; longest if AWS has not said when it ends the function.
fn time_limit(request: &lambda_http::Request, now: Timestamp) -> TimeLimit {
    let deadline = request.lambda_context_ref().map_or(0, |context| context.deadline);
    if deadline == 0 {
        return TimeLimit(LONGEST);
    }
    let now = u64::try_from(now.millis()).unwrap_or(0);
    TimeLimit(Duration::from_millis(deadline.saturating_sub(now)).saturating_sub(RESERVE))
}

/// No function runs longer than that.
const LONGEST: Duration = Duration::from_mins(15);

/// How long an answer may wait until downloads and uses of tokens are written.
const COUNTING: Duration = Duration::from_millis(500);

/// Writes counts of downloads and uses of tokens before the answer leaves: the process may stand still, or end, as soon as
/// it has. Only now and then, so that most answers wait for nothing, and never for long.
async fn write_counts(state: &AppState) {
    if !state.counts_are_due() {
        return;
    }
    let counting = state.clone();
    // Not dropped when it takes too long: it goes on with the next request.
    let writing = tokio::spawn(async move { counting.write_counts().await });
    match tokio::time::timeout(COUNTING, writing).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "counts and last uses wait for the next time"),
        Ok(Err(error)) => tracing::error!(%error, "counts and last uses are lost"),
        Err(_) => tracing::warn!("counts and last uses are still being written"),
    }
}

impl Service<lambda_http::Request> for Function {
    type Response = FunctionResponse;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<FunctionResponse, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Service::<lambda_http::Request>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, mut request: lambda_http::Request) -> Self::Future {
        let limit = time_limit(&request, self.0.state().now());
        request.extensions_mut().insert(limit);
        let state = self.0.state().clone();
        let answer = Service::<axum::extract::Request>::call(&mut self.0, damage::checked(request));
        Box::pin(async move {
            let response = finished(answer.await?).await;
            write_counts(&state).await;
            Ok(response)
        })
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
