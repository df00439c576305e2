//! `/ui/repos/{repo}/tokens` and `/ui/repos/{repo}/audit`.

use askama::Template;
use axum::extract::Path;

use super::{Repo, RepoName, api_of, page_of};
use crate::form::Submitted;
use crate::page::{PageResult, Shell};
use crate::pages::audit::AuditLog;
use crate::pages::tokens::{self, Holder, TokenList};
use crate::visit::SignedIn;

#[derive(Template)]
#[template(path = "repo_tokens.html")]
struct TokensPage {
    shell: Shell,
    repo: Repo,
    tokens: TokenList,
}

fn holder(repo: &str) -> Holder {
    Holder {
        api: api_of(repo, "tokens"),
        page: page_of(repo, "tokens"),
        purpose: "A token of this repository opens this repository and nothing else: what a build or a server needs. For your own \
                  machine a token of your account is better: it goes with you, and opens whatever you may.",
    }
}

/// `GET /ui/repos/{repo}/tokens`.
pub(super) async fn show_tokens(SignedIn(visit): SignedIn, Path(repo): RepoName) -> PageResult {
    let tokens = TokenList::read(&visit, holder(&repo)).await.map_err(|problem| visit.failed(problem))?;
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&TokensPage { shell: visit.shell("home"), repo, tokens })
}

/// `POST /ui/repos/{repo}/tokens`: makes a token, and shows its secret in the answer.
pub(super) async fn create_token(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let tokens = TokenList::create(&visit, holder(&repo), &form).await;
    let tokens = tokens.map_err(|problem| visit.failed(problem))?;
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    let page = TokensPage { shell: visit.shell("home"), repo, tokens };
    TokenList::answer(page.tokens.problem.as_ref(), &visit, &page)
}

/// `POST /ui/repos/{repo}/tokens/revoke`.
pub(super) async fn revoke_token(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    tokens::revoke(&submitted, &holder(&repo)).await
}

#[derive(Template)]
#[template(path = "repo_audit.html")]
struct AuditPage {
    shell: Shell,
    repo: Repo,
    audit: AuditLog,
}

/// `GET /ui/repos/{repo}/audit`.
pub(super) async fn show_audit(SignedIn(visit): SignedIn, Path(repo): RepoName) -> PageResult {
    let log = AuditLog::read(&visit, &api_of(&repo, "audit"), &page_of(&repo, "audit")).await;
    let audit = log.map_err(|problem| visit.failed(problem))?;
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&AuditPage { shell: visit.shell("home"), repo, audit })
}
