//! Tokens of a repository.

use axum::response::Response;
use granary_http::permit::ManageTokens;
use granary_http::tokens::{self, Holder, TokenQuery};
use granary_http::{ApiResult, AppState, Fields, Json, Params, Repo};

/// `GET /api/repos/{repo}/tokens`: all tokens, without their secrets.
pub(crate) async fn list_tokens(state: AppState, Repo(access): Repo<ManageTokens>) -> ApiResult<Response> {
    tokens::list_answer(&state, &Holder::repo(&access.repo)).await
}

/// `POST /api/repos/{repo}/tokens`: makes a token and shows its secret, this once. Whoever may manage
/// tokens is an administrator, so every scope is within their own.
pub(crate) async fn create_token(
    state: AppState,
    Repo(access): Repo<ManageTokens>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    tokens::create_answer(&state, &access.caller(), &Holder::repo(&access.repo), &fields).await
}

/// `DELETE /api/repos/{repo}/tokens?tokenId=`: revokes a token at once.
pub(crate) async fn delete_token(
    state: AppState,
    Repo(access): Repo<ManageTokens>,
    Params(query): Params<TokenQuery>,
) -> ApiResult<Response> {
    tokens::delete_answer(&state, &access.caller(), &Holder::repo(&access.repo), &query).await
}
