//! What versions a package has, and what files a version.

use axum::extract::{OriginalUri, Path};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::documents::serve_document;
use granary_http::permit::Fetch;
use granary_http::{ApiResult, AppState, reply, shown};
use granary_model::{PackageType, Sha256};
use granary_publish::listing::files_of;
use granary_publish::raw::RawLists;
use granary_storage::rows::StoredFileRow;
use serde::Serialize;

use crate::call::Names;

/// `GET /api/raw/{repo}/{package}`: its versions, newest first.
pub(crate) async fn list_versions(
    state: AppState,
    Path((repo, package)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (names, access) = Names::authorize::<Fetch>(&state, &headers, &repo, &[&package]).await?;
    let source = names.source(&state, &access).await?;
    let form = ("application/json", "Accept-Encoding, Authorization");
    Ok(serve_document(&state, &headers, &source, RawLists::VARIANT, &RawLists, form).await?)
}

/// The files of a version.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionView {
    name: String,
    version: String,
    published_at: String,
    size: u64,
    files: Vec<FileView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileView {
    name: String,
    size: u64,
    sha256: Sha256,
    content_type: String,
    published_at: String,
    url: String,
}

/// `GET /api/raw/{repo}/{package}/{version}`: its files, by name.
pub(crate) async fn list_files(
    state: AppState,
    Path((repo, package, version)): Path<(String, String, String)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (names, access) = Names::authorize::<Fetch>(&state, &headers, &repo, &[&package, &version]).await?;
    access.refuse_kept(&format!("version '{}' of package '{}'", shown(&version), names.package))?;
    let row = access.live_version().ok_or_else(|| names.not_found())?;
    let base = format!("{}{}", state.config().public_url, uri.path());
    let package = access.package_key(PackageType::Raw, names.package.as_str());
    let rows = files_of(state.storage(), &package, &row.version).await?;
    let shows = |file: &&StoredFileRow| file.is_live() && access.shows_file(&row.version, file);
    let files: Vec<&StoredFileRow> = rows.iter().filter(shows).collect();
    let view = VersionView {
        name: access.head.as_ref().map_or_else(|| names.package.to_string(), |head| head.name.clone()),
        version: row.version.clone(),
        published_at: row.published_at.to_string(),
        size: files.iter().map(|file| file.file.size).sum(),
        files: files
            .into_iter()
            .map(|row| FileView {
                url: format!("{base}/{}", granary_model::path::encode_segment(&row.file.name)),
                name: row.file.name.clone(),
                size: row.file.size,
                sha256: row.file.sha256,
                content_type: row.file.content_type.clone(),
                published_at: row.added_at.to_string(),
            })
            .collect(),
    };
    Ok(reply(StatusCode::OK, &view))
}
