//! A Swift registry over plain HTTP: what the suites check SwiftPM against.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;

/// A repository, with or without a token.
#[derive(Debug, Clone)]
pub struct SwiftRegistry {
    url: String,
    token: Option<String>,
    http: Client,
}

impl SwiftRegistry {
    /// The registry at `url`, which ends with a slash.
    pub fn new(url: &str, token: Option<&str>, http: Client) -> Self {
        Self { url: url.into(), token: token.map(Into::into), http }
    }

    /// Its address, with a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same registry with another token.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(Into::into), ..self.clone() }
    }

    /// Asks for a path below the registry.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn send(&self, method: Method, path: &str) -> Result<Response> {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        Ok(request.send().await?)
    }

    /// A JSON document.
    ///
    /// # Errors
    /// When there is none.
    pub async fn document(&self, path: &str) -> Result<Value> {
        let response = self.send(Method::GET, path).await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status == StatusCode::OK, "{path}: {status} {text}");
        serde_json::from_str(&text).with_context(|| format!("{path}: {text}"))
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let response = self.send(Method::GET, path).await?;
        let status = response.status();
        let bytes = response.bytes().await?.to_vec();
        ensure!(status == StatusCode::OK, "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        Ok(bytes)
    }

    /// The status that a path is answered with.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn status(&self, path: &str) -> Result<StatusCode> {
        Ok(self.send(Method::GET, path).await?.status())
    }

    /// Withdraws a release.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn withdraw(&self, release: &str) -> Result<()> {
        let response = self.send(Method::DELETE, release).await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status == StatusCode::OK, "{release}: {status} {text}");
        Ok(())
    }
}
