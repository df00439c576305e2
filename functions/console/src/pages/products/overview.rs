//! All artifacts of somebody.

use askama::Template;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Holder;
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::dashboard::{Org, own_orgs};
use crate::pages::entities::{Listed, list_entities};
use crate::pages::kmp::Slice;
use crate::visit::{SignedIn, Visit};

/// Products on a page.
const PRODUCTS: usize = 50;

#[derive(Template)]
#[template(path = "artifacts.html")]
struct Overview {
    shell: Shell,
    holder: Holder,
    orgs: Vec<Org>,
    /// None if whoever looks may not manage those of the organisation.
    products: Option<Slice<String>>,
    /// Those that whoever looks publishes.
    entities: Listed,
    /// Those that others share with whoever looks, or those in the store of the organisation.
    others: Listed,
    /// What was filled in as the name of a new product.
    name: String,
    problem: Option<String>,
}

impl Overview {
    async fn read(visit: &Visit, problem: Option<&Problem>) -> Result<Self, PageError> {
        let holder = Holder::of(visit);
        let failed = |problem| visit.failed(problem);
        let products = match holder.ask(visit, Method::GET, "/api/product/list", None).await {
            Ok(names) => Some(Slice::new(names, visit.query("products").as_deref(), PRODUCTS)),
            Err(problem) if problem.status == StatusCode::FORBIDDEN => None,
            Err(problem) => return Err(failed(problem)),
        };
        let mine = |owner: Option<&str>| holder.org.as_deref().is_none_or(|org| owner == Some(org));
        let entities = list_entities(visit, &["api", "entities"], "entities", mine).await.map_err(failed)?;
        let others = match holder.org.as_deref() {
            Some(org) => {
                list_entities(visit, &["api", "organizations", org, "store"], "store", |_| true).await
            }
            None => list_entities(visit, &["api", "entities", "shared-with-me"], "shared", |_| true).await,
        };
        Ok(Self {
            shell: visit.shell("artifacts"),
            orgs: own_orgs(visit).await.map_err(failed)?,
            products,
            entities,
            others: others.map_err(failed)?,
            name: String::new(),
            problem: problem.map(|problem| problem.message.clone()),
            holder,
        })
    }

    fn product(&self, name: &str) -> String {
        self.holder.page(&["products", name])
    }

    fn entity(&self, id: &str) -> String {
        self.holder.page(&["entities", id])
    }

    fn is_chosen(&self, org: &Org) -> bool {
        self.holder.org.as_deref() == Some(org.slug.as_str())
    }

    fn at(&self, parameter: &str, value: &str) -> String {
        self.holder.page_with(&[], &[(parameter, Some(value))])
    }
}

/// `GET /ui/artifacts`.
pub(super) async fn show_overview(SignedIn(visit): SignedIn) -> PageResult {
    let page = Overview::read(&visit, None).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/products`: makes a product.
pub(super) async fn create_product(Submitted { visit, form }: Submitted) -> PageResult {
    let (holder, name) = (Holder::of(&visit), form.text("name"));
    let body = json!({ "name": name });
    match holder.ask::<Value>(&visit, Method::PUT, "/api/product/create", Some(&body)).await {
        Ok(_) => Ok(see(&holder.done(&visit, &["products", name], "created"))),
        Err(problem) if problem.is_about_input() => {
            let page = Overview::read(&visit, Some(&problem)).await?;
            visit.again(&problem, &Overview { name: name.to_owned(), ..page })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
