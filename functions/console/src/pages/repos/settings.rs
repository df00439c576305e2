//! `/ui/repos/{repo}/settings`, and the end of a repository.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::form::RepoForm;
use super::{Repo, RepoName};
use crate::address::path;
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageResult, Shell, see};
use crate::pages::dashboard::maven_repos;
use crate::visit::{SignedIn, Visit};

#[derive(Template)]
#[template(path = "repo_settings.html")]
struct SettingsPage {
    shell: Shell,
    repo: Repo,
    form: RepoForm,
    sources: Vec<String>,
    /// Why the settings were not saved.
    problem: Option<String>,
    /// Why the repository was not deleted.
    kept: Option<String>,
}

impl SettingsPage {
    async fn new(visit: &Visit, repo: Repo, form: RepoForm) -> Result<Self, Problem> {
        // The interface would not refuse to show them to a reader, but nothing on this page is for one.
        if !repo.is_administered() {
            return Err(granary_model::Error::Forbidden(
                "settings are for those who administer the repository".into(),
            )
            .into());
        }
        let sources = maven_repos(visit).await?;
        Ok(Self { shell: visit.shell("home"), repo, form, sources, problem: None, kept: None })
    }
}

/// `GET /ui/repos/{repo}/settings`.
pub(super) async fn show_settings(SignedIn(visit): SignedIn, Path(repo): RepoName) -> PageResult {
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    let form = RepoForm::as_is(&repo);
    let page = SettingsPage::new(&visit, repo, form).await;
    visit.page(&page.map_err(|problem| visit.failed(problem))?)
}

/// `POST /ui/repos/{repo}/settings`.
pub(super) async fn change(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    let form = RepoForm::of(&form);
    match save(&visit, &repo, &form).await {
        Ok(()) => Ok(see(&format!("{}{}?done=saved", visit.shell("").base, repo.page("settings")))),
        Err(problem) if problem.is_about_input() => {
            let mut page =
                SettingsPage::new(&visit, repo, form).await.map_err(|problem| visit.failed(problem))?;
            page.problem = Some(problem.message.clone());
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

async fn save(visit: &Visit, repo: &Repo, form: &RepoForm) -> Result<(), Problem> {
    let changes: Value = form.changes(repo)?.into();
    // Also without changes: whether they may is for the interface to say.
    let _: IgnoredAny =
        visit.ask(Method::PATCH, &path(&["api", "repos", &repo.id]), None, Some(&changes)).await?;
    Ok(())
}

/// `POST /ui/repos/{repo}/delete`: once its name has been typed.
pub(super) async fn delete(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    let deleted = if form.text("name") == repo.id {
        let path = path(&["api", "repos", &repo.id]);
        visit.ask::<IgnoredAny>(Method::DELETE, &path, None, None).await.map(|_| ())
    } else {
        Err(wrong(&format!("Nothing was deleted. To delete the repository, type its name: {}", repo.id)))
    };
    match deleted {
        Ok(()) => Ok(see(&format!("{}/ui?done=deleted", visit.shell("").base))),
        Err(problem) if problem.is_about_input() => {
            let form = RepoForm::as_is(&repo);
            let mut page =
                SettingsPage::new(&visit, repo, form).await.map_err(|problem| visit.failed(problem))?;
            // Whoever may not delete it has no such form.
            let place = if page.repo.is_owned() { &mut page.kept } else { &mut page.problem };
            *place = Some(problem.message.clone());
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
