//! What is the same for all functions that read packages of upstreams.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_model::{Error, Result};
use granary_upstream::{Asker, Freshness};

use crate::RepoAccess;
use crate::permit::Fetch;

/// `Cache-Status` (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

impl RepoAccess<Fetch> {
    /// Whoever is asking, for upstreams. A customer in a public repository is like anybody.
    pub fn asker(&self) -> Asker {
        let principal = &self.principal;
        Asker { actor: principal.actor(), anonymous: principal.is_anonymous() || principal.is_customer() }
    }
}

/// Says in an answer where it came from, and whether it may be out of date.
pub fn mark(response: &mut Response, freshness: &Freshness) {
    if let Ok(value) = HeaderValue::from_str(&freshness.cache_status()) {
        response.headers_mut().insert(CACHE_STATUS, value);
    }
}

/// The answer to a client that may fetch a file itself, at its upstream.
///
/// # Errors
/// `Internal` for an address that no header can have.
pub fn elsewhere(url: &str) -> Result<Response> {
    let location = HeaderValue::from_str(url).map_err(|e| Error::internal("redirecting", e))?;
    let headers =
        [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::FOUND, headers).into_response())
}
