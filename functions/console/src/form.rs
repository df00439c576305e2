//! Forms that were sent.

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::StatusCode;
use granary_http::{AppState, read_limited};
use granary_model::Error;

use crate::back::Problem;
use crate::page::{Notice, PageError};
use crate::visit::{SignedIn, Visit};

/// Largest form, in bytes.
const MAX_FORM: u64 = 256 * 1024;

/// Most fields of a form.
const MAX_FIELDS: usize = 2000;

/// A form that somebody who is signed in has sent from a page of theirs.
pub(crate) struct Submitted {
    /// Who.
    pub(crate) visit: Visit,
    /// What.
    pub(crate) form: Form,
}

/// The fields of a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().take(MAX_FIELDS).collect())
    }

    /// The value of a field without the space around it; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// The value of a field that was filled in.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// All values of a field: checkboxes of one name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.trim()).collect()
    }

    /// Whether a checkbox is checked.
    pub(crate) fn is_checked(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// The lines of a text that are not empty.
    pub(crate) fn lines(&self, name: &str) -> Vec<&str> {
        self.text(name).lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }
}

impl FromRequest<AppState> for Submitted {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let SignedIn(visit) = SignedIn::from_request_parts(&mut parts, state).await?;
        // Browsers say it, and no page can make them say something else.
        let site = parts.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        let bytes = read_limited(body, MAX_FORM).await.map_err(|error| visit.failed(error.into()))?;
        let form = Form::parse(&bytes);
        if matches!(site, Some("cross-site" | "same-site")) || !visit.has_sent(form.text("csrf")) {
            return Err(visit.notice(FORGED));
        }
        Ok(Self { visit, form })
    }
}

/// What a form gets that was not sent from a page of this session.
const FORGED: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    title: "Not sent from here",
    message: "This form was not sent from a page of your present sign-in, so nothing was changed.",
    advice: "If you meant to send it, open its page again and send it from there. If you did not, another site has tried to \
             act in your name; nothing came of it.",
};

/// What is wrong with a field that the page itself has to check: it never reaches the interface.
pub(crate) fn wrong(message: &str) -> Problem {
    Error::BadRequest(message.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let form = Form::parse(b"name=+a+&scope=read&scope=write&empty=&lines=x%0D%0A%0D%0A+y&on=");
        assert_eq!((form.text("name"), form.given("empty"), form.text("none")), ("a", None, ""));
        assert_eq!(form.all("scope"), ["read", "write"]);
        assert_eq!(form.lines("lines"), ["x", "y"]);
        assert!(form.is_checked("on") && !form.is_checked("off"));
    }
}
