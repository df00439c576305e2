//! One build, begun again and deleted.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use granary_model::kmp::BuildStatus;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{api, find_repo, is_told, page_of};
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::repos::Repo;
use crate::visit::{SignedIn, Visit};

/// A build.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Build {
    pub(super) id: String,
    pub(super) watched_package_id: String,
    pub(super) group_id: String,
    pub(super) artifact_id: String,
    pub(super) version: String,
    pub(super) is_stable: bool,
    pub(super) status: BuildStatus,
    pub(super) github_run_id: Option<u64>,
    pub(super) github_run_url: Option<String>,
    pub(super) npm_published: bool,
    pub(super) swift_published: bool,
    pub(super) error: Option<String>,
    pub(super) started_at: Option<String>,
    pub(super) completed_at: Option<String>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
}

impl Build {
    /// The address of the run, if it is one to send people to.
    pub(super) fn run_url(&self) -> Option<&str> {
        self.github_run_url.as_deref().filter(|url| url.starts_with("https://"))
    }

    /// The colour of its status.
    pub(super) fn colour(&self) -> &'static str {
        match self.status {
            BuildStatus::Success => "good",
            BuildStatus::Failed => "bad",
            BuildStatus::Pending | BuildStatus::Queued | BuildStatus::Building => "warn",
            BuildStatus::Discovered => "",
        }
    }

    /// What its status means.
    fn meaning(&self) -> &'static str {
        match self.status {
            BuildStatus::Discovered => {
                "This version was found and does not build by itself. Begin the build if it is wanted."
            }
            BuildStatus::Pending => "It waits to be handed to GitHub, and goes on by itself.",
            BuildStatus::Queued => "It was handed to GitHub, and has not begun there.",
            BuildStatus::Building => "It is being built.",
            BuildStatus::Success => "Its packages are published.",
            BuildStatus::Failed => "It has failed. Begin it again when the reason is gone.",
        }
    }
}

/// How many builds there are of each status.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Counts(BTreeMap<BuildStatus, u64>);

impl Counts {
    /// Every status with its number, in the order in which a build passes through them.
    pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
        let of = |status| self.0.get(&status).copied().unwrap_or_default();
        BuildStatus::ALL.into_iter().map(|status| (status.as_str(), of(status))).collect()
    }

    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Whether something changes by itself.
    pub(super) fn is_live(&self) -> bool {
        self.0.iter().any(|(status, number)| status.is_under_way() && *number > 0)
    }
}

#[derive(Deserialize)]
pub(super) struct BuildAnswer {
    pub(super) build: Build,
}

async fn find(visit: &Visit, repo: &str, id: &str) -> Result<Build, PageError> {
    let found = visit.get::<BuildAnswer>(&api(repo, &["builds", id])).await;
    Ok(found.map_err(|problem| visit.failed(problem))?.build)
}

#[derive(Template)]
#[template(path = "kmp_build.html")]
struct BuildPage {
    shell: Shell,
    repo: Repo,
    build: Build,
    problem: Option<String>,
}

async fn build_page(
    visit: &Visit,
    repo: &str,
    id: &str,
    problem: Option<&Problem>,
) -> Result<BuildPage, PageError> {
    Ok(BuildPage {
        shell: visit.shell("home"),
        repo: find_repo(visit, repo).await?,
        build: find(visit, repo, id).await?,
        problem: problem.map(|problem| problem.message.clone()),
    })
}

/// `GET /ui/repos/{repo}/kmp/builds/{id}`.
pub(super) async fn show_build(visit: Visit, Path((repo, id)): Path<(String, String)>) -> PageResult {
    let page = build_page(&visit, &repo, &id, None).await?;
    visit.page(&page)
}

/// `POST /ui/repos/{repo}/kmp/builds/{id}/retry`.
pub(super) async fn retry_build(
    Path((repo, id)): Path<(String, String)>,
    Submitted { visit, .. }: Submitted,
) -> PageResult {
    let body = json!({ "action": "retry" });
    let begun = visit.ask::<Value>(Method::POST, &api(&repo, &["builds", &id]), None, Some(&body)).await;
    match begun {
        Ok(_) => Ok(see(&page_of(&visit, &repo, &["builds", &id], Some("retried")))),
        Err(problem) if is_told(&problem) => {
            let page = build_page(&visit, &repo, &id, Some(&problem)).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "kmp_build_delete.html")]
struct DeletePage {
    shell: Shell,
    repo: Repo,
    build: Build,
    problem: Option<String>,
}

async fn delete_page(
    visit: &Visit,
    repo: &str,
    id: &str,
    problem: Option<&Problem>,
) -> Result<DeletePage, PageError> {
    let BuildPage { shell, repo, build, problem } = build_page(visit, repo, id, problem).await?;
    Ok(DeletePage { shell, repo, build, problem })
}

/// `GET /ui/repos/{repo}/kmp/builds/{id}/delete`: asks whether it is meant.
pub(super) async fn ask_to_delete(
    SignedIn(visit): SignedIn,
    Path((repo, id)): Path<(String, String)>,
) -> PageResult {
    let page = delete_page(&visit, &repo, &id, None).await?;
    visit.page(&page)
}

/// `POST /ui/repos/{repo}/kmp/builds/{id}/delete`.
pub(super) async fn delete_build(
    Path((repo, id)): Path<(String, String)>,
    Submitted { visit, .. }: Submitted,
) -> PageResult {
    let deleted = visit.ask::<Value>(Method::DELETE, &api(&repo, &["builds", &id]), None, None).await;
    match deleted {
        Ok(_) => Ok(see(&page_of(&visit, &repo, &[], Some("deleted")))),
        Err(problem) if is_told(&problem) => {
            let page = delete_page(&visit, &repo, &id, Some(&problem)).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "kmp_clear.html")]
struct ClearPage {
    shell: Shell,
    repo: Repo,
    problem: Option<String>,
    /// What came of it, when it has to be done once more.
    outcome: Option<Cleared>,
}

/// What became of the deletion of all builds.
#[derive(Debug, Clone, Deserialize)]
struct Cleared {
    deleted: u64,
    kept: u64,
    more: bool,
}

/// `GET /ui/repos/{repo}/kmp/delete-builds`: asks for the name of the repository.
pub(super) async fn ask_to_clear(SignedIn(visit): SignedIn, Path(repo): Path<String>) -> PageResult {
    let repo = find_repo(&visit, &repo).await?;
    visit.page(&ClearPage { shell: visit.shell("home"), repo, problem: None, outcome: None })
}

/// `POST /ui/repos/{repo}/kmp/delete-builds`.
pub(super) async fn clear_builds(
    Path(repo): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let cleared = if form.text("name") == repo {
        visit.ask::<Cleared>(Method::DELETE, &api(&repo, &["builds"]), None, None).await
    } else {
        Err(wrong("Type the name of the repository as it stands there. Nothing was deleted."))
    };
    match cleared {
        Ok(Cleared { more: false, kept: 0, .. }) => Ok(see(&page_of(&visit, &repo, &[], Some("deleted")))),
        Ok(outcome) => {
            let repo = find_repo(&visit, &repo).await?;
            visit.page(&ClearPage { shell: visit.shell("home"), repo, problem: None, outcome: Some(outcome) })
        }
        Err(problem) if is_told(&problem) => {
            let repo = find_repo(&visit, &repo).await?;
            let message = Some(problem.message.clone());
            visit.again(
                &problem,
                &ClearPage { shell: visit.shell("home"), repo, problem: message, outcome: None },
            )
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
