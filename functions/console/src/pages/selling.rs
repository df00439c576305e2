//! `/ui/selling`: licences, consumers, and packages for sale, of oneself or of an organisation.

mod consumer;
mod consumers;
mod letter;
mod licence;
mod licence_form;
mod licences;
mod package;
mod packages;
mod visible;

use askama::Template;
use axum::Router;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use granary_http::AppState;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::{path, with_query};
use crate::back::Problem;
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::leave;
use crate::pages::orgs::orgs_of;
use crate::visit::{SignedIn, Visit};

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/selling", get(show_selling))
        .merge(licence_routes())
        .merge(consumer_routes())
        .merge(package_routes())
}

fn licence_routes() -> Router<AppState> {
    Router::new()
        .route("/ui/selling/licences", get(licences::show_licences).post(licences::create_licence))
        .route("/ui/selling/licences/new", get(licences::show_form))
        .route("/ui/selling/licences/{id}", get(licence::show_licence))
        .route("/ui/selling/licences/{id}/edit", get(licences::show_edit).post(licences::replace_licence))
        .route("/ui/selling/licences/{id}/state", get(leave).post(licence::change_state))
        .route("/ui/selling/licences/{id}/delete", get(licence::show_delete).post(licence::delete_licence))
        .route("/ui/selling/licences/{id}/letter", get(licence::show_letter))
}

fn consumer_routes() -> Router<AppState> {
    Router::new()
        .route("/ui/selling/consumers", get(consumers::show_consumers))
        .route("/ui/selling/consumers/new", get(consumers::show_consumers).post(consumers::create_consumer))
        .route("/ui/selling/consumers/{id}", get(consumer::show_consumer))
        .route("/ui/selling/consumers/{id}/edit", get(consumers::show_edit).post(consumers::update_consumer))
        .route("/ui/selling/consumers/{id}/permissions", get(leave).post(consumer::create_permission))
        .route(
            "/ui/selling/consumers/{id}/permissions/{permission}",
            get(leave).post(consumer::change_permission),
        )
        .route(
            "/ui/selling/consumers/{id}/permissions/{permission}/remove",
            get(leave).post(consumer::remove_permission),
        )
        .route(
            "/ui/selling/consumers/{id}/delete",
            get(consumers::show_delete).post(consumers::delete_consumer),
        )
        .route("/ui/selling/consumers/{id}/letter", get(consumer::show_letter))
}

fn package_routes() -> Router<AppState> {
    Router::new()
        .route("/ui/selling/packages", get(packages::show_packages).post(packages::create_package))
        .route("/ui/selling/packages/{id}", get(package::show_package).post(package::update_package))
        .route("/ui/selling/packages/{id}/versions", get(leave))
        .route("/ui/selling/packages/{id}/versions/{version}", get(leave).post(package::switch_version))
        .route("/ui/selling/packages/{id}/delete", get(package::show_delete).post(package::delete_package))
}

/// For whom something is sold, which is in the query of every page here: `org`.
pub(crate) struct Selling {
    /// Short name of the organisation; `None`: oneself.
    pub(crate) org: Option<String>,
    /// What the seller is called.
    pub(crate) name: String,
    /// The organisations to choose from: short names and names.
    pub(crate) choices: Vec<(String, String)>,
    /// The tab that the page is.
    pub(crate) tab: &'static str,
}

impl Selling {
    /// Reads for whom the page of a visit is.
    async fn read(visit: &Visit, tab: &'static str) -> Result<Self, PageError> {
        let orgs = orgs_of(visit).await.map_err(|problem| visit.failed(problem))?;
        let own = orgs.into_iter().filter(|org| org.is_administered(visit));
        let choices: Vec<_> = own.map(|org| (org.slug, org.name)).collect();
        let org = visit.query("org");
        let name = match &org {
            None => "yourself".into(),
            Some(slug) => {
                let chosen = choices.iter().find(|(own, _)| own == slug).map(|(_, name)| name.clone());
                if chosen.is_none() {
                    // One that there is not, or that is not theirs, is not repeated.
                    let asked = visit.get::<Value>(&path(&["api", "orgs", slug])).await;
                    asked.map_err(|problem| visit.failed(problem))?;
                }
                chosen.unwrap_or_else(|| slug.clone())
            }
        };
        Ok(Self { org, name, choices, tab })
    }

    /// Asks the interface, for the seller.
    async fn ask<T: DeserializeOwned>(
        &self,
        visit: &Visit,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Problem> {
        visit.ask(method, path, self.org.as_deref(), body).await
    }

    /// `GET`; what is wrong becomes the page that says so.
    async fn get<T: DeserializeOwned>(&self, visit: &Visit, path: &str) -> Result<T, PageError> {
        self.ask(visit, Method::GET, path, None).await.map_err(|problem| visit.failed(problem))
    }

    /// Path of a page below `/ui/selling`, for the same seller.
    pub(crate) fn at(&self, segments: &[&str]) -> String {
        self.with(segments, &[])
    }

    /// The same with more in the query.
    pub(crate) fn with(&self, segments: &[&str], query: &[(&str, Option<&str>)]) -> String {
        let mut all = vec!["ui", "selling"];
        all.extend(segments);
        let mut parameters = vec![("org", self.org.as_deref())];
        parameters.extend(query);
        with_query(&path(&all), &parameters)
    }

    /// Path of the lists: `licences`, `consumers`, `packages`.
    pub(crate) fn list(&self, what: &str) -> String {
        self.at(&[what])
    }

    /// Path of one of a list.
    pub(crate) fn one(&self, what: &str, id: &str) -> String {
        self.at(&[what, id])
    }

    /// Path of something below one of a list.
    pub(crate) fn part(&self, what: &str, id: &str, part: &str) -> String {
        self.at(&[what, id, part])
    }

    /// Path of the form of a consumer, with a new pair filled in.
    pub(crate) fn with_fresh(&self, id: &str) -> String {
        self.with(&["consumers", id, "edit"], &[("fresh", Some("on"))])
    }

    /// Goes to a page and says there what was done.
    fn done(&self, visit: &Visit, segments: &[&str], done: &str) -> Response {
        see(&format!("{}{}", visit.shell("").base, self.with(segments, &[("done", Some(done))])))
    }
}

#[derive(Template)]
#[template(path = "selling.html")]
struct SellingPage {
    shell: Shell,
    selling: Selling,
}

async fn show_selling(SignedIn(visit): SignedIn) -> PageResult {
    let selling = Selling::read(&visit, "").await?;
    visit.page(&SellingPage { shell: visit.shell("selling"), selling })
}
