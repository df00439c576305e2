//! Sign-ins by browser: what a browser keeps in a cookie is a credential like an ID token, until it expires or its user ends
//! it.
//!
//! A session is stored twice in one transaction, like a token: under the hash of what the browser keeps, and in its user's
//! list, from which all of them can be ended.

use axum::http::{HeaderMap, header};
use granary_model::{Error, RawToken, Result, TokenKind, UserId};
use granary_storage::rows::{SessionEntry, SessionRow};
use granary_storage::{Commit, Key, Transaction};

use crate::config::Config;
use crate::state::AppState;

/// Longest name of a browser that is kept, in characters.
const MAX_BROWSER: usize = 200;

/// Sessions that are ended in one transaction: two rows each, of the 100 that fit.
const BATCH: usize = 40;

/// Begins a session and gives what the browser has to keep.
pub async fn begin(state: &AppState, user: &UserId, headers: &HeaderMap) -> Result<RawToken> {
    let raw = RawToken::generate(TokenKind::Session, state.ids());
    let now = state.now();
    let lifetime = i64::try_from(state.config().session_lifetime.as_millis()).unwrap_or(i64::MAX);
    let session = SessionRow {
        id: state.next_id(),
        user: user.clone(),
        created_at: now,
        expires_at: now.plus_millis(lifetime).seconds(),
        browser: browser(headers),
    };
    let mut transaction = Transaction::new();
    transaction.put_new("session", &Key::Session(raw.hash()), &session)?;
    let entry = SessionEntry { session: session.clone(), hash: raw.hash() };
    transaction.put_new("list", &Key::SessionOf(user.clone(), session.id), &entry)?;
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(raw),
        Commit::Refused(refusal) => Err(Error::internal("beginning a session", refusal.label)),
    }
}

/// The sessions of a user that are not over, oldest first.
pub async fn list(state: &AppState, user: &UserId) -> Result<Vec<SessionEntry>> {
    let first = Key::SessionOf(user.clone(), String::new());
    let mut entries: Vec<SessionEntry> = state.storage().list_all(&first, "SESSION#").await?;
    entries.retain(|entry| !entry.session.is_expired(state.now()));
    Ok(entries)
}

/// Ends one session of a user, at once.
///
/// # Errors
/// `NotFound` if the user has no such session.
pub async fn end(state: &AppState, user: &UserId, id: &str) -> Result<()> {
    let unknown = || Error::NotFound(format!("session '{}' not found", crate::access::shown(id)));
    let key = Key::SessionOf(user.clone(), id.to_owned());
    let entry: Option<SessionEntry> = state.storage().get(&key).await?;
    end_these(state, user, &[entry.ok_or_else(unknown)?]).await
}

/// Ends all sessions of a user, at once, and gives their number.
pub async fn end_all(state: &AppState, user: &UserId) -> Result<usize> {
    let entries = list(state, user).await?;
    end_these(state, user, &entries).await?;
    Ok(entries.len())
}

async fn end_these(state: &AppState, user: &UserId, entries: &[SessionEntry]) -> Result<()> {
    for batch in entries.chunks(BATCH) {
        let mut transaction = Transaction::new();
        for entry in batch {
            transaction.delete("session", Key::Session(entry.hash.clone()));
            transaction.delete("list", Key::SessionOf(user.clone(), entry.session.id.clone()));
        }
        if let Commit::Refused(refusal) = state.storage().commit(transaction).await? {
            return Err(Error::internal("ending sessions", refusal.label));
        }
    }
    Ok(())
}

/// What the browser of a request calls itself, printable and short.
fn browser(headers: &HeaderMap) -> String {
    let text = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(MAX_BROWSER).collect()
}

/// Name of the cookie. On `https` browsers take one of this name only from the registry itself, not from a neighbour below
/// the same domain.
fn cookie_name(config: &Config) -> &'static str {
    if is_secure(config) { "__Host-granary-session" } else { "granary-session" }
}

fn is_secure(config: &Config) -> bool {
    config.public_url.starts_with("https:")
}

/// `Set-Cookie` for a browser that has signed in. `Lax`, so that a link from elsewhere finds it signed in, and no form of
/// another site does.
pub fn cookie(config: &Config, session: &RawToken) -> String {
    let secure = if is_secure(config) { "; Secure" } else { "" };
    let seconds = config.session_lifetime.as_secs();
    let name = cookie_name(config);
    format!("{name}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", session.expose())
}

/// `Set-Cookie` for a browser that has signed out.
pub fn no_cookie(config: &Config) -> String {
    let secure = if is_secure(config) { "; Secure" } else { "" };
    format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", cookie_name(config))
}

/// What the browser of a request keeps, if it can be a session. Whether it is one, only the table knows.
pub fn of_browser(config: &Config, headers: &HeaderMap) -> Option<RawToken> {
    let wanted = cookie_name(config);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let token = pairs.find(|(name, _)| *name == wanted)?.1.parse::<RawToken>().ok()?;
    (token.kind() == TokenKind::Session).then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use granary_model::RandomIds;

    use super::*;

    fn sent(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers
    }

    #[test]
    fn the_cookie_finds_its_way_back() {
        let raw = RawToken::generate(TokenKind::Session, &RandomIds);
        for (address, secure) in [("https://registry.example", true), ("http://localhost:8080", false)] {
            let config = Config::local(address);
            let cookie = cookie(&config, &raw);
            assert_eq!(cookie.ends_with("; Secure"), secure, "{cookie}");
            assert_eq!(cookie.starts_with("__Host-"), secure, "{cookie}");
            assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
            let pair = cookie.split(';').next().unwrap();
            assert_eq!(of_browser(&config, &sent(&format!("a=b; {pair}"))), Some(raw.clone()));
            assert_eq!(of_browser(&config, &sent(no_cookie(&config).split(';').next().unwrap())), None);
        }
    }

    #[test]
    fn nothing_else_is_a_session() {
        let config = Config::local("http://localhost:8080");
        let account = RawToken::generate(TokenKind::Account, &RandomIds);
        let session = RawToken::generate(TokenKind::Session, &RandomIds);
        for cookie in [
            "granary-session=".to_owned(),
            "granary-session=ses_x".to_owned(),
            format!("granary-session={}", account.expose()),
            format!("other={}", session.expose()),
        ] {
            assert_eq!(of_browser(&config, &sent(&cookie)), None, "{cookie}");
        }
    }
}
