//! Errors in the form that Maven, Gradle and Ivy make the best of.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::ApiError;
use granary_model::Error;
use serde_json::json;

/// The challenge. Ivy and sbt look credentials up by realm and host, so it is part of the contract and has to be
/// the only one: Wagon takes the first that it finds.
const CHALLENGE: &str = "Basic realm=\"Granary\"";

/// What can be done with a path of a file.
const ALLOWED: &str = "GET, HEAD, PUT, DELETE";

/// The answer to a request that failed.
///
/// 404 is plain text: from 3.9.11 on, Maven takes a problem document for a transfer that failed instead of for
/// something that is not there, and then nobody could deploy a new artifact. With other statuses it prints the
/// title and detail of one. `error` and `code` are what the rest of the registry answers.
pub(crate) fn failed(error: Error) -> Response {
    let error = ApiError(error);
    match error.status() {
        StatusCode::NOT_FOUND => plain(StatusCode::NOT_FOUND, &error.0.to_string()),
        StatusCode::INTERNAL_SERVER_ERROR => {
            // Logs what happened and says nothing of it.
            let mut response = error.into_response();
            *response.body_mut() =
                problem(StatusCode::INTERNAL_SERVER_ERROR, "internal server error", None).into();
            with_problem_type(response)
        }
        status => {
            let body = problem(status, &error.0.to_string(), error.0.code());
            let mut response = error.into_response();
            response.headers_mut().remove(header::CONTENT_LENGTH);
            *response.body_mut() = body.into();
            if status == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
            }
            with_problem_type(response)
        }
    }
}

/// The answer to a method that a path does not have.
pub(crate) fn not_allowed(why: &str) -> Response {
    let body = problem(StatusCode::METHOD_NOT_ALLOWED, why, Some("BAD_REQUEST"));
    let mut response = (StatusCode::METHOD_NOT_ALLOWED, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with_problem_type(response)
}

/// A line of text that no cache may keep.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, format!("{text}\n")).into_response()
}

/// A problem document, RFC 9457.
fn problem(status: StatusCode, detail: &str, code: Option<&str>) -> String {
    let title = status.canonical_reason().unwrap_or("error");
    let mut body = json!({ "title": title, "status": status.as_u16(), "detail": detail, "error": detail });
    if let (Some(code), Some(object)) = (code, body.as_object_mut()) {
        object.insert("code".into(), code.into());
    }
    body.to_string()
}

fn with_problem_type(mut response: Response) -> Response {
    let problem = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, problem);
    response
}
