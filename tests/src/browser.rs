//! The browser's part of a web login, without a browser: follows redirects, keeps cookies, fills in forms.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use url::Url;

/// More pages than any sign-in has.
const MOST_PAGES: usize = 20;

/// Opens `address` and signs in as `user` wherever a form asks for it, until a page has no form any more.
/// Returns that page's text.
///
/// # Errors
/// When a page fails, or the forms do not come to an end.
pub async fn sign_in(address: &str, user: &str) -> Result<String> {
    let mut browser = Browser::new(address)?;
    browser.walk(address, user, |_| false).await
}

/// A browser that keeps its cookies.
#[derive(Debug)]
pub struct Browser {
    http: Client,
    home: Url,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A browser in which nobody is signed in at the registry of this address.
    ///
    /// # Errors
    /// When it is no address.
    pub fn new(registry: &str) -> Result<Self> {
        let http = Client::builder().no_proxy().redirect(Policy::none()).build()?;
        Ok(Self { http, home: Url::parse(registry)?, cookies: BTreeMap::new() })
    }

    /// Signs in to the console as `user`, from the page at `path`, and gives that page's text.
    ///
    /// # Errors
    /// When a page fails, or the way does not lead back.
    pub async fn sign_in_to(&mut self, path: &str, user: &str) -> Result<String> {
        let address = self.home.join(path)?;
        self.walk(address.as_str(), user, |here| here.path().starts_with("/ui")).await
    }

    /// Opens pages from `address` on, filling in their forms, until one has no form or is the `wanted` one.
    async fn walk(&mut self, address: &str, user: &str, wanted: impl Fn(&Url) -> bool) -> Result<String> {
        let mut here = Url::parse(address)?;
        let mut form: Option<Form> = None;
        for _ in 0..MOST_PAGES {
            let response = self.visit(&here, form.take()).await?;
            if response.status().is_redirection() {
                let target = response.headers().get(LOCATION).context("a redirect without a target")?;
                here = here.join(target.to_str()?)?;
                ensure!(is_local(&here), "the sign-in leads away to {here}");
                continue;
            }
            let status = response.status();
            let page = response.text().await?;
            ensure!(status.is_success(), "{here}: {status}\n{page}");
            let Some(next) = Form::first(&page, user).filter(|_| !wanted(&here)) else { return Ok(page) };
            here = here.join(&next.action)?;
            ensure!(is_local(&here), "the form leads away to {here}");
            form = Some(next);
        }
        bail!("the way from {address} does not come to an end; it is at {here}")
    }

    /// Opens the page at `path` and gives its status and text. Redirects are not followed: their text is where they lead.
    ///
    /// # Errors
    /// When the registry cannot be reached.
    pub async fn open(&mut self, path: &str) -> Result<(u16, String)> {
        let here = self.home.join(path)?;
        told(self.visit(&here, None).await?).await
    }

    /// Sends a form to `path` and gives the status and the text of the answer, as [`Browser::open`] does.
    ///
    /// # Errors
    /// When the registry cannot be reached.
    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<(u16, String)> {
        let here = self.home.join(path)?;
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        told(self.visit(&here, Some(Form { action: path.to_owned(), post: true, fields })).await?).await
    }

    async fn visit(&mut self, here: &Url, form: Option<Form>) -> Result<Response> {
        let mut request = match form {
            None => self.http.get(here.clone()),
            Some(form) => {
                let mut target = here.clone();
                if form.post {
                    let encoded = target.query_pairs_mut().clear().extend_pairs(&form.fields).finish();
                    let body = encoded.query().unwrap_or_default().to_owned();
                    self.http
                        .post(here.clone())
                        .header("content-type", "application/x-www-form-urlencoded")
                        .body(body)
                } else {
                    target.query_pairs_mut().clear().extend_pairs(&form.fields);
                    self.http.get(target)
                }
            }
        };
        if !self.cookies.is_empty() {
            let all: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, all.join("; "));
        }
        let response = request.send().await?;
        keep_cookies(response.headers(), &mut self.cookies);
        Ok(response)
    }
}

/// The value that every form of a page of the console sends along.
///
/// # Errors
/// When the page has none.
pub fn csrf(page: &str) -> Result<String> {
    let from = page.find("name=\"csrf\"").context("the page has no form of somebody who is signed in")?;
    let rest = page.get(from..).unwrap_or_default();
    let tag = rest.get(..rest.find('>').unwrap_or(rest.len())).unwrap_or_default();
    attribute(&format!("input {tag}"), "value").context("the form says nothing")
}

async fn told(response: Response) -> Result<(u16, String)> {
    let status = response.status();
    if let Some(target) = response.headers().get(LOCATION).filter(|_| status.is_redirection()) {
        return Ok((status.as_u16(), target.to_str()?.to_owned()));
    }
    Ok((status.as_u16(), response.text().await?))
}

fn keep_cookies(headers: &HeaderMap, cookies: &mut BTreeMap<String, String>) {
    for cookie in headers.get_all(SET_COOKIE) {
        let cookie = cookie.to_str().unwrap_or_default();
        let pair = cookie.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else { continue };
        if cookie.contains("Max-Age=0") {
            cookies.remove(name.trim());
        } else {
            cookies.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
}

fn is_local(address: &Url) -> bool {
    matches!(address.host_str(), Some("localhost" | "127.0.0.1"))
}

/// A form as it would be sent.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    action: String,
    post: bool,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The first form of a page, filled in for `user`.
    fn first(page: &str, user: &str) -> Option<Self> {
        let from = page.find("<form")?;
        let rest = page.get(from..)?;
        let text = rest.get(..rest.find("</form").unwrap_or(rest.len()))?;
        let head = text.get(..text.find('>')?)?;
        let mut fields = Vec::new();
        for input in text.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("button")) {
            let Some(name) = attribute(input, "name") else { continue };
            let kind = attribute(input, "type").unwrap_or_default();
            let given = attribute(input, "value").unwrap_or_default();
            let value = match (name.as_str(), kind.as_str()) {
                (_, "hidden" | "submit") => given,
                ("email", _) => format!("{user}@example.test"),
                ("sub" | "name" | "username" | "user", _) => user.to_owned(),
                _ => given,
            };
            fields.push((name, value));
        }
        Some(Self {
            action: attribute(head, "action").unwrap_or_default(),
            post: attribute(head, "method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
            fields,
        })
    }
}

/// A quoted attribute of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let rest = tag.get(from..)?;
    let value = rest.get(..rest.find('"')?)?;
    Some(value.replace("&amp;", "&").replace("&quot;", "\"").replace("&#x2F;", "/").replace("&#39;", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_a_form() {
        let page = r#"<h1>Hi</h1><form method="post" action="/go?a=1&amp;b=2">
            <input type="hidden" name="state" value="s"><input name="sub"><input type="email" name="email">
            <button type="submit" name="do" value="it">Go</button></form>"#;
        let form = Form::first(page, "ann").unwrap();
        assert_eq!(form.action, "/go?a=1&b=2");
        assert!(form.post);
        let fields: Vec<_> = form.fields.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(fields, ["state=s", "sub=ann", "email=ann@example.test", "do=it"]);
        assert_eq!(Form::first("<p>Done</p>", "ann"), None);
    }
}
