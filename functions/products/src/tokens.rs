//! Tokens of the product API.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::product::ProductCaller;
use granary_http::{AppState, no_content, reply};
use granary_model::product::ProductToken;
use granary_model::{Error, Result};
use granary_storage::Key;
use granary_storage::rows::ProductTokenRow;

use crate::view::{TokenView, text};
use crate::{failure, input};

/// `PUT /api/register`: a new token, which is shown this once.
pub(crate) async fn register_token(state: AppState, headers: HeaderMap, body: Body) -> Response {
    let registered = async {
        let caller = ProductCaller::of_request(&state, &headers).await?;
        if !caller.manages_tokens() {
            return Ok(only_admins("Only admin allowed to register new tokens"));
        }
        let fields = input::fields(&headers, body).await?;
        let admin = fields.json::<bool>("admin")?.unwrap_or_default();
        let token = caller.hand(&state).register_token(admin).await?;
        Ok(text(StatusCode::CREATED, token.expose()))
    };
    registered.await.unwrap_or_else(failure::json)
}

/// `GET /api/fetch/{token}`: what a token is, for whoever has it and one of its tenant's.
pub(crate) async fn fetch_token(state: AppState, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let fetched = async {
        let caller = ProductCaller::of_request(&state, &headers).await?;
        let row = find(&state, &caller, &token).await?.ok_or_else(not_found)?;
        Ok(reply(StatusCode::OK, &TokenView::from(row)))
    };
    fetched.await.unwrap_or_else(failure::json)
}

/// `GET /api/fetch/`.
pub(crate) async fn fetch_nothing(state: AppState, headers: HeaderMap) -> Response {
    match ProductCaller::of_request(&state, &headers).await {
        Ok(_) => failure::json(missing()),
        Err(error) => failure::json(error),
    }
}

/// `DELETE /api/prune/{token}`: the token opens nothing from that moment on, and no product lists it any more.
pub(crate) async fn prune_token(state: AppState, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let pruned = async {
        let caller = ProductCaller::of_request(&state, &headers).await?;
        if !caller.manages_tokens() {
            return Ok(may_not_prune());
        }
        let token: ProductToken = token.parse().map_err(|_| not_found())?;
        if caller.hand(&state).prune_token(token.hash()).await? { Ok(no_content()) } else { Err(not_found()) }
    };
    pruned.await.unwrap_or_else(failure::json)
}

/// `DELETE /api/prune/`.
pub(crate) async fn prune_nothing(state: AppState, headers: HeaderMap) -> Response {
    match ProductCaller::of_request(&state, &headers).await {
        Ok(caller) if caller.manages_tokens() => failure::plain(StatusCode::BAD_REQUEST, missing()),
        Ok(_) => may_not_prune(),
        Err(error) => failure::json(error),
    }
}

/// `GET /api/tokens`: the tenant's tokens by their hashes.
pub(crate) async fn list_tokens(state: AppState, headers: HeaderMap) -> Response {
    let listed = async {
        let caller = ProductCaller::of_request(&state, &headers).await?;
        if !caller.manages_tokens() {
            return Ok(only_admins("Only admin allowed to list tokens"));
        }
        // The hash only says which partition to list.
        let any = granary_model::Sha256::from_bytes([0; 32]);
        let first = Key::ProductTokenOf(caller.tenant().clone(), any);
        let rows: Vec<ProductTokenRow> = state.storage().list_all(&first, "TOKEN#").await?;
        let views: Vec<TokenView> = rows.into_iter().map(TokenView::from).collect();
        Ok(reply(StatusCode::OK, &views))
    };
    listed.await.unwrap_or_else(failure::json)
}

/// A token of the caller's tenant, by its text.
pub(crate) async fn find(
    state: &AppState,
    caller: &ProductCaller,
    token: &str,
) -> Result<Option<ProductTokenRow>> {
    match token.parse::<ProductToken>() {
        Ok(token) => caller.hand(state).token(token.hash()).await,
        Err(_) => Ok(None),
    }
}

/// The error for a token that the tenant does not have.
pub(crate) fn not_found() -> Error {
    Error::BadRequest("token not found".into())
}

fn missing() -> Error {
    Error::BadRequest("token is required".into())
}

fn may_not_prune() -> Response {
    only_admins("Only admin allowed to prune an api token")
}

/// The documented answer to whoever may not manage tokens.
fn only_admins(words: &str) -> Response {
    failure::plain(StatusCode::UNAUTHORIZED, Error::Unauthorized(words.into()))
}
