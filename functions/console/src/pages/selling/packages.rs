//! `/ui/selling/packages`: what has a number, so that consumers can be given permissions for it.

use askama::Template;
use axum::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::Selling;
use crate::address::with_query;
use crate::back::Problem;
use crate::form::{Form, Submitted};
use crate::page::{PageError, PageResult, Shell};
use crate::pages::dashboard::own_repos;
use crate::visit::{SignedIn, Visit};

/// Packages on one page.
const PAGE: usize = 50;

/// Repositories to choose from. Any other is typed.
const REPOS: usize = 200;

/// What a description has in a list, in characters.
const DESCRIPTION: usize = 120;

/// A package for sale as the interface shows it.
#[derive(Clone, Deserialize)]
pub(super) struct Sold {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) status: u8,
    pub(super) created_at: String,
    pub(super) repo_id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

impl Sold {
    /// Whether consumers see it.
    pub(super) fn is_on(&self) -> bool {
        self.status == 1
    }

    /// The beginning of its description.
    fn summary(&self) -> String {
        let text = self.description.as_deref().unwrap_or_default();
        let mut shown: String = text.chars().take(DESCRIPTION).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    }
}

/// What the form for a new one holds.
struct SoldForm {
    repo: String,
    kind: String,
    name: String,
    description: String,
    is_on: bool,
}

impl SoldForm {
    fn empty() -> Self {
        Self {
            repo: String::new(),
            kind: "npm".into(),
            name: String::new(),
            description: String::new(),
            is_on: true,
        }
    }

    fn of(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            repo: text("repo"),
            kind: text("type"),
            name: text("name"),
            description: text("description"),
            is_on: form.is_checked("on"),
        }
    }
}

#[derive(Template)]
#[template(path = "sold_packages.html")]
struct PackagesPage {
    shell: Shell,
    selling: Selling,
    packages: Vec<Sold>,
    next: Option<String>,
    repos: Vec<String>,
    form: SoldForm,
    problem: Option<Problem>,
}

impl PackagesPage {
    async fn read(visit: &Visit, form: SoldForm, problem: Option<Problem>) -> Result<Self, PageError> {
        let selling = Selling::read(visit, "packages").await?;
        let (after, limit) = (visit.query("after"), (PAGE + 1).to_string());
        let list = with_query("/packages", &[("limit", Some(&limit)), ("after", after.as_deref())]);
        let mut packages: Vec<Sold> = selling.get(visit, &list).await?;
        let is_more = packages.len() > PAGE;
        packages.truncate(PAGE);
        let last = packages.last().filter(|_| is_more).map(|last| last.id.to_string());
        let next = last.map(|last| selling.with(&["packages"], &[("after", Some(&last))]));
        let repos = own_repos(visit).await.map_err(|problem| visit.failed(problem))?;
        let own = repos.into_iter().filter(|repo| repo.org_slug == selling.org);
        let repos = own.map(|repo| repo.id).take(REPOS).collect();
        Ok(Self { shell: visit.shell("selling"), selling, packages, next, repos, form, problem })
    }

    /// Protocols, with what names look like.
    fn kinds() -> [(&'static str, &'static str); 5] {
        [
            ("npm", "npm: @acme/tool"),
            ("maven", "Maven: com.acme:tool"),
            ("composer", "Composer: acme/tool"),
            ("swift", "Swift: acme.tool"),
            ("raw", "Files: tool"),
        ]
    }
}

pub(super) async fn show_packages(SignedIn(visit): SignedIn) -> PageResult {
    let page = PackagesPage::read(&visit, SoldForm::empty(), None).await?;
    visit.page(&page)
}

pub(super) async fn create_package(Submitted { visit, form }: Submitted) -> PageResult {
    let selling = Selling::read(&visit, "packages").await?;
    let form = SoldForm::of(&form);
    let body = json!({
        "repo_id": form.repo,
        "type": form.kind,
        "name": form.name,
        "description": Some(&form.description).filter(|text| !text.is_empty()),
        "status": u8::from(form.is_on),
    });
    match selling.ask::<Sold>(&visit, Method::POST, "/packages", Some(&body)).await {
        Ok(made) => Ok(selling.done(&visit, &["packages", &made.id.to_string()], "created")),
        Err(problem) if problem.is_about_input() => {
            let page = PackagesPage::read(&visit, form, Some(problem.clone())).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
