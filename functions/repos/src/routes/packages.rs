//! The packages of a repository.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_http::permit::Read;
use granary_http::{ApiResult, AppState, Params, Repo, reply};
use granary_model::{Error, Result};
use granary_storage::PackageKey;
use granary_storage::rows::RepoRow;
use serde::{Deserialize, Serialize};

use crate::counts::package_downloads;
use crate::listed::{self, Filter, Listed};
use crate::view::PackageView;

/// Packages on one page, unless the caller wants fewer.
const PAGE: u32 = 1000;

/// Most pages of the list that one request reads to find packages that fit.
const MOST_PAGES: usize = 20;

/// Longest sort key, in bytes; DynamoDB's limit.
const MAX_KEY: usize = 1024;

/// Query of a list that comes in pages.
#[derive(Debug, Deserialize)]
pub(crate) struct Paging {
    /// Most entries on the page.
    pub(crate) limit: Option<u32>,
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
}

impl Paging {
    /// The size of the page, at least 1.
    pub(crate) fn limit(&self, default: u32, most: u32) -> i32 {
        i32::try_from(self.limit.unwrap_or(default).clamp(1, most)).unwrap_or(1)
    }

    /// The sort key to go on after. The cursor holds only its tail: which list it goes on in is decided
    /// by the path and its permission, never by the cursor.
    pub(crate) fn after(&self, prefix: &str) -> Result<Option<String>> {
        let wrong = || Error::BadRequest("the cursor is not one that a list has given".into());
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let tail = String::from_utf8(bytes).map_err(|_| wrong())?;
        if tail.is_empty() || prefix.len() + tail.len() > MAX_KEY {
            return Err(wrong());
        }
        Ok(Some(format!("{prefix}{tail}")))
    }
}

/// The cursor that goes on after a sort key.
pub(crate) fn cursor(sort_key: &str, prefix: &str) -> String {
    URL_SAFE_NO_PAD.encode(sort_key.strip_prefix(prefix).unwrap_or(sort_key))
}

/// A page of packages.
#[derive(Debug, Serialize)]
pub(crate) struct PackagePage {
    pub(crate) packages: Vec<PackageView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Query of a list of packages.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    text: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    origin: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

impl Wanted {
    /// What is looked for.
    pub(crate) fn filter(&self) -> Result<Filter> {
        Filter::new(self.text.as_deref(), self.kind.as_deref())?.with_origin(self.origin.as_deref())
    }

    /// Which page.
    pub(crate) fn paging(self) -> Paging {
        Paging { limit: self.limit, cursor: self.cursor }
    }
}

/// `GET /api/repos/{repo}/packages`: one page, by type and name, of all packages or of those that fit: of those that were
/// published here, or with `origin=upstream` of those that came from upstreams.
pub(crate) async fn list_packages(
    state: AppState,
    Repo(access): Repo<Read>,
    Params(wanted): Params<Wanted>,
) -> ApiResult<Response> {
    let mut filter = wanted.filter()?;
    if filter.is_fetched() {
        filter = filter.with_empty(access.is_insider(&state).await?);
    }
    let paging = wanted.paging();
    let after = paging.after(filter.root())?;
    let page = find_packages(&state, &access.repo, &filter, after, paging.limit(PAGE, PAGE)).await?;
    Ok(reply(StatusCode::OK, &page))
}

/// Reads one page of a repository's packages with their downloads.
pub(crate) async fn package_page(
    state: &AppState,
    repo: &RepoRow,
    after: Option<&str>,
    limit: i32,
) -> Result<PackagePage> {
    find_packages(state, repo, &Filter::default(), after.map(str::to_owned), limit).await
}

/// The same of those that fit. Looks at no more than 20 pages of the list: there may be fewer packages than asked for, or
/// none, and `next` still.
async fn find_packages(
    state: &AppState,
    repo: &RepoRow,
    filter: &Filter,
    after: Option<String>,
    limit: i32,
) -> Result<PackagePage> {
    let limit = usize::try_from(limit).unwrap_or(1);
    let mut after = after;
    let mut found: Vec<Listed> = Vec::new();
    let fits = |row: &Listed| filter.fits(&row.row) && (!filter.is_fetched() || may_have(repo, row));
    for _ in 0..if filter.is_empty() && !filter.is_fetched() { 1 } else { MOST_PAGES } {
        let page = listed::read(state, &repo.id, filter, after.as_deref(), filter.rows_for(limit)).await?;
        after = page.next;
        let mut rows = page.rows.into_iter();
        found.extend(rows.by_ref().filter(fits).take(limit - found.len()));
        let is_full = found.len() >= limit;
        if is_full && rows.any(|row| fits(&row)) {
            after = found.last().map(|row| row.sk.clone());
        }
        if is_full || after.is_none() {
            break;
        }
    }
    let keys: Vec<PackageKey> = found.iter().map(|row| row.package(&repo.id)).collect::<Result<_>>()?;
    let downloads = package_downloads(state, &keys).await?;
    let packages = found
        .into_iter()
        .zip(keys)
        .zip(downloads)
        .map(|((row, key), downloads)| {
            PackageView::new(key.kind, row.row, downloads).fetched(filter.is_fetched())
        })
        .collect();
    Ok(PackagePage { packages, next: after.map(|sort_key| cursor(&sort_key, filter.root())) })
}

/// Whether a package that came from an upstream is still one that an upstream of the repository may have. What is kept of one
/// that was taken out is cleared later.
fn may_have(repo: &RepoRow, row: &Listed) -> bool {
    let kind = row.package(&repo.id).map(|key| key.kind);
    let mut upstreams = repo.upstreams.iter().filter(|upstream| upstream.url().is_some());
    kind.is_ok_and(|kind| upstreams.any(|upstream| upstream.may_have(kind, &row.row.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listed::PREFIX;

    fn paging(cursor: &str) -> Paging {
        Paging { limit: None, cursor: Some(cursor.into()) }
    }

    #[test]
    fn cursors_go_on_where_the_page_ended_and_nowhere_else() {
        let cursor = cursor("PKG#npm#@s/n", PREFIX);
        assert_eq!(paging(&cursor).after(PREFIX).unwrap().as_deref(), Some("PKG#npm#@s/n"));
        assert_eq!(paging(&cursor).after("REPO#").unwrap().as_deref(), Some("REPO#npm#@s/n"));
        let long = URL_SAFE_NO_PAD.encode("x".repeat(MAX_KEY));
        for bad in ["", "!", "/w", "_w", &long] {
            assert!(paging(bad).after(PREFIX).is_err(), "{bad}");
        }
    }

    #[test]
    fn pages_have_a_size() {
        let limit = |limit| Paging { limit, cursor: None }.limit(50, 200);
        assert_eq!([limit(None), limit(Some(0)), limit(Some(7)), limit(Some(u32::MAX))], [50, 1, 7, 200]);
    }
}
