//! The pages of a sign-in: plain HTML that works without JavaScript.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use granary_http::ApiError;
use granary_model::{Error, UserId};

/// Result of a handler whose client is a person at a browser.
pub(crate) type PageResult = Result<Response, PageError>;

/// An error shown as a page.
#[derive(Debug)]
pub(crate) struct PageError(Error);

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let text = if let Error::Internal(detail) = &self.0 {
            tracing::error!(error = %detail, "a sign-in failed");
            "Something went wrong here. Begin again where you began.".to_owned()
        } else {
            self.0.to_string()
        };
        message(ApiError(self.0).status(), "This did not work", &text)
    }
}

/// No scripts, no resources, forms only to this registry, and nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;\
                     color:#222}form{display:inline}button{font:inherit;padding:.4rem 1.2rem;margin-right:.6rem}\
                     .note{color:#666}";

/// A page that says something.
pub(crate) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    html(status, title, &format!("<p>{}</p>", escape(text)))
}

/// The page that asks whether a client may act for a user.
pub(crate) fn confirmation(user: &UserId, client: &str, session: &str, ticket: &str) -> Response {
    let form = |decision: &str, words: &str| {
        // Relative to `/api/auth/callback`, so that it is right under any public address.
        format!(
            "<form method=\"post\" action=\"cli/{}/approve\"><input type=\"hidden\" name=\"ticket\" value=\"{}\">\
             <input type=\"hidden\" name=\"decision\" value=\"{decision}\"><button type=\"submit\">{words}</button></form>",
            escape(session),
            escape(ticket)
        )
    };
    let body = format!(
        "<p><strong>{}</strong> wants to act as you (<strong>{}</strong>) in Granary: to read and publish \
         packages, for 90 days.</p><p>{}{}</p><p class=\"note\">Allow it only if you began a login in a terminal \
         just now. If somebody sent you this address, deny it.</p>",
        escape(client),
        escape(user.as_str()),
        form("allow", "Allow"),
        form("deny", "Deny")
    );
    html(StatusCode::OK, "Allow access?", &body)
}

/// Sends the browser on with cookies.
pub(crate) fn redirect(address: &str, cookies: &[String]) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    protect(response.headers_mut());
    let cookies = cookies.iter().map(|cookie| (header::SET_COOKIE, cookie.as_str()));
    for (name, value) in std::iter::once((header::LOCATION, address)).chain(cookies) {
        match HeaderValue::from_str(value) {
            Ok(value) => response.headers_mut().append(name, value),
            Err(error) => return PageError(Error::internal("redirecting", error)).into_response(),
        };
    }
    response
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title} - Granary</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    );
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
    protect(response.headers_mut());
    response
}

/// Headers of everything a browser gets here.
fn protect(headers: &mut HeaderMap) {
    let values = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    for (name, value) in values {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Text as HTML, also within a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    }
}
