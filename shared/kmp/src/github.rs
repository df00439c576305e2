//! GitHub, as far as a workflow there is started and watched.
//!
//! What a call comes to is one of three things, and the difference is all that matters: it had no effect and may have one
//! later, it had none and never will, or nobody knows ([`Trouble`]). No call is repeated here that may have had one.

mod runs;
mod webhook;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use granary_model::{Error, Result, Timestamp};
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app_token::Credential;
use crate::settings::{Github, Secret};

pub use runs::{Run, RunState, run_input, run_of_title, run_title};
pub use webhook::{Hint, is_signed};

/// Longest answer, in bytes. A hundred runs have about two million.
const LIMIT: usize = 16 * 1024 * 1024;

/// How long GitHub is left alone if it does not say how long, in milliseconds.
const PAUSE_MILLIS: i64 = 60_000;

/// The longest pause that is obeyed, in milliseconds: limits are counted by the hour.
const LONGEST_PAUSE_MILLIS: i64 = 3_660_000;

/// Most characters that are shown of what GitHub says.
const LONGEST_WORDS: usize = 300;

/// Version of the interface.
const VERSION: &str = "2026-03-10";

/// The one before, for servers of one's own that do not know it.
const OLDER_VERSION: &str = "2022-11-28";

/// What calls GitHub.
#[derive(Debug)]
pub struct GithubClient {
    settings: Github,
    client: Client,
    credential: Credential,
    /// Whether the older version of the interface is spoken.
    is_older: AtomicBool,
    /// Nothing is asked before, in milliseconds since 1970.
    paused_until: AtomicI64,
}

/// Why a call came to nothing, in words for whoever waits for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It had no effect. It may have one after this moment.
    Later(Timestamp, String),
    /// It had no effect, and would have none if it were repeated.
    Refused(String),
    /// Nobody knows whether it had an effect.
    Unknown(String),
}

impl Trouble {
    /// What happened.
    pub fn words(&self) -> &str {
        match self {
            Self::Later(_, words) | Self::Refused(words) | Self::Unknown(words) => words,
        }
    }
}

/// A call that is to be made.
pub(crate) struct Call<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a Value>,
    /// What is said instead in the older version of the interface.
    older_body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, body: None, older_body: None }
    }

    pub(crate) fn post(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, path, body: Some(body), older_body: None }
    }
}

/// A call that got through: its answer, or that it was refused. What else there is, is a [`Trouble`].
type Outcome = std::result::Result<std::result::Result<Answered, Refusal>, Trouble>;

/// An answer of success. Its body is empty if it broke off: that it was performed is known all the same.
pub(crate) struct Answered(Bytes);

impl Answered {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> std::result::Result<T, Trouble> {
        serde_json::from_slice(&self.0)
            .map_err(|_| Trouble::Unknown("GitHub's answer is none that is understood".into()))
    }
}

/// What GitHub says of an error.
#[derive(Deserialize, Default)]
struct Complaint {
    #[serde(default)]
    message: String,
}

impl GithubClient {
    /// By these settings; each answer may take so long.
    ///
    /// # Errors
    /// `Internal` if the App's key is none, or if there can be no HTTP client.
    pub fn new(settings: &Github, patience: Duration) -> Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("granary/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience / 2)
            .timeout(patience)
            // A repository that was renamed is somebody's to know of; and a credential goes nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|e| Error::internal("building the HTTP client", e))?;
        Ok(Self {
            settings: settings.clone(),
            client,
            credential: Credential::new(&settings.credential)?,
            is_older: AtomicBool::new(false),
            paused_until: AtomicI64::new(0),
        })
    }

    /// The repository with the workflow, as `owner/name`.
    pub(crate) fn repository(&self) -> &str {
        &self.settings.repository
    }

    /// Its name without its owner.
    pub(crate) fn repository_name(&self) -> &str {
        self.settings.repository.split('/').next_back().unwrap_or_default()
    }

    /// Gets ready for a call: whether GitHub may be asked at all, and with what. Nothing that happens here has started
    /// anything.
    ///
    /// # Errors
    /// `Later` or `Refused`.
    pub async fn prepare(&self, now: Timestamp) -> std::result::Result<(), Trouble> {
        self.show(now).await.map(|_| ())
    }

    async fn show(&self, now: Timestamp) -> std::result::Result<(Secret, bool), Trouble> {
        self.may_ask(now)?;
        self.credential.show(self, now).await.map_err(|trouble| match trouble {
            // A token that nobody got starts nothing.
            Trouble::Unknown(words) => Trouble::Later(now.plus_millis(PAUSE_MILLIS), words),
            other => other,
        })
    }

    fn may_ask(&self, now: Timestamp) -> std::result::Result<(), Trouble> {
        let until = Timestamp::from_millis(self.paused_until.load(Ordering::Relaxed));
        if now < until {
            return Err(Trouble::Later(until, "GitHub wants to be left alone for a while".into()));
        }
        Ok(())
    }

    /// Makes a call with the registry's credential, which has to succeed.
    async fn call(&self, call: &Call<'_>, now: Timestamp) -> std::result::Result<Answered, Trouble> {
        self.admitted(call, now).await?.map_err(Refusal::trouble)
    }

