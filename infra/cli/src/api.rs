//! Calls to a registry.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Method, Request, Response, StatusCode, header, redirect};
use serde::de::DeserializeOwned;
use url::Url;

use crate::credentials::not_logged_in;
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;
use crate::server::{Server, is_loopback};
use crate::surroundings::Surroundings;
use crate::wire::{CreateUpload, ErrorAnswer, Upload, UploadAnswer};

/// Attempts at anything that fails for a passing reason.
pub(crate) const ATTEMPTS: u32 = 5;

/// A connection that takes longer than this to come about will not.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest wait for one answer. Completing an upload makes the server read up to 64 MiB first.
const ANSWER: Duration = Duration::from_mins(3);

/// The HTTP client: one for this machine, where a proxy has no business, and one for elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    local: Client,
    remote: Client,
}

impl Web {
    /// Makes the clients. They follow no redirect: a token or the bytes of a package should only go where the
    /// user or the registry said.
    pub(crate) fn new() -> Result<Self> {
        let builder = || {
            Client::builder()
                .user_agent(concat!("granary/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT)
        };
        let explain = |error| Failure::failed(format!("no HTTP client: {}", cause(&error)));
        Ok(Self {
            local: builder().no_proxy().build().map_err(explain)?,
            remote: builder().build().map_err(explain)?,
        })
    }

    /// The client for an address.
    pub(crate) fn client(&self, url: &Url) -> &Client {
        if is_loopback(url) { &self.local } else { &self.remote }
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request) -> reqwest::Result<Response> {
        self.client(&request.url().clone()).execute(request).await
    }
}

/// Whether a status says that the same request may succeed later.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

/// The innermost reason of a network error. The outer ones quote addresses, which may be signed.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut inner = error.source();
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { String::new() };
    while let Some(error) = inner {
        if text.is_empty() || error.source().is_none() {
            text = error.to_string();
        }
        inner = error.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}

/// A registry, used with one token.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    /// The HTTP clients.
    pub(crate) web: Web,
    /// Where it is.
    pub(crate) server: Server,
    /// Pace of repetitions.
    pub(crate) surroundings: Surroundings,
    token: Option<Secret>,
}

/// An answer whose meaning depends on the call.
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Body.
    pub(crate) body: Bytes,
}

impl Answer {
    fn json<T: DeserializeOwned>(&self, server: &Server) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::failed(format!(
                "{server} answers {} with something else than expected: {error}",
                self.status
            ))
            .next("Is that the address of a Granary registry, and as new as this program?")
        })
    }

    /// The server's own words.
    pub(crate) fn text(&self) -> String {
        let known: ErrorAnswer = serde_json::from_slice(&self.body).unwrap_or_default();
        known.error.unwrap_or_else(|| format!("the server answers {}", self.status))
    }
}

impl Api {
    /// A registry at `server`.
    pub(crate) fn new(surroundings: &Surroundings, server: Server, token: Option<Secret>) -> Result<Self> {
        Ok(Self { web: Web::new()?, server, surroundings: surroundings.clone(), token })
    }

    /// Who the token stands for: `GET /api/auth/me`.
    ///
    /// # Errors
    /// `NotLoggedIn` for a token the server does not know.
    pub(crate) async fn who(&self) -> Result<Who> {
        let answer = self.call(Method::GET, "/api/auth/me", None).await?;
        match answer.status {
            StatusCode::OK => {
                let value: serde_json::Value = answer.json(&self.server)?;
                let user = value.pointer("/user/uid").and_then(|uid| uid.as_str());
                let user = user.ok_or_else(|| {
                    Failure::failed(format!("{} does not answer like a Granary registry", self.server))
                })?;
                Ok(Who::User(user.to_owned()))
            }
            // The server knows the token, and that it stands for no person.
            StatusCode::FORBIDDEN => Ok(Who::Token),
            StatusCode::UNAUTHORIZED => {
                Err(Failure::new(Kind::NotLoggedIn, format!("{} does not accept this token", self.server))
                    .next(
                        "It is mistyped, expired or revoked, or belongs to another registry: make a new one",
                    ))
            }
            _ => Err(self.refusal(&answer, "")),
        }
    }

