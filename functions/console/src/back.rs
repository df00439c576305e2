//! The registry's interface behind the pages, in the same process.

use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use granary_http::{AppState, read_limited, shown};
use granary_model::{Error, RawToken, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;

/// Largest answer that a page can be made of, in bytes.
const MAX_ANSWER: u64 = 16_000_000;

/// The families that pages ask.
pub(crate) struct Back {
    api: Router<AppState>,
    ready: OnceLock<Router>,
}

/// What the interface answers instead of what was asked for, with the words that it has for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The status.
    pub(crate) status: StatusCode,
    /// What is wrong, and what to do about it.
    pub(crate) message: String,
}

impl Problem {
    /// Whether whoever filled in a form can do something about it, so that the form is shown again with the message.
    pub(crate) fn is_about_input(&self) -> bool {
        use StatusCode as S;
        matches!(
            self.status,
            S::BAD_REQUEST | S::CONFLICT | S::FORBIDDEN | S::PAYLOAD_TOO_LARGE | S::UNPROCESSABLE_ENTITY
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let api = granary_http::ApiError(error);
        if let Error::Internal(detail) = &api.0 {
            tracing::error!(error = %detail, "a page failed");
            return Self { status: api.status(), message: "Something went wrong here. Try again.".into() };
        }
        Self { status: api.status(), message: api.0.to_string() }
    }
}

/// What is asked.
pub(crate) struct Question<'a> {
    /// The method.
    pub(crate) method: Method,
    /// Path and query, from [`crate::address`].
    pub(crate) path: &'a str,
    /// The session of whoever looks.
    pub(crate) session: Option<&'a RawToken>,
    /// The organisation for which it is asked, where that is not in the path.
    pub(crate) org: Option<&'a str>,
    /// The body, if there is one.
    pub(crate) body: Option<&'a Value>,
}

/// The body of an error.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Back {
    pub(crate) fn new(api: Router<AppState>) -> Self {
        Self { api, ready: OnceLock::new() }
    }

    /// Asks, and reads the answer; an answer without a body is `null`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        state: &AppState,
        question: Question<'_>,
    ) -> Result<T, Problem> {
        let (status, bytes) = self.answer(state, question).await?;
        if !status.is_success() {
            return Err(refusal(status, &bytes));
        }
        let bytes: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(bytes)
            .map_err(|e| Error::internal("reading an answer of the interface", e).into())
    }

    /// Asks for something that is handed on as it is: a file, or a redirect to it.
    pub(crate) async fn fetch(&self, state: &AppState, question: Question<'_>) -> Result<Response, Problem> {
        let response = self.respond(state, &question).await?;
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        Err(refusal(status, &read_limited(response.into_body(), MAX_ANSWER).await?))
    }

    async fn respond(&self, state: &AppState, question: &Question<'_>) -> Result<Response> {
        let router = self.ready.get_or_init(|| self.api.clone().with_state(state.clone())).clone();
        Ok(router.oneshot(request(question)?).await.unwrap_or_else(|never| match never {}))
    }

    async fn answer(&self, state: &AppState, question: Question<'_>) -> Result<(StatusCode, Vec<u8>)> {
        let response = self.respond(state, &question).await?;
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE);
        let is_text = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        let bytes: Vec<u8> = read_limited(response.into_body(), MAX_ANSWER).await?.into();
        if is_text && status.is_success() {
            // The product API gives a new token as text.
            return Ok((status, Value::from(String::from_utf8_lossy(&bytes)).to_string().into_bytes()));
        }
        Ok((status, bytes))
    }
}

fn request(question: &Question<'_>) -> Result<Request<Body>> {
    let mut headers = HeaderMap::new();
    if let Some(session) = question.session {
        let value = format!("Bearer {}", session.expose());
        let value = value.parse().map_err(|e| Error::internal("asking the interface", e))?;
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(org) = question.org {
        // It comes from an address, and may be anything.
        let value =
            org.parse().map_err(|_| Error::NotFound(format!("organisation '{}' not found", shown(org))))?;
        headers.insert(header::HeaderName::from_static("granary-org"), value);
    }
    let body = match question.body {
        Some(body) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    let mut request = Request::builder()
        .method(question.method.clone())
        .uri(question.path)
        .body(body)
        .map_err(|e| Error::internal("asking the interface", e))?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The words of an error answer: `{"error"}`, or text as the product API has it.
fn refusal(status: StatusCode, bytes: &[u8]) -> Problem {
    let message = serde_json::from_slice(bytes).map_or_else(
        |_| String::from_utf8_lossy(bytes).chars().take(500).collect(),
        |refusal: Refusal| refusal.error,
    );
    let message = match (message.is_empty(), status) {
        (false, _) => message,
        (true, StatusCode::NOT_FOUND) => "There is nothing here.".into(),
        (true, _) => format!("The registry answered {status}."),
    };
    Problem { status, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_error_are_found() {
        let refused = |body: &str| refusal(StatusCode::NOT_FOUND, body.as_bytes()).message;
        assert_eq!(refused(r#"{"error":"no such thing","code":"NOT_FOUND"}"#), "no such thing");
        assert_eq!(refused("no such product"), "no such product");
        assert_eq!(refused(""), "There is nothing here.");
    }
}
