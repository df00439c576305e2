//! Asking other registries over HTTP: only where upstreams may be, for a bounded time, and for a bounded number of bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use granary_model::{Error, Result, Timestamp};
use granary_publish::digests::{DigestWriter, Digests};
use granary_publish::npm::foreign::stored::unpack_within;
use granary_publish::spool::Spool;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use url::Url;

use crate::guard::{PublicNames, check, redirects};

/// Longest time that an upstream may ask to be left alone, in seconds.
const LONGEST_PAUSE: i64 = 3600;

/// How long an upstream may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(8);

/// How long it may send nothing in the middle of a file.
const SILENCE: Duration = Duration::from_secs(25);

/// What an answer is remembered by, so that nothing is sent again that has not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Those of an answer.
    pub fn of(headers: &HeaderMap) -> Self {
        let text =
            |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) }
    }

    /// Asks for something only if it is not what is remembered.
    pub fn ask(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(etag) = &self.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(modified) = &self.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, modified);
        }
        request
    }
}

/// A document as it came.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The bytes.
    pub bytes: Bytes,
    /// Whether they are gzip'd.
    pub gzip: bool,
    /// What it is remembered by.
    pub validators: Validators,
}

impl Fetched {
    /// The document unpacked, of at most `limit` bytes.
    ///
    /// # Errors
    /// `Unprocessable` for what is no gzip although it says so, or is larger unpacked.
    pub fn plain(&self, limit: usize) -> Result<Bytes> {
        if self.gzip { unpack_within(&self.bytes, limit).map(Bytes::from) } else { Ok(self.bytes.clone()) }
    }
}

/// What an upstream answered.
#[derive(Debug)]
pub enum Answer<T> {
    /// This.
    Found(T),
    /// What is remembered is still right.
    Unchanged,
    /// There is no such thing.
    Missing,
    /// Nothing that could be used.
    Failed(Failure),
}

/// Why an upstream's answer cannot be used. The texts say no more than the request itself tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It does not answer, or says that something is wrong with itself.
    Down(String),
    /// It wants to be left alone, until this moment if it says so.
    Busy(Option<Timestamp>, String),
    /// It wants another credential.
    Denied(String),
    /// What it sent is not what was asked for.
    Wrong(String),
}

impl Failure {
    /// In words.
    pub fn words(&self) -> &str {
        match self {
            Self::Down(text) | Self::Busy(_, text) | Self::Denied(text) | Self::Wrong(text) => text,
        }
    }

    /// The error for a client that has to wait because nothing is kept.
    pub fn error(&self, upstream: &str) -> Error {
        match self {
            Self::Down(why) | Self::Busy(_, why) => Error::Unavailable(format!(
                "the upstream '{upstream}' cannot be asked just now ({why}), and nothing of this is kept here; try again later"
            )),
            Self::Denied(why) => Error::BadGateway(format!(
                "the upstream '{upstream}' does not let this repository in ({why}); an administrator of the repository has to set \
                 its credential"
            )),
            Self::Wrong(why) => {
                Error::BadGateway(format!("the answer of the upstream '{upstream}' cannot be used: {why}"))
            }
        }
    }
}

/// Where to ask, and how.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// The address.
    pub url: Url,
    /// `Authorization`, for this host alone.
    pub authorization: Option<&'a HeaderValue>,
    /// `Accept`.
    pub accept: &'static str,
    /// How long all of the answer may take.
    pub patience: Duration,
}

/// Asks other registries.
#[derive(Debug, Clone)]
pub struct Net {
    client: Client,
    allow_private: bool,
}

impl Net {
    /// With private addresses or without.
    ///
    /// # Errors
    /// `Internal` if there can be no client.
    pub fn new(allow_private: bool) -> Result<Self> {
        let builder = client().connect_timeout(CONNECT).read_timeout(SILENCE);
        Ok(Self { client: guarded(builder, allow_private)?, allow_private })
    }

