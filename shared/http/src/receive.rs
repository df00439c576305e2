//! Receiving a file as a request body: read as it arrives, digested once, in memory only while small.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use granary_model::{Error, Result, Timestamp};
use granary_publish::digests::{DigestWriter, Digests};
use granary_publish::spool::Spool;
use http_body_util::BodyExt as _;

use crate::damage::body_error;
use crate::state::AppState;

/// How much of a refused body is read, so that the client sees the answer instead of a broken connection.
const DRAIN: u64 = 256 * 1024 * 1024;

/// How long a body may take before rights are looked at again, in milliseconds.
const SLOW_MILLIS: i64 = 2_000;

/// A file that has arrived whole.
#[derive(Debug)]
pub struct Received {
    /// Its bytes.
    pub spool: Spool,
    /// Their digests and number.
    pub digests: Digests,
    /// Whether it took so long that the right to send it must be looked at again.
    pub slow: bool,
}

/// Receives a file. `way_out` ends the sentence for one that is larger than this deployment takes, such as
/// "publish it with `granary push raw ...`".
///
/// # Errors
/// `TooLarge` over the limit of a request or of a file, after reading the rest; `BadRequest` if the body
/// breaks off. Nothing is stored then.
pub async fn receive(
    state: &AppState,
    headers: &HeaderMap,
    mut body: Body,
    way_out: &str,
) -> Result<Received> {
    let limit = state.config().max_body.unwrap_or(u64::MAX);
    let began: Timestamp = state.now();
    let mut spool = Spool::new(state.config().max_file);
    let mut digests = DigestWriter::new();
    let mut seen: u64 = 0;
    if let Err(error) = check_length(state, headers, way_out) {
        refuse_body(headers, body).await;
        return Err(error);
    }
    let mut failure = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| body_error(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len() as u64;
        if let Err(error) = if seen > limit { Err(too_large(limit, way_out)) } else { spool.write(&data) } {
            failure = Some(error);
            break;
        }
        digests.update(&data);
    }
    if let Some(error) = failure {
        drain(body).await;
        return Err(error);
    }
    if declared_length(headers).is_some_and(|length| length != seen) {
        return Err(Error::BadRequest("the request body is not as long as its Content-Length says".into()));
    }
    Ok(Received { spool, digests: digests.finish(), slow: took_long(state, began) })
}

/// Refuses a request that says that it is larger than this deployment takes. `way_out` is what to do instead.
pub(crate) fn check_length(state: &AppState, headers: &HeaderMap, way_out: &str) -> Result<()> {
    match (state.config().max_body, declared_length(headers)) {
        (Some(limit), Some(length)) if length > limit => Err(too_large(limit, way_out)),
        _ => Ok(()),
    }
}

/// The error for a request over the limit.
pub(crate) fn too_large(limit: u64, way_out: &str) -> Error {
    Error::TooLarge(format!(
        "the request is larger than the {limit} bytes that this deployment takes; {way_out}"
    ))
}

/// Whether reading a body took so long that the right to do what it asks for must be looked at again. A client
/// may send as slowly as it likes; a right that is gone must be gone within seconds.
pub fn took_long(state: &AppState, began: Timestamp) -> bool {
    state.now().millis() - began.millis() > SLOW_MILLIS
}

/// Deals with a body that is not wanted and of which nothing was read.
///
/// It is read to its end, so that the client sees the answer instead of a broken connection. One that waits for
/// `100 Continue` has sent none yet: Maven and Ivy send a file only after they know that they may.
pub async fn refuse_body(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        drain(body).await;
    }
}

/// Reads what is left of a body and throws it away.
pub async fn drain(mut body: Body) {
    let mut seen = 0;
    while seen < DRAIN {
        match body.frame().await {
            Some(Ok(frame)) => seen += frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => break,
        }
    }
}

/// The length that a request says its body has.
pub fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
