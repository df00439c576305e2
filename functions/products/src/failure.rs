//! Errors in the forms and with the statuses that the documented interface has for each operation.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::ApiError;
use granary_model::Error;

/// As JSON, with the status that the error has everywhere.
pub(crate) fn json(error: Error) -> Response {
    ApiError(error).into_response()
}

/// As plain text with this status, and the headers that the error has everywhere.
pub(crate) fn plain(status: StatusCode, error: Error) -> Response {
    let text = error.to_string();
    let mut response = json(error);
    *response.status_mut() = status;
    *response.body_mut() = Body::from(text);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Of showing a product: 404 and 403 are text.
pub(crate) fn of_product(error: Error) -> Response {
    match error {
        Error::NotFound(_) => plain(StatusCode::NOT_FOUND, error),
        Error::Forbidden(_) => plain(StatusCode::FORBIDDEN, error),
        other => json(other),
    }
}

/// Of downloading and deleting a version: what is not there is 400, and that and 403 are text.
pub(crate) fn of_version(error: Error) -> Response {
    match error {
        Error::NotFound(_) | Error::BadRequest(_) => plain(StatusCode::BAD_REQUEST, error),
        Error::Forbidden(_) => plain(StatusCode::FORBIDDEN, error),
        other => json(other),
    }
}

/// Of uploading: a product that is not there is 400, and 403 is text.
pub(crate) fn of_upload(error: Error) -> Response {
    match error {
        Error::NotFound(text) => json(Error::BadRequest(text)),
        Error::Forbidden(_) => plain(StatusCode::FORBIDDEN, error),
        other => json(other),
    }
}