    /// Whether an address may be asked, as far as it says by itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn permits(&self, url: &Url) -> Result<(), &'static str> {
        check(url, self.allow_private)
    }

    fn request(&self, ask: &Ask<'_>) -> Result<RequestBuilder, Failure> {
        self.permits(&ask.url).map_err(|why| Failure::Wrong(why.into()))?;
        let request = self.client.get(ask.url.clone()).timeout(ask.patience);
        Ok(with_headers(request, ask))
    }

    /// Fetches a document of at most `limit` bytes as it is sent, unless it is still the one that is remembered.
    pub async fn document(
        &self,
        ask: &Ask<'_>,
        known: &Validators,
        limit: usize,
        now: Timestamp,
    ) -> Answer<Fetched> {
        let request = match self.request(ask) {
            Ok(request) => known.ask(request.header(header::ACCEPT_ENCODING, "gzip")),
            Err(failure) => return Answer::Failed(failure),
        };
        let response = match judged(request, now).await {
            Ok(response) => response,
            Err(answer) => return answer,
        };
        if response.status() == StatusCode::NOT_MODIFIED {
            return if *known == Validators::default() {
                Answer::Failed(Failure::Wrong("it says that nothing has changed, which nobody asked".into()))
            } else {
                Answer::Unchanged
            };
        }
        read(response, limit).await.map_or_else(Answer::Failed, Answer::Found)
    }

    /// Sends a question of JSON and fetches the answer, of at most `limit` bytes.
    pub async fn question(
        &self,
        ask: &Ask<'_>,
        body: Vec<u8>,
        limit: usize,
        now: Timestamp,
    ) -> Answer<Fetched> {
        if let Err(why) = self.permits(&ask.url) {
            return Answer::Failed(Failure::Wrong(why.into()));
        }
        let request = self.client.post(ask.url.clone()).timeout(ask.patience).body(body);
        let request = with_headers(request, ask).header(header::CONTENT_TYPE, "application/json");
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Answer::Failed(of_error(&error)),
        };
        // What does not know the question has no answer to it.
        if matches!(response.status(), StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) {
            return Answer::Missing;
        }
        match judge(response, now) {
            Ok(response) => read(response, limit).await.map_or_else(Answer::Failed, Answer::Found),
            Err(answer) => answer,
        }
    }

    /// Fetches a file of at most `limit` bytes, with the headers that it came with.
    ///
    /// # Errors
    /// `Internal` if it cannot be spooled.
    pub async fn file(
        &self,
        ask: &Ask<'_>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Answer<(Spool, Digests, HeaderMap)>> {
        let request = match self.request(ask) {
            // Bytes as they are: what is packed once more would not hash to what it should.
            Ok(request) => request.header(header::ACCEPT_ENCODING, "identity"),
            Err(failure) => return Ok(Answer::Failed(failure)),
        };
        let mut response = match judged(request, now).await {
            Ok(response) => response,
            Err(answer) => return Ok(answer),
        };
        let wrong = |why: String| Ok(Answer::Failed(Failure::Wrong(why)));
        let too_large = || format!("the file has more than the {limit} bytes that are accepted");
        let declared = response.content_length();
        if declared.is_some_and(|length| length > limit) {
            return wrong(too_large());
        }
        if encoding(response.headers()) != Some(false) {
            return wrong("the file is encoded although that was not asked for".into());
        }
        let (mut spool, mut digests) = (Spool::new(limit), DigestWriter::new());
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if spool.len() + chunk.len() as u64 <= limit => {
                    digests.update(&chunk);
                    spool.write(&chunk)?;
                }
                Ok(Some(_)) => return wrong(too_large()),
                Ok(None) => break,
                Err(error) => return Ok(Answer::Failed(Failure::Down(words(&error)))),
            }
        }
        if declared.is_some_and(|length| length != spool.len()) {
            return wrong("the file is not as long as it was said to be".into());
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer::Found((spool, digests.finish(), headers)))
    }
}

/// What is the same for all clients that ask other people's servers.
pub fn client() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("granary/", env!("CARGO_PKG_VERSION")))
        // A proxy would connect to whatever it is told.
        .no_proxy()
        .referer(false)
}

/// A client that goes to public addresses alone, unless private ones are allowed.
///
/// # Errors
/// `Internal` if there can be no client.
pub fn guarded(builder: ClientBuilder, allow_private: bool) -> Result<Client> {
    let builder = builder.redirect(redirects(allow_private));
    let builder = if allow_private {
        builder
    } else {
        builder.https_only(true).dns_resolver(Arc::new(PublicNames::default()))
    };
    builder.build().map_err(|e| Error::internal("building the HTTP client", e))
}

