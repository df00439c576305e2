//! Packages of all repositories that the caller may see.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures::future::try_join_all;
use granary_auth::Principal;
use granary_http::{ApiResult, AppState, Caller, Params, reply};
use granary_model::{Error, RepoId, Result, Visibility};
use granary_storage::rows::{RepoRef, RepoRow};
use granary_storage::{Key, PackageKey, Page};
use serde::Serialize;

use super::packages::{Paging, Wanted, cursor};
use super::repos::repos_of;
use crate::counts::package_downloads;
use crate::listed::{self, Filter, Listed, PREFIX, ROWS};
use crate::view::PackageView;

/// Packages on one page, unless the caller wants another number, and the most there are.
const PAGE: (u32, u32) = (50, 100);

/// Most repositories that one request looks into.
const MOST_REPOS: usize = 200;

/// Most rows of packages that one request reads.
const MOST_ROWS: usize = 5_000;

/// How many repositories are looked into at the same time.
const AT_ONCE: usize = 8;

/// What sort keys of the list of public repositories begin with.
const PUBLIC: &str = "REPO#";

/// Behind every package of a list.
const LAST: char = char::MAX;

/// Where a search goes on: behind a package of a repository, or at its beginning. It says only where to look; what the
/// caller may see there is decided as everywhere else.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    repo: RepoId,
    /// Sort key of the package.
    after: Option<String>,
}

impl Position {
    /// The place that a cursor names.
    fn read(paging: &Paging) -> Result<Option<Self>> {
        let Some(text) = paging.after("")? else { return Ok(None) };
        let wrong = || Error::BadRequest("the cursor is not one that a search has given".into());
        let (repo, tail) = text.split_once('#').ok_or_else(wrong)?;
        let after = (!tail.is_empty()).then(|| format!("{PREFIX}{tail}"));
        Ok(Some(Self { repo: repo.parse().map_err(|_| wrong())?, after }))
    }

