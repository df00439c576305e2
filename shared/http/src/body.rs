//! Request bodies and queries within limits, with errors that say what is wrong.

use std::io::Read as _;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header, request};
use bytes::{Bytes, BytesMut};
use granary_model::{Error, Result};
use granary_publish::{JsonLimits, parse_json};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

use crate::damage::body_error;
use crate::failure::ApiError;
use crate::state::AppState;

/// Largest JSON body of the management API, in bytes.
const MAX_JSON: u64 = 1024 * 1024;

/// How much of a body that is too large is read and thrown away, so that the client sees the answer
/// instead of a broken connection (which npm would retry for more than a minute).
const DRAIN: u64 = 1024 * 1024 * 1024;

/// A JSON body: at most 1 MiB, bounded depth, no duplicate keys, of the shape of `T`.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read_maybe_gzip(&parts.headers, body, MAX_JSON).await?;
        if bytes.is_empty() {
            return Err(Error::BadRequest("the request needs a JSON body".into()).into());
        }
        let value = parse_json(&bytes, JsonLimits::default())?;
        let parsed = serde_json::from_value(value)
            .map_err(|e| Error::BadRequest(format!("the JSON body cannot be used: {e}")))?;
        Ok(Self(parsed))
    }
}

/// The query of the path, of the shape of `T`.
#[derive(Debug, Clone)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, _: &AppState) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(params)| Self(params))
            .map_err(|e| Error::BadRequest(format!("the query cannot be used: {e}")).into())
    }
}

/// Reads a body of at most `limit` bytes. A longer one is read to its end (within reason) and refused.
pub async fn read_limited(body: Body, limit: u64) -> Result<Bytes> {
    let mut body = body;
    let mut buffer = BytesMut::new();
    let mut total: u64 = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| body_error(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        total = total.saturating_add(data.len() as u64);
        if total > DRAIN.max(limit) {
            break;
        }
        if total <= limit {
            buffer.extend_from_slice(&data);
        }
    }
    if total > limit {
        return Err(Error::TooLarge(format!("the request body is larger than {limit} bytes")));
    }
    Ok(buffer.freeze())
}

/// Reads a body of at most `limit` bytes, inflating it if it is gzip'd; the limit holds for both forms.
/// npm and Bun send audit requests gzip'd.
pub async fn read_maybe_gzip(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes> {
    let bytes = read_limited(body, limit).await?;
    let encoding =
        headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("identity");
    match encoding {
        "" | "identity" => Ok(bytes),
        "gzip" | "x-gzip" => {
            let mut inflated = Vec::new();
            let mut reader = flate2::read::MultiGzDecoder::new(bytes.as_ref()).take(limit + 1);
            reader
                .read_to_end(&mut inflated)
                .map_err(|_| Error::BadRequest("the request body is not valid gzip".into()))?;
            if inflated.len() as u64 > limit {
                return Err(Error::TooLarge(format!(
                    "the inflated request body is larger than {limit} bytes"
                )));
            }
            Ok(Bytes::from(inflated))
        }
        other => Err(Error::BadRequest(format!(
            "the content encoding '{}' is not supported; send the body plain or gzip'd",
            crate::access::shown(other)
        ))),
    }
}
