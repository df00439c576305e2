//! `/ui/repos/{repo}/upstreams`: where packages come from that are not published in a repository, and which versions nobody
//! gets.

mod edit;
mod form;
mod rules;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::Method;
use axum::routing::get;
use granary_http::AppState;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::{Repo, RepoName, api_of, page_of};
use crate::address::path;
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageResult, Shell, see};
use crate::pages::leave;
use crate::visit::{SignedIn, Visit};

use form::UpstreamForm;
use rules::{Rule, RuleForm};

/// The routes of this part.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/repos/{repo}/upstreams", get(show_upstreams).post(create))
        .route("/ui/repos/{repo}/upstreams/{name}", get(edit::show_upstream).post(edit::change))
        .route("/ui/repos/{repo}/upstreams/{name}/move", get(leave).post(move_upstream))
        .route("/ui/repos/{repo}/upstreams/{name}/delete", get(edit::show_deletion).post(edit::delete))
        .route("/ui/repos/{repo}/rules", get(rules::show_rules).post(rules::create))
        .route("/ui/repos/{repo}/rules/delete", get(leave).post(rules::delete))
}

/// An upstream.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Upstream {
    pub(super) name: String,
    #[serde(rename = "packageType")]
    kind: String,
    url: Option<String>,
    repo_id: Option<String>,
    has_credential: bool,
    names: Vec<String>,
    owned: Vec<String>,
    fresh_seconds: u32,
    cooldown_days: u32,
    cooldown_except: Vec<String>,
    files: String,
    removed: String,
    file_hosts: Vec<String>,
    anonymous: bool,
    search: bool,
}

impl Upstream {
    /// Where it is.
    fn place(&self) -> &str {
        self.url.as_deref().or(self.repo_id.as_deref()).unwrap_or_default()
    }

    /// How old versions have to be, in words.
    fn cooldown(&self) -> String {
        match self.cooldown_days {
            0 => "none".into(),
            days => crate::text::count(days.into(), "day"),
        }
    }
}

/// The upstreams of a repository, in their order.
pub(super) struct Upstreams;

#[derive(Deserialize)]
struct Listed {
    upstreams: Vec<Upstream>,
}

impl Upstreams {
    /// Asks for them.
    pub(super) async fn read(visit: &Visit, repo: &str) -> Result<Vec<Upstream>, Problem> {
        Ok(visit.get::<Listed>(&api_of(repo, "upstreams")).await?.upstreams)
    }
}

/// The repository, for whoever administers it.
async fn administered(visit: &Visit, repo: &str) -> Result<Repo, Problem> {
    let repo = Repo::read(visit, repo).await?;
    if !repo.is_administered() {
        return Err(granary_model::Error::Forbidden(
            "upstreams are for those who administer the repository".into(),
        )
        .into());
    }
    Ok(repo)
}

/// Path of the interface below an upstream's name.
fn api_of_upstream(repo: &str, name: &str) -> String {
    path(&["api", "repos", repo, "upstreams", name])
}

/// Path of a page of an upstream.
fn page_of_upstream(repo: &str, name: &str) -> String {
    path(&["ui", "repos", repo, "upstreams", name])
}

#[derive(Template)]
#[template(path = "repo_upstreams.html")]
struct UpstreamsPage {
    shell: Shell,
    repo: Repo,
    upstreams: Vec<Upstream>,
    rules: Vec<Rule>,
    form: UpstreamForm,
    rule: RuleForm,
    /// Why nothing was changed.
    problem: Option<String>,
}

impl UpstreamsPage {
    async fn new(visit: &Visit, repo: &str, form: UpstreamForm, rule: RuleForm) -> Result<Self, Problem> {
        let repo = administered(visit, repo).await?;
        let upstreams = Upstreams::read(visit, &repo.id).await?;
        let rules = rules::read(visit, &repo.id).await?;
        Ok(Self { shell: visit.shell("home"), repo, upstreams, rules, form, rule, problem: None })
    }

    /// The types that rules can be about: those that registries elsewhere can be of.
    fn ruled(&self) -> Vec<&'static str> {
        self.repo.protocols().into_iter().filter(|kind| matches!(*kind, "npm" | "maven")).collect()
    }

    /// Path of a page of an upstream.
    fn page(&self, upstream: &Upstream) -> String {
        page_of_upstream(&self.repo.id, &upstream.name)
    }
}

/// `GET /ui/repos/{repo}/upstreams`.
async fn show_upstreams(SignedIn(visit): SignedIn, Path(repo): RepoName) -> PageResult {
    let page = UpstreamsPage::new(&visit, &repo, UpstreamForm::empty(), RuleForm::default()).await;
    visit.page(&page.map_err(|problem| visit.failed(problem))?)
}

/// `POST /ui/repos/{repo}/upstreams`: adds one behind the others.
async fn create(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let form = UpstreamForm::of(&form);
    let made: Result<IgnoredAny, Problem> = match form.creation() {
        Ok(body) => visit.ask(Method::POST, &api_of(&repo, "upstreams"), None, Some(&body)).await,
        Err(problem) => Err(problem),
    };
    answer(&visit, &repo, made, "created", (form, RuleForm::default())).await
}

/// `POST /ui/repos/{repo}/upstreams/{name}/move`: one place up or down.
async fn move_upstream(Path((repo, name)): Path<(String, String)>, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let moved = reorder(&visit, &repo, &name, form.text("to")).await;
    answer(&visit, &repo, moved, "ordered", (UpstreamForm::empty(), RuleForm::default())).await
}

async fn reorder(visit: &Visit, repo: &str, name: &str, to: &str) -> Result<IgnoredAny, Problem> {
    let upstreams = Upstreams::read(visit, repo).await?;
    let mut order: Vec<&str> = upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
    let at = order.iter().position(|own| *own == name);
    let other = at.and_then(|at| if to == "up" { at.checked_sub(1) } else { Some(at + 1) });
    if let Some((at, other)) = at.zip(other.filter(|other| *other < order.len())) {
        order.swap(at, other);
    }
    let body = json!({ "order": order });
    visit.ask(Method::PUT, &api_of(repo, "upstreams"), None, Some(&body)).await
}

/// The page again: after a change, or with what is wrong.
async fn answer(
    visit: &Visit,
    repo: &str,
    result: Result<IgnoredAny, Problem>,
    done: &str,
    (form, rule): (UpstreamForm, RuleForm),
) -> PageResult {
    match result {
        Ok(_) => Ok(see(&format!("{}{}?done={done}", visit.shell("").base, page_of(repo, "upstreams")))),
        Err(problem) if problem.is_about_input() => {
            let page = UpstreamsPage::new(visit, repo, form, rule).await;
            let mut page = page.map_err(|problem| visit.failed(problem))?;
            page.problem = Some(problem.message.clone());
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
