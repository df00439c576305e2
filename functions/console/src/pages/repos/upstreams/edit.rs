//! One upstream: its settings, and its end.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::form::UpstreamForm;
use super::{Repo, Upstream, administered, api_of_upstream, page_of, page_of_upstream};
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageResult, Shell, see};
use crate::visit::{SignedIn, Visit};

/// Repository and upstream in the path of a page.
type Names = Path<(String, String)>;

#[derive(Deserialize)]
struct Answer {
    upstream: Upstream,
}

async fn read(visit: &Visit, repo: &str, name: &str) -> Result<(Repo, Upstream), Problem> {
    let repo = administered(visit, repo).await?;
    let answer: Answer = visit.get(&api_of_upstream(&repo.id, name)).await?;
    Ok((repo, answer.upstream))
}

#[derive(Template)]
#[template(path = "repo_upstream.html")]
struct EditPage {
    shell: Shell,
    repo: Repo,
    upstream: Upstream,
    form: UpstreamForm,
    problem: Option<String>,
}

impl EditPage {
    fn page(&self) -> String {
        page_of_upstream(&self.repo.id, &self.upstream.name)
    }
}

/// `GET /ui/repos/{repo}/upstreams/{name}`.
pub(super) async fn show_upstream(SignedIn(visit): SignedIn, Path((repo, name)): Names) -> PageResult {
    let (repo, upstream) = read(&visit, &repo, &name).await.map_err(|problem| visit.failed(problem))?;
    let form = UpstreamForm::as_is(&upstream);
    visit.page(&EditPage { shell: visit.shell("home"), repo, upstream, form, problem: None })
}

/// `POST /ui/repos/{repo}/upstreams/{name}`.
pub(super) async fn change(Path((repo, name)): Names, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let (repo, upstream) = read(&visit, &repo, &name).await.map_err(|problem| visit.failed(problem))?;
    let form = UpstreamForm::of(&form);
    let changed: Result<IgnoredAny, Problem> = match form.changes(&upstream) {
        Ok(body) => {
            visit.ask(Method::PATCH, &api_of_upstream(&repo.id, &upstream.name), None, Some(&body)).await
        }
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(_) => Ok(see(&format!("{}{}?done=saved", visit.shell("").base, repo.page("upstreams")))),
        Err(problem) if problem.is_about_input() => {
            let message = Some(problem.message.clone());
            let page = EditPage { shell: visit.shell("home"), repo, upstream, form, problem: message };
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "repo_upstream_delete.html")]
struct DeletePage {
    shell: Shell,
    repo: Repo,
    upstream: Upstream,
    problem: Option<String>,
}

impl DeletePage {
    fn page(&self) -> String {
        page_of_upstream(&self.repo.id, &self.upstream.name)
    }
}

/// `GET /ui/repos/{repo}/upstreams/{name}/delete`.
pub(super) async fn show_deletion(SignedIn(visit): SignedIn, Path((repo, name)): Names) -> PageResult {
    let (repo, upstream) = read(&visit, &repo, &name).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&DeletePage { shell: visit.shell("home"), repo, upstream, problem: None })
}

/// `POST /ui/repos/{repo}/upstreams/{name}/delete`: once its name has been typed.
pub(super) async fn delete(Path((repo, name)): Names, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let (repo, upstream) = read(&visit, &repo, &name).await.map_err(|problem| visit.failed(problem))?;
    let deleted: Result<IgnoredAny, Problem> = if form.text("confirm") == upstream.name {
        visit.ask(Method::DELETE, &api_of_upstream(&repo.id, &upstream.name), None, None).await
    } else {
        Err(wrong(&format!("Nothing was deleted. To delete the upstream, type its name: {}", upstream.name)))
    };
    match deleted {
        Ok(_) => {
            let page = page_of(&repo.id, "upstreams");
            Ok(see(&format!("{}{page}?done=deleted", visit.shell("").base)))
        }
        Err(problem) if problem.is_about_input() => {
            let message = Some(problem.message.clone());
            let page = DeletePage { shell: visit.shell("home"), repo, upstream, problem: message };
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
