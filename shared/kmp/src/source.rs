//! Asking Maven repositories elsewhere.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use granary_model::{Error, Result, Timestamp};
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, ClientBuilder, Response, StatusCode};
use url::Url;

use granary_upstream::guard::{PublicNames, check, redirects};

/// Longest time that a source may ask to be left alone, in seconds: a day.
const LONGEST_PAUSE: i64 = 86_400;

/// What sources are asked with.
#[derive(Debug, Clone)]
pub struct Sources {
    client: Client,
    allow_private: bool,
}

/// What an answer is remembered by, so that nothing is sent again that has not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// What a source answered.
#[derive(Debug)]
pub enum Answer {
    /// The document.
    Document(Bytes, Validators),
    /// It has not changed.
    Unchanged,
    /// There is no such document.
    Missing,
    /// Not now; not before this moment, if the source says so.
    Later(Option<Timestamp>, String),
    /// Something is wrong, in words for whoever watches the library. No more than the request itself tells.
    Failed(String),
}

impl Sources {
    /// With private addresses or without. `patience` is how long a source may take for all of an answer.
    ///
    /// # Errors
    /// `Internal` if there can be no client.
    pub fn new(allow_private: bool, patience: Duration) -> Result<Self> {
        let builder = client(patience).redirect(redirects(allow_private));
        let builder = if allow_private {
            builder
        } else {
            builder.https_only(true).dns_resolver(Arc::new(PublicNames::default()))
        };
        let client = builder.build().map_err(|e| Error::internal("building the HTTP client", e))?;
        Ok(Self { client, allow_private })
    }

    /// Asks for a document of at most `limit` bytes, unless it is still the one that is remembered.
    pub async fn get(&self, url: &Url, known: &Validators, limit: usize, now: Timestamp) -> Answer {
        if let Err(why) = check(url, self.allow_private) {
            return Answer::Failed(why.into());
        }
        let mut request = self.client.get(url.clone());
        if let Some(etag) = &known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(modified) = &known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, modified);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Answer::Failed(words(&error)),
        };
        match response.status() {
            StatusCode::OK => match read(response, limit).await {
                Ok((bytes, validators)) => Answer::Document(bytes, validators),
                Err(why) => Answer::Failed(why),
            },
            StatusCode::NOT_MODIFIED if *known != Validators::default() => Answer::Unchanged,
            StatusCode::NOT_FOUND | StatusCode::GONE => Answer::Missing,
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                let until = pause(response.headers(), now);
                Answer::Later(until, format!("the source answered {}", status.as_u16()))
            }
            status => Answer::Failed(format!("the source answered {}", status.as_u16())),
        }
    }
}

/// What is the same for all sources.
fn client(patience: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("granary/", env!("CARGO_PKG_VERSION")))
        // Who accepts no connection by then does not answer in time either.
        .connect_timeout(patience * 2 / 3)
        .timeout(patience)
        // A proxy would connect to whatever it is told.
        .no_proxy()
        .referer(false)
}

async fn read(mut response: Response, limit: usize) -> Result<(Bytes, Validators), String> {
    let too_large = || format!("the source sent more than {limit} bytes");
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let text = |name: header::HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let validators = Validators { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) };
    let mut bytes = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= limit => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(too_large()),
            Ok(None) => return Ok((bytes.freeze(), validators)),
            Err(error) => return Err(words(&error)),
        }
    }
}

/// Until when a source wants to be left alone: in seconds, or as a date.
fn pause(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let longest = now.plus_millis(LONGEST_PAUSE * 1000);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit into a number is longer than the longest.
        let seconds = text.parse().unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        return Some(now.plus_millis(seconds * 1000));
    }
    Timestamp::parse_http_date(text).map(|until| until.clamp(now, longest))
}

/// Why a request failed, without addresses: what resolves where is nobody's business.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the source did not answer in time".into();
    }
    if error.is_redirect() {
        return innermost(error);
    }
    if error.is_connect() {
        return format!("the source cannot be reached: {}", innermost(error));
    }
    "the source's answer broke off".into()
}

/// The last reason of a chain, which has no address in it.
fn innermost(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}
