//! `/ui/selling/packages/{id}`: a package for sale, and which of its versions consumers see.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Selling;
use super::packages::Sold;
use crate::address::{path, tail, with_query};
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageError, PageResult, Shell};
use crate::visit::{SignedIn, Visit};

/// Versions on one page.
const PAGE: usize = 50;

/// A version with a number.
#[derive(Deserialize)]
struct SoldVersion {
    id: u64,
    name: String,
    filename: String,
    status: u8,
    created_at: String,
}

impl SoldVersion {
    fn is_on(&self) -> bool {
        self.status == 1
    }
}

#[derive(Template)]
#[template(path = "sold_package.html")]
struct PackagePage {
    shell: Shell,
    selling: Selling,
    package: Sold,
    /// Whether anything of it has been published.
    is_published: bool,
    id: String,
    versions: Vec<SoldVersion>,
    next: Option<String>,
    description: String,
    problem: Option<Problem>,
}

impl PackagePage {
    async fn read(visit: &Visit, id: &str) -> Result<Self, PageError> {
        let selling = Selling::read(visit, "packages").await?;
        let package: Sold = selling.get(visit, &of(id)).await?;
        let own = format!(
            "{}/{}",
            path(&["api", "repos", &package.repo_id, "packages", &package.kind]),
            tail(&package.name)
        );
        let published = visit.find::<Value>(&own).await.map_err(|problem| visit.failed(problem))?;
        let (after, limit) = (visit.query("after"), (PAGE + 1).to_string());
        let query = [("limit", Some(limit.as_str())), ("after", after.as_deref())];
        let list = with_query(&path(&["versions", "package", id]), &query);
        let mut versions: Vec<SoldVersion> = selling.get(visit, &list).await?;
        let is_more = versions.len() > PAGE;
        versions.truncate(PAGE);
        let last = versions.last().filter(|_| is_more).map(|last| last.id.to_string());
        let next = last.map(|last| selling.with(&["packages", id], &[("after", Some(&last))]));
        let description = package.description.clone().unwrap_or_default();
        let (shell, id) = (visit.shell("selling"), id.to_owned());
        let is_published = published.is_some();
        Ok(Self { shell, selling, package, is_published, id, versions, next, description, problem: None })
    }

    /// Path of the page of the package itself.
    fn page(&self) -> String {
        let Sold { repo_id, kind, name, .. } = &self.package;
        format!("{}/{}", path(&["ui", "repos", repo_id, kind]), tail(name))
    }

    fn version(&self, version: &SoldVersion) -> String {
        self.selling.at(&["packages", &self.id, "versions", &version.id.to_string()])
    }

    fn is_composer(&self) -> bool {
        self.package.kind == "composer"
    }
}

pub(super) async fn show_package(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let page = PackagePage::read(&visit, &id).await?;
    visit.page(&page)
}

/// Changes the description, and whether consumers see the package.
pub(super) async fn update_package(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let selling = Selling::read(&visit, "packages").await?;
    let description = form.given("description");
    let body = json!({ "description": description, "status": u8::from(form.is_checked("on")) });
    let done: Result<Value, Problem> = selling.ask(&visit, Method::PATCH, &of(&id), Some(&body)).await;
    match done {
        Ok(_) => Ok(selling.done(&visit, &["packages", &id], "saved")),
        Err(problem) if problem.is_about_input() => {
            let page = PackagePage::read(&visit, &id).await?;
            let description = form.text("description").to_owned();
            visit.again(&problem, &PackagePage { description, problem: Some(problem.clone()), ..page })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

/// Shows a version to consumers, or hides it.
pub(super) async fn switch_version(
    Path((id, version)): Path<(String, String)>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let selling = Selling::read(&visit, "packages").await?;
    let status = match form.text("state") {
        "on" => 1,
        "off" => 0,
        _ => return Err(visit.failed(wrong("state: say on or off"))),
    };
    let body = json!({ "status": status });
    let api = path(&["versions", &version]);
    let done: Result<Value, Problem> = selling.ask(&visit, Method::PATCH, &api, Some(&body)).await;
    done.map_err(|problem| visit.failed(problem))?;
    Ok(selling.done(&visit, &["packages", &id], "saved"))
}

#[derive(Template)]
#[template(path = "sold_package_delete.html")]
struct DeletePage {
    shell: Shell,
    selling: Selling,
    package: Sold,
    id: String,
    problem: Option<Problem>,
}

async fn delete_page(visit: &Visit, id: String) -> Result<DeletePage, PageError> {
    let selling = Selling::read(visit, "packages").await?;
    let package: Sold = selling.get(visit, &of(&id)).await?;
    Ok(DeletePage { shell: visit.shell("selling"), selling, package, id, problem: None })
}

pub(super) async fn show_delete(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let page = delete_page(&visit, id).await?;
    visit.page(&page)
}

/// Takes a package off the market, once its name has been typed.
pub(super) async fn delete_package(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let page = delete_page(&visit, id.clone()).await?;
    if form.text("confirm") != page.package.name {
        let name = &page.package.name;
        let problem = wrong(&format!("Nothing was deleted. To delete the package, type its name: {name}"));
        return visit.again(&problem, &DeletePage { problem: Some(problem.clone()), ..page });
    }
    let done: Result<Value, Problem> = page.selling.ask(&visit, Method::DELETE, &of(&id), None).await;
    done.map_err(|problem| visit.failed(problem))?;
    Ok(page.selling.done(&visit, &["packages"], "deleted"))
}

fn of(id: &str) -> String {
    path(&["packages", id])
}
