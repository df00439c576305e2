//! Somebody at a browser, without one: cookies, pages, forms.

use std::collections::BTreeMap;

use axum::body::Body;
use granary_http::sessions;
use scraper::{ElementRef, Html, Selector};

use crate::actor::{Actor, TestResponse};
use crate::app::TestApp;

/// Most redirects that are followed.
const MOST_HOPS: usize = 5;

/// Somebody at a browser.
#[derive(Debug, Clone)]
pub struct Browser {
    actor: Actor,
    cookies: BTreeMap<String, String>,
}

impl TestApp {
    /// A browser in which nobody is signed in.
    pub fn stranger(&self) -> Browser {
        Browser { actor: self.anonymous(), cookies: BTreeMap::new() }
    }

    /// A browser in which a user is signed in.
    pub async fn browser(&self, sub: &str) -> Browser {
        self.known_user(sub).await;
        let user = sub.parse().unwrap();
        let session = sessions::begin(self.state(), &user, &http::HeaderMap::new()).await.unwrap();
        let mut browser = self.stranger();
        browser.keep(&sessions::cookie(self.state().config(), &session));
        browser
    }
}

impl Browser {
    fn keep(&mut self, cookie: &str) {
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        if cookie.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Sends one request with the browser's cookies and keeps those of the answer.
    pub async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> TestResponse {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let response = self.actor.request(method, path, &headers, body).await;
        for cookie in response.headers.get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        response
    }

    /// Opens a page of the registry, and whatever it redirects to.
    pub async fn open(&mut self, path: &str) -> Page {
        let response = self.request("GET", path, &[], Body::empty()).await;
        self.follow(path, response).await
    }

    /// Sends a form that a page had, and opens what comes of it.
    pub async fn send(&mut self, form: &FilledForm) -> Page {
        let response = self.send_only(form).await;
        self.follow(&form.action, response).await
    }

    /// Sends a form and gives the very answer.
    pub async fn send_only(&mut self, form: &FilledForm) -> TestResponse {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        if form.method == "get" {
            return self.request("GET", &format!("{}?{body}", form.action), &[], Body::empty()).await;
        }
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        self.request("POST", &form.action, &headers, body).await
    }

    async fn follow(&mut self, path: &str, response: TestResponse) -> Page {
        let (mut path, mut response) = (path.to_owned(), response);
        for _ in 0..MOST_HOPS {
            if response.status != 303 {
                break;
            }
            let target = response.header("location").to_owned();
            let local = target.strip_prefix(crate::app::PUBLIC_URL).unwrap_or(&target).to_owned();
            if !local.starts_with('/') {
                break;
            }
            path = local;
            response = self.request("GET", &path, &[], Body::empty()).await;
        }
        Page { path, response }
    }
}

/// A page that was opened.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it is, after all redirects.
    pub path: String,
    /// The answer.
    pub response: TestResponse,
}

