//! `/ui`: where somebody who is signed in begins.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, Method, header};
use axum::routing::get;
use granary_http::{AppState, sessions};
use granary_model::Error;
use serde::Deserialize;

use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageResult, Shell, see};
use crate::pages::leave;
use crate::pages::part::Part;
use crate::visit::{SignedIn, User, Visit};

pub(crate) use crate::pages::repos::Repo;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/ui", get(show_dashboard)).route("/ui/sign-out", get(leave).post(sign_out))
}

#[derive(Deserialize)]
struct Repos {
    repos: Vec<Repo>,
}

/// An organisation in the list of those that somebody belongs to.
#[derive(Debug, Deserialize)]
pub(crate) struct Org {
    pub(crate) slug: String,
    pub(crate) name: String,
    /// Who belongs to it, and what they may do: `member`, `admin`, `owner`.
    pub(crate) members: BTreeMap<String, String>,
}

impl Org {
    /// Whether a user may make repositories in it, and more.
    pub(crate) fn is_administered_by(&self, user: Option<&User>) -> bool {
        let role = user.and_then(|user| self.members.get(&user.uid));
        role.is_some_and(|role| matches!(role.as_str(), "admin" | "owner"))
    }
}

#[derive(Deserialize)]
struct Orgs {
    orgs: Vec<Org>,
}

/// The repositories of whoever looks.
pub(crate) async fn own_repos(visit: &Visit) -> Result<Vec<Repo>, Problem> {
    Ok(visit.get::<Repos>("/api/repos").await?.repos)
}

/// The organisations of whoever looks.
pub(crate) async fn own_orgs(visit: &Visit) -> Result<Vec<Org>, Problem> {
    Ok(visit.get::<Orgs>("/api/orgs").await?.orgs)
}

/// Names of the Maven repositories of whoever looks, to be proposed: the first hundred.
pub(crate) async fn maven_repos(visit: &Visit) -> Result<Vec<String>, Problem> {
    let repos = own_repos(visit).await?.into_iter().filter(|repo| repo.has("maven"));
    Ok(repos.map(|repo| repo.id).take(100).collect())
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    shell: Shell,
    repos: Part<Repo>,
    orgs: Vec<Org>,
}

async fn show_dashboard(SignedIn(visit): SignedIn) -> PageResult {
    let repos = own_repos(&visit).await.map_err(|problem| visit.failed(problem))?;
    let orgs = own_orgs(&visit).await.map_err(|problem| visit.failed(problem))?;
    let repos = Part::of(&visit, repos, "/ui");
    visit.page(&Dashboard { shell: visit.shell("home"), repos, orgs })
}

/// `POST /ui/sign-out`: this browser, or with `everywhere` all of them.
async fn sign_out(Submitted { visit, form }: Submitted) -> PageResult {
    let path = if form.is_checked("everywhere") {
        "/api/auth/sessions"
    } else {
        "/api/auth/sessions?sessionId=current"
    };
    let ended: Result<serde_json::Value, _> = visit.ask(Method::DELETE, path, None, None).await;
    ended.map_err(|problem| visit.failed(problem))?;
    let mut response = see(&format!("{}/?done=signed-out", visit.shell("").base));
    let cookie = HeaderValue::from_str(&sessions::no_cookie(visit.state.config()))
        .map_err(|e| Error::internal("signing out", e))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}
