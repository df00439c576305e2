//! Public repositories, for everybody.

use axum::http::StatusCode;
use axum::response::Response;
use futures::future::try_join_all;
use granary_http::{ApiResult, AppState, Params, reply};
use granary_model::{RepoId, Result, Visibility};
use granary_storage::rows::{RepoRef, RepoRow};
use granary_storage::{Key, Page};
use serde::Serialize;

use super::packages::{Paging, cursor, package_page};
use crate::counts::{Counts, repo_counts};
use crate::view::PublicRepoView;

/// Repositories on one page, unless the caller wants another number, and the most there are.
const PAGE: (u32, u32) = (50, 200);

/// Most packages shown with a repository; the rest is at its own list.
const PACKAGES: i32 = 100;

/// How many repositories' packages are read at the same time.
const AT_ONCE: usize = 8;

/// What sort keys of the list begin with.
const PREFIX: &str = "REPO#";

#[derive(Serialize)]
struct PublicPage {
    repos: Vec<PublicRepoView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/repos/public`: one page, by name, each with its first packages. Needs no credentials.
pub(crate) async fn list_public_repos(
    state: AppState,
    Params(paging): Params<Paging>,
) -> ApiResult<Response> {
    let first = Key::PublicRepo("any".parse()?);
    let after = paging.after(PREFIX)?;
    let limit = paging.limit(PAGE.0, PAGE.1);
    let page: Page<RepoRef> = state.storage().list(&first, PREFIX, after.as_deref(), limit).await?;
    let next = page.next.map(|sort_key| cursor(&sort_key, PREFIX));
    let keys: Vec<Key> = page.rows.into_iter().map(|entry| Key::Repo(entry.id)).collect();
    let rows = state.storage().read_all::<RepoRow>(&keys).await?;
    let shown = |row: &RepoRow| !row.deleting && row.visibility == Visibility::Public;
    let rows: Vec<RepoRow> = rows.into_iter().flatten().filter(shown).collect();
    let ids: Vec<RepoId> = rows.iter().map(|row| row.id.clone()).collect();
    let mut entries = rows.into_iter().zip(repo_counts(&state, &ids).await?);
    let mut repos = Vec::with_capacity(ids.len());
    loop {
        let batch: Vec<_> = entries.by_ref().take(AT_ONCE).collect();
        if batch.is_empty() {
            return Ok(reply(StatusCode::OK, &PublicPage { repos, next }));
        }
        repos.extend(try_join_all(batch.into_iter().map(|(row, counts)| view(&state, row, counts))).await?);
    }
}

async fn view(state: &AppState, row: RepoRow, counts: Counts) -> Result<PublicRepoView> {
    let packages = package_page(state, &row, None, PACKAGES).await?.packages;
    Ok(PublicRepoView::new(row, counts, Some(packages)))
}
