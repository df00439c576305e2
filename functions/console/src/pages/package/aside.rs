//! What those who administer a repository do with a package: they put versions of it into quarantine and let them go, and make
//! the name of one that comes from an upstream their own.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use super::details::{Aside, Details};
use crate::address::{path, tail, with_query};
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageResult, Shell, see};
use crate::pages::repos::Repo;
use crate::visit::{SignedIn, Visit};

/// Repository, type and name in the path of a page.
type Names = Path<(String, String, String)>;

/// Path of a page about a package.
pub(super) fn page_of(repo: &str, what: &str, kind: &str, name: &str) -> String {
    format!("{}/{}", path(&["ui", "repos", repo, what, kind]), tail(name))
}

/// A package whose repository the viewer administers.
struct Package {
    repo: Repo,
    kind: String,
    name: String,
    details: Details,
}

impl Package {
    async fn read(visit: &Visit, (repo, kind, name): (String, String, String)) -> Result<Self, Problem> {
        let repo = Repo::read(visit, &repo).await?;
        if !repo.is_administered() {
            let error =
                granary_model::Error::Forbidden("this is for those who administer the repository".into());
            return Err(error.into());
        }
        let package = format!("{}/{}", path(&["api", "repos", &repo.id, "packages", &kind]), tail(&name));
        let details: Details = visit.get(&with_query(&package, &[("limit", Some("1"))])).await?;
        if !details.package.is_here() {
            let message = "the package is read from another repository; go there to administer it";
            return Err(granary_model::Error::Forbidden(message.into()).into());
        }
        Ok(Self { repo, kind, name, details })
    }

    /// Path of the interface.
    fn api(&self, what: &str) -> String {
        format!("{}/{}", path(&["api", "repos", &self.repo.id, what, &self.kind]), tail(&self.name))
    }

    /// Path of a page about it.
    fn page(&self, what: &str) -> String {
        page_of(&self.repo.id, what, &self.kind, &self.name)
    }

    /// Path of its own page.
    fn own(&self, parameters: &[(&str, Option<&str>)]) -> String {
        with_query(&super::page_of(&self.repo.id, &self.kind, &self.name), parameters)
    }

    fn own_page(&self) -> String {
        self.own(&[])
    }
}

#[derive(Template)]
#[template(path = "package_quarantine.html")]
struct QuarantinePage {
    shell: Shell,
    package: Package,
    /// The version that it is about; all of them if none is named.
    version: Option<String>,
    reason: String,
    problem: Option<String>,
}

impl QuarantinePage {
    /// What it is about, if that is in quarantine already.
    fn aside(&self) -> Option<&Aside> {
        self.package.details.package.quarantine.iter().find(|aside| aside.version == self.version)
    }
}

/// `GET /ui/repos/{repo}/quarantine/{kind}/{name}?version=`.
pub(super) async fn show_quarantine(SignedIn(visit): SignedIn, Path(names): Names) -> PageResult {
    let package = Package::read(&visit, names).await.map_err(|problem| visit.failed(problem))?;
    let (shell, version) = (visit.shell("home"), visit.query("version"));
    visit.page(&QuarantinePage { shell, package, version, reason: String::new(), problem: None })
}

/// `POST` to the same, with `version` and `reason`.
pub(super) async fn put_aside(Path(names): Names, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let package = Package::read(&visit, names).await.map_err(|problem| visit.failed(problem))?;
    let version = form.given("version").map(str::to_owned);
    let mut body = json!({ "reason": form.text("reason") });
    if let (Some(version), Some(members)) = (&version, body.as_object_mut()) {
        members.insert("version".into(), json!(version));
    }
    let put: Result<IgnoredAny, Problem> =
        visit.ask(Method::PUT, &package.api("quarantine"), None, Some(&body)).await;
    answer(&visit, package, put, "aside", (version, form.text("reason")))
}

/// `POST /ui/repos/{repo}/release/{kind}/{name}`, with `version`.
pub(super) async fn let_go(Path(names): Names, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let package = Package::read(&visit, names).await.map_err(|problem| visit.failed(problem))?;
    let version = form.given("version").map(str::to_owned);
    let path = with_query(&package.api("quarantine"), &[("version", version.as_deref())]);
    let gone: Result<IgnoredAny, Problem> = visit.ask(Method::DELETE, &path, None, None).await;
    answer(&visit, package, gone, "let-go", (version, ""))
}

fn answer(
    visit: &Visit,
    package: Package,
    result: Result<IgnoredAny, Problem>,
    done: &str,
    (version, reason): (Option<String>, &str),
) -> PageResult {
    match result {
        Ok(_) => {
            let page = package.own(&[("version", version.as_deref()), ("done", Some(done))]);
            Ok(see(&format!("{}{page}", visit.shell("").base)))
        }
        Err(problem) if problem.is_about_input() => {
            let (shell, message) = (visit.shell("home"), Some(problem.message.clone()));
            let page =
                QuarantinePage { shell, package, version, reason: reason.to_owned(), problem: message };
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "package_origin.html")]
struct OriginPage {
    shell: Shell,
    package: Package,
    problem: Option<String>,
}

/// `GET /ui/repos/{repo}/origins/{kind}/{name}`: asks whether the name shall be the repository's own.
pub(super) async fn show_origin(SignedIn(visit): SignedIn, Path(names): Names) -> PageResult {
    let package = Package::read(&visit, names).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&OriginPage { shell: visit.shell("home"), package, problem: None })
}

/// `POST` to the same: once the name has been typed.
pub(super) async fn make_ours(Path(names): Names, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let package = Package::read(&visit, names).await.map_err(|problem| visit.failed(problem))?;
    let name = &package.details.package.name;
    let made: Result<IgnoredAny, Problem> = if form.text("confirm") == name {
        let body = json!({ "origin": "local" });
        visit.ask(Method::PUT, &package.api("origins"), None, Some(&body)).await
    } else {
        Err(wrong(&format!("Nothing was changed. To make the name yours, type it: {name}")))
    };
    match made {
        // There is no such package from then on, until somebody publishes one.
        Ok(_) => Ok(see(&format!("{}{}?done=owned", visit.shell("").base, package.repo.page("")))),
        Err(problem) if problem.is_about_input() => {
            let message = Some(problem.message.clone());
            visit.again(&problem, &OriginPage { shell: visit.shell("home"), package, problem: message })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
