//! Making, listing and revoking tokens of all three kinds: one implementation for every interface.

use axum::http::StatusCode;
use axum::response::Response;
use granary_model::{Error, RawToken, Result, Scope, Timestamp, TokenHash, TokenKind, UserId};
use granary_publish::Change;
use granary_storage::rows::{OrgRow, RepoRow, TokenEntry, TokenRow};
use granary_storage::{Commit, Key, Storage, Subject, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::caller::Caller;
use crate::editing::{refused, require_token};
use crate::failure::{ApiResult, done, reply};
use crate::fields::Fields;
use crate::state::AppState;

/// Longest label, in characters.
const MAX_NAME: usize = 100;

/// Longest life, in days.
const MAX_DAYS: f64 = 3650.0;

const DAY_MILLIS: f64 = 86_400_000.0;

/// Tokens revoked in one transaction: three rows each, of the 100 that fit.
const BATCH: usize = 30;

/// Whom tokens are made for.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The user, organisation or repository.
    pub subject: Subject,
    /// The `uid` of the organisation or repository; `None` for users.
    pub uid: Option<String>,
}

impl Holder {
    /// A user: account tokens.
    pub fn user(id: &UserId) -> Self {
        Self { subject: Subject::User(id.clone()), uid: None }
    }

    /// An organisation.
    pub fn org(org: &OrgRow) -> Self {
        Self { subject: Subject::Org(org.slug.clone()), uid: Some(org.uid.clone()) }
    }

    /// A repository.
    pub fn repo(repo: &RepoRow) -> Self {
        Self { subject: Subject::Repo(repo.id.clone()), uid: Some(repo.uid.clone()) }
    }

    fn kind(&self) -> TokenKind {
        match self.subject {
            Subject::User(_) => TokenKind::Account,
            Subject::Org(_) => TokenKind::Org,
            Subject::Repo(_) => TokenKind::Repo,
        }
    }

    fn gone(&self) -> Error {
        Error::NotFound(match &self.subject {
            Subject::User(id) => format!("user '{id}' not found"),
            Subject::Org(slug) => format!("organisation '{slug}' not found"),
            Subject::Repo(id) => format!("repository '{id}' not found"),
        })
    }
}

/// A token that somebody asks for, checked.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    name: String,
    scopes: Vec<Scope>,
    expires_at: Option<Timestamp>,
}

impl TokenRequest {
    /// Checks a request. Without scopes the token may read; without days it works until it is revoked.
    ///
    /// # Errors
    /// `BadRequest` for a label that is empty, longer than 100 characters or has control characters, an
    /// empty list of scopes, and days that are not above 0 and at most 3650.
    pub fn new(
        name: &str,
        scopes: Option<Vec<Scope>>,
        expires_in_days: Option<f64>,
        now: Timestamp,
    ) -> Result<Self> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Error::BadRequest(format!(
                "a token's name has 1 to {MAX_NAME} printable characters"
            )));
        }
        let mut scopes = scopes.unwrap_or_else(|| vec![Scope::Read]);
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(Error::BadRequest("scopes: name at least one of read, write, admin".into()));
        }
        let expires_at = expires_in_days.map(|days| expiry(days, now)).transpose()?;
        Ok(Self { name: name.into(), scopes, expires_at })
    }

    /// Reads `{"name","scopes"?,"expiresInDays"?}`.
    pub fn read(fields: &Fields, now: Timestamp) -> Result<Self> {
        fields.only(&["name", "scopes", "expiresInDays"])?;
        let name = Fields::required("name", fields.text("name")?)?;
        Self::new(name, fields.list("scopes")?, fields.number("expiresInDays")?, now)
    }

    /// Ends the token at the latest at this moment: a token that is made by another one must not outlive it.
    #[must_use]
    pub fn until(mut self, latest: Option<Timestamp>) -> Self {
        self.expires_at = match (self.expires_at, latest) {
            (Some(own), Some(latest)) => Some(own.min(latest)),
            (own, latest) => own.or(latest),
        };
        self
    }

    /// Refuses scopes above what the caller has.
    pub fn within(self, ceiling: Scope) -> Result<Self> {
        match self.scopes.iter().find(|scope| **scope > ceiling) {
            None => Ok(self),
            Some(scope) => Err(Error::Forbidden(format!(
                "you cannot make a token with scope '{scope}': your own is '{ceiling}'"
            ))),
        }
    }
}

/// The moment a number of days from now, to the millisecond.
fn expiry(days: f64, now: Timestamp) -> Result<Timestamp> {
    if !(days > 0.0 && days <= MAX_DAYS) {
        return Err(Error::BadRequest("expiresInDays must be above 0 and at most 3650".into()));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 3650 days in milliseconds, far below 2^53")]
    let millis = (days * DAY_MILLIS).ceil() as i64;
    Ok(now.plus_millis(millis))
}

/// A day since 1970 as `2026-11-30`.
fn date(day: i64) -> String {
    Timestamp::from_millis(0).plus_days(day).to_string().chars().take(10).collect()
}

/// A token as clients see it: never the secret, never its hash.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    id: String,
    token_type: TokenKind,
    name: String,
    token_prefix: String,
    scopes: Vec<Scope>,
    expires_at: Option<String>,
    created_at: String,
    /// The day, such as `2026-11-30`; `None` if it has not been used yet.
    last_used_at: Option<String>,
}

