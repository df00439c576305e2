//! `/ui/account`: who is signed in, where, and with which tokens.

use askama::Template;
use axum::Router;
use axum::http::Method;
use axum::routing::get;
use granary_http::AppState;
use serde::Deserialize;
use serde_json::Value;

use crate::address::with_query;
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageResult, Shell, see};
use crate::pages::audit::AuditLog;
use crate::pages::leave;
use crate::pages::tokens::{self, Holder, TokenList};
use crate::visit::SignedIn;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/account", get(show_account))
        .route("/ui/account/sessions", get(leave))
        .route("/ui/account/sessions/end", get(leave).post(end_session))
        .route("/ui/account/tokens", get(show_tokens).post(create_token))
        .route("/ui/account/tokens/revoke", get(leave).post(revoke_token))
        .route("/ui/account/audit", get(show_audit))
}

/// A browser in which somebody is signed in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    id: String,
    browser: String,
    created_at: String,
    expires_at: String,
    current: bool,
}

#[derive(Deserialize)]
struct Sessions {
    sessions: Vec<Session>,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    tab: &'static str,
    sessions: Vec<Session>,
}

async fn show_account(SignedIn(visit): SignedIn) -> PageResult {
    let found = visit.get::<Sessions>("/api/auth/sessions").await;
    let mut sessions = found.map_err(|problem| visit.failed(problem))?.sessions;
    // This one first, then the latest.
    sessions.reverse();
    sessions.sort_by_key(|session| !session.current);
    visit.page(&AccountPage { shell: visit.shell("account"), tab: "account", sessions })
}

/// Signs out one browser of the list. All of them: `POST /ui/sign-out`.
async fn end_session(Submitted { visit, form }: Submitted) -> PageResult {
    let path = with_query("/api/auth/sessions", &[("sessionId", Some(form.text("sessionId")))]);
    let ended: Result<Value, Problem> = visit.ask(Method::DELETE, &path, None, None).await;
    ended.map_err(|problem| visit.failed(problem))?;
    Ok(see(&format!("{}/ui/account?done=signed-out-there", visit.shell("").base)))
}

fn holder() -> Holder {
    Holder {
        api: "/api/auth/token".into(),
        page: "/ui/account/tokens".into(),
        purpose: "Tokens of your account (art_) reach all repositories that you reach, as far as the token's scope goes. They \
                  are for your own machines; for builds, make tokens of a repository or an organisation.",
    }
}

#[derive(Template)]
#[template(path = "account_tokens.html")]
struct AccountTokens {
    shell: Shell,
    tab: &'static str,
    tokens: TokenList,
}

async fn show_tokens(SignedIn(visit): SignedIn) -> PageResult {
    let tokens = TokenList::read(&visit, holder()).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&AccountTokens { shell: visit.shell("account"), tab: "tokens", tokens })
}

async fn create_token(Submitted { visit, form }: Submitted) -> PageResult {
    let tokens = TokenList::create(&visit, holder(), &form).await;
    let tokens = tokens.map_err(|problem| visit.failed(problem))?;
    let problem = tokens.problem.clone();
    let page = AccountTokens { shell: visit.shell("account"), tab: "tokens", tokens };
    TokenList::answer(problem.as_ref(), &visit, &page)
}

async fn revoke_token(submitted: Submitted) -> PageResult {
    tokens::revoke(&submitted, &holder()).await
}

#[derive(Template)]
#[template(path = "account_audit.html")]
struct AccountAudit {
    shell: Shell,
    tab: &'static str,
    audit: AuditLog,
}

async fn show_audit(SignedIn(visit): SignedIn) -> PageResult {
    let audit = AuditLog::read(&visit, "/api/auth/audit", "/ui/account/audit").await;
    let audit = audit.map_err(|problem| visit.failed(problem))?;
    visit.page(&AccountAudit { shell: visit.shell("account"), tab: "audit", audit })
}
