//! Tokens of an organisation.

use axum::response::Response;
use granary_http::permit::{CreateOrgToken, ManageOrgTokens};
use granary_http::tokens::{self, Holder, TokenQuery};
use granary_http::{ApiResult, AppState, Fields, Json, Org, Params};

/// `GET /api/orgs/{org}/tokens`: all tokens, without their secrets.
pub(crate) async fn list_tokens(state: AppState, Org(access): Org<ManageOrgTokens>) -> ApiResult<Response> {
    tokens::list_answer(&state, &Holder::org(&access.org)).await
}

/// `POST /api/orgs/{org}/tokens`: makes a token and shows its secret, this once. Only people may, and
/// only administrators, so every scope is within their own.
pub(crate) async fn create_token(
    state: AppState,
    Org(access): Org<CreateOrgToken>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    tokens::create_answer(&state, &access.caller(), &Holder::org(&access.org), &fields).await
}

/// `DELETE /api/orgs/{org}/tokens?tokenId=`: revokes a token at once.
pub(crate) async fn delete_token(
    state: AppState,
    Org(access): Org<ManageOrgTokens>,
    Params(query): Params<TokenQuery>,
) -> ApiResult<Response> {
    tokens::delete_answer(&state, &access.caller(), &Holder::org(&access.org), &query).await
}
