//! Pages as answers.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use granary_http::AppState;
use granary_model::Error;

use crate::assets;
use crate::back::Problem;
use crate::visit::User;

/// Result of a handler that shows a page.
pub(crate) type PageResult = Result<Response, PageError>;

/// What is around the content of every page.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// What addresses of this registry begin with: empty, or the path below which it is.
    pub(crate) base: String,
    /// The whole address of the registry.
    pub(crate) public_url: String,
    /// Who is signed in.
    pub(crate) user: Option<User>,
    /// What every form has to send as `csrf`.
    pub(crate) csrf: String,
    /// What our own stylesheet and script say to be let in.
    pub(crate) nonce: String,
    /// The entry of the navigation that the page is below.
    pub(crate) section: &'static str,
    /// Where the sign-in is from which one comes back to this page.
    pub(crate) sign_in: String,
    /// What was done just now.
    pub(crate) done: Option<&'static str>,
    /// Where the stylesheet is.
    pub(crate) style: &'static str,
    /// Where the script is.
    pub(crate) script: &'static str,
}

impl Shell {
    pub(crate) fn new(
        state: &AppState,
        user: Option<User>,
        csrf: String,
        nonce: String,
        section: &'static str,
        sign_in: &str,
        done: Option<&str>,
    ) -> Self {
        let public_url = state.config().public_url.clone();
        let base = base_of(&public_url).to_owned();
        Self {
            sign_in: format!("{base}{sign_in}"),
            base,
            public_url,
            user,
            csrf,
            nonce,
            section,
            done: done.and_then(done_text),
            style: assets::style(),
            script: assets::script(),
        }
    }

    /// Whether the page is below this entry of the navigation.
    pub(crate) fn is_in(&self, section: &str) -> bool {
        self.section == section
    }
}

/// The path of an address without the slash at its end.
pub(crate) fn base_of(public_url: &str) -> &str {
    let rest = public_url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().trim_end_matches('/')
}

/// What a page says after a redirect. The address names one of these and cannot say anything else.
fn done_text(key: &str) -> Option<&'static str> {
    Some(match key {
        "created" => "Created.",
        "saved" => "Saved.",
        "deleted" => "Deleted.",
        "member" => "The members have been changed.",
        "left" => "You have left.",
        "revoked" => "Revoked. It stopped working at once.",
        "signed-out" => "Signed out.",
        "signed-out-there" => "That browser is signed out.",
        "suspended" => "Suspended. The key opens nothing from now on.",
        "resumed" => "Resumed. The key works again.",
        "polled" => "Looked for new versions.",
        "retried" => "The build begins again.",
        "watched" => "Watched from now on.",
        "unwatched" => "No longer watched. Its builds are deleted.",
        "begun" => "The build is under way.",
        "access" => "The access has been changed.",
        "pruned" => "The token is gone. It stopped working at once.",
        "activated" => "This version is the active one from now on.",
        "publishers" => "The publishers have been changed.",
        "shared" => "Shared.",
        "unshared" => "The share is taken back.",
        "in-store" => "It is in the store.",
        "aside" => "In quarantine. Nobody gets it from now on.",
        "let-go" => "Released. It can be had again.",
        "owned" => "The name is the repository's own from now on. No upstream is asked for it.",
        "ordered" => "The order has been changed.",
        "out-of-store" => "It is no longer in the store.",
        _ => return None,
    })
}

/// An error page in the console's own words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notice {
    /// The status.
    pub(crate) status: StatusCode,
    /// The heading.
    pub(crate) title: &'static str,
    /// What is wrong.
    pub(crate) message: &'static str,
    /// What to do.
    pub(crate) advice: &'static str,
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum PageError {
    /// It is for somebody who is signed in; the address of the sign-in.
    SignIn(String),
    /// Something else, with what is around the page that says so.
    Problem(Box<Shell>, Problem),
    /// The same in the console's own words.
    Notice(Box<Shell>, Notice),
    /// There is not even that.
    Failed(Error),
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    shell: &'a Shell,
    title: &'static str,
    status: u16,
    message: &'a str,
    advice: &'static str,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(address) => see(&address),
            Self::Problem(shell, problem) => problem_page(&shell, &problem),
            Self::Notice(shell, Notice { status, title, message, advice }) => {
                error_page(&shell, (status, title, message, advice))
            }
            Self::Failed(error) => {
                let problem = Problem::from(error);
                let mut response = (problem.status, format!("{}\n", problem.message)).into_response();
                protect(response.headers_mut(), None);
                response
            }
        }
    }
}

fn problem_page(shell: &Shell, problem: &Problem) -> Response {
    let (title, advice) = match problem.status {
        StatusCode::NOT_FOUND if shell.user.is_none() => (
            "Not found",
            "Either it does not exist, or it is for people who are signed in. Check the address, or sign in.",
        ),
        StatusCode::NOT_FOUND => (
            "Not found",
            "Either it does not exist, or it is not for the account that you are signed in with. Check the address, or ask \
             whoever sent you here to make you a member.",
        ),
        StatusCode::FORBIDDEN => {
            ("Not allowed", "Your account may not do this here. Ask somebody who administers it.")
        }
        status if status.is_server_error() => {
            ("This did not work", "It is not your fault. Wait a moment, and try again.")
        }
        _ => ("This did not work", "Go back, change what the message says, and try again."),
    };
    error_page(shell, (problem.status, title, &problem.message, advice))
}

/// A page that says what is wrong and what to do: status, heading, message, advice.
fn error_page(
    shell: &Shell,
    (status, title, message, advice): (StatusCode, &'static str, &str, &'static str),
) -> Response {
    let template = ProblemPage { shell, title, status: status.as_u16(), message, advice };
    page(status, &shell.nonce, &template).unwrap_or_else(IntoResponse::into_response)
}

/// A template as an answer. `nonce` is that of its shell.
pub(crate) fn page(status: StatusCode, nonce: &str, template: &impl Template) -> PageResult {
    let text = template.render().map_err(|e| Error::internal("rendering a page", e))?;
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response();
    protect(response.headers_mut(), Some(nonce));
    Ok(response)
}

/// Sends the browser to another page. `address` is below the registry's own address.
pub(crate) fn see(address: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    protect(response.headers_mut(), None);
    match HeaderValue::from_str(address) {
        Ok(value) => {
            response.headers_mut().insert(header::LOCATION, value);
            response
        }
        Err(error) => PageError::from(Error::internal("redirecting", error)).into_response(),
    }
}

/// Nothing but our own stylesheet and script, forms only to this registry, and nobody's frame. Whatever a package brings along
/// could run nothing, even if it got past the sanitiser: files that were uploaded have the same origin, but not the nonce, which
/// is another one in every answer.
fn policy(nonce: Option<&str>) -> String {
    let own = nonce
        .map(|nonce| format!("script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "))
        .unwrap_or_default();
    format!(
        "default-src 'none'; {own}img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// Headers of everything that a browser gets here.
fn protect(headers: &mut HeaderMap, nonce: Option<&str>) {
    // A nonce is base64url, so this always fits; without it nothing at all would run.
    let policy =
        HeaderValue::from_str(&policy(nonce)).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let values = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in values {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_begin_with_the_path_of_the_registry() {
        assert_eq!(base_of("http://localhost:8080"), "");
        assert_eq!(base_of("https://registry.example/granary"), "/granary");
        assert_eq!(base_of("https://registry.example/"), "");
    }

    #[test]
    fn what_a_page_says_was_done_cannot_come_from_the_address() {
        assert_eq!(done_text("created"), Some("Created."));
        assert_eq!(done_text("<script>"), None);
    }
}
