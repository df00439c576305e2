//! The management interface, as far as the suites need it.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::maven::repository::MavenRepository;
use crate::registry::Registry;

/// Calls the management interface with one token.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    token: String,
    http: Client,
}

/// Who may read a repository without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Nobody.
    Private,
}

impl Api {
    /// The interface at `url` with `token`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &str, token: &str) -> Result<Self> {
        Ok(Self { url: url.into(), token: token.into(), http: client()? })
    }

    /// The same interface, reached by `http`.
    #[must_use]
    pub fn reached_by(self, http: Client) -> Self {
        Self { http, ..self }
    }

    /// What it calls with.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// The token it calls with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same interface with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.into(), ..self.clone() }
    }

    /// Creates an npm repository and returns its registry, used with the same token.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create_repo(&self, name: &str, visibility: Visibility) -> Result<Registry> {
        self.create(name, &["npm"], visibility).await?;
        Ok(Registry::new(&format!("{}/api/npm/{name}/", self.url), Some(&self.token), self.http.clone()))
    }

    /// Creates a Maven repository and returns it, used with the same token.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create_maven_repo(&self, name: &str, visibility: Visibility) -> Result<MavenRepository> {
        self.create(name, &["maven"], visibility).await?;
        let url = format!("{}/api/maven/{name}/", self.url);
        Ok(MavenRepository::new(&url, Some(&self.token), self.http.clone()))
    }

    /// Creates a repository for packages of these types.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create(&self, name: &str, types: &[&str], visibility: Visibility) -> Result<()> {
        let visibility = match visibility {
            Visibility::Public => "public",
            Visibility::Private => "private",
        };
        let body = json!({"name": name, "packageTypes": types, "visibility": visibility});
        let made = self.call(Method::POST, "/api/repos", Some(&body), StatusCode::CREATED).await?;
        ensure!(made["repo"]["id"] == name, "another repository came back: {made}");
        Ok(())
    }

    /// Deletes a repository. Its name is free again when everything in it is removed, some time later.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn delete_repo(&self, name: &str) -> Result<()> {
        let answer = self.send(Method::DELETE, &format!("/api/repos/{name}"), None).await?;
        ensure!(answer.0.is_success(), "deleting {name}: {} {}", answer.0, answer.1);
        Ok(())
    }

    /// Makes `user` a member of a repository.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn add_member(&self, repo: &str, user: &str, role: &str) -> Result<()> {
        let body = json!({"userId": user, "role": role});
        let path = format!("/api/repos/{repo}/members");
        let answer = self.send(Method::POST, &path, Some(&body)).await?;
        ensure!(answer.0.is_success(), "adding {user} to {repo}: {} {}", answer.0, answer.1);
        Ok(())
    }

    /// Signs `user` in at the local identity provider and returns the session's ID token.
    ///
    /// # Errors
    /// When the identity provider refuses.
    pub async fn sign_in(&self, user: &str) -> Result<Self> {
        let body = json!({"sub": user, "email": format!("{user}@example.test"), "name": user});
        let answer = self.call(Method::POST, "/_idp/id-token", Some(&body), StatusCode::OK).await?;
        let token = answer["idToken"].as_str().context("no idToken")?;
        Ok(self.with_token(token))
    }

    /// Creates an account token; only a signed-in user may.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn account_token(&self, scopes: &[&str]) -> Result<String> {
        self.new_token("/api/auth/token", scopes).await
    }

    /// Creates a token of one repository; only a signed-in administrator of it may.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn repo_token(&self, repo: &str, scopes: &[&str]) -> Result<String> {
        self.new_token(&format!("/api/repos/{repo}/tokens"), scopes).await
    }

    async fn new_token(&self, path: &str, scopes: &[&str]) -> Result<String> {
        let body = json!({"name": "black-box", "scopes": scopes});
        let answer = self.call(Method::POST, path, Some(&body), StatusCode::CREATED).await?;
        Ok(answer["rawToken"].as_str().context("no rawToken")?.to_owned())
    }

    /// Sends a request and gives the JSON document that comes with the expected status.
    ///
    /// # Errors
    /// When another status comes, or no JSON.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        expected: StatusCode,
    ) -> Result<Value> {
        let shown = format!("{method} {path}");
        let (status, answer) = self.send(method, path, body).await?;
        ensure!(status == expected, "{shown}: {status} {answer}");
        serde_json::from_str(&answer).with_context(|| format!("{shown}: {answer}"))
    }

    /// Sends a request and gives status and body, whatever they are.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, String)> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        Ok((response.status(), response.text().await?))
    }
}

/// A plain HTTP client that asks no proxy.
fn client() -> Result<Client> {
    Ok(Client::builder().no_proxy().build()?)
}
