//! The operations.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::seller::{Seller, visible};
use granary_http::{ApiResult, AppState, Fields, Json, Params, no_content, reply};

use crate::commit;
use crate::listing::{ListAnswer, Query};
use crate::request::LicenceRequest;
use crate::view::LicenceView;

/// `GET /v1/licenses?since=&until=`: one page of the seller's licences, oldest first.
pub(crate) async fn list_licences(
    state: AppState,
    seller: Seller,
    Params(query): Params<Query>,
) -> ApiResult<Response> {
    let answer = ListAnswer::read(&state, &seller.tenant, &query).await?;
    Ok(reply(StatusCode::OK, &answer))
}

/// `POST /v1/licenses`: makes a licence. Its key opens packages from now on.
pub(crate) async fn create_licence(
    state: AppState,
    seller: Seller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let request = LicenceRequest::new(&state, &seller, &fields).await?;
    let row = commit::create(&state, &seller, request).await?;
    Ok(reply(StatusCode::CREATED, &LicenceView::new(row)?))
}

/// `GET /v1/licenses/{id}`.
pub(crate) async fn show_licence(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let row = commit::find(&state, &seller, &id).await?;
    Ok(reply(StatusCode::OK, &LicenceView::new(row)?))
}

/// `GET /v1/licenses/{id}/packages`: what the licence's key opens, one page.
pub(crate) async fn list_packages(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
    Params(paging): Params<visible::Paging>,
) -> ApiResult<Response> {
    let row = commit::find(&state, &seller, &id).await?;
    let answer = visible::of_licence(&state, &seller, row, &paging).await?;
    Ok(reply(StatusCode::OK, &answer))
}

/// `PUT /v1/licenses/{id}`: replaces a licence as a whole. An old key opens nothing from now on.
pub(crate) async fn replace_licence(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    // Before the fields: whoever does not have the licence is told nothing else.
    let old = commit::find(&state, &seller, &id).await?;
    let request = LicenceRequest::replacement(&state, &seller, &fields).await?;
    let row = commit::replace(&state, &seller, old, request).await?;
    Ok(reply(StatusCode::OK, &LicenceView::new(row)?))
}

/// `DELETE /v1/licenses/{id}`: removes a licence. Its key opens nothing from now on, and is free again.
pub(crate) async fn delete_licence(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    commit::remove(&state, &seller, &id).await?;
    Ok(no_content())
}
