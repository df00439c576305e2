//! Access to an entity as the argument of a handler.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request;
use granary_http::entity::{EntityAccess, EntityPermission};
use granary_http::{ApiError, AppState};
use granary_model::{Error, Result};
use granary_storage::rows::EntityRow;

/// Most bytes of an entity's row as JSON: DynamoDB takes 400 KB, and versions still have to be counted in it.
const MAX_ROW: usize = 360_000;

/// Extracts [`EntityAccess`] for routes with an `{entity}` parameter, before the body is looked at.
#[derive(Debug)]
pub(crate) struct Entity<A>(pub(crate) EntityAccess<A>);

impl<A: EntityPermission> FromRequestParts<AppState> for Entity<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, ApiError> {
        let id = param(parts, state, "entity").await?;
        Ok(Self(EntityAccess::authorize(state, &parts.headers, &id).await?))
    }
}

/// One parameter of the path.
async fn param(parts: &mut request::Parts, state: &AppState, name: &str) -> Result<String> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|error| Error::internal("reading the path", error))?;
    params
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| Error::internal("reading the path", format!("the route has no parameter '{name}'")))
}

/// Refuses a row that has grown too large: ids and addresses of a thousand users may be longer than a row can be.
///
/// # Errors
/// `Conflict`.
pub(crate) fn check_size(row: &EntityRow) -> Result<()> {
    let size = serde_json::to_vec(row).map_err(|error| Error::internal("measuring a row", error))?.len();
    if size <= MAX_ROW {
        return Ok(());
    }
    Err(Error::Conflict(
        "the entity has no room for more publishers, shares and publications; remove some first".into(),
    ))
}