    /// Begins an upload: `POST /api/uploads`.
    ///
    /// # Errors
    /// `Conflict` if a version or file exists with other bytes.
    pub(crate) async fn create(&self, request: &CreateUpload<'_>) -> Result<Upload> {
        let body = serde_json::to_vec(request).map_err(|error| Failure::failed(error.to_string()))?;
        let answer = self.call(Method::POST, "/api/uploads", Some(Bytes::from(body))).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(&answer, request.repo_id));
        }
        Ok(answer.json::<UploadAnswer>(&self.server)?.upload)
    }

    /// An upload as it is now, with fresh addresses; `None` if it has expired or was removed.
    ///
    /// # Errors
    /// When the server refuses or is gone.
    pub(crate) async fn upload(&self, repo: &str, id: &str) -> Result<Option<Upload>> {
        let answer = self.call(Method::GET, &format!("/api/uploads/{}", segment(id)), None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self.refusal(&answer, repo));
        }
        Ok(Some(answer.json::<UploadAnswer>(&self.server)?.upload))
    }

    /// Asks to publish what has arrived. The caller decides what a refusal means.
    ///
    /// # Errors
    /// When the server is gone.
    pub(crate) async fn complete(&self, id: &str) -> Result<std::result::Result<Upload, Answer>> {
        let path = format!("/api/uploads/{}/complete", segment(id));
        let answer = self.call(Method::POST, &path, Some(Bytes::from_static(b"{}"))).await?;
        if answer.status.is_success() {
            return Ok(Ok(answer.json::<UploadAnswer>(&self.server)?.upload));
        }
        Ok(Err(answer))
    }

    /// A small text of a Maven repository; `None` if there is no such file. `path` is percent-encoded.
    ///
    /// # Errors
    /// When the server refuses or is gone.
    pub(crate) async fn maven_text(&self, repo: &str, path: &str) -> Result<Option<String>> {
        let path = format!("/api/maven/{}/{path}", segment(repo));
        let answer = self.call(Method::GET, &path, None).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(String::from_utf8_lossy(&answer.body).into_owned())),
            _ => Err(self.refusal(&answer, repo)),
        }
    }

    /// One call, repeated while it fails for a passing reason. Every call of the interface may be repeated.
    async fn call(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer> {
        let mut attempt = 1;
        loop {
            let outcome = self.call_once(method.clone(), path, body.clone()).await;
            let failure = match outcome {
                Ok(answer) if !is_passing(answer.status) => return Ok(answer),
                Ok(answer) => Failure::failed(format!("{}: {}", self.server, answer.text()))
                    .next("Try again later; nothing that was acknowledged is lost"),
                // Nobody listens there: the next second will not change that.
                Err(error) if error.is_connect() => return Err(self.unreachable(&error)),
                Err(error) => self.unreachable(&error),
            };
            if attempt == ATTEMPTS {
                return Err(failure);
            }
            tokio::time::sleep(self.surroundings.wait(attempt)).await;
            attempt += 1;
        }
    }

    async fn call_once(&self, method: Method, path: &str, body: Option<Bytes>) -> reqwest::Result<Answer> {
        let address = self.server.at(path);
        let client = if self.server.is_local() { &self.web.local } else { &self.web.remote };
        let mut request = client.request(method, address).timeout(ANSWER);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await?;
        Ok(Answer { status: response.status(), body: response.bytes().await? })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let server = &self.server;
        Failure::new(Kind::Unreachable, format!("cannot reach {server}: {}", cause(error))).next(format!(
            "Is the registry running at {server}? Start one with 'granary', or name another with --server"
        ))
    }

    /// What a refusal means and what to do about it.
    pub(crate) fn refusal(&self, answer: &Answer, repo: &str) -> Failure {
        let (server, text) = (&self.server, answer.text());
        match answer.status {
            StatusCode::UNAUTHORIZED if self.token.is_none() => not_logged_in(server),
            StatusCode::UNAUTHORIZED => {
                Failure::new(Kind::NotLoggedIn, format!("{server} does not accept the token: {text}"))
                    .next(format!("Log in again: granary login {server}"))
            }
            StatusCode::FORBIDDEN => Failure::new(Kind::NotAllowed, text).next(format!(
                "Publishing takes the role and the scope 'write' in repository '{repo}': ask an \
                 administrator of it, or log in with another token: granary login {server}"
            )),
            StatusCode::NOT_FOUND => Failure::new(Kind::NotAllowed, text).next(format!(
                "Check the name of the repository and that your token may see it; repositories of yours: \
                 GET {server}/api/repos"
            )),
            StatusCode::CONFLICT => Failure::new(Kind::Conflict, text)
                .next("What is published never changes: publish the new bytes under a new version"),
            StatusCode::PAYLOAD_TOO_LARGE => Failure::failed(text)
                .next("The operator of the registry sets the limit: GRANARY_MAX_FILE_BYTES"),
            status if status.is_redirection() => Failure::failed(format!("{server} sends elsewhere"))
                .next("Use the registry's own address: --server URL"),
            _ => Failure::failed(text),
        }
    }
}

/// Whom a token stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A user.
    User(String),
    /// A repository or an organisation.
    Token,
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> percent_encoding::PercentEncode<'_> {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, KEPT)
}
