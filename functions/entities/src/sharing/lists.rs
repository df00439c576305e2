//! What is shared with the caller, and what the caller has shared.

use axum::http::StatusCode;
use axum::response::Response;
use granary_http::entity::standings;
use granary_http::{ApiResult, AppState, Caller, Params, reply};
use granary_storage::Key;
use granary_storage::rows::EntityRef;
use serde::Serialize;

use crate::pages::{ListQuery, Pages};
use crate::sharing::shares::share_views;
use crate::view::{EntityView, ShareView};

/// An entity with the share by which the caller has it.
#[derive(Serialize)]
struct Received {
    #[serde(flatten)]
    entity: EntityView,
    share: ShareView,
}

/// An entity with the shares that the caller has made.
#[derive(Serialize)]
struct Given {
    #[serde(flatten)]
    entity: EntityView,
    shares: Vec<ShareView>,
}

/// `GET /api/entities/shared-with-me?type=`: the entities that somebody shares with the caller.
pub(crate) async fn shared_with_me(
    state: AppState,
    caller: Caller,
    Params(query): Params<ListQuery>,
) -> ApiResult<Response> {
    let user = caller.user()?;
    // The id does not matter: the key only says whose list it is.
    let list = (Key::SharedWith(user.clone(), String::new()), "SHARED#");
    let mut pages = Pages::open(&state, &query, list, |entry: EntityRef| Some(entry.id)).await?;
    while let Some(rows) = pages.next().await? {
        for row in rows {
            let Some((id, share)) = row.shares.iter().find(|(_, share)| share.user == *user) else {
                continue;
            };
            let share = ShareView::new(id, share);
            pages.show(&row, &Received { entity: EntityView::new(&row, state.config()), share })?;
        }
    }
    Ok(reply(StatusCode::OK, &pages.answer()))
}

/// `GET /api/entities/shares?type=`: the entities that the caller shares with others.
pub(crate) async fn shared_by_me(
    state: AppState,
    caller: Caller,
    Params(query): Params<ListQuery>,
) -> ApiResult<Response> {
    let user = caller.user()?;
    let list = (Key::SharedBy(user.clone(), String::new()), "SHARES#");
    let mut pages = Pages::open(&state, &query, list, |entry: EntityRef| Some(entry.id)).await?;
    while let Some(rows) = pages.next().await? {
        // Whoever shared one may have it no more.
        let standings = standings(&state, &caller.principal, &rows).await?;
        for (row, standing) in rows.into_iter().zip(standings) {
            let shares = share_views(&row, |share| share.created_by == *user);
            if standing.is_some() && !shares.is_empty() {
                pages.show(&row, &Given { entity: EntityView::new(&row, state.config()), shares })?;
            }
        }
    }
    Ok(reply(StatusCode::OK, &pages.answer()))
}
