//! Tokens of an organisation.

use axum::http::StatusCode;
use axum::response::Response;
use granary_http::permit::{CreateOrgToken, ManageOrgTokens};
use granary_http::tokens::{self, Holder, NewTokenView, TokenRequest, TokenView};
use granary_http::{ApiResult, AppState, Fields, Json, Org, Params, done, reply};
use serde::Deserialize;
use serde_json::json;

/// `GET /api/orgs/{org}/tokens`: all tokens, without their secrets.
pub(crate) async fn list_tokens(state: AppState, Org(access): Org<ManageOrgTokens>) -> ApiResult<Response> {
    let rows = tokens::list(&state, &Holder::org(&access.org)).await?;
    let views: Vec<TokenView> = rows.into_iter().map(TokenView::from).collect();
    Ok(reply(StatusCode::OK, &json!({ "tokens": views })))
}

/// `POST /api/orgs/{org}/tokens`: makes a token and shows its secret, this once. Only people may, and
/// only administrators, so every scope is within their own.
pub(crate) async fn create_token(
    state: AppState,
    Org(access): Org<CreateOrgToken>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let request = TokenRequest::read(&fields, state.now())?;
    let made = tokens::mint(&state, &access.caller(), &Holder::org(&access.org), request).await?;
    Ok(reply(StatusCode::CREATED, &NewTokenView::new(made)))
}

/// Query of [`delete_token`].
#[derive(Debug, Deserialize)]
pub(crate) struct Deletion {
    #[serde(rename = "tokenId")]
    token_id: String,
}

/// `DELETE /api/orgs/{org}/tokens?tokenId=`: revokes a token at once.
pub(crate) async fn delete_token(
    state: AppState,
    Org(access): Org<ManageOrgTokens>,
    Params(deletion): Params<Deletion>,
) -> ApiResult<Response> {
    tokens::revoke(&state, &access.caller(), &Holder::org(&access.org), &deletion.token_id).await?;
    Ok(done())
}
