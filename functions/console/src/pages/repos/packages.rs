//! `/ui/repos/{repo}`: what is in a repository.

use askama::Template;
use axum::extract::Path;
use serde::Deserialize;

use super::upstreams::Upstreams;
use super::{Repo, RepoName, api_of};
use crate::address::{path, tail, with_query};
use crate::back::Problem;
use crate::page::{PageResult, Shell};
use crate::pages::package::snippets::{Snippet, publish_snippets};
use crate::visit::Visit;

/// Types that packages have. Those of Kotlin Multiplatform are of npm and of Swift.
pub(crate) const KINDS: [&str; 5] = ["npm", "maven", "swift", "composer", "raw"];

/// Packages on one page.
const PAGE: &str = "40";

/// How much of a description is in a list, in characters.
const SUMMARY: usize = 200;

/// The beginning of a description, for lists.
pub(super) fn summary(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    if text.chars().count() <= SUMMARY {
        return Some(text.to_owned());
    }
    Some(text.chars().take(SUMMARY).chain(['…']).collect())
}

/// A package in a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Package {
    /// The repository; lists of one repository do not say it.
    #[serde(default)]
    pub(crate) repo_id: String,
    #[serde(default)]
    visibility: Option<String>,
    pub(crate) name: String,
    #[serde(rename = "packageType")]
    pub(crate) kind: String,
    pub(crate) latest_version: Option<String>,
    description: Option<String>,
    pub(crate) download_count: u64,
    pub(crate) version_count: u64,
    pub(crate) updated_at: String,
}

impl Package {
    /// Path of its page below the registry's address.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", path(&["ui", "repos", &self.repo_id, &self.kind]), tail(&self.name))
    }

    /// Whether not everybody may see it. Lists of one repository do not say it.
    pub(crate) fn is_private(&self) -> bool {
        self.visibility.as_deref() == Some("private")
    }

    /// The beginning of its description.
    pub(crate) fn summary(&self) -> Option<String> {
        summary(self.description.as_deref())
    }
}

/// What packages a list is to hold, as the query of a page says it.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// Words that name, description or keywords hold.
    pub(crate) text: Option<String>,
    /// The type.
    pub(crate) kind: Option<String>,
    /// `upstream`: what came from upstreams, and not what was published in the repository.
    pub(crate) origin: Option<String>,
    /// Where the page begins.
    pub(crate) cursor: Option<String>,
}

impl Filter {
    /// From the query of a page: `text`, `type`, `origin`, `cursor`.
    pub(crate) fn of(visit: &Visit) -> Self {
        let text = visit.query("text").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (kind, origin) = (visit.query("type"), visit.query("origin"));
        Self { text, kind, origin, cursor: visit.query("cursor") }
    }

    /// Whether it leaves anything out.
    pub(crate) fn is_any(&self) -> bool {
        self.text.is_some() || self.kind.is_some() || self.origin.is_some()
    }

    /// Whether it is what came from upstreams that is asked for.
    pub(crate) fn is_upstream(&self) -> bool {
        self.origin.as_deref() == Some("upstream")
    }

    /// The words, for the field that they are typed into.
    pub(crate) fn words(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Whether it is a type that is asked for.
    pub(crate) fn is_kind(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// A path of the interface that answers with such packages.
    pub(crate) fn ask(&self, api: &str) -> String {
        self.with(api, &[("limit", Some(PAGE)), ("cursor", self.cursor.as_deref())])
    }

    /// The path of another page of the same list.
    pub(crate) fn at(&self, page: &str, cursor: Option<&str>) -> String {
        self.with(page, &[("cursor", cursor)])
    }

    fn with(&self, path: &str, more: &[(&str, Option<&str>)]) -> String {
        let own = [
            ("text", self.text.as_deref()),
            ("type", self.kind.as_deref()),
            ("origin", self.origin.as_deref()),
        ];
        with_query(path, &[own.as_slice(), more].concat())
    }
}

#[derive(Deserialize)]
struct Packages {
    packages: Vec<Package>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "repo.html")]
struct RepoPage {
    shell: Shell,
    repo: Repo,
    filter: Filter,
    packages: Vec<Package>,
    first: Option<String>,
    next: Option<String>,
    publishing: Publishing,
    problem: Option<String>,
    /// Whether there is a list of what came from upstreams.
    has_upstreams: bool,
}

impl RepoPage {
    /// Path of the list of what came from upstreams.
    fn fetched(&self) -> String {
        with_query(&self.repo.page(""), &[("origin", Some("upstream"))])
    }
}

/// How to publish, for each type that packages are published of.
type Publishing = Vec<(&'static str, Vec<Snippet>)>;

/// What somebody who may publish to a repository needs to do so.
fn publishing(public_url: &str, repo: &Repo) -> Publishing {
    let kinds = KINDS.into_iter().filter(|kind| repo.is_writable() && repo.has(kind));
    kinds.map(|kind| (kind, publish_snippets(public_url, &repo.id, kind))).collect()
}

/// `GET /ui/repos/{repo}`: for everybody who may read it.
pub(super) async fn show_repo(visit: Visit, Path(repo): RepoName) -> PageResult {
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    let filter = Filter::of(&visit);
    let (page, problem) = match visit.get::<Packages>(&filter.ask(&api_of(&repo.id, "packages"))).await {
        Ok(page) => (page, None),
        Err(problem) if problem.is_about_input() => {
            (Packages { packages: Vec::new(), next: None }, Some(problem))
        }
        Err(problem) => return Err(visit.failed(problem)),
    };
    // Others come to it by its address.
    let upstreams = if repo.is_insider() {
        Upstreams::read(&visit, &repo.id).await.map_err(|problem| visit.failed(problem))?
    } else {
        Vec::new()
    };
    let packages = page.packages.into_iter().map(|package| Package { repo_id: repo.id.clone(), ..package });
    let here = repo.page("");
    let shell = visit.shell(if repo.is_insider() { "home" } else { "discover" });
    let page = RepoPage {
        publishing: publishing(&shell.public_url, &repo),
        shell,
        packages: packages.collect(),
        first: filter.cursor.is_some().then(|| filter.at(&here, None)),
        next: page.next.as_deref().map(|next| filter.at(&here, Some(next))),
        problem: problem.as_ref().map(|problem: &Problem| problem.message.clone()),
        has_upstreams: !upstreams.is_empty(),
        repo,
        filter,
    };
    match &problem {
        Some(problem) => visit.again(problem, &page),
        None => visit.page(&page),
    }
}