impl From<TokenRow> for TokenView {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            token_type: row.token_kind,
            name: row.name,
            token_prefix: row.prefix,
            scopes: row.scopes,
            expires_at: row.expires_at.map(|at| at.to_string()),
            created_at: row.created_at.to_string(),
            last_used_at: row.last_used.map(date),
        }
    }
}

/// A new token as clients see it, this once with the secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTokenView {
    token: TokenView,
    raw_token: String,
}

impl NewTokenView {
    /// From what [`mint`] gives.
    pub fn new((row, raw): (TokenRow, RawToken)) -> Self {
        Self { token: row.into(), raw_token: raw.expose().into() }
    }
}

/// Query of the routes that revoke a token.
#[derive(Debug, Deserialize)]
pub struct TokenQuery {
    /// Id of the token.
    #[serde(rename = "tokenId")]
    pub token_id: String,
}

/// Answers with a holder's tokens, without their secrets.
pub async fn list_answer(state: &AppState, holder: &Holder) -> ApiResult<Response> {
    let keys: Vec<Key> =
        entries(state, holder).await?.into_iter().map(|entry| Key::Token(entry.hash)).collect();
    // Only these rows say when a token was used. One that is gone has been revoked since the list was read.
    let rows: Vec<Option<TokenRow>> = state.storage().read_all(&keys).await?;
    let views: Vec<TokenView> = rows.into_iter().flatten().map(TokenView::from).collect();
    Ok(reply(StatusCode::OK, &json!({ "tokens": views })))
}

/// Makes the token that a body asks for and answers with its secret, this once.
pub async fn create_answer(
    state: &AppState,
    caller: &Caller,
    holder: &Holder,
    fields: &Fields,
) -> ApiResult<Response> {
    let request = TokenRequest::read(fields, state.now())?;
    let made = mint(state, caller, holder, request).await?;
    Ok(reply(StatusCode::CREATED, &NewTokenView::new(made)))
}

/// Revokes the token that a query names, at once.
pub async fn delete_answer(
    state: &AppState,
    caller: &Caller,
    holder: &Holder,
    query: &TokenQuery,
) -> ApiResult<Response> {
    revoke(state, caller, holder, &query.token_id).await?;
    Ok(done())
}

/// Makes a token. The caller must have been authorised to make one for this holder.
///
/// # Errors
/// `NotFound` if the holder has been deleted meanwhile, `Unauthorized` if the caller's token has been
/// revoked meanwhile.
pub async fn mint(
    state: &AppState,
    caller: &Caller,
    holder: &Holder,
    request: TokenRequest,
) -> Result<(TokenRow, RawToken)> {
    let mut transaction = Transaction::new();
    let made = add_token(state, caller, holder, request, &mut transaction).await?;
    require_token(&mut transaction, caller);
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(made),
        Commit::Refused(refusal) => Err(match refusal.label {
            "subject" => holder.gone(),
            label => refused(label),
        }),
    }
}

/// Adds the rows of a new token to a transaction, audit record included. The part labelled `subject` is
/// refused if the holder is gone.
pub async fn add_token(
    state: &AppState,
    caller: &Caller,
    holder: &Holder,
    request: TokenRequest,
    transaction: &mut Transaction,
) -> Result<(TokenRow, RawToken)> {
    let created_by = creator(state, caller).await?;
    let raw = RawToken::generate(holder.kind(), state.ids());
    let change = state.change(&caller.principal);
    let row = TokenRow {
        // Without dashes: npm takes a UUID for a secret and prints asterisks instead, and then nobody could
        // revoke a token by the key that `npm token list` shows.
        id: state.next_id().replace('-', ""),
        token_kind: holder.kind(),
        subject: holder.subject.clone(),
        subject_uid: holder.uid.clone(),
        name: request.name,
        prefix: raw.display_prefix(),
        scopes: request.scopes,
        created_by,
        created_at: change.now,
        expires_at: request.expires_at,
        last_used: None,
    };
    let entry = TokenEntry { token: row.clone(), hash: raw.hash() };
    transaction.put_new("new token", &Key::Token(raw.hash()), &row)?;
    transaction.put_new("list", &Key::TokenOf(holder.subject.clone(), row.id.clone()), &entry)?;
    let uid = holder.uid.as_deref().unwrap_or_default();
    match &holder.subject {
        Subject::User(_) => {}
        Subject::Org(slug) => transaction.touch_org("subject", slug, uid),
        Subject::Repo(id) => transaction.require_repo("subject", id, uid),
    }
    audit(&change, transaction, "token.create", &row)?;
    Ok((row, raw))
}

