//! `/`: public repositories, and the search in all packages that somebody may see.

use askama::Template;
use axum::Router;
use axum::routing::get;
use granary_http::AppState;
use serde::Deserialize;

use crate::address::with_query;
use crate::back::Problem;
use crate::page::{PageResult, Shell};
use crate::pages::repos::{Filter, Package, Repo};
use crate::visit::Visit;

/// Repositories on one page. The interface reads packages of each, so they are few.
const PAGE: &str = "20";

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/", get(show_discovery))
}

#[derive(Deserialize)]
struct Found {
    packages: Vec<Package>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Repos {
    repos: Vec<Repo>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "discovery.html")]
struct Discovery {
    shell: Shell,
    filter: Filter,
    /// What was found, if something was searched for.
    found: Option<Vec<Package>>,
    /// Public repositories otherwise.
    repos: Vec<Repo>,
    first: Option<String>,
    next: Option<String>,
    problem: Option<String>,
}

impl Discovery {
    /// Asks for what the page is to show.
    async fn fill(&mut self, visit: &Visit) -> Result<(), Problem> {
        let next = if self.filter.is_any() {
            let found: Found = visit.get(&self.filter.ask("/api/search")).await?;
            self.found = Some(found.packages);
            found.next
        } else {
            let query = [("limit", Some(PAGE)), ("cursor", self.filter.cursor.as_deref())];
            let page: Repos = visit.get(&with_query("/api/repos/public", &query)).await?;
            self.repos = page.repos;
            page.next
        };
        self.next = next.map(|next| self.filter.at("/", Some(&next)));
        Ok(())
    }
}

/// `GET /`: for everybody.
async fn show_discovery(visit: Visit) -> PageResult {
    let filter = Filter::of(&visit);
    let first = filter.cursor.is_some().then(|| filter.at("/", None));
    let shell = visit.shell("discover");
    let mut page =
        Discovery { shell, filter, found: None, repos: Vec::new(), first, next: None, problem: None };
    match page.fill(&visit).await {
        Ok(()) => visit.page(&page),
        Err(problem) if problem.is_about_input() => {
            page.problem = Some(problem.message.clone());
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
