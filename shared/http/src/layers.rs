//! What every request passes through before and after its handler.

use std::borrow::Cow;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::FutureExt as _;
use granary_model::path::canonical_path;
use granary_model::{Error, TokenKind};
use http_body_util::BodyExt as _;
use lambda_http::RequestExt as _;
use tower::{Service, ServiceExt as _};

use crate::failure::ApiError;
use crate::health::show_health;
use crate::problem::in_dialect_of;
use crate::state::AppState;

/// The whole application: merged routers behind path canonicalisation, logging and panic handling.
#[derive(Clone, Debug)]
pub struct App {
    router: Router,
    state: AppState,
}

/// Completes merged routers into an application: adds `/health`, the answer for unknown paths and the
/// layers.
pub fn serve(routes: Router<AppState>, state: AppState) -> App {
    let router = routes
        .route("/health", get(show_health))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // Handlers bound what they read themselves; axum's own 2 MB limit would cut uploads short.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(state.clone());
    App { router, state }
}

async fn not_found(uri: Uri) -> Response {
    let error = Error::NotFound("there is nothing at this path; see the API description".into());
    in_dialect_of(uri.path(), error)
}

async fn method_not_allowed() -> Response {
    let mut response =
        ApiError(Error::BadRequest("the path exists, but not with this method".into())).into_response();
    *response.status_mut() = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// Stands in the extensions of a request whose path ended with a slash, which is the same path without to all others.
#[derive(Debug, Clone, Copy)]
pub struct SlashAtEnd;

/// How long a request may take with all of its answer, which is sent as a whole then. Where there is no such limit,
/// an answer is sent while it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimit(pub(crate) Duration);

/// An answer whose body is in memory. One that breaks off has not been seen by anybody yet, so its client can be told.
async fn whole(response: Response, path: &str) -> Response {
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(collected) => Response::from_parts(parts, Body::from(collected.to_bytes())),
        Err(error) => {
            tracing::error!(%error, "an answer broke off");
            in_dialect_of(
                path,
                Error::Unavailable("the registry's storage broke off while answering; try again".into()),
            )
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let detail = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Error::Internal(format!("panic: {detail}"))
}

/// Parts of paths after which nothing is logged, wherever they stand.
const SECRETS: [&str; 6] = [
    "/-/user/token/",
    "/-/v1/login/done/",
    "/api/auth/cli/",
    "/consumers/email/",
    "/api/fetch/",
    "/api/prune/",
];

/// Beginnings of paths after which nothing is logged: of clients of the product API that were set up without its `/api`.
const SECRETS_IN_FRONT: [&str; 2] = ["/fetch/", "/prune/"];

/// Where tokens of the product API may have been pasted, which look like any UUID; with and without `/api`.
const OF_PRODUCTS: [&str; 4] = ["/product/", "/register/", "/tokens/", "/health/"];

/// Path for the log: never a secret, and nobody's address. `npm logout` and the product API put tokens into the path, login
/// sessions are secrets as well, and people paste tokens where a name belongs.
fn loggable(path: &str) -> Cow<'_, str> {
    for secret in SECRETS {
        if let Some(at) = path.find(secret) {
            return path.get(..at + secret.len()).unwrap_or(secret).into();
        }
    }
    if let Some(secret) = SECRETS_IN_FRONT.into_iter().find(|secret| path.starts_with(secret)) {
        return secret.into();
    }
    let in_family = path.strip_prefix("/api").unwrap_or(path);
    let of_products = OF_PRODUCTS.iter().any(|prefix| in_family.starts_with(prefix));
    let is_secret = |segment: &str| holds_token(segment) || of_products && holds_uuid(segment);
    if !path.split('/').any(is_secret) {
        return path.into();
    }
    let shown: Vec<&str> =
        path.split('/').map(|segment| if is_secret(segment) { "(token)" } else { segment }).collect();
    shown.join("/").into()
}

/// Whether a UUID, or most of one, stands in a segment of a path.
fn holds_uuid(segment: &str) -> bool {
    segment
        .split(|c: char| !c.is_ascii_hexdigit() && c != '-')
        .any(|run| run.len() >= 30 && run.bytes().filter(|b| *b == b'-').count() >= 3)
}

/// Whether a token, or most of one, stands in a segment of a path.
fn holds_token(segment: &str) -> bool {
    TokenKind::ALL.into_iter().any(|kind| {
        let rest = segment.split_once(kind.prefix()).map_or("", |(_, rest)| rest);
        rest.bytes().take_while(u8::is_ascii_alphanumeric).count() >= 20
    })
}

impl App {
    /// The state it runs on.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// What the handler answers, or why it does not.
    async fn router_answers(&self, request: Request, path: &str) -> Response {
        let limit = request.extensions().get::<TimeLimit>().copied();
        // A defect ends one request, and its client is told so as of any other failure.
        let handler = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        let answer = async {
            let response = match handler.await {
                Ok(response) => response.unwrap_or_else(|never| match never {}),
                Err(panic) => return in_dialect_of(path, panicked(&*panic)),
            };
            if limit.is_none() { response } else { whole(response, path).await }
        };
        let Some(TimeLimit(limit)) = limit else { return answer.await };
        // Dropped in the middle, as if the process had died there: what it left is whole or invisible.
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
            tracing::error!(seconds = limit.as_secs_f32(), "a request took too long and was given up");
            in_dialect_of(
                path,
                Error::Unavailable("the registry's storage is too slow just now; try again".into()),
            )
        })
    }

    async fn respond(self, mut request: Request) -> Response {
        let started = std::time::Instant::now();
        let id = self.state.next_id();
        let method = request.method().clone();
        let waits = request.headers().contains_key(header::EXPECT);
        // API Gateway events carry the path as it came; the URI has been normalised by then, which
        // would hide dot segments and backslashes.
        let raw = match request.extensions().raw_http_path() {
            "" => request.uri().path().to_owned(),
            raw => raw.to_owned(),
        };
        if raw.ends_with('/') {
            request.extensions_mut().insert(SlashAtEnd);
        }
        let (path, mut response) = match canonical_path(&raw) {
            Ok(path) => {
                // It nearly always has its canonical form, and taking it apart again is not free.
                let uri = (request.uri().path() != path).then(|| with_path(request.uri(), &path)).transpose();
                let response = match uri {
                    Ok(uri) => {
                        if let Some(uri) = uri {
                            *request.uri_mut() = uri;
                        }
                        self.router_answers(request, &path).await
                    }
                    Err(error) => in_dialect_of(&raw, error),
                };
                (path, response)
            }
            Err(error) => ("(refused)".to_owned(), in_dialect_of(&raw, error)),
        };
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
        }
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
        // A client that was refused while it waited for `100 Continue` has its body still, and the connection
        // ends here. Without being told, it takes it for usable and fails with the next request.
        if waits && response.status().is_client_error() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        tracing::info!(
            request.id = %id,
            http.method = %method,
            http.path = &*loggable(&path),
            http.status = response.status().as_u16(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }
}