/// The tokens of a holder, oldest first, expired ones included. Those of an earlier repository or
/// organisation of the same name are not among them. When they were used is not in the list.
pub async fn list(state: &AppState, holder: &Holder) -> Result<Vec<TokenRow>> {
    Ok(entries(state, holder).await?.into_iter().map(|entry| entry.token).collect())
}

async fn entries(state: &AppState, holder: &Holder) -> Result<Vec<TokenEntry>> {
    let mut rows: Vec<TokenEntry> =
        state.storage().list_all(&Key::TokenOf(holder.subject.clone(), String::new()), "TOKEN#").await?;
    rows.retain(|entry| entry.token.subject_uid == holder.uid);
    Ok(rows)
}

/// Revokes a token by its id. It stops working at once.
///
/// # Errors
/// `NotFound` if the holder has no such token.
pub async fn revoke(state: &AppState, caller: &Caller, holder: &Holder, id: &str) -> Result<()> {
    let unknown = || Error::NotFound(format!("token '{}' not found", crate::access::shown(id)));
    let key = Key::TokenOf(holder.subject.clone(), id.to_owned());
    let entry: Option<TokenEntry> = state.storage().get(&key).await?;
    let entry = entry.filter(|entry| entry.token.subject_uid == holder.uid).ok_or_else(unknown)?;
    let mut transaction = Transaction::new();
    transaction.delete_existing("list", key);
    transaction.delete("revoked token", Key::Token(entry.hash.clone()));
    // A token may end itself.
    if caller.token.as_ref() != Some(&entry.hash) {
        require_token(&mut transaction, caller);
    }
    audit(&state.change(&caller.principal), &mut transaction, "token.revoke", &entry.token)?;
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(()),
        Commit::Refused(refusal) if refusal.label == "list" => Err(unknown()),
        Commit::Refused(refusal) => Err(refused(refusal.label)),
    }
}

/// Revokes all tokens of a subject, whichever incarnation of its name they are of. Safe to repeat after it
/// was interrupted; gives the number of tokens it found.
pub async fn revoke_all(storage: &Storage, change: &Change<'_>, subject: &Subject) -> Result<usize> {
    let first = Key::TokenOf(subject.clone(), String::new());
    let entries: Vec<TokenEntry> = storage.list_all(&first, "TOKEN#").await?;
    for batch in entries.chunks(BATCH) {
        let mut transaction = Transaction::new();
        for entry in batch {
            transaction.delete("list", Key::TokenOf(subject.clone(), entry.token.id.clone()));
            transaction.delete("revoked token", Key::Token(entry.hash.clone()));
            audit(change, &mut transaction, "token.revoke", &entry.token)?;
        }
        if let Commit::Refused(refusal) = storage.commit(transaction).await? {
            return Err(refused(refusal.label));
        }
    }
    Ok(entries.len())
}

/// The user behind a caller: of a token without a user, the one who made it.
pub async fn creator(state: &AppState, caller: &Caller) -> Result<UserId> {
    if let Some(user) = caller.principal.user() {
        return Ok(user.clone());
    }
    let hash: &TokenHash =
        caller.token.as_ref().ok_or_else(|| Error::internal("finding who acts", "there is no token"))?;
    let row: Option<TokenRow> = state.storage().get(&Key::Token(hash.clone())).await?;
    row.map(|row| row.created_by).ok_or_else(|| refused("token"))
}

fn audit(change: &Change<'_>, transaction: &mut Transaction, action: &str, row: &TokenRow) -> Result<()> {
    change.audit(transaction, &row.subject.to_string(), action, &format!("{}/tokens/{}", row.subject, row.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn requests_are_checked() {
        let good =
            TokenRequest::new(" ci ", Some(vec![Scope::Write, Scope::Read, Scope::Write]), Some(0.5), NOW)
                .unwrap();
        assert_eq!(good.name, "ci");
        assert_eq!(good.scopes, [Scope::Read, Scope::Write]);
        assert_eq!(good.expires_at, Some(Timestamp::from_millis(43_201_000)));
        assert_eq!(TokenRequest::new("a", None, None, NOW).unwrap().scopes, [Scope::Read]);
        let long = "x".repeat(101);
        for (name, scopes, days) in [
            ("", None, None),
            (" ", None, None),
            (long.as_str(), None, None),
            ("a\nb", None, None),
            ("a", Some(vec![]), None),
            ("a", None, Some(0.0)),
            ("a", None, Some(-1.0)),
            ("a", None, Some(3650.1)),
            ("a", None, Some(f64::NAN)),
        ] {
            let result = TokenRequest::new(name, scopes.clone(), days, NOW);
            assert!(matches!(result, Err(Error::BadRequest(_))), "{name:?} {scopes:?} {days:?}");
        }
    }

    #[test]
    fn no_scope_above_ones_own() {
        let request = |scope| TokenRequest::new("a", Some(vec![scope]), None, NOW).unwrap();
        assert!(matches!(request(Scope::Admin).within(Scope::Write), Err(Error::Forbidden(_))));
        assert!(request(Scope::Write).within(Scope::Write).is_ok());
    }
}
