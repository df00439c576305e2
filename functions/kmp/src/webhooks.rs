//! What GitHub tells of runs: hints, which only make a build be looked at sooner.

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use granary_http::{ApiResult, AppState, no_content, read_limited};
use granary_kmp::github::{Hint, is_signed};
use granary_kmp::settings::Builder;
use granary_kmp::store;
use granary_model::{Error, Result};

/// Largest body, in bytes: GitHub's own limit.
const LIMIT: u64 = 25 * 1024 * 1024;

/// The only event that says something about a build.
const RUNS: &str = "workflow_run";

/// The routes of webhooks.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/api/kmp/webhooks/github", post(receive_hint)).layer(DefaultBodyLimit::disable())
}

/// Takes a hint. The signature is over the bytes as they came, and is looked at before anything is read from them.
///
/// Doubled, late and reordered hints do no harm: what is true of a run is asked of GitHub.
async fn receive_hint(state: AppState, headers: HeaderMap, body: Body) -> ApiResult<Response> {
    let body = read_limited(body, LIMIT).await?;
    let repository = signed(&state, &headers, &body)?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("x-github-event") != RUNS {
        return Ok(no_content());
    }
    if let Some(hint) = Hint::read(&body, repository) {
        announce(&state, &hint).await?;
    }
    Ok(no_content())
}

/// The repository whose webhooks are believed, if this is one of them.
fn signed<'a>(state: &'a AppState, headers: &HeaderMap, body: &[u8]) -> Result<&'a str> {
    let refused = || {
        Error::Unauthorized(
            "the webhook is not signed with the secret that this registry has (GRANARY_GITHUB_WEBHOOK_SECRET)".into(),
        )
    };
    let Builder::Github(github) = &state.config().kmp.builder else { return Err(refused()) };
    let secret = github.webhook_secret.as_ref().ok_or_else(refused)?;
    let signature = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    if signature.is_some_and(|signature| is_signed(secret, body, signature)) {
        return Ok(&github.repository);
    }
    Err(refused())
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
