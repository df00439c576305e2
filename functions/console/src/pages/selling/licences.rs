//! `/ui/selling/licences`: the list, and the form of a licence.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use granary_model::Timestamp;
use serde::Deserialize;

use super::Selling;
use super::licence_form::{Licence, LicenceForm};
use crate::address::{path, with_query};
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageResult, Shell};
use crate::visit::{SignedIn, Visit};

/// Where the interface has licences.
pub(super) const API: &str = "/v1/licenses";

/// Names of packages that a row of the list has.
const NAMES: usize = 3;

/// A licence in the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    name: String,
    suspended: bool,
    packages: Vec<String>,
    created_at: i64,
}

impl Listed {
    /// The first names, and how many there are besides.
    fn names(&self) -> (String, usize) {
        let shown: Vec<String> =
            self.packages.iter().take(NAMES).map(|name| name.chars().take(80).collect()).collect();
        (shown.join(", "), self.packages.len().saturating_sub(NAMES))
    }

    fn created(&self) -> String {
        Timestamp::from_millis(self.created_at).to_string()
    }
}

#[derive(Deserialize)]
struct Pagination {
    prev: Option<i64>,
    next: Option<i64>,
}

#[derive(Deserialize)]
struct Answer {
    pagination: Pagination,
    data: Vec<Listed>,
}

#[derive(Template)]
#[template(path = "licences.html")]
struct LicencesPage {
    shell: Shell,
    selling: Selling,
    licences: Vec<Listed>,
    previous: Option<String>,
    next: Option<String>,
}

pub(super) async fn show_licences(SignedIn(visit): SignedIn) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let (since, until) = (visit.query("since"), visit.query("until"));
    let query = [("since", since.as_deref()), ("until", until.as_deref())];
    let answer: Answer = selling.get(&visit, &with_query(API, &query)).await?;
    let to = |name, moment: Option<i64>| {
        moment.map(|moment| selling.with(&["licences"], &[(name, Some(&moment.to_string()))]))
    };
    let (previous, next) = (to("until", answer.pagination.prev), to("since", answer.pagination.next));
    visit.page(&LicencesPage {
        shell: visit.shell("selling"),
        selling,
        licences: answer.data,
        previous,
        next,
    })
}

#[derive(Template)]
#[template(path = "licence_form.html")]
struct FormPage {
    shell: Shell,
    selling: Selling,
    form: LicenceForm,
    /// Id of the licence that is changed.
    id: Option<String>,
    problem: Option<Problem>,
}

impl FormPage {
    /// Where the form goes.
    fn action(&self) -> String {
        match &self.id {
            Some(id) => self.selling.part("licences", id, "edit"),
            None => self.selling.list("licences"),
        }
    }

    /// What a date can mean.
    fn expiries() -> [(&'static str, &'static str); 4] {
        [
            ("revoke", "The key opens nothing any more"),
            ("restrict", "What was published until then stays; nothing newer"),
            ("maintain", "The same, and the licence goes on being valid"),
            ("allow", "Nothing: the date is only noted"),
        ]
    }
}

pub(super) async fn show_form(SignedIn(visit): SignedIn) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let (shell, form) = (visit.shell("selling"), LicenceForm::empty());
    visit.page(&FormPage { shell, selling, form, id: None, problem: None })
}

pub(super) async fn create_licence(Submitted { visit, form }: Submitted) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let form = LicenceForm::of(&form);
    let made = match form.request(None) {
        Ok(body) => selling.ask::<Licence>(&visit, Method::POST, API, Some(&body)).await,
        Err(problem) => Err(problem),
    };
    match made {
        Ok(licence) => Ok(selling.done(&visit, &["licences", &licence.id], "created")),
        Err(problem) => again(&visit, selling, form, None, problem),
    }
}

pub(super) async fn show_edit(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let licence: Licence = selling.get(&visit, &of(&id)).await?;
    let (shell, form) = (visit.shell("selling"), LicenceForm::from_licence(&licence));
    visit.page(&FormPage { shell, selling, form, id: Some(id), problem: None })
}

pub(super) async fn replace_licence(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let selling = Selling::read(&visit, "licences").await?;
    let before: Licence = selling.get(&visit, &of(&id)).await?;
    let form = LicenceForm::of(&form);
    let replaced = match form.request(Some(&before)) {
        Ok(body) => selling.ask::<Licence>(&visit, Method::PUT, &of(&id), Some(&body)).await,
        Err(problem) => Err(problem),
    };
    match replaced {
        Ok(_) => Ok(selling.done(&visit, &["licences", &id], "saved")),
        Err(problem) => again(&visit, selling, form, Some(id), problem),
    }
}

fn again(
    visit: &Visit,
    selling: Selling,
    form: LicenceForm,
    id: Option<String>,
    problem: Problem,
) -> PageResult {
    if !problem.is_about_input() {
        return Err(visit.failed(problem));
    }
    let page = FormPage { shell: visit.shell("selling"), selling, form, id, problem: Some(problem.clone()) };
    visit.again(&problem, &page)
}

/// Where the interface has a licence.
pub(super) fn of(id: &str) -> String {
    path(&["v1", "licenses", id])
}
