//! `/ui/orgs/{org}/settings`: its name, and its end.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde_json::json;

use super::{Done, OrgPart};
use crate::address::path;
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageResult, Shell, see};
use crate::visit::{SignedIn, Visit};

#[derive(Template)]
#[template(path = "org_settings.html")]
struct SettingsPage {
    shell: Shell,
    org: OrgPart,
    /// What is in the field.
    name: String,
    problem: Option<Problem>,
    /// What is wrong with the deletion.
    kept: Option<Problem>,
}

pub(super) async fn show_settings(SignedIn(visit): SignedIn, Path(slug): Path<String>) -> PageResult {
    let (org, row) = OrgPart::read(&visit, &slug, "settings").await?;
    let shell = visit.shell("orgs");
    visit.page(&SettingsPage { shell, org, name: row.name, problem: None, kept: None })
}

pub(super) async fn rename_org(Path(slug): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let api = path(&["api", "orgs", &slug]);
    let body = json!({ "name": form.text("name") });
    let done: Done = visit.ask(Method::PATCH, &api, None, Some(&body)).await;
    match done {
        Ok(_) => Ok(see(&format!("{}{}?done=saved", visit.shell("").base, of(&slug)))),
        Err(problem) if problem.is_about_input() => {
            let (org, _) = OrgPart::read(&visit, &slug, "settings").await?;
            let (shell, name) = (visit.shell("orgs"), form.text("name").to_owned());
            let page = SettingsPage { shell, org, name, problem: Some(problem.clone()), kept: None };
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

/// Deletes the organisation, once its slug has been typed.
pub(super) async fn delete_org(Path(slug): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let done: Done = if form.text("confirm") == slug {
        visit.ask(Method::DELETE, &path(&["api", "orgs", &slug]), None, None).await
    } else {
        Err(wrong(&format!("Nothing was deleted. To delete the organisation, type its short name: {slug}")))
    };
    match done {
        Ok(_) => Ok(see(&format!("{}/ui/orgs?done=deleted", visit.shell("").base))),
        Err(problem) if problem.is_about_input() => kept(&visit, &slug, problem).await,
        Err(problem) => Err(visit.failed(problem)),
    }
}

async fn kept(visit: &Visit, slug: &str, problem: Problem) -> PageResult {
    let (org, row) = OrgPart::read(visit, slug, "settings").await?;
    let (shell, name) = (visit.shell("orgs"), row.name);
    visit.again(&problem, &SettingsPage { shell, org, name, problem: None, kept: Some(problem.clone()) })
}

fn of(slug: &str) -> String {
    path(&["ui", "orgs", slug, "settings"])
}
