//! What GitHub tells of runs: hints, which only make a build be looked at sooner.

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use granary_http::{ApiResult, AppState, no_content, read_limited};
use granary_kmp::github::{Hint, is_signed};
use granary_kmp::settings::{Builder, Secret};
use granary_kmp::store;
use granary_model::{Error, Result};

/// Largest body, in bytes. What GitHub tells of a run is a few dozen kilobytes.
const LIMIT: u64 = 1024 * 1024;

/// What a signature begins with, and how many digits follow.
const SCHEME: &str = "sha256=";
const DIGITS: usize = 64;

/// The only event that says something about a build.
const RUNS: &str = "workflow_run";

/// The routes of webhooks.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/api/kmp/webhooks/github", post(receive_hint)).layer(DefaultBodyLimit::disable())
}

/// Takes a hint. The signature is over the bytes as they came, and is looked at before anything is read from them. Whoever cannot
/// have signed anything is refused before the bytes are received.
///
/// Doubled, late and reordered hints do no harm: what is true of a run is asked of GitHub.
async fn receive_hint(state: AppState, headers: HeaderMap, body: Body) -> ApiResult<Response> {
    let believed = Believed::of(&state, &headers).ok_or_else(refused)?;
    let body = read_limited(body, LIMIT).await?;
    if !is_signed(believed.secret, &body, believed.signature) {
        return Err(refused().into());
    }
    if header(&headers, "x-github-event") != Some(RUNS) {
        return Ok(no_content());
    }
    if let Some(hint) = Hint::read(&body, believed.repository) {
        announce(&state, &hint).await?;
    }
    Ok(no_content())
}

fn refused() -> Error {
    Error::Unauthorized(
        "the webhook is not signed with the secret that this registry has (GRANARY_GITHUB_WEBHOOK_SECRET)"
            .into(),
    )
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whose webhooks are believed, by which secret, and what one claims to be signed with.
struct Believed<'a> {
    repository: &'a str,
    secret: &'a Secret,
    signature: &'a str,
}

impl<'a> Believed<'a> {
    /// `None`: nobody's are, or this one has nothing that could be a signature.
    fn of(state: &'a AppState, headers: &'a HeaderMap) -> Option<Self> {
        let Builder::Github(github) = &state.config().kmp.builder else { return None };
        let secret = github.webhook_secret.as_ref().filter(|secret| !secret.0.is_empty())?;
        let signature = header(headers, "x-hub-signature-256")?;
        let digits = signature.strip_prefix(SCHEME)?;
        let is_one = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_one.then_some(Self { repository: &github.repository, secret, signature })
    }
}

/// Has the build looked at, if somebody waits for it.
async fn announce(state: &AppState, hint: &Hint) -> Result<()> {
    let work = state.kmp_work();
    let Some(build) = store::find(&work, &hint.build).await? else { return Ok(()) };
    if build.status.is_under_way() && build.attempt == hint.attempt {
        store::tell(&work, &build).await;
    }
    Ok(())
}
