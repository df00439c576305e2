//! Watched libraries: added, changed, built by hand, watched no longer.

mod wanted;

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::builds::BuildAnswer;
use super::{api, find_repo, is_told, page_of};
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::repos::Repo;
use crate::visit::{SignedIn, Visit};
use wanted::{TARGETS, Wanted};

/// A watched library.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Watched {
    pub(super) id: String,
    pub(super) group_id: String,
    pub(super) artifact_id: String,
    pub(super) npm_package_name: Option<String>,
    pub(super) swift_scope: Option<String>,
    pub(super) swift_name: Option<String>,
    pub(super) enable_npm: bool,
    pub(super) enable_swift: bool,
    pub(super) apple_targets: Vec<String>,
    pub(super) last_polled_at: Option<String>,
    pub(super) last_poll_error: Option<String>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
}

impl Watched {
    /// The npm package that is made of it.
    pub(super) fn npm(&self) -> Option<&str> {
        self.npm_package_name.as_deref().filter(|_| self.enable_npm)
    }

    /// The Swift package that is made of it.
    pub(super) fn swift(&self) -> Option<String> {
        let (scope, name) = (self.swift_scope.as_deref()?, self.swift_name.as_deref()?);
        self.enable_swift.then(|| format!("{scope}.{name}"))
    }
}

#[derive(Deserialize)]
struct Listed {
    watched: Vec<Watched>,
}

#[derive(Deserialize)]
struct Shown {
    watched: Watched,
}

/// The libraries that a repository watches.
pub(super) async fn list_watched(visit: &Visit, repo: &str) -> Result<Vec<Watched>, Problem> {
    Ok(visit.get::<Listed>(&api(repo, &["watched"])).await?.watched)
}

async fn find(visit: &Visit, repo: &str, id: &str) -> Result<Watched, PageError> {
    let found = visit.get::<Shown>(&api(repo, &["watched", id])).await;
    Ok(found.map_err(|problem| visit.failed(problem))?.watched)
}

#[derive(Template)]
#[template(path = "kmp_watch.html")]
struct WatchPage {
    shell: Shell,
    repo: Repo,
    wanted: Wanted,
    targets: [&'static str; TARGETS.len()],
    problem: Option<String>,
}

/// `GET /ui/repos/{repo}/kmp/watch`.
pub(super) async fn show_new(SignedIn(visit): SignedIn, Path(repo): Path<String>) -> PageResult {
    let repo = find_repo(&visit, &repo).await?;
    let wanted = Wanted::default();
    visit.page(&WatchPage { shell: visit.shell("home"), repo, wanted, targets: TARGETS, problem: None })
}

/// `POST /ui/repos/{repo}/kmp/watch`.
pub(super) async fn add_watched(
    Path(repo): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let wanted = Wanted::sent(&form);
    let body = wanted.with_coordinates();
    match visit.ask::<Shown>(Method::POST, &api(&repo, &["watched"]), None, Some(&body)).await {
        Ok(Shown { watched }) => Ok(see(&page_of(&visit, &repo, &["watched", &watched.id], Some("watched")))),
        Err(problem) if problem.is_about_input() => {
            let repo = find_repo(&visit, &repo).await?;
            let message = Some(problem.message.clone());
            let shell = visit.shell("home");
            visit.again(&problem, &WatchPage { shell, repo, wanted, targets: TARGETS, problem: message })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "kmp_watched.html")]
struct WatchedPage {
    shell: Shell,
    repo: Repo,
    watched: Watched,
    wanted: Wanted,
    targets: [&'static str; TARGETS.len()],
    /// What was filled in as the version to build.
    version: String,
    problem: Option<String>,
}

impl WatchedPage {
    async fn read(visit: &Visit, repo: &str, id: &str) -> Result<Self, PageError> {
        let watched = find(visit, repo, id).await?;
        Ok(Self {
            shell: visit.shell("home"),
            repo: find_repo(visit, repo).await?,
            wanted: Wanted::of(&watched),
            watched,
            targets: TARGETS,
            version: String::new(),
            problem: None,
        })
    }
}

/// `GET /ui/repos/{repo}/kmp/watched/{id}`.
pub(super) async fn show_watched(visit: Visit, Path((repo, id)): Path<(String, String)>) -> PageResult {
    let page = WatchedPage::read(&visit, &repo, &id).await?;
    visit.page(&page)
}

/// `POST /ui/repos/{repo}/kmp/watched/{id}`: changes what is made of it.
pub(super) async fn change_watched(
    Path((repo, id)): Path<(String, String)>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let wanted = Wanted::sent(&form);
    let body = wanted.outputs();
    match visit.ask::<Value>(Method::PATCH, &api(&repo, &["watched", &id]), None, Some(&body)).await {
        Ok(_) => Ok(see(&page_of(&visit, &repo, &["watched", &id], Some("saved")))),
        Err(problem) if problem.is_about_input() => {
            let page = WatchedPage::read(&visit, &repo, &id).await?;
            visit.again(&problem, &WatchedPage { wanted, problem: Some(problem.message.clone()), ..page })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

/// `POST /ui/repos/{repo}/kmp/watched/{id}/build`: builds a version.
pub(super) async fn build_version(
    Path((repo, id)): Path<(String, String)>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let version = form.text("version").to_owned();
    let body = json!({ "watchedPackageId": id, "version": version });
    match visit.ask::<BuildAnswer>(Method::POST, &api(&repo, &["builds"]), None, Some(&body)).await {
        Ok(BuildAnswer { build }) => Ok(see(&page_of(&visit, &repo, &["builds", &build.id], Some("begun")))),
        Err(problem) if is_told(&problem) => {
            let page = WatchedPage::read(&visit, &repo, &id).await?;
            visit.again(&problem, &WatchedPage { version, problem: Some(problem.message.clone()), ..page })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "kmp_stop.html")]
struct StopPage {
    shell: Shell,
    repo: Repo,
    watched: Watched,
    problem: Option<String>,
}

impl StopPage {
    async fn read(visit: &Visit, repo: &str, id: &str, problem: Option<&Problem>) -> Result<Self, PageError> {
        Ok(Self {
            shell: visit.shell("home"),
            repo: find_repo(visit, repo).await?,
            watched: find(visit, repo, id).await?,
            problem: problem.map(|problem| problem.message.clone()),
        })
    }
}

/// `GET /ui/repos/{repo}/kmp/watched/{id}/stop`: asks whether it is meant.
pub(super) async fn ask_to_stop(
    SignedIn(visit): SignedIn,
    Path((repo, id)): Path<(String, String)>,
) -> PageResult {
    let page = StopPage::read(&visit, &repo, &id, None).await?;
    visit.page(&page)
}

/// `POST /ui/repos/{repo}/kmp/watched/{id}/stop`.
pub(super) async fn stop_watching(
    Path((repo, id)): Path<(String, String)>,
    Submitted { visit, .. }: Submitted,
) -> PageResult {
    match visit.ask::<Value>(Method::DELETE, &api(&repo, &["watched", &id]), None, None).await {
        Ok(_) => Ok(see(&page_of(&visit, &repo, &[], Some("unwatched")))),
        Err(problem) if problem.is_about_input() => {
            let page = StopPage::read(&visit, &repo, &id, Some(&problem)).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
