//! What jobs call: a token for their build, that they are at work, and what they have made.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use granary_auth::Principal;
use granary_http::{ApiResult, AppState, Caller, Json, id_token, reply};
use granary_kmp::results::{self, Completed, Completion, JobBuild};
use granary_kmp::token::{self, Issued};
use granary_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The routes of jobs. Builds are named by their id, with or without a dot and the attempt behind it.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/kmp/builds/{build}/token", post(exchange_token))
        .route("/api/kmp/builds/{build}/start", post(start_build))
        .route("/api/kmp/builds/{build}/complete", post(complete_build))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenAnswer<'a> {
    token: &'a str,
    expires_at: String,
}

/// `POST /api/kmp/builds/{build}/token`: the token of a build for an ID token of GitHub.
async fn exchange_token(
    state: AppState,
    Path(build): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let identity = id_token(&headers)?;
    let work = state.kmp_work();
    let Issued { token, expires_at } =
        Box::pin(token::exchange(&work, &JobBuild::parse(&build), &identity)).await?;
    let answer = TokenAnswer { token: token.expose(), expires_at: expires_at.to_string() };
    Ok(reply(StatusCode::OK, &answer))
}

/// Which run begins to work.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Start {
    run_id: u64,
    attempt: u64,
}

/// `POST /api/kmp/builds/{build}/start`: claims a build for a run.
async fn start_build(
    state: AppState,
    Path(build): Path<String>,
    headers: HeaderMap,
    Json(start): Json<Start>,
) -> ApiResult<Response> {
    let build = own(&state, &headers, &build).await?;
    let build = results::start(&state.kmp_work(), &build.named(), (start.run_id, start.attempt)).await?;
    Ok(reply(StatusCode::OK, &json!({ "success": true, "status": build.status })))
}

/// `POST /api/kmp/builds/{build}/complete`: hands over what was made, or why it could not be.
async fn complete_build(
    state: AppState,
    Path(build): Path<String>,
    headers: HeaderMap,
    Json(completion): Json<Completion>,
) -> ApiResult<Response> {
    let build = own(&state, &headers, &build).await?;
    let completed = Box::pin(results::complete(&state.kmp_work(), &build.named(), &completion)).await?;
    let (status, word) = match completed {
        Completed::Accepted => (StatusCode::ACCEPTED, "building".to_owned()),
        Completed::Over(status) => (StatusCode::OK, status.to_string()),
    };
    Ok(reply(status, &json!({ "success": true, "status": word })))
}

/// The build that a token is of.
struct Own {
    id: String,
    attempt: u32,
}

impl Own {
    fn named(&self) -> JobBuild<'_> {
        JobBuild { id: &self.id, attempt: Some(self.attempt) }
    }
}

/// The build in a path, if the caller has a token of it, and of this attempt.
async fn own(state: &AppState, headers: &HeaderMap, text: &str) -> Result<Own> {
    let caller = Caller::of_request(state, headers).await?;
    let named = JobBuild::parse(text);
    let Principal::Build { scope, .. } = &caller.principal else {
        caller.refuse_customers()?;
        return Err(Error::Forbidden(
            "only the job of a build does this, with a token that it gets at /api/kmp/builds/{id}/token"
                .into(),
        ));
    };
    let is_it = named.id == scope.build && named.attempt.is_none_or(|attempt| attempt == scope.attempt);
    if is_it {
        return Ok(Own { id: scope.build.clone(), attempt: scope.attempt });
    }
    Err(Error::NotFound("build not found".into()))
}
