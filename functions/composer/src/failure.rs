//! Errors as Composer shows them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use granary_http::ApiError;
use granary_model::Error;
use serde_json::json;

/// Result of a handler.
pub(crate) type ComposerResult = Result<Response, Failure>;

/// An error on its way to Composer.
///
/// Composer prints the `warning` of an answer that is exactly `application/json`. There is none for what is not found:
/// a client that looks for a package in several repositories would print it again and again.
#[derive(Debug)]
pub(crate) struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let code = self.0.code();
        let text = match &self.0 {
            Error::Internal(_) => "internal server error".to_owned(),
            shown => shown.to_string(),
        };
        let mut response = ApiError(self.0).into_response();
        let mut body = json!({ "error": text });
        if let Some(body) = body.as_object_mut() {
            body.extend(code.map(|code| ("code".to_owned(), code.into())));
            if response.status() != StatusCode::NOT_FOUND {
                body.insert("warning".into(), text.into());
            }
        }
        *response.body_mut() = Body::from(body.to_string());
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
