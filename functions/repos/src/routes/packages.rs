//! The packages of a repository.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_http::permit::Read;
use granary_http::{ApiResult, AppState, Params, Repo, reply};
use granary_model::{Error, PackageType, RepoId, Result};
use granary_storage::rows::PackageEntry;
use granary_storage::{Key, PackageKey};
use serde::{Deserialize, Serialize};

use crate::counts::package_downloads;
use crate::view::PackageView;

/// Packages on one page, unless the caller wants fewer.
const PAGE: u32 = 1000;

/// What sort keys of packages begin with.
const PREFIX: &str = "PKG#";

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

/// `GET /api/repos/{repo}/packages`: one page, by type and name.
pub(crate) async fn list_packages(
    state: AppState,
    Repo(access): Repo<Read>,
    Params(paging): Params<Paging>,
) -> ApiResult<Response> {
    let after = paging.after(PREFIX)?;
    let page = package_page(&state, &access.repo.id, after.as_deref(), paging.limit(PAGE, PAGE)).await?;
    Ok(reply(StatusCode::OK, &page))
}

/// A row of the list, with the sort key that says what it is about.
#[derive(Debug, Deserialize)]
struct Listed {
    sk: String,
    #[serde(flatten)]
    entry: PackageEntry,
}

impl Listed {
    fn key(&self, repo: &RepoId) -> Result<PackageKey> {
        let parts = self.sk.strip_prefix(PREFIX).and_then(|rest| rest.split_once('#'));
        let (kind, name) =
            parts.ok_or_else(|| Error::internal("listing packages", format!("sort key {}", self.sk)))?;
        Ok(PackageKey { repo: repo.clone(), kind: kind.parse()?, name: name.into() })
    }
}

/// Reads one page of a repository's packages with their downloads.
pub(crate) async fn package_page(
    state: &AppState,
    repo: &RepoId,
    after: Option<&str>,
    limit: i32,
) -> Result<PackagePage> {
    let first = PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: String::new() };
    let mut page = state.storage().list::<Listed>(&Key::PackageOf(first), PREFIX, after, limit).await?;
    // What is left of a package whose versions are all deleted is nobody's business.
    page.rows.retain(|row| row.entry.versions > 0);
    let keys: Vec<PackageKey> = page.rows.iter().map(|row| row.key(repo)).collect::<Result<_>>()?;
    let downloads = package_downloads(state, &keys).await?;
    let packages = page
        .rows
        .into_iter()
        .zip(keys)
        .zip(downloads)
        .map(|((row, key), downloads)| PackageView::new(key.kind, row.entry, downloads))
        .collect();
    Ok(PackagePage { packages, next: page.next.map(|sort_key| cursor(&sort_key, PREFIX)) })
}

#[cfg(test)]
mod tests {
    use super::*;

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
