//! `npm token`: a user's account tokens.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_auth::Principal;
use granary_http::Caller;
use granary_http::tokens::{self, Holder, TokenRequest};
use granary_model::{Error, RawToken, Result, Scope};
use granary_storage::rows::TokenRow;
use serde_json::{Value, json};

use crate::call::Call;

/// `GET /-/npm/v1/tokens`.
pub(crate) async fn list_tokens(call: &Call) -> Result<Response> {
    let caller = Caller::of_request(&call.state, &call.headers).await?;
    let holder = Holder::user(caller.user()?);
    let rows = tokens::list(&call.state, &holder).await?;
    let objects: Vec<Value> = rows.iter().map(|row| object(row, None)).collect();
    let body = json!({ "objects": objects, "total": objects.len(), "urls": {} });
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

/// `POST /-/npm/v1/tokens`: a new token, at most as strong as the one that asks and at most as long valid.
///
/// The password that npm asks for must be that token, so that a terminal left open is not enough.
pub(crate) async fn create_token(call: &mut Call) -> Result<Response> {
    let caller = Caller::of_request(&call.state, &call.headers).await?;
    let user = caller.user()?.clone();
    let body = call.json().await?;
    check_password(&caller, &body)?;
    let restricted =
        |name: &str| body.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if restricted("cidr_whitelist") || restricted("cidr") || restricted("packages") || restricted("orgs") {
        return Err(Error::NotSupported(
            "tokens cannot be limited to addresses, packages or organisations here; make a repository token with \
             POST /api/repos/{repo}/tokens instead"
                .into(),
        ));
    }
    let wanted =
        match (body.get("readonly"), body.get("packages_and_scopes_permission").and_then(Value::as_str)) {
            (Some(Value::Bool(true)), _) | (_, Some("read-only" | "no-access")) => Scope::Read,
            _ => Scope::Write,
        };
    let scope = scope_for_changes(&caller)?;
    let own = caller.token_row(&call.state).await?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or("npm token");
    let scopes = wanted.min(scope).with_included();
    let days = body.get("expires").and_then(Value::as_f64);
    let request = TokenRequest::new(name, Some(scopes), days, call.state.now())?;
    let request = request.until(own.and_then(|row| row.expires_at));
    let (row, raw) = tokens::mint(&call.state, &caller, &Holder::user(&user), request).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(object(&row, Some(&raw)))).into_response())
}

/// `DELETE /-/npm/v1/tokens/token/{key}`.
pub(crate) async fn revoke_token(call: &Call, key: &str) -> Result<Response> {
    let caller = Caller::of_request(&call.state, &call.headers).await?;
    let holder = Holder::user(caller.user()?);
    let rows = tokens::list(&call.state, &holder).await?;
    // npm lets people name a token by the beginning of its key or by what the list shows of it.
    let mut fitting = rows.iter().filter(|row| row.id == key || row.id.starts_with(key) || row.prefix == key);
    let (Some(row), None) = (fitting.next(), fitting.next()) else {
        return Err(Error::NotFound("no single token has that key".into()));
    };
    let own = caller.token_row(&call.state).await?;
    if own.is_none_or(|own| own.id != row.id) && scope_for_changes(&caller)? < row.scope() {
        return Err(Error::Forbidden("this token cannot revoke one with a higher scope than its own".into()));
    }
    tokens::revoke(&call.state, &caller, &holder, &row.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The caller's scope, which must be at least `write`: a token that may only read manages no tokens.
fn scope_for_changes(caller: &Caller) -> Result<Scope> {
    match &caller.principal {
        Principal::User { scope: Scope::Read, .. } => {
            Err(Error::Forbidden("a token with scope 'read' cannot make or revoke other tokens".into()))
        }
        Principal::User { scope, .. } => Ok(*scope),
        _ => Err(Error::Forbidden("only users have account tokens".into())),
    }
}

/// The password field of npm's request must hold the caller's own token (or be absent).
fn check_password(caller: &Caller, body: &Value) -> Result<()> {
    let Some(password) = body.get("password").and_then(Value::as_str) else { return Ok(()) };
    let same = password.parse::<RawToken>().is_ok_and(|token| Some(token.hash()) == caller.token);
    if same {
        return Ok(());
    }
    Err(Error::Unauthorized(
        "Granary has no passwords: give the API token that you are logged in with".into(),
    ))
}

/// A token in npm's form. Only a new one shows its secret.
fn object(row: &TokenRow, raw: Option<&RawToken>) -> Value {
    json!({
        "key": row.id,
        "id": row.id,
        "name": row.name,
        "token": raw.map_or_else(|| row.prefix.clone(), |raw| raw.expose().to_owned()),
        "cidr_whitelist": null,
        "readonly": row.scope() == Scope::Read,
        "automation": false,
        "created": row.created_at.to_string(),
        "updated": row.created_at.to_string(),
        "expires": row.expires_at.map(|time| time.to_string()),
    })
}
