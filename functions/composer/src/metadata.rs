//! The metadata of a package: `p2/{vendor}/{name}.json` and `p2/{vendor}/{name}~dev.json`.

use axum::extract::Path;
use axum::http::HeaderMap;
use granary_http::AppState;
use granary_http::documents::serve_document;
use granary_model::Error;
use granary_publish::composer::documents::Branch;

use crate::call::{Call, authorize};
use crate::conditional::{VARY, is_unchanged, last_modified, not_modified, put_date};
use crate::failure::ComposerResult;

/// `GET`: all versions that the caller gets, or only the branches among them. A package that the caller gets no version
/// of is like one that is not there; one of which it gets some has both documents, if need be an empty one.
pub(crate) async fn show_metadata(
    state: AppState,
    Path((repo, vendor, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> ComposerResult {
    let Some(base) = file.strip_suffix(".json") else {
        authorize(&state, &headers, &repo).await?;
        return Err(Error::NotFound("there is no such document".into()).into());
    };
    let (base, branch) = match base.strip_suffix("~dev") {
        Some(base) => (base, Branch::Dev),
        None => (base, Branch::Releases),
    };
    let name = format!("{vendor}/{base}");
    let call = Call::authorize(&state, &headers, &repo, &name, None).await?;
    let source = call.source(&state).await?;
    let renderer = state.composer();
    let variant = renderer.variant(branch);
    let modified = last_modified(&source, &call.access.repo, state.now());
    if is_unchanged(&headers, modified.as_deref()) {
        return Ok(not_modified(&source.etag(&variant), modified.as_deref())?);
    }
    let form = ("application/json", VARY);
    let mut response = serve_document(&state, &headers, &source, &variant, renderer, form).await?;
    put_date(response.headers_mut(), modified.as_deref())?;
    Ok(response)
}