impl Page {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// Checks that it is a page as every page has to be: its status, a title, one heading, and the headers that keep what a
    /// package brings along from running. Gives itself.
    #[expect(clippy::return_self_not_must_use, reason = "it is called for what it checks")]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "{}: {}", self.path, self.text());
        assert_eq!(self.response.header("content-type"), "text/html; charset=utf-8", "{}", self.path);
        let policy = self.response.header("content-security-policy");
        // Our own script and stylesheet are let in by a nonce, and nothing else is: not even files of this origin.
        let nonces = self.attributes("script, link[rel=stylesheet]", "nonce");
        assert!(nonces.len() == 2 && nonces[0] == nonces[1] && nonces[0].len() == 40, "{nonces:?}");
        assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{policy}");
        assert!(
            policy.contains(&format!("script-src 'nonce-{0}'; style-src 'nonce-{0}';", nonces[0])),
            "{policy}"
        );
        assert_eq!(self.response.header("x-content-type-options"), "nosniff");
        let document = self.document();
        assert_eq!(document.select(&selector("h1")).count(), 1, "{}: headings of the first level", self.path);
        assert_eq!(document.select(&selector("title")).count(), 1, "{}: titles", self.path);
        self
    }

    /// The page as the server wrote it.
    pub fn html(&self) -> String {
        self.response.text()
    }

    fn document(&self) -> Html {
        Html::parse_document(&self.html())
    }

    /// The words of the content, with single spaces between them.
    pub fn text(&self) -> String {
        let document = self.document();
        let main = document.select(&selector("main")).next();
        words(main.unwrap_or_else(|| document.root_element()))
    }

    /// The words of all elements that a selector finds.
    pub fn texts(&self, css: &str) -> Vec<String> {
        self.document().select(&selector(css)).map(words).collect()
    }

    /// The values of an attribute of all elements that a selector finds.
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let document = self.document();
        let found = selector(css);
        let values = document.select(&found).filter_map(|element| element.attr(name));
        values.map(str::to_owned).collect()
    }

    /// Where the links of the page lead.
    pub fn links(&self) -> Vec<String> {
        self.attributes("a[href]", "href")
    }

    /// The form of the page that goes to this path, as it stands there. If several do, the first one.
    #[track_caller]
    pub fn form(&self, action: &str) -> FilledForm {
        let document = self.document();
        let forms = selector("form");
        let found = document.select(&forms).find(|form| form.attr("action") == Some(action));
        let form = found.unwrap_or_else(|| panic!("{} has no form for {action}: {}", self.path, self.html()));
        let method = form.attr("method").unwrap_or("get").to_owned();
        FilledForm { action: action.to_owned(), method, fields: fields(form) }
    }

    /// Whether the page has a form that goes to this path.
    pub fn has_form(&self, action: &str) -> bool {
        self.attributes("form", "action").iter().any(|found| found == action)
    }
}

/// A form of a page, filled in.
#[derive(Debug, Clone)]
pub struct FilledForm {
    /// Where it goes.
    pub action: String,
    method: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl FilledForm {
    /// The same form with another value in a field: text, or the value of a choice.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same form with one more value of a field: another checkbox of the same name.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same form without a field: a checkbox that is not checked.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self
    }
}

/// What a browser would send of a form that nobody has touched.
fn fields(form: ElementRef<'_>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for element in form.select(&selector("input, select, textarea")) {
        let Some(name) = element.attr("name") else { continue };
        let value = match (element.value().name(), element.attr("type").unwrap_or("text")) {
            ("select", _) => selected(element),
            ("textarea", _) => Some(element.text().collect()),
            (_, "checkbox" | "radio") if element.attr("checked").is_none() => None,
            (_, "checkbox" | "radio") => Some(element.attr("value").unwrap_or("on").to_owned()),
            (_, "submit" | "button") => None,
            _ => Some(element.attr("value").unwrap_or_default().to_owned()),
        };
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    fields
}

fn selected(select: ElementRef<'_>) -> Option<String> {
    let options: Vec<_> = select.select(&selector("option")).collect();
    let chosen = options.iter().find(|option| option.attr("selected").is_some()).or(options.first())?;
    Some(chosen.attr("value").map_or_else(|| words(*chosen), str::to_owned))
}

fn words(element: ElementRef<'_>) -> String {
    let hidden = |text: &scraper::node::Text, parent: Option<ElementRef<'_>>| {
        text.trim().is_empty()
            || parent.is_some_and(|parent| matches!(parent.value().name(), "script" | "style"))
    };
    let mut all = Vec::new();
    for node in element.descendants() {
        if let scraper::Node::Text(text) = node.value() {
            let parent = node.parent().and_then(ElementRef::wrap);
            if !hidden(text, parent) {
                all.extend(text.split_whitespace().map(str::to_owned));
            }
        }
    }
    all.join(" ")
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap()
}
