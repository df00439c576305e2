//! Errors in the form that Maven, Gradle and Ivy make the best of.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::{problem, problem_with};
use granary_model::Error;

/// The challenge. Ivy and sbt look credentials up by realm and host, so it is part of the contract and has to be
/// the only one: Wagon takes the first that it finds.
const CHALLENGE: &str = "Basic realm=\"Granary\"";

/// What can be done with a path of a file.
const ALLOWED: &str = "GET, HEAD, PUT, DELETE";

/// The answer to a request that failed.
///
/// 404 is plain text: from 3.9.11 on, Maven takes a problem document for a transfer that failed instead of for
/// something that is not there, and then nobody could deploy a new artifact. With other statuses it prints the
/// title and detail of one.
pub(crate) fn failed(error: Error) -> Response {
    if let Error::NotFound(_) | Error::NotSupported(_) = &error {
        return plain(StatusCode::NOT_FOUND, &error.to_string());
    }
    let mut response = problem(error);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    response
}

/// The answer to a method that a path does not have.
pub(crate) fn not_allowed(why: &str) -> Response {
    let mut response = problem_with(StatusCode::METHOD_NOT_ALLOWED, Error::BadRequest(why.to_owned()));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
    response
}

/// A line of text that no cache may keep.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, format!("{text}\n")).into_response()
}
