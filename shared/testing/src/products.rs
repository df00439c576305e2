//! Callers of the product API, and forms as they send them.

use axum::body::Body;
use serde_json::{Value, json};

use crate::{Actor, TestApp, TestResponse};

/// The boundary of every form.
const BOUNDARY: &str = "granary-form-7d1";

/// Somebody with a credential in `X-Api-Token`.
#[derive(Clone, Debug)]
pub struct ApiCaller {
    actor: Actor,
    token: String,
}

impl ApiCaller {
    /// The token.
    pub fn secret(&self) -> &str {
        &self.token
    }

    /// What products list the token with.
    pub fn hash(&self) -> String {
        granary_model::product::product_token_hash(&self.token).to_string()
    }

    /// Sends a request with headers and a body.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> TestResponse {
        let mut all = vec![("x-api-token", self.token.as_str())];
        all.extend(headers);
        self.actor.request(method, path, &all, body).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.request("GET", path, &[], Body::empty()).await
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

    /// Makes a product.
    pub async fn create(&self, name: &str) -> TestResponse {
        self.json("PUT", "/api/product/create", &json!({ "name": name })).await
    }

    /// Shows a product.
    pub async fn fetch(&self, name: &str) -> TestResponse {
        self.get(&format!("/api/product/fetch/{name}")).await
    }

    /// Gives a token rights to a product.
    pub async fn grant(&self, name: &str, token: &str, permissions: &Value) -> TestResponse {
        let body = json!({ "product": name, "token": token, "permissions": permissions });
        self.json("PUT", "/api/product/modify/addToken", &body).await
    }

    /// Uploads a version as `<product>-<version>.bin`.
    pub async fn upload(&self, name: &str, version: &str, bytes: &[u8]) -> TestResponse {
        let file = format!("{name}-{version}.bin");
        let form = ProductForm::default().text("product", name).text("version", version).file(&file, bytes);
        self.send(form).await
    }

    /// Sends a form.
    pub async fn send(&self, form: ProductForm) -> TestResponse {
        let content_type = form.content_type();
        self.request("POST", "/api/product/upload", &[("content-type", &content_type)], form.body()).await
    }

    /// Downloads a version.
    pub async fn download(&self, name: &str, version: &str) -> TestResponse {
        self.get(&format!("/api/product/download/{name}/{version}")).await
    }

    /// Announces a file for an upload in two steps.
    pub async fn announce(&self, name: &str, version: &str, bytes: &[u8]) -> TestResponse {
        let sha256 = granary_publish::digests::Digests::of(bytes).sha256;
        let body = json!({
            "product": name, "version": version, "file_name": format!("{name}-{version}.bin"),
            "size": bytes.len(), "sha256": sha256,
        });
        self.json("POST", "/api/product/upload-url", &body).await
    }

    /// Confirms an upload in two steps.
    pub async fn confirm(&self, upload: &str) -> TestResponse {
        self.json("POST", "/api/product/confirm", &json!({ "upload_id": upload })).await
    }
}

/// A form, its fields in the order in which they are added.
#[derive(Clone, Debug, Default)]
pub struct ProductForm(Vec<u8>);

impl ProductForm {
    /// With a text.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("form-data; name=\"{name}\""), value.as_bytes())
    }

    /// With the file.
    #[must_use]
    pub fn file(self, file_name: &str, bytes: &[u8]) -> Self {
        self.part(&format!("form-data; name=\"file\"; filename=\"{file_name}\""), bytes)
    }

    /// With any part.
    #[must_use]
    pub fn part(mut self, disposition: &str, bytes: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Its `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// Its bytes.
    pub fn body(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }
}

impl TestApp {
    /// Somebody with this token in `X-Api-Token`.
    pub fn api(&self, token: &str) -> ApiCaller {
        ApiCaller { actor: self.anonymous(), token: token.into() }
    }

    /// A new token of a user's product API, registered with an account token of the user.
    pub async fn api_token(&self, user: &str, admin: bool) -> ApiCaller {
        let account = self.account_token(user, &["admin"]).await;
        self.register(&self.api(account.secret()), admin).await
    }

    /// A new token that an administrator registers.
    pub async fn register(&self, by: &ApiCaller, admin: bool) -> ApiCaller {
        let response = by.json("PUT", "/api/register", &json!({ "admin": admin })).await;
        assert_eq!(response.status, 201, "{}", response.text());
        self.api(&response.text())
    }
}