    /// Makes a call with the registry's credential. A token that is not taken is replaced once, because a call that was
    /// not let in had no effect.
    async fn admitted(&self, call: &Call<'_>, now: Timestamp) -> Outcome {
        let (token, is_new) = self.show(now).await?;
        match self.versioned(call, &token, now).await? {
            Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED && !is_new => {
                self.credential.forget(&token).await;
                let (token, _) = self.show(now).await?;
                self.versioned(call, &token, now).await
            }
            other => Ok(other),
        }
    }

    /// Makes a call with a credential, which has to succeed.
    pub(crate) async fn perform(
        &self,
        call: &Call<'_>,
        credential: &Secret,
        now: Timestamp,
    ) -> std::result::Result<Answered, Trouble> {
        self.versioned(call, credential, now).await?.map_err(Refusal::trouble)
    }

    /// Makes a call in the version of the interface that is spoken. A version that a server does not know is refused with
    /// 400, which has no effect; then it is made once more in the older one.
    async fn versioned(&self, call: &Call<'_>, credential: &Secret, now: Timestamp) -> Outcome {
        let is_older = self.is_older.load(Ordering::Relaxed);
        let first = self.send(call, is_older, credential, now).await?;
        match first {
            Err(refusal) if refusal.status == StatusCode::BAD_REQUEST && !is_older => {
                let second = self.send(call, true, credential, now).await?;
                let knows_it = !matches!(&second, Err(other) if other.status == StatusCode::BAD_REQUEST);
                self.is_older.fetch_or(knows_it, Ordering::Relaxed);
                Ok(second)
            }
            other => Ok(other),
        }
    }

    async fn send(&self, call: &Call<'_>, is_older: bool, credential: &Secret, now: Timestamp) -> Outcome {
        let version = if is_older { OLDER_VERSION } else { VERSION };
        let body = if is_older { call.older_body.or(call.body) } else { call.body };
        let mut request = self
            .client
            .request(call.method.clone(), format!("{}{}", self.settings.api_url, call.path))
            .header(header::ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", version)
            .bearer_auth(&credential.0);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| {
            // Without a connection nothing has been said.
            if error.is_connect() {
                return Trouble::Later(now.plus_millis(PAUSE_MILLIS), "GitHub cannot be reached".into());
            }
            Trouble::Unknown("GitHub has not answered".into())
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response).await;
        if status.is_success() {
            return Ok(Ok(Answered(body)));
        }
        let words = words(status, &body, credential);
        if status.is_server_error() {
            return Err(Trouble::Unknown(words));
        }
        if let Some(until) = pause(status, &headers, &words, now) {
            self.paused_until.fetch_max(until.millis(), Ordering::Relaxed);
            return Err(Trouble::Later(until, words));
        }
        Ok(Err(Refusal { status, words }))
    }
}

/// A call that was refused for what it is.
struct Refusal {
    status: StatusCode,
    words: String,
}

impl Refusal {
    fn trouble(self) -> Trouble {
        Trouble::Refused(self.words)
    }
}

async fn read(mut response: Response) -> Bytes {
    let mut bytes = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= LIMIT => bytes.extend_from_slice(&chunk),
            Ok(None) => return bytes.freeze(),
            Ok(Some(_)) | Err(_) => return Bytes::new(),
        }
    }
}

/// What went wrong, in words that may be shown: no credential, and no more than a few of GitHub's own.
fn words(status: StatusCode, body: &[u8], credential: &Secret) -> String {
    let said = serde_json::from_slice::<Complaint>(body).unwrap_or_default().message;
    let said = said.replace(&credential.0, "(secret)");
    let said: String = said.chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect();
    let advice = match status.as_u16() {
        300..=399 => "the repository has moved; the operator has to set GRANARY_GITHUB_REPOSITORY",
        401 => "the registry's credential is not taken; the operator has to renew it",
        403 => {
            "the registry's credential may not do this; the operator has to allow it Actions: read and write"
        }
        404 => {
            "there is no such repository or workflow, or the registry's credential may not see it; the operator has to look"
        }
        _ => "",
    };
    let parts = [said.as_str(), advice].into_iter().filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    let told = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
    format!("GitHub answered {}{told}", status.as_u16())
}

/// Until when GitHub wants to be left alone, if that is what it says. Calls that are refused for this are not performed.
fn pause(status: StatusCode, headers: &HeaderMap, words: &str, now: Timestamp) -> Option<Timestamp> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<i64>().ok();
    let after = text("retry-after").and_then(|text| after(text, now));
    let left = number("x-ratelimit-remaining");
    // The end of the hour that is counted. If there are calls left in it, another limit was met.
    let reset = number("x-ratelimit-reset")
        .filter(|_| left.is_none_or(|left| left <= 0))
        .map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
    let is_limit = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        // Some limits are told by words alone.
        StatusCode::FORBIDDEN => after.is_some() || left == Some(0) || words.contains("rate limit"),
        _ => false,
    };
    let wanted = after.or(reset).unwrap_or_else(|| now.plus_millis(PAUSE_MILLIS));
    is_limit.then(|| wanted.clamp(now.plus_millis(1000), now.plus_millis(LONGEST_PAUSE_MILLIS)))
}

/// What `Retry-After` says: a number of seconds, or a date (RFC 9110, 10.2.3).
fn after(text: &str, now: Timestamp) -> Option<Timestamp> {
    let seconds = text.parse::<i64>().map(|seconds| now.plus_millis(seconds.saturating_mul(1000)));
    seconds.ok().or_else(|| Timestamp::parse_http_date(text))
}
