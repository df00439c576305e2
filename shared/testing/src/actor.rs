//! Somebody who sends requests, and what comes back.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use bytes::Bytes;
use granary_http::App;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::npm::NpmPackage;

/// Somebody with or without a credential.
#[derive(Clone, Debug)]
pub struct Actor {
    app: App,
    authorization: Option<String>,
}

impl Actor {
    pub(crate) fn new(app: App, authorization: Option<String>) -> Self {
        Self { app, authorization }
    }

    /// The token, without the scheme.
    pub fn secret(&self) -> &str {
        self.authorization.as_deref().and_then(|value| value.split_once(' ')).map_or("", |(_, token)| token)
    }

    /// Sends a request as it is, with the credential added.
    pub async fn send(&self, mut request: Request<Body>) -> TestResponse {
        if let Some(value) = &self.authorization {
            request.headers_mut().insert("authorization", value.parse().unwrap());
        }
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        TestResponse { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Sends a request with headers and a body.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> TestResponse {
        let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.request("GET", path, &[], Body::empty()).await
    }

    /// `GET` with headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> TestResponse {
        self.request("GET", path, headers, Body::empty()).await
    }

    /// `HEAD`.
    pub async fn head(&self, path: &str) -> TestResponse {
        self.request("HEAD", path, &[], Body::empty()).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> TestResponse {
        self.request("DELETE", path, &[], Body::empty()).await
    }

    /// A request with a JSON body.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> TestResponse {
        self.request(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// `POST` with JSON.
    pub async fn post_json(&self, path: &str, body: &Value) -> TestResponse {
        self.json("POST", path, body).await
    }

    /// `PUT` with JSON.
    pub async fn put_json(&self, path: &str, body: &Value) -> TestResponse {
        self.json("PUT", path, body).await
    }

    /// Publishes a version to a repository.
    pub async fn publish(&self, repo: &str, package: &NpmPackage) -> TestResponse {
        self.put_json(&package.path(repo), &package.body()).await
    }

    /// `PATCH` with JSON.
    pub async fn patch_json(&self, path: &str, body: &Value) -> TestResponse {
        self.json("PATCH", path, body).await
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct TestResponse {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl TestResponse {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The message of an error.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// What another caller could tell this answer from another one by: all but the request's own id.
    pub fn visible(&self) -> (u16, Vec<(String, String)>, Bytes) {
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        headers.sort();
        (self.status, headers, self.body.clone())
    }
}
