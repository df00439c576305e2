//! Rules about versions from upstreams that nobody gets.

use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::form::UpstreamForm;
use super::{RepoName, answer, api_of, page_of};
use crate::address::path;
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageResult, see};
use crate::visit::{SignedIn, Visit};

/// A rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) id: String,
    #[serde(rename = "packageType")]
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) versions: String,
    pub(super) reason: String,
    pub(super) created_by: String,
    pub(super) created_at: String,
}

/// What a new rule is made of, as it was typed.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleForm {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) versions: String,
    pub(super) reason: String,
}

#[derive(Deserialize)]
struct Rules {
    blocks: Vec<Rule>,
}

/// The rules of a repository.
pub(super) async fn read(visit: &Visit, repo: &str) -> Result<Vec<Rule>, Problem> {
    Ok(visit.get::<Rules>(&api_of(repo, "blocks")).await?.blocks)
}

/// `GET /ui/repos/{repo}/rules`: they are on the page of the upstreams.
pub(super) async fn show_rules(SignedIn(visit): SignedIn, Path(repo): RepoName) -> PageResult {
    Ok(see(&format!("{}{}", visit.shell("").base, page_of(&repo, "upstreams"))))
}

/// `POST /ui/repos/{repo}/rules`.
pub(super) async fn create(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let text = |name: &str| form.text(name).to_owned();
    let rule = RuleForm {
        kind: text("packageType"),
        name: text("name"),
        versions: text("versions"),
        reason: text("reason"),
    };
    let versions = if rule.versions.is_empty() { "*" } else { &rule.versions };
    let body =
        json!({ "packageType": rule.kind, "name": rule.name, "versions": versions, "reason": rule.reason });
    let made: Result<IgnoredAny, Problem> =
        visit.ask(Method::POST, &api_of(&repo, "blocks"), None, Some(&body)).await;
    answer(&visit, &repo, made, "created", (UpstreamForm::empty(), rule)).await
}

/// `POST /ui/repos/{repo}/rules/delete`.
pub(super) async fn delete(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let rule = path(&["api", "repos", &repo, "blocks", form.text("id")]);
    let deleted: Result<IgnoredAny, Problem> = visit.ask(Method::DELETE, &rule, None, None).await;
    answer(&visit, &repo, deleted, "deleted", (UpstreamForm::empty(), RuleForm::default())).await
}
