//! Tokens of a repository.

use axum::http::StatusCode;
use axum::response::Response;
use granary_http::permit::ManageTokens;
use granary_http::tokens::{self, Holder, NewTokenView, TokenRequest, TokenView};
use granary_http::{ApiResult, AppState, Fields, Json, Params, Repo, done, reply};
use serde::Deserialize;
use serde_json::json;

/// `GET /api/repos/{repo}/tokens`: all tokens, without their secrets.
pub(crate) async fn list_tokens(state: AppState, Repo(access): Repo<ManageTokens>) -> ApiResult<Response> {
    let rows = tokens::list(&state, &Holder::repo(&access.repo)).await?;
    let views: Vec<TokenView> = rows.into_iter().map(TokenView::from).collect();
    Ok(reply(StatusCode::OK, &json!({ "tokens": views })))
}

/// `POST /api/repos/{repo}/tokens`: makes a token and shows its secret, this once. Whoever may manage
/// tokens is an administrator, so every scope is within their own.
pub(crate) async fn create_token(
    state: AppState,
    Repo(access): Repo<ManageTokens>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let request = TokenRequest::read(&fields, state.now())?;
    let made = tokens::mint(&state, &access.caller(), &Holder::repo(&access.repo), request).await?;
    Ok(reply(StatusCode::CREATED, &NewTokenView::new(made)))
}

/// Query of [`delete_token`].
#[derive(Debug, Deserialize)]
pub(crate) struct Deletion {
    #[serde(rename = "tokenId")]
    token_id: String,
}

/// `DELETE /api/repos/{repo}/tokens?tokenId=`: revokes a token at once.
pub(crate) async fn delete_token(
    state: AppState,
    Repo(access): Repo<ManageTokens>,
    Params(deletion): Params<Deletion>,
) -> ApiResult<Response> {
    tokens::revoke(&state, &access.caller(), &Holder::repo(&access.repo), &deletion.token_id).await?;
    Ok(done())
}
