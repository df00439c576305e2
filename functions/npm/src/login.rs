//! Login, logout and who one is.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_auth::{Principal, Via};
use granary_http::permit::{Fetch, Read};
use granary_http::tokens::{self, Holder, TokenRequest};
use granary_http::{Caller, RepoAccess, new_secret, secret_digest};
use granary_model::{Error, RawToken, Result, Scope, TokenKind, UserId};
use granary_storage::rows::{LoginRow, TokenRow, UserRow};
use granary_storage::{Commit, Key, Subject, Transaction};
use serde_json::{Value, json};

use crate::call::Call;

/// How long a login by web may take, in seconds.
const LOGIN_SECONDS: i64 = 600;

/// How long the token of a login by web works, in days.
const TOKEN_DAYS: f64 = 90.0;

/// `GET /-/whoami`.
pub(crate) async fn whoami(call: &Call) -> Result<Response> {
    let caller = Caller::of_request(&call.state, &call.headers).await?;
    if caller.principal.is_customer() {
        // Tells a customer at once if the key opens nothing here.
        call.repo::<Fetch>().await?;
    }
    Ok(axum::Json(json!({ "username": caller.principal.display_name() })).into_response())
}

/// `GET /-/npm/v1/user`: the profile, in npm's form.
pub(crate) async fn show_profile(call: &Call) -> Result<Response> {
    let caller = Caller::of_request(&call.state, &call.headers).await?;
    let user = caller.user()?;
    let row: Option<UserRow> = call.state.storage().get(&Key::User(user.clone())).await?;
    let (name, email, created) = match row {
        Some(row) => (row.name, row.email, Some(row.created_at.to_string())),
        None => (None, None, None),
    };
    Ok(axum::Json(json!({
        "tfa": false,
        "name": user,
        "email": email,
        "email_verified": false,
        "created": created,
        "updated": created,
        "fullname": name,
    }))
    .into_response())
}

