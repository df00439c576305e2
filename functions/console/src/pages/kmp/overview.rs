//! What a repository watches and builds, and looking for new versions at once.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::builds::{Build, Counts};
use super::slice::page_number;
use super::watched::{Watched, list_watched};
use super::{Slice, api, find_repo};
use crate::address::{path, with_query};
use crate::form::Submitted;
use crate::page::{PageResult, Shell};
use crate::pages::repos::Repo;
use crate::text::cut;
use crate::visit::Visit;

/// Watched libraries on a page.
const WATCHED: usize = 25;

/// Builds on a page.
const BUILDS: usize = 40;

/// Most builds that the interface gives at once.
const MOST_BUILDS: usize = 500;

/// Most libraries and versions of each of which the result of a look is shown.
const RESULTS: usize = 40;
const VERSIONS: usize = 20;

/// Longest error in a table, in characters.
const ERROR: usize = 160;

#[derive(Template)]
#[template(path = "kmp.html")]
struct Overview {
    shell: Shell,
    repo: Repo,
    /// Whether whoever looks may see the repository that the libraries are in, if they are in one here.
    sees_source: bool,
    watched: Slice<Watched>,
    builds: Slice<Build>,
    counts: Counts,
    /// Whether the interface has given as many builds as it does, so that there may be older ones.
    is_cut: bool,
    status: Option<String>,
    stable_only: bool,
}

impl Overview {
    /// The same page with other parts of its lists.
    fn page(&self, watched: Option<&str>, builds: Option<&str>) -> String {
        let query = [
            ("watched", watched),
            ("page", builds),
            ("status", self.status.as_deref()),
            ("stable", self.stable_only.then_some("true")),
        ];
        format!("{}{}", self.shell.base, with_query(&path(&["ui", "repos", &self.repo.id, "kmp"]), &query))
    }

    /// What went wrong the last time that a library was looked at.
    fn error(watched: &Watched) -> Option<String> {
        watched.last_poll_error.as_deref().map(|error| cut(error, ERROR))
    }

    /// Whether this status is the one that is filtered by.
    fn is_chosen(&self, status: &str) -> bool {
        self.status.as_deref() == Some(status)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Builds {
    builds: Vec<Build>,
    status_counts: Counts,
}

/// `GET /ui/repos/{repo}/kmp?status=&stable=&page=&watched=`.
pub(super) async fn show_overview(visit: Visit, Path(repo): Path<String>) -> PageResult {
    let repo = find_repo(&visit, &repo).await?;
    let watched = list_watched(&visit, &repo.id).await.map_err(|problem| visit.failed(problem))?;
    let sees_source = match repo.kmp_config.as_ref().and_then(|config| config.source_repo_id.as_deref()) {
        Some(source) => visit
            .find::<Value>(&path(&["api", "repos", source]))
            .await
            .map_err(|p| visit.failed(p))?
            .is_some(),
        None => false,
    };
    let (status, stable_only) = (visit.query("status"), visit.query("stable").is_some());
    let page = visit.query("page");
    // One more than is shown tells whether there is another page.
    let limit = page_number(page.as_deref()).saturating_mul(BUILDS).saturating_add(1).min(MOST_BUILDS);
    let limit = limit.to_string();
    let query = [
        ("status", status.as_deref()),
        ("stableOnly", stable_only.then_some("true")),
        ("limit", Some(limit.as_str())),
        ("counts", Some("true")),
    ];
    let found = visit.get::<Builds>(&with_query(&api(&repo.id, &["builds"]), &query)).await;
    let found = found.map_err(|problem| visit.failed(problem))?;
    let is_cut = found.builds.len() == MOST_BUILDS;
    let builds = Slice::new(found.builds, page.as_deref(), BUILDS);
    visit.page(&Overview {
        shell: visit.shell("home"),
        sees_source,
        watched: Slice::new(watched, visit.query("watched").as_deref(), WATCHED),
        is_cut: is_cut && builds.behind.is_none(),
        builds,
        counts: found.status_counts,
        status,
        stable_only,
        repo,
    })
}

/// What became of a look at one library.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Look {
    watched_package_id: String,
    group_id: String,
    artifact_id: String,
    new_versions: Vec<String>,
    discovered_versions: Vec<String>,
    builds_triggered: u64,
    errors: Vec<String>,
}

impl Look {
    fn says_something(&self) -> bool {
        !(self.new_versions.is_empty() && self.discovered_versions.is_empty() && self.errors.is_empty())
    }

    /// Versions in one line.
    fn line(versions: &[String]) -> String {
        let shown = versions.iter().take(VERSIONS).map(String::as_str).collect::<Vec<_>>().join(", ");
        match versions.len().saturating_sub(VERSIONS) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

#[derive(Deserialize)]
struct Looks {
    results: Vec<Look>,
}

#[derive(Template)]
#[template(path = "kmp_poll.html")]
struct PollPage {
    shell: Shell,
    repo: Repo,
    /// Libraries that were looked at.
    total: usize,
    builds: u64,
    /// Those of which there is something to say.
    looks: Vec<Look>,
    /// Libraries with something to say that are not shown.
    more: usize,
}

/// `POST /ui/repos/{repo}/kmp/poll`: looks at every source now, and shows what came of it.
pub(super) async fn poll_now(Path(repo): Path<String>, Submitted { visit, .. }: Submitted) -> PageResult {
    let found = visit.ask::<Looks>(Method::POST, &api(&repo, &["poll"]), None, None).await;
    let results = found.map_err(|problem| visit.failed(problem))?.results;
    let repo = find_repo(&visit, &repo).await?;
    let (total, builds) = (results.len(), results.iter().map(|look| look.builds_triggered).sum());
    let mut looks: Vec<Look> = results.into_iter().filter(Look::says_something).collect();
    let more = looks.len().saturating_sub(RESULTS);
    looks.truncate(RESULTS);
    visit.page(&PollPage { shell: visit.shell("home"), repo, total, builds, looks, more })
}
