//! Metadata as they are sent: what is the same for every request is put together once, when the document is.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use granary_http::documents::{REVALIDATE, is_unchanged};
use granary_model::maven::SumKind;
use granary_model::{Error, Result, Timestamp};
use granary_publish::maven::metadata::Metadata;

use crate::read::answer_sum;

/// About how many bytes the headers take.
const HEADERS: usize = 3072;

/// A document with its headers.
#[derive(Debug)]
pub(crate) struct Ready {
    metadata: Metadata,
    etag: String,
    modified: Option<Timestamp>,
    /// Of the answer to whoever has the document already.
    unchanged: HeaderMap,
    /// Of the document.
    headers: HeaderMap,
}

impl Ready {
    /// A document of a revision, with the `ETag` of that.
    pub(crate) fn new(metadata: Metadata, etag: String, modified: Option<Timestamp>) -> Result<Self> {
        let unchanged = validators(&etag, modified)?;
        let mut headers = unchanged.clone();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        for (name, kind) in [
            ("x-checksum-md5", SumKind::Md5),
            ("x-checksum-sha1", SumKind::Sha1),
            ("x-checksum-sha256", SumKind::Sha256),
            ("x-checksum-sha512", SumKind::Sha512),
        ] {
            headers.insert(HeaderName::from_static(name), value(metadata.sum(kind))?);
        }
        Ok(Self { metadata, etag, modified, unchanged, headers })
    }

    /// A document that has no revision: its `ETag` is its MD5.
    pub(crate) fn of_rows(metadata: Metadata, modified: Option<Timestamp>) -> Result<Self> {
        let etag = format!("\"{}\"", metadata.sum(SumKind::Md5));
        Self::new(metadata, etag, modified)
    }

    /// About how many bytes a document takes.
    pub(crate) fn bytes(document: usize) -> usize {
        document + HEADERS
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) fn modified(&self) -> Option<Timestamp> {
        self.modified
    }

    /// Answers with the document or one of its checksums. Nothing is compressed: clients compare lengths and digests.
    ///
    /// `modified` is when it changed for this reader, who may have got its grants later.
    pub(crate) fn answer(
        &self,
        request: &HeaderMap,
        modified: Option<Timestamp>,
        sum: Option<SumKind>,
    ) -> Result<Response> {
        if let Some(kind) = sum {
            return answer_sum(self.metadata.sum(kind).to_owned(), REVALIDATE);
        }
        let mut response = if is_unchanged(request, &self.etag) {
            empty(self.unchanged.clone())
        } else {
            let mut response = Response::new(Body::from(self.metadata.body()));
            *response.headers_mut() = self.headers.clone();
            response
        };
        if modified != self.modified {
            put_modified(response.headers_mut(), modified)?;
        }
        Ok(response)
    }
}

/// The answer to whoever has the document of this `ETag` already.
pub(crate) fn not_modified(etag: &str, modified: Timestamp) -> Result<Response> {
    Ok(empty(validators(etag, Some(modified))?))
}

fn empty(headers: HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = headers;
    response
}

/// What 304 has of the headers, and 200 as well.
fn validators(etag: &str, modified: Option<Timestamp>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    put_modified(&mut headers, modified)?;
    Ok(headers)
}

fn put_modified(headers: &mut HeaderMap, modified: Option<Timestamp>) -> Result<()> {
    if let Some(at) = modified {
        headers.insert(header::LAST_MODIFIED, value(&at.http_date())?);
    }
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|e| Error::internal("writing a header", e))
}
