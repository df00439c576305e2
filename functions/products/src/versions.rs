//! One version by its address: downloaded, deleted.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use granary_auth::ProductAction;
use granary_http::product::ProductAccess;
use granary_http::{AppState, Delivery, no_content};
use granary_model::product::ProductVersion;
use granary_model::{Error, Result};
use granary_publish::product::{remove_version, version_row};
use granary_storage::rows::{ProductRow, ProductVersionRow};

use crate::failure;

/// The same address can have other bytes once the product was deleted and made again, so they are asked for each time.
const CACHE: &str = "private, no-cache";

/// Product and version.
type Segments = Path<(String, String)>;

/// `GET /api/product/download/{product}/{version}`: the file, in place or by redirect.
pub(crate) async fn download_version(state: AppState, path: Segments, headers: HeaderMap) -> Response {
    serve(&state, path, &headers, false).await.unwrap_or_else(failure::of_version)
}

/// `HEAD`: what `GET` would say, never a redirect.
pub(crate) async fn look_at_version(state: AppState, path: Segments, headers: HeaderMap) -> Response {
    serve(&state, path, &headers, true).await.unwrap_or_else(failure::of_version)
}

async fn serve(
    state: &AppState,
    Path((name, version)): Segments,
    headers: &HeaderMap,
    head_only: bool,
) -> Result<Response> {
    let access = ProductAccess::of_request(state, headers, ProductAction::Download, &name).await?;
    let version: ProductVersion = version.parse().map_err(|_| not_found())?;
    let row = version_row(state.storage(), &access.product, &version).await?;
    let row = row.filter(ProductVersionRow::is_live).ok_or_else(not_found)?;
    let mut response = Delivery::new(&row.file)
        .modified(row.published_at)
        .attachment()
        .cache(CACHE)
        .for_curl()
        .answer(state, headers, head_only)
        .await?;
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Authorization, X-Api-Token"));
    Ok(response)
}

/// `DELETE /api/product/delete/{product}/{version}`.
pub(crate) async fn delete_version(
    state: AppState,
    Path((name, version)): Segments,
    headers: HeaderMap,
) -> Response {
    let deleted = async {
        let access = ProductAccess::of_request(&state, &headers, ProductAction::DeleteVersion, &name).await?;
        let version: ProductVersion = version.parse().map_err(|_| not_found())?;
        let permit = |row: &ProductRow| access.recheck(row);
        let removed = remove_version(&access.hand(&state, &permit), access.product.clone(), version).await?;
        if removed { Ok(no_content()) } else { Err(not_found()) }
    };
    deleted.await.unwrap_or_else(failure::of_version)
}

fn not_found() -> Error {
    Error::NotFound("Version not found".into())
}
