//! `/ui/selling/licences/{id}`: a licence, what it opens, and what is done with it.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use granary_model::Timestamp;
use serde_json::Value;

use super::Selling;
use super::letter::{Login, letter};
use super::licence_form::{Licence, pretty};
use super::licences::of;
use super::visible::Visible;
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageResult, Shell};
use crate::visit::{SignedIn, Visit};

/// Names of packages that the page has.
const NAMES: usize = 50;

/// What the page has of what is kept with a licence, in characters.
const META: usize = 2_000;

#[derive(Template)]
#[template(path = "licence.html")]
struct LicencePage {
    shell: Shell,
    selling: Selling,
    licence: Licence,
    visible: Visible,
}

impl LicencePage {
    fn created(&self) -> String {
        Timestamp::from_millis(self.licence.created_at).to_string()
    }

    fn updated(&self) -> String {
        Timestamp::from_millis(self.licence.updated_at).to_string()
    }

    /// The first names, each not too long.
    fn names(&self) -> Vec<String> {
        self.licence.packages.iter().take(NAMES).map(|name| name.chars().take(250).collect()).collect()
    }

    /// How many names there are besides.
    fn more_names(&self) -> u64 {
        self.licence.packages.len().saturating_sub(NAMES) as u64
    }

    /// The notes as far as there is room, and whether that is all.
    fn notes(&self) -> (String, bool) {
        let whole = pretty(&self.licence.meta);
        let shown: String = whole.chars().take(META).collect();
        let is_whole = shown.len() == whole.len();
        (shown, is_whole)
    }
}

pub(super) async fn show_licence(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let licence: Licence = selling.get(&visit, &of(&id)).await?;
    let visible = Visible::read(&visit, &selling, &packages_of(&id), &["licences", &id]).await?;
    visit.page(&LicencePage { shell: visit.shell("selling"), selling, licence, visible })
}

/// Suspends a licence, or resumes it. Everything else of it stays.
pub(super) async fn change_state(Path(id): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let licence: Licence = selling.get(&visit, &of(&id)).await?;
    let suspended = match form.text("state") {
        "suspended" => true,
        "active" => false,
        _ => return Err(visit.failed(wrong("state: say suspended or active"))),
    };
    let body = licence.with_state(suspended);
    let changed: Result<Value, Problem> = selling.ask(&visit, Method::PUT, &of(&id), Some(&body)).await;
    changed.map_err(|problem| visit.failed(problem))?;
    Ok(selling.done(&visit, &["licences", &id], if suspended { "suspended" } else { "resumed" }))
}

#[derive(Template)]
#[template(path = "licence_delete.html")]
struct DeletePage {
    shell: Shell,
    selling: Selling,
    id: String,
    name: String,
    problem: Option<Problem>,
}

pub(super) async fn show_delete(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let page = delete_page(&visit, id, None).await?;
    visit.page(&page)
}

async fn delete_page(
    visit: &Visit,
    id: String,
    problem: Option<Problem>,
) -> Result<DeletePage, crate::page::PageError> {
    let selling = Selling::read(visit, "licences").await?;
    let name = selling.get::<Licence>(visit, &of(&id)).await?.name;
    Ok(DeletePage { shell: visit.shell("selling"), selling, id, name, problem })
}

/// Deletes a licence, once its name has been typed.
pub(super) async fn delete_licence(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let page = delete_page(&visit, id.clone(), None).await?;
    if form.text("confirm") != page.name {
        let problem =
            wrong(&format!("Nothing was deleted. To delete the licence, type its name: {}", page.name));
        return visit.again(&problem, &DeletePage { problem: Some(problem.clone()), ..page });
    }
    let deleted: Result<Value, Problem> = page.selling.ask(&visit, Method::DELETE, &of(&id), None).await;
    deleted.map_err(|problem| visit.failed(problem))?;
    Ok(page.selling.done(&visit, &["licences"], "deleted"))
}

#[derive(Template)]
#[template(path = "selling_letter.html")]
pub(super) struct LetterPage {
    pub(super) shell: Shell,
    pub(super) selling: Selling,
    /// Who gets it.
    pub(super) name: String,
    /// Path of the customer's page.
    pub(super) back: String,
    /// Whether the key opens anything.
    pub(super) is_empty: bool,
    /// Whether it is about some of the packages only.
    pub(super) is_cut: bool,
    pub(super) text: String,
}

pub(super) async fn show_letter(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let licence: Licence = selling.get(&visit, &of(&id)).await?;
    let (packages, is_cut) = Visible::installable(&visit, &selling, &packages_of(&id)).await?;
    let shell = visit.shell("selling");
    visit.page(&LetterPage {
        text: letter(&shell.public_url, &Login::Key(&licence.key), &packages),
        back: selling.one("licences", &id),
        name: licence.name,
        is_empty: packages.is_empty(),
        is_cut,
        shell,
        selling,
    })
}

fn packages_of(id: &str) -> String {
    crate::address::path(&["v1", "licenses", id, "packages"])
}
