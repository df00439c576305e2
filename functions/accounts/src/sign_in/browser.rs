//! Sign-in of a browser for the console: from a page that needs somebody, by the identity provider, back to that page.

use axum::http::HeaderMap;
use granary_http::{AppState, Config, Params, sessions};
use granary_model::{Error, Result, UserId};
use granary_storage::rows::SignInPurpose;
use serde::Deserialize;
use url::Url;

use super::page::{PageResult, redirect};
use super::secret::Browser;
use super::send_to_provider;

/// Where a browser is sent that does not say where it came from.
const HOME: &str = "/ui";

/// Longest path with its query that is kept, in bytes.
const MAX_PATH: usize = 2000;

/// Query of [`begin_browser_sign_in`].
#[derive(Debug, Deserialize)]
pub(crate) struct Destination {
    to: Option<String>,
}

/// `GET /api/auth/sign-in?to=`: begins the sign-in of this browser. `to` is the path of a page of the console.
pub(crate) async fn begin_browser_sign_in(
    state: AppState,
    headers: HeaderMap,
    Params(destination): Params<Destination>,
) -> PageResult {
    let path = page_of_console(state.config(), destination.to.as_deref().unwrap_or(HOME))?;
    send_to_provider(&state, &headers, SignInPurpose::Browser(path)).await
}

/// Begins the session of a user who has signed in, and sends the browser back to its page.
pub(super) async fn finish(state: &AppState, headers: &HeaderMap, user: &UserId, path: &str) -> PageResult {
    let session = sessions::begin(state, user, headers).await?;
    let config = state.config();
    let cookies = [sessions::cookie(config, &session), Browser::no_cookie(config)];
    Ok(redirect(&format!("{}{path}", config.public_url), &cookies))
}

/// The path and query of a page of the console, below the registry's address. Nothing else is redirected to: a link to the
/// sign-in could lead a user, who trusts the registry, anywhere.
fn page_of_console(config: &Config, to: &str) -> Result<String> {
    let wrong = || Error::BadRequest("The page to go to after the sign-in is none of this registry.".into());
    let path = to.split('?').next().unwrap_or_default();
    let is_page = path == "/" || path == HOME || path.starts_with("/ui/");
    if !is_page
        || to.len() > MAX_PATH
        || to.contains('#')
        || path.contains('\\')
        || !to.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(wrong());
    }
    // However a browser reads it, it has to stay here.
    let base =
        Url::parse(&config.public_url).map_err(|e| Error::internal("reading the public address", e))?;
    let target = Url::parse(&format!("{}{to}", config.public_url)).map_err(|_| wrong())?;
    let below = format!("{}{}", base.path().trim_end_matches('/'), path);
    if target.origin() != base.origin() || target.path() != below {
        return Err(wrong());
    }
    Ok(to.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_console_are_gone_back_to() {
        for address in ["https://registry.example", "https://registry.example/granary"] {
            let config = Config::local(address);
            for good in [
                "/",
                "/?text=a",
                "/?done=signed-out",
                "/ui",
                "/ui?text=a\\b",
                "/ui?text=a%20b",
                "/ui/repos/libs/npm/@acme/app?version=1.0.0",
            ] {
                assert_eq!(page_of_console(&config, good).unwrap(), good);
            }
            let long = format!("/ui/{}", "a".repeat(MAX_PATH));
            for bad in [
                "",
                "//evil.example",
                "/\\evil.example",
                "https://evil.example/ui",
                "/ui/../../evil",
                "/uix",
                "/api/repos",
                "/ui/\nSet-Cookie:x",
                "/ui/%2e%2e/%2e%2e/x",
                "javascript:alert(1)",
                "/ui#x",
                "ui",
                "/ui/ä",
                "/ui/ x",
                &long,
            ] {
                assert!(page_of_console(&config, bad).is_err(), "{bad}");
            }
        }
    }
}
