//! Who looks at a page, and how its handler asks the registry for them.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::{Method, StatusCode, Uri, request};
use axum::response::Response;
use granary_http::{AppState, new_secret, secret_digest, sessions};
use granary_model::{Error, RawToken};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use crate::address::with_query;
use crate::back::{Back, Problem, Question};
use crate::page::{Notice, PageError, Shell, page};
use crate::text::short;

/// The user who is signed in, as the interface describes them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    /// Id at the identity provider.
    pub(crate) uid: String,
    /// Name to show.
    pub(crate) display_name: Option<String>,
    /// E-mail address.
    pub(crate) email: Option<String>,
    /// Whether they administer the instance.
    pub(crate) instance_admin: bool,
}

impl User {
    /// What to call them, in at most 60 characters.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        short(self.display_name.as_deref().unwrap_or(&self.uid))
    }
}

#[derive(Deserialize)]
struct Me {
    user: User,
}

/// Longest path with its query that the sign-in leads back to, in bytes.
const LONGEST_WAY: usize = 2000;

/// Somebody looks at a page, signed in or not.
#[derive(Clone)]
pub(crate) struct Visit {
    /// What handlers can reach. Pages take nothing from it but the address of the registry and the time.
    pub(crate) state: AppState,
    back: Arc<Back>,
    session: Option<RawToken>,
    user: Option<User>,
    uri: Uri,
    /// Whether it only looks: a form that was sent cannot be taken along to the sign-in.
    looks: bool,
    nonce: String,
}

impl Visit {
    async fn new(parts: &request::Parts, state: &AppState) -> Result<Self, PageError> {
        let back = parts.extensions.get::<Arc<Back>>().cloned();
        let back =
            back.ok_or_else(|| Error::internal("showing a page", "there is no interface behind it"))?;
        let session = sessions::of_browser(state.config(), &parts.headers);
        let mut visit = Self {
            state: state.clone(),
            back,
            session,
            user: None,
            uri: parts.uri.clone(),
            looks: matches!(parts.method, Method::GET | Method::HEAD),
            nonce: new_secret(state.ids()),
        };
        if visit.session.is_some() {
            match visit.get::<Me>("/api/auth/me").await {
                Ok(me) => visit.user = Some(me.user),
                // It is over: the page is that of somebody who is not signed in.
                Err(problem) if problem.status == StatusCode::UNAUTHORIZED => visit.session = None,
                Err(problem) => return Err(visit.failed(problem)),
            }
        }
        Ok(visit)
    }

    /// The user who is signed in.
    pub(crate) fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The value of a parameter of the page's query; empty ones count as absent.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
    }

    /// The path of this page below the registry's address, with its query.
    pub(crate) fn here(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// `GET`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        self.ask(Method::GET, path, None, None).await
    }

    /// `GET` of something that may be absent, or not for this user.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Problem> {
        match self.get(path).await {
            Ok(answer) => Ok(Some(answer)),
            Err(problem)
                if [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED]
                    .contains(&problem.status) =>
            {
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    /// `GET` or `HEAD`, as the page itself was asked for, of something that is handed on as it is.
    pub(crate) async fn fetch(&self, method: Method, path: &str) -> Result<Response, Problem> {
        let session = self.session.as_ref();
        let question = Question { method, path, session, org: None, body: None };
        self.back.fetch(&self.state, question).await
    }

    /// Any request. `org` is the organisation for which it is made, where that is not in the path.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        org: Option<&str>,
        body: Option<&Value>,
    ) -> Result<T, Problem> {
        let question = Question { method, path, session: self.session.as_ref(), org, body };
        self.back.ask(&self.state, question).await
    }

    /// What every page has around it. `section` is the entry of the navigation that the page is below.
    pub(crate) fn shell(&self, section: &'static str) -> Shell {
        // A longer address is not taken along; the page without its query is better than none.
        let here = self.here();
        let here = if here.len() > LONGEST_WAY { self.uri.path() } else { here };
        let sign_in = with_query("/api/auth/sign-in", &[("to", Some(here))]);
        Shell::new(
            &self.state,
            self.user.clone(),
            self.csrf(),
            self.nonce.clone(),
            section,
            &sign_in,
            self.query("done").as_deref(),
        )
    }

    /// What a form of this session has to bring along. Another site cannot know it, and it is of no use without the cookie.
    pub(crate) fn csrf(&self) -> String {
        self.session
            .as_ref()
            .map(|session| secret_digest(&format!("csrf {}", session.expose())))
            .unwrap_or_default()
    }

    /// Whether a form that was sent is one of this session.
    pub(crate) fn has_sent(&self, csrf: &str) -> bool {
        let own = self.csrf();
        !own.is_empty() && bool::from(own.as_bytes().ct_eq(csrf.as_bytes()))
    }

    /// A page, as an answer.
    pub(crate) fn page(&self, template: &impl Template) -> Result<Response, PageError> {
        page(StatusCode::OK, &self.nonce, template)
    }

    /// The same form again, with what is wrong.
    pub(crate) fn again(&self, problem: &Problem, template: &impl Template) -> Result<Response, PageError> {
        page(problem.status, &self.nonce, template)
    }

    /// The error page for something that could not be had. Whoever is not signed in is sent to the sign-in where that could
    /// help, and comes back here.
    pub(crate) fn failed(&self, problem: Problem) -> PageError {
        if problem.status == StatusCode::UNAUTHORIZED {
            return self.without_sign_in();
        }
        PageError::Problem(Box::new(self.shell("")), problem)
    }

    /// What somebody gets who is not signed in and has to be: the sign-in, from which they come back here. A form that was
    /// sent is lost with that, and browsers do not follow it to another host anyway, so it gets a page that says so.
    fn without_sign_in(&self) -> PageError {
        if self.looks {
            return PageError::SignIn(self.shell("").sign_in);
        }
        self.notice(Notice {
            status: StatusCode::UNAUTHORIZED,
            title: "Sign in again",
            message: "Your sign-in is over, so nothing was changed.",
            advice: "Sign in, and send the form again. What was filled in may still be there if you go back in your browser.",
        })
    }

    /// An error page in the console's own words.
    pub(crate) fn notice(&self, notice: Notice) -> PageError {
        PageError::Notice(Box::new(self.shell("")), notice)
    }
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, PageError> {
        Self::new(parts, state).await
    }
}

/// A visit of somebody who is signed in. Everybody else is sent to the sign-in, and comes back.
pub(crate) struct SignedIn(pub(crate) Visit);

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, PageError> {
        let visit = Visit::new(parts, state).await?;
        if visit.user.is_none() {
            return Err(visit.without_sign_in());
        }
        Ok(Self(visit))
    }
}
