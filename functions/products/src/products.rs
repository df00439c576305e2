//! Products as such: listed, made, shown, deleted.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::ProductAction;
use granary_http::product::{ProductAccess, ProductCaller};
use granary_http::{AppState, SlashAtEnd, no_content, reply};
use granary_model::product::ProductName;
use granary_model::{Error, Result};
use granary_publish::product;
use granary_storage::Key;
use granary_storage::rows::ProductRow;

use crate::view::{ProductView, VersionRow, empty};
use crate::{failure, input};

/// `GET /api/product/access`: products that list the caller, with whatever rights. Being an administrator is not being listed.
pub(crate) async fn access_products(state: AppState, headers: HeaderMap) -> Response {
    names(&state, &headers, false).await.unwrap_or_else(failure::json)
}

/// `GET /api/product/list`: all products for an administrator, and for others those that list them.
pub(crate) async fn list_products(state: AppState, headers: HeaderMap) -> Response {
    names(&state, &headers, true).await.unwrap_or_else(failure::json)
}

async fn names(state: &AppState, headers: &HeaderMap, all_for_admins: bool) -> Result<Response> {
    let caller = ProductCaller::of_request(state, headers).await?;
    let credential = caller.credential();
    let all = credential.admin && all_for_admins;
    let wanted = |product: &ProductRow| all || credential.flags(product).is_some();
    Ok(reply(StatusCode::OK, &caller.hand(state).names(wanted).await?))
}

/// `PUT /api/product/create`: the caller's token gets all rights to the product. A map of tokens in the body is ignored.
pub(crate) async fn create_product(state: AppState, headers: HeaderMap, body: Body) -> Response {
    let created = async {
        let caller = ProductCaller::of_request(&state, &headers).await?;
        let fields = input::fields(&headers, body).await?;
        let name: ProductName = fields.text("name")?.unwrap_or_default().parse()?;
        caller.hand(&state).create_product(name, caller.credential().hash).await?;
        Ok(empty(StatusCode::CREATED))
    };
    created.await.unwrap_or_else(failure::json)
}

/// Rows of versions that are read at once.
const PAGE: i32 = 1_000;

/// `GET /api/product/fetch/{product}`. Reads the versions page by page and keeps what is shown of them.
pub(crate) async fn fetch_product(state: AppState, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let fetched = async {
        let access = ProductAccess::of_request(&state, &headers, ProductAction::See, &name).await?;
        let first = Key::ProductVersion(access.product.uid.clone(), String::new());
        let mut view = ProductView::new(access.product);
        let mut after: Option<String> = None;
        loop {
            let page = state.storage().list::<VersionRow>(&first, "VER#", after.as_deref(), PAGE).await?;
            view.add(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(reply(StatusCode::OK, &view));
            }
        }
    };
    fetched.await.unwrap_or_else(failure::of_product)
}

/// `DELETE /api/product/delete/{product}`: its name is free at once, its files follow. A slash at the end stands before a
/// version that is missing, because a variable of a script was empty, and must not cost the whole product.
pub(crate) async fn delete_product(
    state: AppState,
    Path(name): Path<String>,
    extensions: Extensions,
    headers: HeaderMap,
) -> Response {
    if extensions.get::<SlashAtEnd>().is_some() {
        return missing(&state, &headers, "version is required").await;
    }
    let deleted = async {
        let access = ProductAccess::of_request(&state, &headers, ProductAction::Delete, &name).await?;
        let permit = |row: &ProductRow| access.recheck(row);
        product::delete_product(&access.hand(&state, &permit), access.product.clone()).await?;
        Ok(no_content())
    };
    deleted.await.unwrap_or_else(failure::json)
}

/// `DELETE /api/product/delete/`.
pub(crate) async fn delete_nothing(state: AppState, headers: HeaderMap) -> Response {
    missing(&state, &headers, "product name is required").await
}

/// The answer to a path that ends too early.
async fn missing(state: &AppState, headers: &HeaderMap, words: &str) -> Response {
    match ProductCaller::of_request(state, headers).await {
        Ok(_) => failure::plain(StatusCode::BAD_REQUEST, Error::BadRequest(words.into())),
        Err(error) => failure::json(error),
    }
}
