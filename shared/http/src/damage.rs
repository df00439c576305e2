//! Bodies that a gateway has damaged before a function sees them.
//!
//! An HTTP API hands bodies of the types `text/*`, `application/json`, `application/xml` and
//! `application/javascript` to a function as UTF-8 text and all others in base64. In bytes of those types that are no
//! UTF-8 (gzip'd JSON, a POM in Latin-1) each invalid one has become U+FFFD: what was sent cannot be had any more.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use granary_model::Error;

use crate::receive::declared_length;

/// A request has this extension if its body was damaged on its way. Reading the body fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the request body is not the one that was sent: the gateway before this registry takes bodies of its \
             content type for UTF-8 text; send it again as content type application/octet-stream",
        )
    }
}

impl std::error::Error for Damaged {}

/// Whether a body that came as text may be something else: it has the character that stands for invalid bytes.
///
/// JSON may really have it (in a readme), so its length decides: an invalid byte has become three. A few sequences of
/// three bytes become three as well, but no gzip'd document has only those. For any other type the bytes are what
/// counts, so that the character is reason enough.
fn is_damaged(headers: &HeaderMap, text: &str) -> bool {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = media_type.split(';').next().is_some_and(|essence| essence.trim() == "application/json");
    text.contains('\u{FFFD}') && !(is_json && declared_length(headers) == Some(text.len() as u64))
}

/// Makes the body of a function's request readable, or fail as [`Damaged`].
pub(crate) fn checked(request: lambda_http::Request) -> axum::extract::Request {
    let (mut parts, body) = request.into_parts();
    let damaged = matches!(&body, lambda_http::Body::Text(text) if is_damaged(&parts.headers, text));
    if !damaged {
        return axum::extract::Request::from_parts(parts, Body::new(body));
    }
    parts.extensions.insert(Damaged);
    let failing = futures::stream::iter([Err::<Bytes, Damaged>(Damaged)]);
    axum::extract::Request::from_parts(parts, Body::from_stream(failing))
}

/// What an error while reading a body means to its sender.
pub fn body_error(error: &axum::Error) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(damaged) = error.downcast_ref::<Damaged>() {
            return Error::BadRequest(damaged.to_string());
        }
        source = error.source();
    }
    Error::BadRequest("the request body broke off".into())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_was_no_text_counts_as_damaged() {
        let of = |media_type: &'static str, length: Option<usize>| {
            let mut headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
            headers.extend(length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
            headers
        };
        for (media_type, length, text, damaged) in [
            ("application/json", Some(4), "caf\u{FFFD}", true),
            ("application/json", None, "caf\u{FFFD}", true),
            // Somebody means that character.
            ("application/json; charset=utf-8", Some(6), "caf\u{FFFD}", false),
            ("application/json", Some(5), "café", false),
            // Three bytes of an emoji that was cut off become three as well.
            ("text/plain", Some(6), "caf\u{FFFD}", true),
            ("text/plain", Some(4), "caf\u{FFFD}", true),
            ("text/plain", None, "café", false),
            // Something else is wrong with it, which the readers of bodies find out.
            ("text/plain", Some(9), "cafe", false),
        ] {
            assert_eq!(is_damaged(&of(media_type, length), text), damaged, "{media_type} {length:?} {text}");
        }
    }
}