/// The URI with another path and the same query.
fn with_path(uri: &Uri, path: &str) -> Result<Uri, Error> {
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(
        path_and_query.parse().map_err(|_| Error::BadRequest("the request path cannot be used".into()))?,
    );
    Uri::from_parts(parts).map_err(|_| Error::BadRequest("the request path cannot be used".into()))
}

impl<B> Service<axum::http::Request<B>> for App
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: axum::http::Request<B>) -> Self::Future {
        let app = self.clone();
        let request = request.map(Body::new);
        Box::pin(async move { Ok(app.respond(request).await) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_paths_are_not_logged() {
        assert_eq!(loggable("/api/npm/r/-/user/token/art_secret"), "/api/npm/r/-/user/token/");
        assert_eq!(loggable("/consumers/email/ann@example.com"), "/consumers/email/");
        assert_eq!(loggable("/api/npm/r/-/v1/login/done/secret"), "/api/npm/r/-/v1/login/done/");
        let token = format!("rep_{}", "x".repeat(36));
        assert_eq!(loggable(&format!("/api/npm/r/{token}/1.0.0")), "/api/npm/r/(token)/1.0.0");
        assert_eq!(loggable(&format!("/api/repos/{token}")), "/api/repos/(token)");
        assert_eq!(loggable(&format!("/api/npm/r/n@{token}x")), "/api/npm/r/(token)");
        assert_eq!(loggable("/api/npm/r/left-pad"), "/api/npm/r/left-pad");
        assert_eq!(loggable("/api/npm/r/art_deco"), "/api/npm/r/art_deco");
        let token = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
        for path in ["/api/fetch/", "/api/prune/", "/fetch/", "/prune/", "/gateway/api/fetch/"] {
            assert_eq!(loggable(&format!("{path}{token}")), path);
            assert_eq!(loggable(&format!("{path}{token}/more")), path);
        }
        for family in ["/api", ""] {
            for path in
                ["/product/fetch/", "/product/download/lib/", "/product/delete/", "/tokens/", "/health/"]
            {
                let path = format!("{family}{path}");
                assert_eq!(loggable(&format!("{path}{token}")), format!("{path}(token)"));
                assert_eq!(loggable(&format!("{path}x{token}y")), format!("{path}(token)"));
            }
        }
        assert_eq!(loggable("/product/fetch/my-lib"), "/product/fetch/my-lib");
        assert_eq!(loggable("/api/raw/r/fetch/1.0/a"), "/api/raw/r/fetch/1.0/a");
        assert_eq!(loggable("/api/product/fetch/my-lib"), "/api/product/fetch/my-lib");
        assert_eq!(loggable("/api/product/fetch/face-bad-cafe"), "/api/product/fetch/face-bad-cafe");
        assert_eq!(loggable(&format!("/v1/licenses/{token}")), format!("/v1/licenses/{token}"));
    }
}
