//! One package: what it is, one of its versions, and a page of the others.

mod files;
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
    let asked = asked.map(|text| asked_version(&named, text)).transpose()?;
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(reply(StatusCode::OK, &Box::pin(details(&state, &named, asked, &paging)).await?))
}

/// The version that was asked for by name.
///
/// # Errors
/// `NotFound` for one that was deleted or withdrawn as for one that never was.
fn asked_version<'a>(named: &'a Named, text: &str) -> Result<&'a VersionRow> {
    let found = named.access.live_version().filter(|row| {
        // What differs only in build metadata is another version to Swift, and there can be only one of them.
        let is_other =
            || version_text(PackageType::Swift, row).is_ok_and(|own| !own.eq_ignore_ascii_case(text));
        named.package.kind != PackageType::Swift || !is_other()
    });
    found.ok_or_else(|| {
        let name = &named.head.name;
        Error::NotFound(format!("version '{}' of package '{name}' not found", shown(text)))
    })
}

/// Reads what is shown. Besides the order of the versions, which is one document for each change of the package, it costs
/// the same however many there are.
async fn details(
    state: &AppState,
    named: &Named,
    asked: Option<&VersionRow>,
    paging: &Paging,
) -> Result<PackageDetails> {
    let Named { access, package, head } = named;
    let source = access.source(package.kind, &package.name, head.clone());
    let order = VersionOrder::read(state.documents(), state.storage(), &source).await?;
    let slice = Slice::of(&order, paging)?;
    let latest = head.latest().and_then(|latest| version_key(package.kind, latest));
    let chosen = asked.map(|row| row.version.clone()).or(latest).or_else(|| order.first().cloned());
    let (rows, downloads, extras, insider) = tokio::try_join!(
        slice.rows(state.storage(), package, chosen.as_deref().filter(|_| asked.is_none())),
        package_downloads(state, std::slice::from_ref(package)),
        Extras::read(state.storage(), package, chosen.as_deref()),
        access.is_insider(state)
    )?;
    let seen = Seen { state, named, insider };
    let row = asked.or_else(|| rows.get(chosen.as_deref()?)).filter(|row| row.is_live());
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
