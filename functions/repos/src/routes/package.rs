//! One package: what it is, one of its versions, and a page of the others.

mod files;
mod foreign;
mod standing;
mod version;
mod versions;
mod view;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::{ApiResult, AppState, Params, reply, shown};
use granary_model::{Error, PackageType, Result};
use granary_publish::details::version_text;
use granary_publish::order::VersionOrder;
use granary_storage::Key;
use granary_storage::rows::VersionRow;
use serde::Deserialize;

use super::packages::Paging;
use crate::counts::package_downloads;
use crate::named::{Named, version_key};

use version::Extras;
use versions::Slice;
use view::{PackageDetails, Seen, VersionDetails, VersionLine};

/// The query of a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Query {
    /// The version to show; without it the one that `latest` names.
    version: Option<String>,
    /// Most versions on the page.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// `GET /api/repos/{repo}/packages/{kind}/{name}`: for whoever may read the repository. Needs no credentials where that is
/// public.
pub(crate) async fn show_package(
    state: AppState,
    Path((repo, kind, name)): Path<(String, String, String)>,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> ApiResult<Response> {
    let asked = query.version.as_deref().filter(|version| !version.is_empty());
    let named = Named::authorize(&state, &headers, (&repo, &kind, &name), asked).await?;
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    let details = if named.head.upstream.is_some() {
        let insider = named.access.is_insider(&state).await?;
        let seen = Seen { state: &state, named: &named, insider };
        Box::pin(foreign::details(seen, asked, &paging)).await?
    } else {
        Box::pin(details(&state, &named, asked, &paging)).await?
    };
    Ok(reply(StatusCode::OK, &details))
}

/// The answer for a version that is not there, or that this viewer is not shown.
fn no_version(named: &Named, text: &str) -> Error {
    Error::NotFound(format!("version '{}' of package '{}' not found", shown(text), named.head.name))
}

/// The version that was asked for by name. Those who belong to the repository see one that is in quarantine.
///
/// # Errors
/// `NotFound` for one that was deleted or withdrawn as for one that never was.
async fn asked_version(seen: Seen<'_>, text: &str) -> Result<VersionRow> {
    let Named { access, package, head } = seen.named;
    let aside: Option<VersionRow> = match version_key(package.kind, text) {
        Some(version) if access.kept.is_some() && seen.insider => {
            seen.state.storage().get(&Key::Version(package.clone(), version)).await?
        }
        _ => None,
    };
    let found = access.version.as_deref().or(aside.as_ref()).filter(|row| {
        // What differs only in build metadata is another version to Swift, and there can be only one of them.
        let is_other =
            || version_text(PackageType::Swift, row).is_ok_and(|own| !own.eq_ignore_ascii_case(text));
        row.is_live() && head.has(row) && (package.kind != PackageType::Swift || !is_other())
    });
    found.cloned().ok_or_else(|| no_version(seen.named, text))
}

/// Reads what is shown. Besides the order of the versions, which is one document for each change of the package, it costs
/// the same however many there are.
async fn details(
    state: &AppState,
    named: &Named,
    asked: Option<&str>,
    paging: &Paging,
) -> Result<PackageDetails> {
    let Named { access, package, head } = named;
    let (documents, storage) = (state.documents(), state.storage());
    let source = access.source(package.kind, &package.name, head.clone());
    let (mut order, insider) =
        tokio::try_join!(VersionOrder::read(documents, storage, &source), access.is_insider(state))?;
    if insider && !head.quarantine.is_empty() {
        order = VersionOrder::read_whole(documents, storage, &source).await?;
    }
    let seen = Seen { state, named, insider };
    let asked = match asked {
        Some(text) => Some(asked_version(seen, text).await?),
        None => None,
    };
    let slice = Slice::of(&order, paging)?;
    let latest = head.latest().and_then(|latest| version_key(package.kind, latest));
    let latest = latest.filter(|latest| insider || head.quarantined(latest).is_none());
    let chosen = asked.as_ref().map(|row| row.version.clone()).or(latest).or_else(|| order.first().cloned());
    let (rows, downloads, extras) = tokio::try_join!(
        slice.rows(storage, package, chosen.as_deref().filter(|_| asked.is_none())),
        package_downloads(state, std::slice::from_ref(package)),
        Extras::read(storage, package, chosen.as_deref()),
    )?;
    let row = asked.as_ref().or_else(|| rows.get(chosen.as_deref()?)).filter(|row| row.is_live());
    let listed = slice.versions.iter().filter_map(|version| rows.get(version.as_str()));
    // Deleted since the order was written. Only Swift's registry lists what was withdrawn.
    let listed = listed.filter(|row| row.is_live() || package.kind == PackageType::Swift);
    Ok(PackageDetails {
        package: seen.package(downloads.first().copied().unwrap_or_default()),
        version: row.map(|row| VersionDetails::new(seen, row, extras)).transpose()?,
        versions: listed.map(|row| VersionLine::new(seen, row)).collect::<Result<_>>()?,
        next: slice.next,
    })
}