fn with_headers(request: RequestBuilder, ask: &Ask<'_>) -> RequestBuilder {
    let request = request.header(header::ACCEPT, ask.accept);
    match ask.authorization {
        Some(value) => request.header(header::AUTHORIZATION, value.clone()),
        None => request,
    }
}

/// Sends a request, and takes the answers apart that have nothing to read.
async fn judged<T>(request: RequestBuilder, now: Timestamp) -> Result<Response, Answer<T>> {
    judge(request.send().await.map_err(|error| Answer::Failed(of_error(&error)))?, now)
}

fn judge<T>(response: Response, now: Timestamp) -> Result<Response, Answer<T>> {
    let status = response.status();
    let said = || format!("it answered {}", status.as_u16());
    match status {
        StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(response),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(Answer::Missing),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Err(Answer::Failed(Failure::Denied(said())))
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let until = retry_after(response.headers(), now, LONGEST_PAUSE);
            Err(Answer::Failed(Failure::Busy(until, said())))
        }
        status if status.is_server_error() => Err(Answer::Failed(Failure::Down(said()))),
        _ => Err(Answer::Failed(Failure::Wrong(said()))),
    }
}

/// Whether a body is gzip'd; `None`: it is packed in a way that nobody asked for.
fn encoding(headers: &HeaderMap) -> Option<bool> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Some(false),
        Some(b"gzip" | b"x-gzip") => Some(true),
        Some(_) => None,
    }
}

async fn read(mut response: Response, limit: usize) -> Result<Fetched, Failure> {
    let Some(gzip) = encoding(response.headers()) else {
        return Err(Failure::Wrong("it sent a document in an encoding that was not asked for".into()));
    };
    let validators = Validators::of(response.headers());
    match body(&mut response, limit).await {
        Ok(bytes) => Ok(Fetched { bytes, gzip, validators }),
        Err(Unread::TooLarge) => Err(Failure::Wrong(format!("it sent more than {limit} bytes"))),
        Err(Unread::Broken(error)) => Err(of_error(&error)),
    }
}

/// Why a body could not be read.
#[derive(Debug)]
pub enum Unread {
    /// It has more bytes than are accepted.
    TooLarge,
    /// It broke off.
    Broken(reqwest::Error),
}

/// A body of at most `limit` bytes.
///
/// # Errors
/// If there are more, or the connection breaks.
pub async fn body(response: &mut Response, limit: usize) -> Result<Bytes, Unread> {
    let declared = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if declared.is_some_and(|length| length > limit) {
        return Err(Unread::TooLarge);
    }
    let mut bytes = BytesMut::with_capacity(declared.unwrap_or_default());
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= limit => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Unread::TooLarge),
            Ok(None) => return Ok(bytes.freeze()),
            Err(error) => return Err(Unread::Broken(error)),
        }
    }
}

/// Until when a server wants to be left alone, in seconds or as a date; for `most` seconds at most.
pub fn retry_after(headers: &HeaderMap, now: Timestamp, most: i64) -> Option<Timestamp> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let longest = now.plus_millis(most * 1000);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit into a number is longer than the longest.
        let seconds = text.parse().unwrap_or(most).min(most);
        return Some(now.plus_millis(seconds * 1000));
    }
    Timestamp::parse_http_date(text).map(|until| until.clamp(now, longest))
}

/// What came of a request that has no answer. Where it was redirected to a place that may not be asked, that is wrong and not
/// bad luck.
fn of_error(error: &reqwest::Error) -> Failure {
    if error.is_redirect() { Failure::Wrong(words(error)) } else { Failure::Down(words(error)) }
}

/// What went wrong, without the address, which may be private, and without what the system says.
pub(crate) fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_redirect() {
        return format!("it redirects in a way that is not followed: {cause}");
    }
    if error.is_connect() {
        let said = cause.to_string();
        return if said == crate::guard::NOT_FOUND { said } else { "no connection".into() };
    }
    "the connection broke".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    #[test]
    fn pauses_are_numbers_or_dates() {
        let pause = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, NOW, 86_400).map(|until| (until.millis() - NOW.millis()) / 1000)
        };
        for (text, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("86401", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            (NOW.plus_millis(90_000).http_date().as_str(), Some(90)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(0)),
            ("Fri, 31 Dec 2100 23:59:59 GMT", Some(86_400)),
            ("-5", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(pause(text), seconds, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), NOW, 86_400), None);
    }
}
