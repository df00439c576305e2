//! Tokens: listed, made, and revoked. One part of a page for repositories, organisations and accounts.
//!
//! A page that shows them has a field `tokens: TokenList` and includes `tokens.html`. Its handlers are
//! `GET {page}` ([`TokenList::read`]), `POST {page}` ([`TokenList::create`]) and `POST {page}/revoke` ([`revoke`]).

use askama::Template;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::with_query;
use crate::back::Problem;
use crate::form::{Form, Submitted, wrong};
use crate::page::{PageResult, see};
use crate::pages::part::Part;
use crate::visit::Visit;

/// Lives that a new token can be given, in days.
pub(crate) const LIVES: [(&str, &str); 6] = [
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "1 year"),
    ("never", "Never"),
    ("other", "After another number of days"),
];

/// What a new token's life is unless somebody says otherwise.
const LIFE: &str = "90";

/// What tokens may do, and what that means.
pub(crate) const SCOPES: [(&str, &str); 3] = [
    ("read", "List and install packages"),
    ("write", "Publish as well"),
    ("admin", "Change settings and members, and delete, as well"),
];

/// Whose tokens they are, and where.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    /// Where the interface has them, such as `/api/auth/token`.
    pub(crate) api: String,
    /// Path of the page below the registry's address.
    pub(crate) page: String,
    /// What such a token is good for, in a sentence.
    pub(crate) purpose: &'static str,
}

/// A token in the list: its secret is nowhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "tokenPrefix")]
    pub(crate) prefix: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<String>,
    pub(crate) last_used_at: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<Token>,
}

/// A token that was made just now: the only time that its secret is shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewToken {
    pub(crate) token: Token,
    pub(crate) raw_token: String,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// What the form for a new token holds.
#[derive(Debug, Clone)]
pub(crate) struct NewTokenForm {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) life: String,
    pub(crate) days: String,
}

impl NewTokenForm {
    fn empty() -> Self {
        Self { name: String::new(), scopes: vec!["read".into()], life: LIFE.into(), days: String::new() }
    }

    fn of(form: &Form) -> Self {
        Self {
            name: form.text("name").to_owned(),
            scopes: form.all("scope").into_iter().map(str::to_owned).collect(),
            life: form.text("life").to_owned(),
            days: form.text("days").to_owned(),
        }
    }

    /// What the interface is asked.
    fn request(&self) -> Result<Value, Problem> {
        let days = if self.life == "other" { &self.days } else { &self.life };
        if days == "never" {
            return Ok(json!({ "name": self.name, "scopes": self.scopes }));
        }
        let days: Option<u32> = days.parse().ok();
        let days = days.ok_or_else(|| wrong("Expires: a whole number of days, such as 30"))?;
        Ok(json!({ "name": self.name, "scopes": self.scopes, "expiresInDays": days }))
    }

    /// Whether a scope is chosen.
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|chosen| chosen == scope)
    }
}

/// The tokens of somebody, with the form for a new one.
#[derive(Debug)]
pub(crate) struct TokenList {
    /// Whose.
    pub(crate) holder: Holder,
    /// A page of the tokens, oldest first.
    pub(crate) tokens: Part<Token>,
    /// What the form holds.
    pub(crate) form: NewTokenForm,
    /// The one that was made just now.
    pub(crate) made: Option<NewToken>,
    /// The one that shall be revoked, once that is confirmed.
    pub(crate) doomed: Option<Token>,
    /// Why none was made.
    pub(crate) problem: Option<Problem>,
    now: String,
}

impl TokenList {
    /// Reads the tokens. The query of the page can name one to revoke: `revoke`.
    ///
    /// # Errors
    /// Those of the interface: 403 or 404 for whoever may not manage them.
    pub(crate) async fn read(visit: &Visit, holder: Holder) -> Result<Self, Problem> {
        let tokens = visit.get::<Tokens>(&holder.api).await?.tokens;
        let doomed = visit.query("revoke");
        let doomed = doomed.and_then(|id| tokens.iter().find(|token| token.id == id).cloned());
        let (tokens, now) = (Part::of(visit, tokens, &holder.page), visit.state.now().to_string());
        Ok(Self { holder, tokens, form: NewTokenForm::empty(), made: None, doomed, problem: None, now })
    }

    /// Makes the token that a form asks for, and reads the tokens. What is wrong with the form is in
    /// [`Self::problem`]. Answer with [`Self::answer`] and not with a redirect: the result holds the secret.
    ///
    /// # Errors
    /// Those of the interface that whoever filled in the form can do nothing about.
    pub(crate) async fn create(visit: &Visit, holder: Holder, form: &Form) -> Result<Self, Problem> {
        let form = NewTokenForm::of(form);
        let made = match form.request() {
            Ok(request) => visit.ask::<NewToken>(Method::POST, &holder.api, None, Some(&request)).await,
            Err(problem) => Err(problem),
        };
        match made {
            Ok(made) => Ok(Self { made: Some(made), ..Self::read(visit, holder).await? }),
            Err(problem) if problem.is_about_input() => {
                Ok(Self { form, problem: Some(problem), ..Self::read(visit, holder).await? })
            }
            Err(problem) => Err(problem),
        }
    }

    /// The page around the tokens as the answer to [`Self::create`]: with the status of what is wrong, if something is.
    pub(crate) fn answer(problem: Option<&Problem>, visit: &Visit, page: &impl Template) -> PageResult {
        match problem {
            Some(problem) => visit.again(problem, page),
            None => visit.page(page),
        }
    }

    /// Whether a token has stopped working by itself.
    pub(crate) fn is_expired(&self, token: &Token) -> bool {
        token.expires_at.as_ref().is_some_and(|end| *end <= self.now)
    }

    /// Path of the page that asks whether a token shall be revoked.
    pub(crate) fn doom(&self, token: &Token) -> String {
        with_query(&self.holder.page, &[("revoke", Some(&token.id))])
    }
}

/// Revokes the token that a form names, and goes back to the list.
pub(crate) async fn revoke(Submitted { visit, form }: &Submitted, holder: &Holder) -> PageResult {
    let path = with_query(&holder.api, &[("tokenId", Some(form.text("tokenId")))]);
    let revoked: Result<Value, Problem> = visit.ask(Method::DELETE, &path, None, None).await;
    revoked.map_err(|problem| visit.failed(problem))?;
    Ok(see(&format!("{}{}?done=revoked", visit.shell("").base, holder.page)))
}
