//! Tokens of the product API.

use askama::Template;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Holder;
use crate::address::path;
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::kmp::Slice;
use crate::visit::{SignedIn, Visit};

/// Tokens on a page.
const TOKENS: usize = 50;

/// A token in the list.
#[derive(Debug, Deserialize)]
struct Token {
    /// Its SHA-256.
    token: String,
    admin: bool,
}

#[derive(Template)]
#[template(path = "product_tokens.html")]
struct TokensPage {
    shell: Shell,
    holder: Holder,
    tokens: Slice<Token>,
    /// The token that was just made: shown this once.
    secret: Option<String>,
    problem: Option<String>,
}

impl TokensPage {
    async fn read(visit: &Visit, problem: Option<&Problem>) -> Result<Self, PageError> {
        let holder = Holder::of(visit);
        let found = holder.ask::<Vec<Token>>(visit, Method::GET, "/api/tokens", None).await;
        let tokens = found.map_err(|problem| visit.failed(problem))?;
        Ok(Self {
            shell: visit.shell("artifacts"),
            holder,
            tokens: Slice::new(tokens, visit.query("page").as_deref(), TOKENS),
            secret: None,
            problem: problem.map(|problem| problem.message.clone()),
        })
    }

    fn at(&self, rest: &[&str]) -> String {
        self.holder.page(&[&["tokens"], rest].concat())
    }

    fn turned(&self, number: &str) -> String {
        self.holder.page_with(&["tokens"], &[("page", Some(number))])
    }

    fn overview(&self) -> String {
        self.holder.page(&[])
    }
}

/// `GET /ui/artifacts/tokens`.
pub(super) async fn show_tokens(SignedIn(visit): SignedIn) -> PageResult {
    let page = TokensPage::read(&visit, None).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/tokens`: makes a token, and shows it.
pub(super) async fn register_token(Submitted { visit, form }: Submitted) -> PageResult {
    let body = json!({ "admin": form.is_checked("admin") });
    let made = Holder::of(&visit).ask::<String>(&visit, Method::PUT, "/api/register", Some(&body)).await;
    let secret = made.map_err(|problem| visit.failed(problem))?;
    let page = TokensPage::read(&visit, None).await?;
    visit.page(&TokensPage { secret: Some(secret), ..page })
}

/// `POST /ui/artifacts/tokens/prune`: ends a token.
pub(super) async fn prune_token(Submitted { visit, form }: Submitted) -> PageResult {
    let holder = Holder::of(&visit);
    let pruned = match form.given("token") {
        Some(token) => {
            holder.ask::<Value>(&visit, Method::DELETE, &path(&["api", "prune", token]), None).await
        }
        None => Err(wrong("Type the token itself. Its SHA-256 in the list only says which one it is.")),
    };
    match pruned {
        Ok(_) => Ok(see(&holder.done(&visit, &["tokens"], "pruned"))),
        Err(problem) if problem.is_about_input() => {
            let page = TokensPage::read(&visit, Some(&problem)).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
