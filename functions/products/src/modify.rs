//! Changes of a product: which tokens may reach it, and versions that go. One path with the change's name in it.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use granary_auth::ProductAction;
use granary_http::product::ProductCaller;
use granary_http::{AppState, Fields, no_content, shown};
use granary_model::product::{ProductFlags, ProductName, ProductVersion, product_token_hash};
use granary_model::{Error, Result};
use granary_publish::product::{remove_access, remove_version, set_access};
use granary_storage::rows::ProductRow;

use crate::view::{empty, text};
use crate::{failure, input, tokens};

/// `PUT /api/product/modify/addToken`.
pub(crate) async fn modify_put(
    state: AppState,
    Path(action): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let modified = async {
        let caller = ProductCaller::of_request(&state, &headers).await?;
        match action.as_str() {
            "addToken" => add_token(&state, caller, &input::fields(&headers, body).await?).await,
            "deleteVersion" | "deleteToken" => Ok(not_allowed("DELETE")),
            _ => Err(unknown(&action)),
        }
    };
    modified.await.unwrap_or_else(failure::json)
}

/// `DELETE /api/product/modify/deleteVersion` and `/deleteToken`.
pub(crate) async fn modify_delete(
    state: AppState,
    Path(action): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let modified = async {
        let caller = ProductCaller::of_request(&state, &headers).await?;
        match action.as_str() {
            "deleteVersion" => delete_version(&state, caller, &input::fields(&headers, body).await?).await,
            "deleteToken" => delete_token(&state, caller, &input::fields(&headers, body).await?).await,
            "addToken" => Ok(not_allowed("PUT")),
            _ => Err(unknown(&action)),
        }
    };
    modified.await.unwrap_or_else(failure::json)
}

/// Gives a token of the tenant these rights to the product, whatever it had before.
async fn add_token(state: &AppState, caller: ProductCaller, fields: &Fields) -> Result<Response> {
    let name = product(fields)?;
    let token = Fields::required("token", fields.text("token")?)?;
    let permissions = Fields::required("permissions", fields.object("permissions")?)?;
    // A right whose name is misspelt must not pass for one that is off.
    permissions.only(&["maintainer", "download", "upload", "delete"])?;
    let flag = |name: &str| permissions.json::<bool>(name).map(Option::unwrap_or_default);
    let flags = ProductFlags {
        maintainer: flag("maintainer")?,
        download: flag("download")?,
        upload: flag("upload")?,
        delete: flag("delete")?,
    };
    let access = caller.authorize(state, ProductAction::ManageAccess, &name).await?;
    let target = tokens::find(state, &access.caller, token).await?.ok_or_else(tokens::not_found)?;
    let permit = |row: &ProductRow| access.recheck(row);
    set_access(&access.hand(state, &permit), access.product.clone(), target.hash, flags).await?;
    Ok(empty(StatusCode::CREATED))
}

/// Takes a token from the product, be it one that is gone already. A product that does not list it is no matter.
async fn delete_token(state: &AppState, caller: ProductCaller, fields: &Fields) -> Result<Response> {
    let name = product(fields)?;
    let token = product_token_hash(Fields::required("token", fields.text("token")?)?);
    let access = caller.authorize(state, ProductAction::ManageAccess, &name).await?;
    let permit = |row: &ProductRow| access.recheck(row);
    remove_access(&access.hand(state, &permit), access.product.clone(), token).await?;
    Ok(no_content())
}

/// Removes a version. One that is not there is no matter.
async fn delete_version(state: &AppState, caller: ProductCaller, fields: &Fields) -> Result<Response> {
    let name = product(fields)?;
    let version: ProductVersion = Fields::required("version", fields.parsed("version")?)?;
    let access = caller.authorize(state, ProductAction::RemoveVersion, &name).await?;
    let permit = |row: &ProductRow| access.recheck(row);
    remove_version(&access.hand(state, &permit), access.product.clone(), version).await?;
    Ok(empty(StatusCode::OK))
}

fn product(fields: &Fields) -> Result<ProductName> {
    Fields::required("product", fields.parsed("product")?)
}

fn unknown(action: &str) -> Error {
    Error::BadRequest(format!("unknown action: {}", shown(action)))
}

/// The documented answer to a known action with another method than its own.
fn not_allowed(method: &'static str) -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(method));
    response
}
