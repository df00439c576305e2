//! Answers as servers of static files give them.

use std::io::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use granary_model::Timestamp;
use granary_publish::digests::Digests;
use serde_json::Value;

use super::SeenRequest;

/// A file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) bytes: Bytes,
    /// `Last-Modified`, as it is sent: a test may want one that is none.
    pub(super) modified: String,
}

impl File {
    /// The file, or 304 to a client that has it.
    pub(super) fn answer(&self, request: &SeenRequest, content_type: &str) -> Response {
        let etag = etag(&self.bytes);
        let headers = [("etag", etag.as_str()), ("last-modified", &self.modified)];
        let has_it = match tags(&request.headers) {
            Some(tags) => is_among(&etag, tags),
            None => is_since(&request.headers, &self.modified),
        };
        if has_it {
            return answer(304, &headers, Bytes::new());
        }
        let mut response = answer(200, &headers, self.bytes.clone());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        response
    }
}

/// A document with an `ETag` of its own, gzip'd if the client takes that, or 304 to a client that has it.
pub(super) fn document(
    request: &SeenRequest,
    document: &Value,
    changed: Timestamp,
    content_type: &str,
) -> Response {
    let plain = document.to_string().into_bytes();
    let (etag, changed) = (etag(&plain), changed.http_date());
    let headers = [
        ("etag", etag.as_str()),
        ("last-modified", &changed),
        ("content-type", content_type),
        ("vary", "accept, accept-encoding"),
    ];
    if tags(&request.headers).is_some_and(|tags| is_among(&etag, tags)) {
        return answer(304, &headers, Bytes::new());
    }
    if !takes_gzip(&request.headers) {
        return answer(200, &headers, plain);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&plain).unwrap();
    let mut response = answer(200, &headers, encoder.finish().unwrap());
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// JSON that nobody keeps.
pub(super) fn json(status: u16, body: &Value) -> Response {
    answer(status, &[("content-type", "application/json")], body.to_string())
}

/// Any answer.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// A strong `ETag` of bytes.
fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", Digests::of(bytes).md5)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn tags(headers: &HeaderMap) -> Option<&str> {
    text(headers, header::IF_NONE_MATCH)
}

fn is_among(etag: &str, tags: &str) -> bool {
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
}

fn is_since(headers: &HeaderMap, modified: &str) -> bool {
    let since = text(headers, header::IF_MODIFIED_SINCE).and_then(Timestamp::parse_http_date);
    since.zip(Timestamp::parse_http_date(modified)).is_some_and(|(since, modified)| modified <= since)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = text(headers, header::ACCEPT_ENCODING).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (coding, quality) = coding.split_once(";q=").unwrap_or((coding, "1"));
        coding.trim() == "gzip" && quality.trim().parse::<f32>().is_ok_and(|quality| quality > 0.0)
    })
}
