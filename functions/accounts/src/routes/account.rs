//! The caller's own profile and account tokens.

use axum::http::StatusCode;
use axum::response::Response;
use granary_http::tokens::{self, Holder, TokenQuery, TokenView};
use granary_http::{ApiResult, AppState, Caller, Fields, Json, Params, reply};
use granary_storage::Key;
use granary_storage::rows::UserRow;
use serde::Serialize;

use crate::view::UserView;

#[derive(Serialize)]
struct Me {
    user: UserView,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenView>,
}

/// `GET /api/auth/me`: who the caller is, and the token that was used, if any.
pub(crate) async fn show_me(state: AppState, caller: Caller) -> ApiResult<Response> {
    let user = caller.user()?.clone();
    let profile: Option<UserRow> = state.storage().get(&Key::User(user.clone())).await?;
    let token = caller.token_row(&state).await?;
    let admin = state.is_instance_admin(&user);
    let me = Me { user: UserView::new(user, profile, admin), token: token.map(TokenView::from) };
    Ok(reply(StatusCode::OK, &me))
}

/// `GET /api/auth/token`: the caller's account tokens, without their secrets.
pub(crate) async fn list_tokens(state: AppState, caller: Caller) -> ApiResult<Response> {
    tokens::list_answer(&state, &Holder::user(caller.session()?)).await
}

/// `POST /api/auth/token`: makes an account token and shows its secret, this once.
pub(crate) async fn create_token(
    state: AppState,
    SessionCaller(caller): SessionCaller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    tokens::create_answer(&state, &caller, &Holder::user(caller.session()?), &fields).await
}

/// `DELETE /api/auth/token?tokenId=`: revokes a token at once.
pub(crate) async fn delete_token(
    state: AppState,
    SessionCaller(caller): SessionCaller,
    Params(query): Params<TokenQuery>,
) -> ApiResult<Response> {
    tokens::delete_answer(&state, &caller, &Holder::user(caller.session()?), &query).await
}

/// A caller who signed in, checked before the rest of the request is looked at.
pub(crate) struct SessionCaller(Caller);

impl axum::extract::FromRequestParts<AppState> for SessionCaller {
    type Rejection = granary_http::ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.session()?;
        Ok(Self(caller))
    }
}
