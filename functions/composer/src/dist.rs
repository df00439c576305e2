//! Archives: `dist/{vendor}/{name}/{version}/{reference}.zip`.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use granary_auth::Denial;
use granary_http::{AppState, Delivery, denied, shown};
use granary_model::composer::ComposerVersion;
use granary_model::{Error, PackageType};
use granary_publish::composer::publish::ARCHIVE_TYPE;

use crate::call::Call;
use crate::failure::ComposerResult;

/// Repository, vendor, name, and the rest: a version that may have slashes, and the file.
type Segments = Path<(String, String, String, String)>;

/// `GET`: the archive, in place or by a redirect that is good for some minutes. The address itself is good for ever:
/// it stands in lock files, so the right to the version is looked at here and now.
pub(crate) async fn download(state: AppState, path: Segments, headers: HeaderMap) -> ComposerResult {
    serve(&state, path, &headers, false).await
}

/// `HEAD`: what `GET` would say, never a redirect.
pub(crate) async fn look(state: AppState, path: Segments, headers: HeaderMap) -> ComposerResult {
    serve(&state, path, &headers, true).await
}

async fn serve(
    state: &AppState,
    Path((repo, vendor, base, rest)): Segments,
    headers: &HeaderMap,
    head_only: bool,
) -> ComposerResult {
    let name = format!("{vendor}/{base}");
    let (version, file) = rest.rsplit_once('/').unwrap_or(("", &rest));
    // What is no version cannot be looked up.
    let wanted = ComposerVersion::from_normalized(version).is_ok().then_some(version);
    let call = Call::authorize(state, headers, &repo, &name, wanted).await?;
    let access = &call.access;
    let what = format!("version {} of {}", shown(version), call.name);
    let not_found = || Error::NotFound(format!("{what} not found"));
    match access.withheld {
        None => {}
        Some(Denial::Hidden) => return Err(not_found().into()),
        // Composer prints why.
        Some(denial) => return Err(denied(denial, &what).into()),
    }
    access.refuse_kept(&what)?;
    let row = access.live_version().ok_or_else(not_found)?;
    let reference = file.strip_suffix(".zip").unwrap_or_default();
    let archive = row.files.first().filter(|archive| archive.sha1.to_string() == reference);
    let archive = archive.ok_or_else(not_found)?;
    let response = Delivery::new(archive)
        .modified(row.published_at)
        .content_type(ARCHIVE_TYPE)
        .attachment()
        .for_curl()
        .answer(state, headers, head_only)
        .await?;
    let answered = response.status();
    if !head_only && (answered == StatusCode::OK || answered == StatusCode::FOUND) {
        let package = access.package_key(PackageType::Composer, call.name.as_str());
        state.count_download(package, &row.version);
    }
    Ok(response)
}
