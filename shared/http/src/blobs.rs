//! Serving files: small ones from here, large ones by redirect.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use granary_model::{Error, Result, Sha256};
use granary_storage::ObjectKey;
use granary_storage::rows::FileRow;
use quick_cache::sync::Cache;

use crate::state::AppState;

/// Files up to this size are answered in place: a redirect would cost the client more than the bytes.
pub const INLINE_LIMIT: u64 = 256 * 1024;

#[derive(Clone)]
struct BySize;

impl quick_cache::Weighter<Sha256, Bytes> for BySize {
    fn weight(&self, _: &Sha256, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + 128
    }
}

/// Small files in memory. They are named by their digest, so they can never be stale; whether the caller
/// may have them is decided before.
pub(crate) struct BlobCache(Cache<Sha256, Bytes, BySize>);

impl BlobCache {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(1024, bytes.max(1), BySize))
    }
}

/// Answers with a file, in place or by redirect.
///
/// The media type is `application/octet-stream`: `lambda_http` turns text-like bodies into strings, which
/// would change bytes that are not UTF-8. A redirect is a 302 that must not be stored, because its address
/// expires; it names another host, so that clients leave their `Authorization` behind.
pub async fn serve_file(state: &AppState, file: &FileRow, head_only: bool) -> Result<Response> {
    let digest = file.sha256;
    if head_only {
        return Ok(file_response(file, Body::empty()));
    }
    if file.size > INLINE_LIMIT {
        let lifetime = state.config().presign_lifetime;
        let address = state.storage().presign_blob(digest, "application/octet-stream", lifetime).await?;
        let location = HeaderValue::from_str(&address).map_err(|e| Error::internal("presigning", e))?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(header::LOCATION, location);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        return Ok(response);
    }
    let cache = &state.blobs().0;
    if let Some(bytes) = cache.get(&digest) {
        return Ok(file_response(file, Body::from(bytes)));
    }
    let bytes = state.storage().get_object(&ObjectKey::Blob(digest)).await?;
    let bytes =
        bytes.ok_or_else(|| Error::internal("serving a file", format!("blob {digest} is missing")))?;
    cache.insert(digest, bytes.clone());
    Ok(file_response(file, Body::from(bytes)))
}

fn file_response(file: &FileRow, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", file.sha256)) {
        headers.insert(header::ETAG, etag);
    }
    response
}