/// `POST /-/v1/login`: begins a login by web. Needs no credentials and says nothing of the repository.
pub(crate) async fn begin_web_login(call: &mut Call) -> Result<Response> {
    call.drain().await;
    let (session, secret) = (new_secret(call.state.ids()), new_secret(call.state.ids()));
    let row = LoginRow {
        expires_at: call.state.now().seconds() + LOGIN_SECONDS,
        poll_hash: secret_digest(&secret),
        client: client_name(&call.headers),
        user: None,
    };
    call.state.storage().put(&Key::Login(session.clone()), &row).await?;
    let base = &call.state.config().public_url;
    let body = json!({
        "loginUrl": format!("{base}/api/auth/cli/{session}"),
        "doneUrl": format!("{base}/api/npm/{}/-/v1/login/done/{session}.{secret}", call.repo),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

/// `GET /-/v1/login/done/{session}`: 202 until the user has agreed, then the token, once.
pub(crate) async fn poll_web_login(call: &Call, session: &str) -> Result<Response> {
    let gone = || Error::NotFound("this login has expired or was denied; log in again".into());
    let (session, secret) = session.split_once('.').ok_or_else(gone)?;
    let key = Key::Login(session.into());
    let row: LoginRow = call.state.storage().get(&key).await?.ok_or_else(gone)?;
    if row.poll_hash != secret_digest(secret) || call.state.now().seconds() >= row.expires_at {
        return Err(gone());
    }
    let Some(user) = row.user else {
        // Without the header npm asks again and again without a pause.
        let headers = [(header::RETRY_AFTER, "1"), (header::CACHE_CONTROL, "no-store")];
        return Ok((StatusCode::ACCEPTED, headers, axum::Json(json!({}))).into_response());
    };
    // In one transaction: the token is handed out at most once, whoever else polls, and the login is not used up
    // without one.
    let token = new_token(call, user, &row.client, key).await?.ok_or_else(gone)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(json!({ "token": token.expose() })))
        .into_response())
}

/// The token that a login by web ends with: it may read and publish, for as long as [`TOKEN_DAYS`]. `None`: the login
/// is over.
async fn new_token(call: &Call, user: UserId, client: &str, login: Key) -> Result<Option<RawToken>> {
    let holder = Holder::user(&user);
    let instance_admin = call.state.is_instance_admin(&user);
    let principal = Principal::User { id: user, scope: Scope::Admin, via: Via::Session, instance_admin };
    let caller = Caller { principal, token: None };
    let scopes = Some(Scope::Write.with_included());
    let request = TokenRequest::new(client, scopes, Some(TOKEN_DAYS), call.state.now())?;
    let mut transaction = Transaction::new();
    transaction.delete_existing("login", login);
    let (_, token) = tokens::add_token(&call.state, &caller, &holder, request, &mut transaction).await?;
    Ok(matches!(call.state.storage().commit(transaction).await?, Commit::Done).then_some(token))
}

/// `PUT /-/user/org.couchdb.user:{name}`: login by password form. The password is a token of this registry,
/// which is checked and given back; there are no passwords here.
pub(crate) async fn password_login(call: &mut Call, name: &str) -> Result<Response> {
    let body = call.json().await?;
    let password = body.get("password").and_then(Value::as_str).unwrap_or("");
    let caller = Caller::from_secret(&call.state, password).await.map_err(|error| match error {
        // 401, not 409: npm would answer a 409 with another round.
        Error::Unauthorized(_) => Error::Unauthorized(
            "Granary has no passwords: give an API token (it begins with art_) as the password, or use \
             `npm login --auth-type=web`"
                .into(),
        ),
        other => other,
    })?;
    match &caller.principal {
        // npm will send the password as Bearer token from now on, which works for the key of a licence.
        Principal::Licence(_) => {
            let secret = [(header::AUTHORIZATION, bearer(password)?)];
            RepoAccess::<Fetch>::authorize(&call.state, &HeaderMap::from_iter(secret), &call.repo, None)
                .await?;
        }
        _ if caller.token.is_none() => {
            return Err(Error::Unauthorized(
                "give an API token (it begins with art_) as the password".into(),
            ));
        }
        _ => {}
    }
    let body =
        json!({ "ok": true, "id": format!("org.couchdb.user:{name}"), "rev": "1-0", "token": password });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

fn bearer(secret: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(&format!("Bearer {secret}")).map_err(|e| Error::internal("writing a header", e))
}

/// `GET /-/user/org.couchdb.user:{name}`: what `npm owner add` looks up. Only for those who work in the
/// repository, and only about its members.
pub(crate) async fn show_user(call: &Call, name: &str) -> Result<Response> {
    let access: RepoAccess<Read> = call.repo().await?;
    let unknown = || Error::NotFound(format!("user '{}' not found", name.escape_debug()));
    let id: UserId = name.parse().map_err(|_| unknown())?;
    let oneself = access.principal.user() == Some(&id);
    let known = access.repo.members.contains_key(&id) && access.is_insider(&call.state).await?;
    if !(oneself || known) {
        return Err(unknown());
    }
    let row: UserRow = call.state.storage().get(&Key::User(id)).await?.ok_or_else(unknown)?;
    let email = row.email.filter(|_| oneself).unwrap_or_default();
    Ok(axum::Json(json!({ "_id": format!("org.couchdb.user:{name}"), "name": row.id, "email": email }))
        .into_response())
}

/// `DELETE /-/user/token/{token}`: revokes the account token that is named. Whoever knows a token may
/// revoke it.
pub(crate) async fn logout(call: &Call, token: &str) -> Result<Response> {
    let token: RawToken = token.parse()?;
    if token.kind() != TokenKind::Account {
        return Err(Error::Forbidden(
            "organisation and repository tokens are shared, so logging out does not delete them; remove the token from \
             your .npmrc, or have an admin delete it"
                .into(),
        ));
    }
    let row: Option<TokenRow> = call.state.storage().get(&Key::Token(token.hash())).await?;
    if let Some(row) = row
        && let Subject::User(user) = &row.subject
    {
        // An expired token can be logged out as well.
        let principal =
            Principal::from_token(&row, row.created_at, |_| false).unwrap_or(Principal::Anonymous);
        let caller = Caller { principal, token: Some(token.hash()) };
        tokens::revoke(&call.state, &caller, &Holder::user(user), &row.id).await?;
    }
    Ok(axum::Json(json!({ "ok": true })).into_response())
}

/// The client's name for the confirmation page, from its `User-Agent`: `npm/11.6.0`.
fn client_name(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = agent.split_whitespace().next().unwrap_or("");
    let name: String =
        first.chars().filter(|c| c.is_ascii_alphanumeric() || "./-@_".contains(*c)).take(40).collect();
    if name.is_empty() { "a command-line client".into() } else { name }
}