    fn cursor(&self) -> String {
        let tail = self.after.as_deref().and_then(|key| key.strip_prefix(PREFIX)).unwrap_or_default();
        cursor(&format!("{}#{tail}", self.repo), "")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoundView {
    repo_id: RepoId,
    visibility: Visibility,
    #[serde(flatten)]
    package: PackageView,
}

#[derive(Serialize)]
struct FoundPage {
    packages: Vec<FoundView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Whether the page has all that it has room for.
    complete: bool,
}

/// `GET /api/search`: packages of public repositories and of the caller's own ones, by repository, type and name; one that is
/// named exactly so comes first on its page. Needs no credentials.
pub(crate) async fn search_packages(
    state: AppState,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> ApiResult<Response> {
    let caller = Caller::of_anybody(&state, &headers).await?;
    let filter = wanted.filter()?;
    let paging = wanted.paging();
    let from = Position::read(&paging)?;
    let limit = usize::try_from(paging.limit(PAGE.0, PAGE.1)).unwrap_or(1);
    // Nobody in particular can ask as often as they like.
    let rows_left = if caller.principal.is_anonymous() { MOST_ROWS / 5 } else { MOST_ROWS };
    let places = Places::of(&state, &caller.principal, from).await?;
    let mut search = Search { state: &state, filter: &filter, limit, rows_left, found: Vec::new() };
    let end = search.run(&places).await?;
    let mut found = search.found;
    found.sort_by_key(|(_, row)| !filter.names(&row.row));
    let (next, complete) = match end {
        End::All => (None, true),
        End::Full(position) => (Some(position), true),
        End::Limits(position) => (Some(position), false),
    };
    let packages = views(&state, found).await?;
    Ok(reply(StatusCode::OK, &FoundPage { packages, next: next.map(|position| position.cursor()), complete }))
}

async fn views(state: &AppState, found: Vec<(&RepoRow, Listed)>) -> Result<Vec<FoundView>> {
    let keys = found.iter().map(|(repo, row)| row.package(&repo.id));
    let keys: Vec<PackageKey> = keys.collect::<Result<_>>()?;
    let downloads = package_downloads(state, &keys).await?;
    let view = |(((repo, row), key), downloads): (((&RepoRow, Listed), PackageKey), u64)| FoundView {
        repo_id: key.repo,
        visibility: repo.visibility,
        package: PackageView::new(key.kind, row.row, downloads),
    };
    Ok(found.into_iter().zip(keys).zip(downloads).map(view).collect())
}

/// The repositories that a request looks into.
struct Places {
    /// By name.
    repos: Vec<RepoRow>,
    /// Sort key of the package in the first of them to go on after.
    after: Option<String>,
    /// The last name that was considered, if there are more.
    cut_at: Option<RepoId>,
}

impl Places {
    /// The next repositories from a place on that the caller may see: public ones, and those that the caller belongs to.
    async fn of(state: &AppState, principal: &Principal, from: Option<Position>) -> Result<Self> {
        let begins = from.as_ref().map(|position| format!("{PUBLIC}{}", position.repo));
        let first = Key::PublicRepo("any".parse()?);
        let most = i32::try_from(MOST_REPOS).unwrap_or(1);
        let (own, public): (Vec<RepoRow>, Page<RepoRef>) = tokio::try_join!(
            repos_of(state, principal),
            state.storage().list(&first, PUBLIC, begins.as_deref(), most),
        )?;
        let mut own: BTreeMap<RepoId, RepoRow> = own.into_iter().map(|row| (row.id.clone(), row)).collect();
        let (start, after) = from.map_or((None, None), |position| (Some(position.repo), position.after));
        let mut ids: BTreeSet<RepoId> = public.rows.into_iter().map(|entry| entry.id).collect();
        ids.extend(own.keys().filter(|id| start.as_ref().is_none_or(|start| *id >= start)).cloned());
        ids.extend(start.clone());
        // What comes behind the page of public ones has to wait for the rest of them.
        let horizon = public.next.as_deref().and_then(|key| key.strip_prefix(PUBLIC)).map(str::to_owned);
        let all = ids.len();
        ids.retain(|id| horizon.as_ref().is_none_or(|horizon| id.as_str() <= horizon.as_str()));
        let ids: Vec<RepoId> = ids.into_iter().take(MOST_REPOS).collect();
        let cut_at = (horizon.is_some() || ids.len() < all).then(|| ids.last().cloned()).flatten();
        let others: Vec<Key> =
            ids.iter().filter(|id| !own.contains_key(id)).cloned().map(Key::Repo).collect();
        let others = state.storage().read_all::<RepoRow>(&others).await?.into_iter().flatten();
        let is_public = |row: &RepoRow| !row.deleting && row.visibility == Visibility::Public;
        let mut others: BTreeMap<RepoId, RepoRow> =
            others.filter(is_public).map(|row| (row.id.clone(), row)).collect();
        let repos: Vec<RepoRow> =
            ids.iter().filter_map(|id| own.remove(id).or_else(|| others.remove(id))).collect();
        let is_there = repos.first().is_some_and(|row| Some(&row.id) == start.as_ref());
        Ok(Self { repos, after: after.filter(|_| is_there), cut_at })
    }
}

/// How a search ended, and where it goes on.
enum End {
    /// There is no more.
    All,
    /// The page is full.
    Full(Position),
    /// So many rows or repositories have been looked at.
    Limits(Position),
}

struct Search<'a> {
    state: &'a AppState,
    filter: &'a Filter,
    limit: usize,
    rows_left: usize,
    found: Vec<(&'a RepoRow, Listed)>,
}

impl<'a> Search<'a> {
    async fn run(&mut self, places: &'a Places) -> Result<End> {
        let (mut repos, mut after) = (places.repos.as_slice(), places.after.as_deref());
        while let Some(next) = repos.first() {
            if self.rows_left == 0 {
                return Ok(End::Limits(Position { repo: next.id.clone(), after: None }));
            }
            let (batch, rest) = repos.split_at(repos.len().min(AT_ONCE).min(self.rows_left));
            let each = (self.rows_left / batch.len()).min(self.filter.rows_for(self.limit));
            let reads = batch.iter().enumerate().map(|(place, repo)| {
                let after = after.filter(|_| place == 0);
                listed::read(self.state, &repo.id, self.filter, after, each)
            });
            let pages = try_join_all(reads).await?;
            self.rows_left -= pages.iter().map(|page| page.rows.len()).sum::<usize>().min(self.rows_left);
            for (repo, page) in batch.iter().zip(pages) {
                if self.is_full() {
                    return Ok(End::Full(Position { repo: repo.id.clone(), after: None }));
                }
                if let Some(end) = self.look_into(repo, page).await? {
                    return Ok(end);
                }
            }
            (repos, after) = (rest, None);
        }
        let Some(id) = &places.cut_at else { return Ok(End::All) };
        let behind = format!("{}{LAST}", self.filter.prefix());
        let position = Position { repo: id.clone(), after: Some(behind) };
        Ok(if self.is_full() { End::Full(position) } else { End::Limits(position) })
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// Takes what fits of a repository, whose first page has been read already. `None`: all of it has been looked at.
    async fn look_into(&mut self, repo: &'a RepoRow, page: Page<Listed>) -> Result<Option<End>> {
        let mut page = page;
        loop {
            let mut last = None;
            for row in page.rows.into_iter().filter(|row| self.filter.fits(&row.row)) {
                if self.found.len() >= self.limit {
                    return Ok(Some(End::Full(Position { repo: repo.id.clone(), after: last })));
                }
                last = Some(row.sk.clone());
                self.found.push((repo, row));
            }
            let Some(after) = page.next else { return Ok(None) };
            if self.is_full() {
                return Ok(Some(End::Full(Position { repo: repo.id.clone(), after: Some(after) })));
            }
            if self.rows_left == 0 {
                return Ok(Some(End::Limits(Position { repo: repo.id.clone(), after: Some(after) })));
            }
            let rows = self.rows_left.min(ROWS);
            page = listed::read(self.state, &repo.id, self.filter, Some(&after), rows).await?;
            self.rows_left -= page.rows.len().min(self.rows_left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_names_a_place() {
        let read = |cursor: String| Position::read(&Paging { limit: None, cursor: Some(cursor) });
        for after in [None, Some("PKG#npm#@s/n#x"), Some("PKG#npm#\u{10ffff}")] {
            let position = Position { repo: "libs".parse().unwrap(), after: after.map(str::to_owned) };
            assert_eq!(read(position.cursor()).unwrap(), Some(position));
        }
        for bad in ["libs", "#npm#x", "Not A Repo#npm#x", ""] {
            assert!(read(cursor(bad, "")).is_err(), "{bad}");
        }
        assert_eq!(Position::read(&Paging { limit: None, cursor: None }).unwrap(), None);
    }
}
