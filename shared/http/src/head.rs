//! Answers to `HEAD` where the handler of `GET` makes them.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use http_body::Body as _;

/// The answer to `HEAD`: the headers of the answer to `GET`, its length included.
pub fn head_of(mut response: Response) -> Response {
    if !response.headers().contains_key(header::CONTENT_LENGTH)
        && let Some(length) = response.body().size_hint().exact()
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}
