//! Errors as problem documents (RFC 9457), for the protocols whose clients show them.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_model::Error;
use serde_json::json;

use crate::failure::ApiError;

/// The only challenge on Swift's routes: SwiftPM before 6.3.2 waits for ever when it is offered `Basic`.
const SWIFT_CHALLENGE: &str = "Bearer realm=\"Granary\"";

/// An error as a problem document, with the status and headers it has everywhere. `error` and `code` are what the
/// rest of the registry answers. An internal error is logged and says nothing.
pub fn problem(error: Error) -> Response {
    let error = ApiError(error);
    problem_with(error.status(), error.0)
}

/// The same with a status that the error itself does not say.
pub fn problem_with(status: StatusCode, error: Error) -> Response {
    let code = error.code();
    let detail = match &error {
        Error::Internal(_) => "internal server error".to_owned(),
        shown => shown.to_string(),
    };
    let mut response = ApiError(error).into_response();
    let title = status.canonical_reason().unwrap_or("error");
    let mut body = json!({ "title": title, "status": status.as_u16(), "detail": detail, "error": detail });
    if let (Some(code), Some(object)) = (code, body.as_object_mut()) {
        object.insert("code".into(), code.into());
    }
    *response.status_mut() = status;
    *response.body_mut() = body.to_string().into();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// An error as SwiftPM reads it: it looks at nothing without `Content-Version`.
pub fn swift_problem(error: Error) -> Response {
    in_swift(problem(error))
}

/// The same with a status that the error itself does not say.
pub fn swift_problem_with(status: StatusCode, error: Error) -> Response {
    in_swift(problem_with(status, error))
}

fn in_swift(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("content-version"), HeaderValue::from_static("1"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    if headers.contains_key(header::WWW_AUTHENTICATE) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(SWIFT_CHALLENGE));
    }
    response
}

/// An error about a request that no handler has seen, in the dialect of its path.
pub(crate) fn in_dialect_of(path: &str, error: Error) -> Response {
    if path.starts_with("/api/swift/") {
        return swift_problem(error);
    }
    // Only failures of the registry itself: Maven takes a problem for a transfer that failed, not for a file that is
    // not there.
    let failed = matches!(error, Error::Unavailable(_) | Error::Internal(_));
    if failed && path.starts_with("/api/maven/") { problem(error) } else { ApiError(error).into_response() }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn body(response: Response) -> serde_json::Value {
        serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn problems_say_what_and_internal_errors_do_not() {
        let response = problem(Error::Conflict("it exists".into()));
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let expected = json!({
            "title": "Conflict", "status": 409, "detail": "it exists", "error": "it exists", "code": "CONFLICT",
        });
        assert_eq!(body(response).await, expected);
        for response in [
            problem(Error::Internal("table x".into())),
            problem_with(StatusCode::BAD_GATEWAY, Error::Internal("table x".into())),
        ] {
            let secret = body(response).await;
            assert_eq!((&secret["detail"], secret.get("code")), (&"internal server error".into(), None));
            assert!(!secret.to_string().contains("table"));
        }
        let busy = swift_problem(Error::Unavailable("busy".into()));
        assert_eq!(
            (busy.status().as_u16(), &busy.headers()[header::RETRY_AFTER]),
            (503, &"1".parse().unwrap())
        );
        assert_eq!(busy.headers()[header::CACHE_CONTROL], "no-store");
    }

    #[tokio::test]
    async fn swift_gets_its_own_headers_and_one_challenge() {
        let response = in_dialect_of("/api/swift/r/x", Error::Unauthorized("who?".into()));
        assert_eq!(response.headers()["content-version"], "1");
        assert_eq!(response.headers()[header::CONTENT_LANGUAGE], "en");
        let challenges: Vec<_> = response.headers().get_all(header::WWW_AUTHENTICATE).iter().collect();
        assert_eq!(challenges, ["Bearer realm=\"Granary\""]);
        let response = swift_problem_with(StatusCode::NOT_IMPLEMENTED, Error::NotSupported("no".into()));
        assert_eq!((response.status().as_u16(), body(response).await["status"].clone()), (501, 501.into()));
        let elsewhere = in_dialect_of("/api/npm/r/x", Error::NotFound("no".into()));
        assert!(!elsewhere.headers().contains_key("content-version"));
    }
}
