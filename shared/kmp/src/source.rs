//! Asking Maven repositories elsewhere.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use granary_model::{Result, Timestamp};
use granary_upstream::guard::check;
use granary_upstream::net::{self, Unread, body, guarded, retry_after};
use reqwest::{Client, ClientBuilder, StatusCode};
use url::Url;

pub use granary_upstream::net::Validators;

/// Longest time that a source may ask to be left alone, in seconds: a day.
const LONGEST_PAUSE: i64 = 86_400;

/// What sources are asked with.
#[derive(Debug, Clone)]
pub struct Sources {
    client: Client,
    allow_private: bool,
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
        Ok(Self { client: guarded(client(patience), allow_private)?, allow_private })
    }

    /// Asks for a document of at most `limit` bytes, unless it is still the one that is remembered.
    pub async fn get(&self, url: &Url, known: &Validators, limit: usize, now: Timestamp) -> Answer {
        if let Err(why) = check(url, self.allow_private) {
            return Answer::Failed(why.into());
        }
        let mut response = match known.ask(self.client.get(url.clone())).send().await {
            Ok(response) => response,
            Err(error) => return Answer::Failed(words(&error)),
        };
        match response.status() {
            StatusCode::OK => match body(&mut response, limit).await {
                Ok(bytes) => Answer::Document(bytes, Validators::of(response.headers())),
                Err(Unread::TooLarge) => Answer::Failed(format!("the source sent more than {limit} bytes")),
                Err(Unread::Broken(error)) => Answer::Failed(words(&error)),
            },
            StatusCode::NOT_MODIFIED if *known != Validators::default() => Answer::Unchanged,
            StatusCode::NOT_FOUND | StatusCode::GONE => Answer::Missing,
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                let until = retry_after(response.headers(), now, LONGEST_PAUSE);
                Answer::Later(until, format!("the source answered {}", status.as_u16()))
            }
            status => Answer::Failed(format!("the source answered {}", status.as_u16())),
        }
    }
}

/// What is the same for all sources.
fn client(patience: Duration) -> ClientBuilder {
    // Who accepts no connection by then does not answer in time either.
    net::client().connect_timeout(patience * 2 / 3).timeout(patience)
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
