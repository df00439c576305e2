//! One file: upload, download, deletion.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::permit::{Admin, Fetch, Write};
use granary_http::{
    ApiError, ApiResult, AppState, Delivery, RepoAccess, done, receive, refuse_body, reply, shown,
};
use granary_model::{PackageType, Result};
use granary_publish::files::{Added, Known, NewFile, add_files, check_files, delete_file, store_bytes};
use granary_publish::raw::{RawRules, content_type, reshow};

use crate::call::Names;

/// Repository, package, version, file.
type Segments = Path<(String, String, String, String)>;

/// `GET`: the file, in place or by redirect.
pub(crate) async fn download(state: AppState, path: Segments, headers: HeaderMap) -> ApiResult<Response> {
    serve(&state, path, &headers, false).await
}

/// `HEAD`: what `GET` would say, never a redirect.
pub(crate) async fn look(state: AppState, path: Segments, headers: HeaderMap) -> ApiResult<Response> {
    serve(&state, path, &headers, true).await
}

async fn serve(
    state: &AppState,
    Path((repo, package, version, file)): Segments,
    headers: &HeaderMap,
    head_only: bool,
) -> ApiResult<Response> {
    let segments = [package.as_str(), &version, &file];
    let (names, access) = Names::authorize::<Fetch>(state, headers, &repo, &segments).await?;
    access.refuse_kept(&format!("version '{}' of package '{}'", shown(&version), names.package))?;
    let row = access.live_file().ok_or_else(|| names.not_found())?;
    let response = Delivery::new(&row.file)
        .modified(row.added_at)
        .content_type(&row.file.content_type)
        .attachment()
        .for_curl()
        .answer(state, headers, head_only)
        .await?;
    let answered = response.status();
    if !head_only && (answered == StatusCode::OK || answered == StatusCode::FOUND) {
        let package = access.package_key(PackageType::Raw, names.package.as_str());
        state.count_download(package, names.version());
    }
    Ok(response)
}

/// `PUT`: adds a file to a version, which is made with its first one. The same bytes again are a success.
pub(crate) async fn upload(
    state: AppState,
    Path((repo, package, version, file)): Segments,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response> {
    let segments = [package.as_str(), &version, &file];
    let (names, access) = match Names::authorize::<Write>(&state, &headers, &repo, &segments).await {
        Ok(allowed) => allowed,
        Err(error) => {
            refuse_body(&headers, body).await;
            return Err(ApiError(error));
        }
    };
    put(&state, &headers, &repo, names, access, body).await?;
    Ok(reply(StatusCode::CREATED, &serde_json::json!({ "ok": true })))
}

async fn put(
    state: &AppState,
    headers: &HeaderMap,
    repo: &str,
    names: Names,
    mut access: RepoAccess<Write>,
    body: Body,
) -> Result<()> {
    let way_out = format!(
        "send it with `granary push raw {} --repo {repo} --package {} --version {}`, which has no such limit",
        names.file(),
        names.package,
        names.version()
    );
    let received = receive(state, headers, body, &way_out).await?;
    if received.slow {
        let segments = [names.package.as_str(), names.version(), names.file()];
        access = Names::authorize::<Write>(state, headers, repo, &segments).await?.1;
    }
    let file = NewFile {
        name: names.file().to_owned(),
        digests: received.digests,
        content_type: content_type(names.file()),
    };
    let known = Known {
        version: access.version.as_deref().cloned(),
        files: access.file.as_deref().cloned().into_iter().collect(),
    };
    let (Some(version), files) = (names.version.clone(), [file]) else {
        return Err(granary_model::Error::internal("uploading", "the route has no version"));
    };
    let rules = RawRules::new(names.package.clone(), version, None)?;
    if check_files(names.version(), &files, &known, &rules)? == Added::Again {
        return Ok(());
    }
    let now = state.now();
    store_bytes(state.storage(), &received.spool, received.digests.sha256, now).await?;
    let quota = state.config().repo_quota;
    let target = names.target(state, &access);
    add_files(target, now, quota, names.version(), &files, known, &rules).await?;
    Ok(())
}

/// `DELETE`: for admins, and for ever: other bytes can never take the name.
pub(crate) async fn delete(
    state: AppState,
    Path((repo, package, version, file)): Segments,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let segments = [package.as_str(), &version, &file];
    let (names, access) = Names::authorize::<Admin>(&state, &headers, &repo, &segments).await?;
    let target = names.target(&state, &access);
    if access.live_file().is_none() {
        return Err(names.not_found().into());
    }
    delete_file(target, state.now(), names.version(), names.file(), reshow).await?;
    Ok(done())
}
