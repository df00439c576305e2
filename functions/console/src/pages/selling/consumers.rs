//! `/ui/selling/consumers`: the list, and the form of a consumer.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use granary_model::CustomerKey;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Selling;
use crate::address::{path, with_query};
use crate::back::Problem;
use crate::form::{Form, Submitted, wrong};
use crate::page::{PageError, PageResult, Shell};
use crate::visit::{SignedIn, Visit};

/// Consumers on one page.
const PAGE: usize = 50;

/// A consumer as the interface shows it.
#[derive(Clone, Deserialize)]
pub(super) struct Consumer {
    pub(super) id: u64,
    pub(super) email: String,
    pub(super) public_key: String,
    pub(super) private_key: String,
    pub(super) created_at: String,
}

/// What a form holds.
struct ConsumerForm {
    email: String,
    public_key: String,
    private_key: String,
}

impl ConsumerForm {
    fn of(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self { email: text("email"), public_key: text("public_key"), private_key: text("private_key") }
    }

    /// What the interface is asked: keys that were left out are made, or stay.
    fn request(&self) -> Value {
        let key = |key: &str| Some(key.to_owned()).filter(|key| !key.is_empty());
        json!({
            "email": self.email,
            "public_key": key(&self.public_key),
            "private_key": key(&self.private_key),
        })
    }
}

#[derive(Template)]
#[template(path = "consumers.html")]
struct ConsumersPage {
    shell: Shell,
    selling: Selling,
    consumers: Vec<Consumer>,
    /// The address that was looked for.
    email: Option<String>,
    next: Option<String>,
    form: ConsumerForm,
    problem: Option<Problem>,
}

impl ConsumersPage {
    async fn read(visit: &Visit, form: ConsumerForm, problem: Option<Problem>) -> Result<Self, PageError> {
        let selling = Selling::read(visit, "consumers").await?;
        let (email, after) = (visit.query("email"), visit.query("after"));
        let list = match &email {
            Some(email) => path(&["consumers", "email", email]),
            None => "/consumers".into(),
        };
        let limit = (PAGE + 1).to_string();
        let list = with_query(&list, &[("limit", Some(&limit)), ("after", after.as_deref())]);
        let mut consumers: Vec<Consumer> = selling.get(visit, &list).await?;
        let is_more = consumers.len() > PAGE;
        consumers.truncate(PAGE);
        let last = consumers.last().filter(|_| is_more).map(|last| last.id.to_string());
        let next = last
            .map(|last| selling.with(&["consumers"], &[("email", email.as_deref()), ("after", Some(&last))]));
        Ok(Self { shell: visit.shell("selling"), selling, consumers, email, next, form, problem })
    }
}

pub(super) async fn show_consumers(SignedIn(visit): SignedIn) -> PageResult {
    let page = ConsumersPage::read(&visit, ConsumerForm::of(&Form::default()), None).await?;
    visit.page(&page)
}

pub(super) async fn create_consumer(Submitted { visit, form }: Submitted) -> PageResult {
    let selling = Selling::read(&visit, "consumers").await?;
    let form = ConsumerForm::of(&form);
    match selling.ask::<Consumer>(&visit, Method::POST, "/consumers", Some(&form.request())).await {
        Ok(made) => Ok(selling.done(&visit, &["consumers", &made.id.to_string()], "created")),
        Err(problem) if problem.is_about_input() => {
            let page = ConsumersPage::read(&visit, form, Some(problem.clone())).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "consumer_edit.html")]
struct EditPage {
    shell: Shell,
    selling: Selling,
    id: String,
    email: String,
    /// Whether the keys in the form are new ones.
    is_fresh: bool,
    form: ConsumerForm,
    problem: Option<Problem>,
}

/// The form, with the pair as it is or, if the query says `fresh`, with a new one that is not kept yet.
pub(super) async fn show_edit(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let selling = Selling::read(&visit, "consumers").await?;
    let consumer: Consumer = selling.get(&visit, &of(&id)).await?;
    let is_fresh = visit.query("fresh").is_some();
    let half = |kept: String| {
        if is_fresh { CustomerKey::generate_half(visit.state.ids()).expose().to_owned() } else { kept }
    };
    let form = ConsumerForm {
        email: consumer.email.clone(),
        public_key: half(consumer.public_key),
        private_key: half(consumer.private_key),
    };
    let (shell, email) = (visit.shell("selling"), consumer.email);
    visit.page(&EditPage { shell, selling, id, email, is_fresh, form, problem: None })
}

pub(super) async fn update_consumer(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let selling = Selling::read(&visit, "consumers").await?;
    let form = ConsumerForm::of(&form);
    match selling.ask::<Consumer>(&visit, Method::PATCH, &of(&id), Some(&form.request())).await {
        Ok(_) => Ok(selling.done(&visit, &["consumers", &id], "saved")),
        Err(problem) if problem.is_about_input() => {
            let consumer: Consumer = selling.get(&visit, &of(&id)).await?;
            let (shell, email) = (visit.shell("selling"), consumer.email);
            let page =
                EditPage { shell, selling, id, email, is_fresh: false, form, problem: Some(problem.clone()) };
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "consumer_delete.html")]
struct DeletePage {
    shell: Shell,
    selling: Selling,
    id: String,
    email: String,
    problem: Option<Problem>,
}

async fn delete_page(visit: &Visit, id: String) -> Result<DeletePage, PageError> {
    let selling = Selling::read(visit, "consumers").await?;
    let email = selling.get::<Consumer>(visit, &of(&id)).await?.email;
    Ok(DeletePage { shell: visit.shell("selling"), selling, id, email, problem: None })
}

pub(super) async fn show_delete(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let page = delete_page(&visit, id).await?;
    visit.page(&page)
}

/// Deletes a consumer, once its address has been typed.
pub(super) async fn delete_consumer(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let page = delete_page(&visit, id.clone()).await?;
    if form.text("confirm") != page.email {
        let problem =
            wrong(&format!("Nothing was deleted. To delete the consumer, type its address: {}", page.email));
        return visit.again(&problem, &DeletePage { problem: Some(problem.clone()), ..page });
    }
    let deleted: Result<Value, Problem> = page.selling.ask(&visit, Method::DELETE, &of(&id), None).await;
    deleted.map_err(|problem| visit.failed(problem))?;
    Ok(page.selling.done(&visit, &["consumers"], "deleted"))
}

/// Where the interface has a consumer.
pub(super) fn of(id: &str) -> String {
    path(&["consumers", id])
}
