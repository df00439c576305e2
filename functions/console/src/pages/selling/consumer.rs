//! `/ui/selling/consumers/{id}`: a consumer, its permissions, and what it gets.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Selling;
use super::consumers::{Consumer, of};
use super::letter::{Login, letter};
use super::licence::LetterPage;
use super::packages::Sold;
use super::visible::Visible;
use crate::address::{path, with_query};
use crate::back::Problem;
use crate::form::{Form, Submitted};
use crate::page::{PageError, PageResult, Shell};
use crate::visit::{SignedIn, Visit};

/// Permissions on one page.
const PAGE: usize = 30;

/// Packages to choose from. Whoever has more types the number.
const CHOICES: usize = 200;

/// A permission as the interface shows it.
#[derive(Clone, Deserialize)]
struct Permission {
    id: u64,
    package_id: u64,
    version: String,
}

/// A permission with the package that it is for.
struct Given {
    id: String,
    package_id: u64,
    /// `None`: the package is gone.
    package: Option<Sold>,
    /// What is in the field.
    version: String,
    /// Whether that is what is wrong.
    is_wrong: bool,
}

#[derive(Template)]
#[template(path = "consumer.html")]
struct ConsumerPage {
    shell: Shell,
    selling: Selling,
    consumer: Consumer,
    id: String,
    given: Vec<Given>,
    total: u64,
    previous: Option<String>,
    next: Option<String>,
    /// The permission that shall be removed, once that is confirmed.
    doomed: Option<Given>,
    visible: Visible,
    choices: Vec<Sold>,
    /// Whether there are more packages than choices.
    has_more: bool,
    package_id: String,
    version: String,
    problem: Option<Problem>,
}

impl ConsumerPage {
    /// Reads the page. `form` is what was filled in, and `changed` the permission that it was for, if it was for one.
    async fn read(
        visit: &Visit,
        id: &str,
        form: &Form,
        changed: Option<&str>,
        problem: Option<Problem>,
    ) -> Result<Self, PageError> {
        let selling = Selling::read(visit, "consumers").await?;
        let consumer: Consumer = selling.get(visit, &of(id)).await?;
        let rows: Vec<Permission> = selling.get(visit, &path(&["consumers", id, "permissions"])).await?;
        let packages: Vec<Sold> = selling.get(visit, &path(&["consumers", id, "packages"])).await?;
        let packages: BTreeMap<u64, Sold> =
            packages.into_iter().map(|package| (package.id, package)).collect();
        let total = rows.len();
        let from = visit.query("from").and_then(|from| from.parse().ok()).unwrap_or(0).min(total);
        let at = |from: usize| selling.with(&["consumers", id], &[("from", Some(&from.to_string()))]);
        let previous = (from > 0).then(|| at(from.saturating_sub(PAGE)));
        let next = (from + PAGE < total).then(|| at(from + PAGE));
        let view = |row: &Permission| {
            let number = row.id.to_string();
            let is_wrong = changed == Some(number.as_str());
            let version = if is_wrong { form.text("version").to_owned() } else { row.version.clone() };
            let package = packages.get(&row.package_id).cloned();
            Given { id: number, package_id: row.package_id, package, version, is_wrong }
        };
        let doomed = visit.query("remove");
        let doomed = doomed.and_then(|number| rows.iter().find(|row| row.id.to_string() == number)).map(view);
        let given = rows.iter().skip(from).take(PAGE).map(view).collect();
        let visible = Visible::read(visit, &selling, &visible_of(id), &["consumers", id]).await?;
        let limit = (CHOICES + 1).to_string();
        let mut choices: Vec<Sold> =
            selling.get(visit, &with_query("/packages", &[("limit", Some(&limit))])).await?;
        let has_more = choices.len() > CHOICES;
        choices.truncate(if has_more { 0 } else { CHOICES });
        let of_new = |name| if changed.is_none() { form.text(name).to_owned() } else { String::new() };
        Ok(Self {
            shell: visit.shell("selling"),
            package_id: of_new("package_id"),
            version: of_new("version"),
            id: id.to_owned(),
            total: total as u64,
            selling,
            consumer,
            given,
            previous,
            next,
            doomed,
            visible,
            choices,
            has_more,
            problem,
        })
    }

    fn permission(&self, given: &Given) -> String {
        self.selling.at(&["consumers", &self.id, "permissions", &given.id])
    }

    fn doom(&self, given: &Given) -> String {
        self.selling.with(&["consumers", &self.id], &[("remove", Some(&given.id))])
    }

    fn removal(&self, given: &Given) -> String {
        self.selling.at(&["consumers", &self.id, "permissions", &given.id, "remove"])
    }
}

impl Given {
    fn name(&self) -> String {
        match &self.package {
            Some(package) => package.name.clone(),
            None => format!("package {}", self.package_id),
        }
    }
}

pub(super) async fn show_consumer(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let page = ConsumerPage::read(&visit, &id, &Form::default(), None, None).await?;
    visit.page(&page)
}

/// A field with a number, as the interface takes it. What is none is sent as it is: the interface says so.
fn number(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number))
}

pub(super) async fn create_permission(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let selling = Selling::read(&visit, "consumers").await?;
    let body = json!({
        "consumer_id": number(&id),
        "package_id": number(form.text("package_id")),
        "version": form.text("version"),
    });
    let made: Result<Value, Problem> = selling.ask(&visit, Method::POST, "/permissions", Some(&body)).await;
    answer(&visit, &selling, &id, &form, None, made).await
}

/// Changes the versions of a permission.
pub(super) async fn change_permission(
    Path((id, permission)): Path<(String, String)>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let selling = Selling::read(&visit, "consumers").await?;
    let body = json!({ "version": form.text("version") });
    let api = path(&["permissions", &permission]);
    let changed: Result<Value, Problem> = selling.ask(&visit, Method::PATCH, &api, Some(&body)).await;
    answer(&visit, &selling, &id, &form, Some(&permission), changed).await
}

pub(super) async fn remove_permission(
    Path((id, permission)): Path<(String, String)>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let selling = Selling::read(&visit, "consumers").await?;
    let api = path(&["permissions", &permission]);
    let removed: Result<Value, Problem> = selling.ask(&visit, Method::DELETE, &api, None).await;
    answer(&visit, &selling, &id, &form, Some(&permission), removed).await
}

async fn answer(
    visit: &Visit,
    selling: &Selling,
    id: &str,
    form: &Form,
    changed: Option<&str>,
    done: Result<Value, Problem>,
) -> PageResult {
    match done {
        Ok(_) => Ok(selling.done(visit, &["consumers", id], "saved")),
        Err(problem) if problem.is_about_input() => {
            let page = ConsumerPage::read(visit, id, form, changed, Some(problem.clone())).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

pub(super) async fn show_letter(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let selling = Selling::read(&visit, "consumers").await?;
    let consumer: Consumer = selling.get(&visit, &of(&id)).await?;
    let (packages, is_cut) = Visible::installable(&visit, &selling, &visible_of(&id)).await?;
    let shell = visit.shell("selling");
    let login = Login::Pair(&consumer.public_key, &consumer.private_key);
    visit.page(&LetterPage {
        text: letter(&shell.public_url, &login, &packages),
        back: selling.one("consumers", &id),
        name: consumer.email,
        is_empty: packages.is_empty(),
        is_cut,
        shell,
        selling,
    })
}

fn visible_of(id: &str) -> String {
    path(&["consumers", id, "visible"])
}
