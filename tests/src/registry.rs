//! One npm registry over plain HTTP: what the suites check the clients against.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use reqwest::header::ACCEPT;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::package::{Package, integrity};

/// The `Accept` of clients that want the short packument.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// A repository's npm registry, with or without a token.
#[derive(Debug, Clone)]
pub struct Registry {
    url: String,
    token: Option<String>,
    http: Client,
}

/// An answer of the registry.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Body.
    pub body: String,
}

impl Registry {
    /// The registry at `url`, which ends with a slash.
    pub fn new(url: &str, token: Option<&str>, http: Client) -> Self {
        Self { url: url.into(), token: token.map(Into::into), http }
    }

    /// Its address, with a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same registry with another token.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(Into::into), ..self.clone() }
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn address(&self, name: &str) -> String {
        format!("{}{}", self.url, name.replace('/', "%2f"))
    }

    /// The full packument, or the answer that came instead.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn read(&self, name: &str) -> Result<Answer> {
        answer(self.authorised(self.http.get(self.address(name)))).await
    }

    /// The full packument.
    ///
    /// # Errors
    /// When there is none.
    pub async fn packument(&self, name: &str) -> Result<Value> {
        self.document(self.http.get(self.address(name)), name).await
    }

    /// The short packument.
    ///
    /// # Errors
    /// When there is none.
    pub async fn abbreviated(&self, name: &str) -> Result<Value> {
        self.document(self.http.get(self.address(name)).header(ACCEPT, ABBREVIATED), name).await
    }

    async fn document(&self, request: RequestBuilder, name: &str) -> Result<Value> {
        let answer = answer(self.authorised(request)).await?;
        ensure!(answer.status == StatusCode::OK, "packument of {name}: {} {}", answer.status, answer.body);
        serde_json::from_str(&answer.body).with_context(|| format!("packument of {name}"))
    }

    /// The tags of a package, as `tag=version`.
    ///
    /// # Errors
    /// When there is no such package.
    pub async fn tags(&self, name: &str) -> Result<BTreeSet<String>> {
        let packument = self.packument(name).await?;
        let tags = packument["dist-tags"].as_object().context("no dist-tags")?;
        Ok(tags.iter().map(|(tag, version)| format!("{tag}={}", version.as_str().unwrap_or("?"))).collect())
    }

    /// The versions of a package.
    ///
    /// # Errors
    /// When there is no such package.
    pub async fn versions(&self, name: &str) -> Result<BTreeSet<String>> {
        Ok(versions(&self.packument(name).await?))
    }

    /// A version's tarball, checked against what the packument says of it.
    ///
    /// # Errors
    /// When it is not there or has other bytes than announced.
    pub async fn tarball(&self, packument: &Value, version: &str) -> Result<Vec<u8>> {
        let dist = &packument["versions"][version]["dist"];
        let address = dist["tarball"].as_str().with_context(|| format!("no tarball in {dist}"))?;
        ensure!(address.starts_with(&self.url), "{address} is outside {}", self.url);
        let response = self.authorised(self.http.get(address)).send().await?;
        let status = response.status();
        let bytes = response.bytes().await?.to_vec();
        ensure!(status == StatusCode::OK, "{address}: {status}");
        ensure!(
            dist["integrity"] == integrity(&bytes).as_str(),
            "{address} has other bytes than announced: {} of them, {dist}",
            bytes.len()
        );
        Ok(bytes)
    }

    /// Checks that exactly these bytes are served for `package`.
    ///
    /// # Errors
    /// When they are not.
    pub async fn check_serves(&self, package: &Package) -> Result<()> {
        let packument = self.packument(&package.name).await?;
        let served = self.tarball(&packument, &package.version).await?;
        ensure!(served == package.tarball()?, "{}@{} has other bytes", package.name, package.version);
        Ok(())
    }

    /// Publishes as a client would.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn publish(&self, package: &Package, tags: &[&str]) -> Result<Answer> {
        let document = package.publish_document(tags)?;
        answer(self.authorised(self.http.put(self.address(&package.name)).json(&document))).await
    }
}

impl Answer {
    /// Itself when the registry agreed.
    ///
    /// # Errors
    /// When it did not.
    pub fn accepted(self) -> Result<Self> {
        ensure!(self.status.is_success(), "{} {}", self.status, self.body);
        Ok(self)
    }
}

/// The versions in a packument.
pub fn versions(packument: &Value) -> BTreeSet<String> {
    packument["versions"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
}

async fn answer(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    Ok(Answer { status: response.status(), body: response.text().await? })
}
