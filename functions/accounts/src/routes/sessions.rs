//! The browsers in which the caller is signed in.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::{ApiResult, AppState, Caller, Params, done, reply, sessions};
use granary_model::{Error, TokenHash, UserId};
use granary_storage::rows::SessionEntry;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A session as its user sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionView {
    id: String,
    browser: String,
    created_at: String,
    expires_at: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// `GET /api/auth/sessions`: the browsers in which the caller is signed in, oldest first.
pub(crate) async fn list_sessions(
    state: AppState,
    headers: HeaderMap,
    caller: Caller,
) -> ApiResult<Response> {
    let current = Caller::session_hash(&headers);
    let entries = sessions::list(&state, caller.session()?).await?;
    let view = |entry: SessionEntry| SessionView {
        current: current.as_ref() == Some(&entry.hash),
        id: entry.session.id,
        browser: entry.session.browser,
        created_at: entry.session.created_at.to_string(),
        expires_at: granary_model::Timestamp::from_millis(entry.session.expires_at * 1000).to_string(),
    };
    let views: Vec<SessionView> = entries.into_iter().map(view).collect();
    Ok(reply(StatusCode::OK, &json!({ "sessions": views })))
}

/// Query of [`end_sessions`].
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    #[serde(rename = "sessionId")]
    session_id: Option<String>,
}

/// `DELETE /api/auth/sessions?sessionId=`: signs out one browser: `current`, the one that asks, or one of the list.
/// Without the parameter it signs out all of them.
pub(crate) async fn end_sessions(
    state: AppState,
    headers: HeaderMap,
    caller: Caller,
    Params(which): Params<Which>,
) -> ApiResult<Response> {
    let user = caller.session()?;
    match which.session_id.as_deref() {
        None => {
            sessions::end_all(&state, user).await?;
        }
        Some("current") => {
            let id = current(&state, user, Caller::session_hash(&headers)).await?;
            sessions::end(&state, user, &id).await?;
        }
        Some(id) => sessions::end(&state, user, id).await?,
    }
    Ok(done())
}

async fn current(state: &AppState, user: &UserId, hash: Option<TokenHash>) -> Result<String, Error> {
    let none = || Error::BadRequest("the request does not come from a browser that has signed in".into());
    let hash = hash.ok_or_else(none)?;
    let entries = sessions::list(state, user).await?;
    entries.into_iter().find(|entry| entry.hash == hash).map(|entry| entry.session.id).ok_or_else(none)
}
