//! Sign-in by browser, for command-line clients and for the browser itself.
//!
//! For a client it goes from the address that the client shows to a token in its hands; see [`mod@browser`] for the other.
//!
//! 1. `GET /api/auth/cli/{session}` sends the browser to the identity provider.
//! 2. `GET /api/auth/callback` takes the browser back, learns who is there, and asks whether the client
//!    may act for them. A signed-in browser alone is no agreement: anybody could have sent the address.
//! 3. `POST /api/auth/cli/{session}/approve` takes the answer. The client gets its token where it waits.
//!
//! Each step is bound to the browser of the first one by a cookie, and each of its secrets works once.

mod browser;
mod page;
mod provider;
mod secret;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use granary_auth::Credential;
use granary_http::{AppState, Params, new_secret, read_limited};
use granary_model::{Error, Result, UserId};
use granary_storage::rows::{LoginRow, SignInPurpose, SignInRow, SignInStage};
use granary_storage::{Commit, Key, Transaction};
use serde::Deserialize;

pub(crate) use browser::begin_browser_sign_in;
use page::{PageError, PageResult, confirmation, message, redirect};
use provider::Provider;
use secret::{Browser, is_secret, new_verifier};

/// How long a person may take for one step, in milliseconds.
const STEP_MILLIS: i64 = 600_000;

/// Largest form, in bytes.
const MAX_FORM: u64 = 4096;

/// Longest label of a token, in characters.
const MAX_LABEL: usize = 100;

/// `GET /api/auth/cli/{session}`: begins the sign-in for a login that a client waits for.
pub(crate) async fn begin_sign_in(
    state: AppState,
    headers: HeaderMap,
    Path(session): Path<String>,
) -> PageResult {
    waiting_login(&state, &session).await?;
    send_to_provider(&state, &headers, SignInPurpose::Login(session)).await
}

/// Sends a browser to the identity provider. One that has begun already keeps its cookie, so that sign-ins in two windows do
/// not end each other.
async fn send_to_provider(state: &AppState, headers: &HeaderMap, purpose: SignInPurpose) -> PageResult {
    let provider = Provider::discover(state).await?;
    let (ticket, nonce) = (new_secret(state.ids()), new_secret(state.ids()));
    let verifier = new_verifier(state.ids());
    let browser = Browser::from_headers(state.config(), headers).unwrap_or_else(|| Browser::new(state.ids()));
    let address = provider.sign_in_address(state.config(), &ticket, &nonce, &verifier);
    let at = SignInStage::Provider { verifier, nonce };
    remember(state, &ticket, purpose, browser.fingerprint(), at).await?;
    Ok(redirect(address.as_str(), &[browser.cookie(state.config())]))
}

