//! `/ui/new`: a new repository.

use askama::Template;
use axum::http::Method;
use serde::de::IgnoredAny;

use super::form::RepoForm;
use super::page_of;
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageResult, Shell, see};
use crate::pages::dashboard::{Org, maven_repos, own_orgs};
use crate::visit::{SignedIn, Visit};

#[derive(Template)]
#[template(path = "new_repo.html")]
struct NewRepo {
    shell: Shell,
    form: RepoForm,
    /// Organisations in which the viewer may make one.
    orgs: Vec<Org>,
    /// Maven repositories that can be watched.
    sources: Vec<String>,
    problem: Option<String>,
}

impl NewRepo {
    async fn new(visit: &Visit, form: RepoForm, problem: Option<&Problem>) -> Result<Self, Problem> {
        let orgs = own_orgs(visit).await?.into_iter().filter(|org| org.is_administered_by(visit.user()));
        Ok(Self {
            shell: visit.shell("home"),
            form,
            orgs: orgs.collect(),
            sources: maven_repos(visit).await?,
            problem: problem.map(|problem| problem.message.clone()),
        })
    }
}

/// `GET /ui/new`. The query can choose the organisation: `org`.
pub(super) async fn show_form(SignedIn(visit): SignedIn) -> PageResult {
    let form = RepoForm { owner: visit.query("org").unwrap_or_default(), ..RepoForm::empty() };
    let page = NewRepo::new(&visit, form, None).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&page)
}

/// `POST /ui/new`.
pub(super) async fn create(Submitted { visit, form }: Submitted) -> PageResult {
    let form = RepoForm::of(&form);
    let made: Result<IgnoredAny, _> =
        visit.ask(Method::POST, "/api/repos", None, Some(&form.creation())).await;
    match made {
        Ok(_) => Ok(see(&format!("{}{}?done=created", visit.shell("").base, page_of(&form.name, "")))),
        Err(problem) if problem.is_about_input() => {
            let page = NewRepo::new(&visit, form, Some(&problem)).await;
            visit.again(&problem, &page.map_err(|problem| visit.failed(problem))?)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
