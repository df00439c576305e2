//! Answering with index documents: conditions, gzip, headers.

use std::convert::Infallible;
use std::io::Read as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::{Buf as _, Bytes};
use flate2::read::GzDecoder;
use granary_model::{Error, Result, Timestamp};
use granary_publish::{Renderer, Source};
use http_body::Frame;
use http_body_util::StreamBody;

use crate::state::AppState;

/// Every client asks again each time: an answer may be kept but must be revalidated. Without this header
/// npm makes up a lifetime from `Last-Modified` and does not see new versions.
pub const REVALIDATE: &str = "private, max-age=0, must-revalidate";

/// The headers of a document.
#[derive(Debug, Clone, Copy)]
pub struct DocumentHeaders<'a> {
    /// Strong `ETag`, with quotes.
    pub etag: &'a str,
    /// `Last-Modified`.
    pub modified: Timestamp,
    /// Media type.
    pub content_type: &'static str,
    /// Request headers that decide the answer.
    pub vary: &'static str,
}

impl DocumentHeaders<'_> {
    /// Adds them to an answer.
    pub fn put(&self, headers: &mut HeaderMap) -> Result<()> {
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|e| Error::internal("writing a header", e));
        headers.insert(header::ETAG, value(self.etag)?);
        headers.insert(header::LAST_MODIFIED, value(&self.modified.http_date())?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
        headers.insert(header::VARY, HeaderValue::from_static(self.vary));
        Ok(())
    }
}

/// Answers with a package's index document of one variant, or with 304.
pub async fn serve_document<R: Renderer>(
    state: &AppState,
    request: &HeaderMap,
    source: &Source,
    variant: &str,
    renderer: &R,
    (content_type, vary): (&'static str, &'static str),
) -> Result<Response> {
    let etag = source.etag(variant);
    let headers = DocumentHeaders { etag: &etag, modified: source.modified(), content_type, vary };
    if is_unchanged(request, &etag) {
        return not_modified(headers);
    }
    let document = state.documents().get(state.storage(), source, variant, renderer).await?;
    let modified = source.modified_since(document.modified);
    let headers = DocumentHeaders { etag: &document.etag, modified, ..headers };
    answer_document(request, document.gzip.clone(), headers)
}

/// The answer to a client that has the document.
fn not_modified(headers: DocumentHeaders<'_>) -> Result<Response> {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    headers.put(response.headers_mut())?;
    Ok(response)
}

/// The document, gzip'd if the client takes that.
fn answer_document(request: &HeaderMap, gzip: Bytes, headers: DocumentHeaders<'_>) -> Result<Response> {
    let mut response = if accepts_gzip(request) {
        let mut response = Response::new(Body::from(gzip));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        let length = plain_length(&gzip);
        let mut response = Response::new(inflated(gzip));
        response.headers_mut().extend(length.map(|length| (header::CONTENT_LENGTH, length)));
        response
    };
    headers.put(response.headers_mut())?;
    Ok(response)
}

/// Whether the client's copy is the current one. Only `If-None-Match` counts: two changes within a second
/// have one `Last-Modified`, and every client that sends a date sends the tag as well.
pub fn is_unchanged(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
}

/// A document for the rare client that does not take gzip, inflated while it is sent: a packument is many
/// times as large as what is stored of it.
fn inflated(gzip: Bytes) -> Body {
    let mut reader = GzDecoder::new(gzip.reader());
    let chunks = std::iter::from_fn(move || {
        let mut chunk = vec![0; 64 * 1024];
        // The bytes are our own. Should they be broken all the same, the client sees a document that ends early.
        let length = reader.read(&mut chunk).ok().filter(|length| *length > 0)?;
        chunk.truncate(length);
        Some(Ok::<_, Infallible>(Frame::data(Bytes::from(chunk))))
    });
    Body::new(StreamBody::new(futures::stream::iter(chunks)))
}

/// Length of a document once it is inflated: the last four bytes of its gzip form (RFC 1952, ISIZE).
fn plain_length(gzip: &[u8]) -> Option<HeaderValue> {
    let tail: [u8; 4] = gzip.last_chunk().copied()?;
    Some(HeaderValue::from(u32::from_le_bytes(tail)))
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let coding = pieces.next().unwrap_or("");
        let refused = pieces.any(|piece| piece.replace(' ', "").starts_with("q=0") && !piece.contains("0."));
        (coding == "gzip" || coding == "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn gzip_only_where_it_is_accepted() {
        let gzip = |accept: &str| accepts_gzip(&headers(header::ACCEPT_ENCODING, accept));
        assert!(
            gzip("gzip,deflate") && gzip("zstd, gzip, deflate") && gzip("br;q=1, gzip;q=0.5") && gzip("*")
        );
        assert!(!gzip("identity") && !gzip("gzip;q=0") && !gzip("br") && !accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn etags_are_compared_whole() {
        let same = |value: &str| is_unchanged(&headers(header::IF_NONE_MATCH, value), "\"1-a-f\"");
        assert!(same("\"1-a-f\"") && same("W/\"1-a-f\"") && same("\"x\", \"1-a-f\"") && same("*"));
        assert!(!same("\"1-a-g\"") && !same("1-a-f") && !is_unchanged(&HeaderMap::new(), "\"1-a-f\""));
    }
}