/// Query of [`finish_sign_in`].
#[derive(Debug, Deserialize)]
pub(crate) struct Callback {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// `GET /api/auth/callback`: takes the browser back from the identity provider and asks for agreement.
pub(crate) async fn finish_sign_in(
    state: AppState,
    headers: HeaderMap,
    Params(callback): Params<Callback>,
) -> PageResult {
    let row = take(&state, &headers, callback.state.as_deref()).await?;
    let SignInStage::Provider { verifier, nonce } = &row.stage else { return Err(stale().into()) };
    let code = callback.code.as_deref().filter(|_| callback.error.is_none());
    let code = code.ok_or_else(|| Error::Forbidden("The sign-in was not completed.".into()))?;
    let login = match &row.purpose {
        SignInPurpose::Login(login) => Some((login, waiting_login(&state, login).await?)),
        SignInPurpose::Browser(_) => None,
    };
    let provider = Provider::discover(&state).await?;
    let user = signed_in_user(&state, &provider, code, verifier, nonce).await?;
    let (session, login) = match (login, &row.purpose) {
        (Some(login), _) => login,
        (None, SignInPurpose::Browser(path) | SignInPurpose::Login(path)) => {
            return browser::finish(&state, &headers, &user, path).await;
        }
    };
    let ticket = new_secret(state.ids());
    let at = SignInStage::Confirmation { user: user.clone() };
    let page = confirmation(&user, &label(&login.client), session, &ticket);
    remember(&state, &ticket, row.purpose, row.browser, at).await?;
    Ok(page)
}

/// `POST /api/auth/cli/{session}/approve`: takes the user's answer.
pub(crate) async fn answer_login(
    state: AppState,
    Path(session): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    let answer = Answer::read(body).await?;
    let row = take(&state, &headers, answer.ticket.as_deref()).await?;
    let SignInStage::Confirmation { user } = row.stage else { return Err(stale().into()) };
    if row.purpose != SignInPurpose::Login(session.clone()) {
        return Err(stale().into());
    }
    waiting_login(&state, &session).await?;
    if answer.allow {
        agree(&state, &session, &user).await?;
        return Ok(message(StatusCode::OK, "Done", "You can close this window and go back to the terminal."));
    }
    state.storage().delete(&Key::Login(session)).await?;
    Ok(message(StatusCode::OK, "Denied", "The client gets no access. You can close this window."))
}

/// The login, which must still wait for its answer.
async fn waiting_login(state: &AppState, session: &str) -> Result<LoginRow> {
    let unknown = || {
        Error::NotFound(
            "This login does not exist, is over, or has expired. Begin again in the terminal.".into(),
        )
    };
    if !is_secret(session) {
        return Err(unknown());
    }
    let login: Option<LoginRow> = state.storage().get(&Key::Login(session.into())).await?;
    login.filter(|login| login.user.is_none() && state.now().seconds() < login.expires_at).ok_or_else(unknown)
}

/// Keeps what the next step will need.
async fn remember(
    state: &AppState,
    ticket: &str,
    purpose: SignInPurpose,
    browser: String,
    at: SignInStage,
) -> Result<()> {
    let expires_at = state.now().plus_millis(STEP_MILLIS).seconds();
    let row = SignInRow { expires_at, purpose, browser, stage: at };
    state.storage().put(&Key::SignIn(ticket.into()), &row).await
}

/// Takes what the step before has kept; a second time there is nothing. The browser must be the same.
async fn take(state: &AppState, headers: &HeaderMap, ticket: Option<&str>) -> Result<SignInRow> {
    let ticket = ticket.filter(|ticket| is_secret(ticket)).ok_or_else(stale)?;
    let row: Option<SignInRow> = state.storage().take(&Key::SignIn(ticket.into())).await?;
    let browser = Browser::from_headers(state.config(), headers).map(|browser| browser.fingerprint());
    row.filter(|row| state.now().seconds() < row.expires_at && Some(&row.browser) == browser.as_ref())
        .ok_or_else(stale)
}

/// One answer for everything that is wrong with a step: what exactly it was is nobody's business.
fn stale() -> Error {
    Error::BadRequest(
        "This sign-in is over or belongs to another browser. Begin again where you began.".into(),
    )
}

/// Exchanges the code and verifies who is there.
async fn signed_in_user(
    state: &AppState,
    provider: &Provider,
    code: &str,
    verifier: &str,
    nonce: &str,
) -> Result<UserId> {
    let refused =
        || Error::Unauthorized("The identity provider's answer cannot be used. Begin again.".into());
    let secret = provider.exchange(state.config(), code, verifier).await?;
    let Ok(Credential::IdToken(token)) = Credential::from_secret(&secret) else { return Err(refused()) };
    let identity = state.oidc().verify(&token, state.now()).await?;
    if identity.nonce.as_deref() != Some(nonce) {
        return Err(refused());
    }
    state.remember_user(&identity).await?;
    Ok(identity.user)
}

/// Notes that the user has agreed. The client gets its token with its next question.
async fn agree(state: &AppState, session: &str, user: &UserId) -> Result<()> {
    let mut transaction = Transaction::new();
    transaction.answer_login("login", session, user);
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(()),
        Commit::Refused(_) => Err(stale()),
    }
}

/// The client's name as a label: whatever the client sent, it is short and printable.
fn label(client: &str) -> String {
    let text: String = client.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect();
    match text.trim() {
        "" => "command-line client".into(),
        trimmed => trimmed.into(),
    }
}

/// The form of the confirmation page.
struct Answer {
    ticket: Option<String>,
    allow: bool,
}

impl Answer {
    async fn read(body: Body) -> Result<Self, PageError> {
        let bytes = read_limited(body, MAX_FORM).await?;
        let mut answer = Self { ticket: None, allow: false };
        for (name, value) in url::form_urlencoded::parse(&bytes) {
            match name.as_ref() {
                "ticket" => answer.ticket = Some(value.into_owned()),
                "decision" => answer.allow = value == "allow",
                _ => {}
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_printable() {
        assert_eq!(label("npm on\nlaptop"), "npm onlaptop");
        assert_eq!(label(" \n "), "command-line client");
        assert_eq!(label(&"x".repeat(1000)).len(), MAX_LABEL);
    }
}
