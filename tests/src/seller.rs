//! Somebody who sells packages: licences, and packages for sale with their versions, consumers and permissions.

use anyhow::{Context, Result, ensure};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::api::{Api, Visibility};
use crate::composer::library::Library;

/// A seller, with a token for all that is theirs.
#[derive(Debug, Clone)]
pub struct Seller {
    url: String,
    user: String,
    api: Api,
}

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// Its id.
    pub id: String,
    /// What the customer is given.
    pub key: String,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its number.
    pub id: u64,
    /// The user that the customer is given.
    pub public_key: String,
    /// The password that the customer is given.
    pub private_key: String,
}

impl Consumer {
    /// What it logs in with.
    pub fn login(&self) -> (&str, &str) {
        (&self.public_key, &self.private_key)
    }
}

impl Seller {
    /// The user of this name, who sells in the registry at `url`.
    ///
    /// # Errors
    /// When there can be no such user.
    pub async fn new(admin: &Api, url: &str, user: &str) -> Result<Self> {
        let signed_in = admin.sign_in(user).await?;
        let token = signed_in.account_token(&["admin"]).await?;
        Ok(Self { url: url.into(), user: user.into(), api: admin.with_token(&token) })
    }

    /// The interface with the seller's token.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The seller's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Makes a private repository for packages of these types.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn create(&self, repo: &str, types: &[&str]) -> Result<()> {
        self.api.create(repo, types, Visibility::Private).await
    }

    /// Makes a licence for these packages, with more members such as `{"constraint": {"type": "none"}}`.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn licence(&self, packages: &[&str], more: Value) -> Result<Licence> {
        let body = with(json!({"packages": packages, "constraint": {"type": "none"}}), more);
        let made = self.api.call(Method::POST, "/v1/licenses", Some(&body), StatusCode::CREATED).await?;
        Ok(Licence { id: text(&made, "id")?, key: text(&made, "key")? })
    }

    /// Changes some members of a licence.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn change_licence(&self, licence: &Licence, change: Value) -> Result<()> {
        let path = format!("/v1/licenses/{}", licence.id);
        let mut body = self.api.call(Method::GET, &path, None, StatusCode::OK).await?;
        // What is said of it and is not for the seller to say.
        for name in ["id", "createdAt", "updatedAt"] {
            body.as_object_mut().context("no licence")?.remove(name);
        }
        self.api.call(Method::PUT, &path, Some(&with(body, change)), StatusCode::OK).await?;
        Ok(())
    }

    /// When a licence was made, in milliseconds since 1970, by the registry's clock.
    ///
    /// # Errors
    /// When there is no such licence.
    pub async fn created_at(&self, licence: &Licence) -> Result<u64> {
        let path = format!("/v1/licenses/{}", licence.id);
        let row = self.api.call(Method::GET, &path, None, StatusCode::OK).await?;
        row["createdAt"].as_u64().with_context(|| format!("no createdAt: {row}"))
    }

    /// Puts a package of a repository up for sale and gives its number.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn package(&self, repo: &str, name: &str) -> Result<u64> {
        let body = json!({"name": name, "description": format!("{name} is for sale"), "repo_id": repo});
        number(&self.api.call(Method::POST, "/packages", Some(&body), StatusCode::CREATED).await?)
    }

    /// Publishes a version with its file and gives its number. Files of more than 100,000 bytes go to the store by
    /// an address made for that.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn publish(&self, package: u64, library: &Library) -> Result<u64> {
        let archive = library.archive().await?;
        let in_two_steps = archive.len() > 100_000;
        let mut body = json!({"name": library.version});
        if in_two_steps {
            body = with(body, announcement(&archive));
        }
        let path = format!("/versions/package/{package}");
        let made = self.api.call(Method::POST, &path, Some(&body), StatusCode::CREATED).await?;
        let version = number(&made)?;
        if in_two_steps {
            self.upload(&made, archive).await?;
        } else {
            let request = self.api.http().put(format!("{}/versions/{version}", self.url));
            let request = request.bearer_auth(self.api.token()).header(CONTENT_TYPE, "application/zip");
            let response = request.body(archive).send().await?;
            let (status, text) = (response.status(), response.text().await?);
            ensure!(status == StatusCode::OK, "{} {}: {status} {text}", library.name, library.version);
        }
        Ok(version)
    }

    /// Sends the file of a version to the address that was given for it, and confirms that.
    async fn upload(&self, version: &Value, archive: Vec<u8>) -> Result<()> {
        let mut request = self.api.http().put(text(version, "upload_url")?);
        for (name, value) in version["upload_headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        let response = request.body(archive).send().await?;
        let (status, answer) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "uploading: {status} {answer}");
        let confirm = Url::parse(&self.url)?.join(&text(version, "confirm_url")?)?;
        let request = self.api.http().post(confirm).bearer_auth(self.api.token());
        let response = request.send().await?;
        let (status, answer) = (response.status(), response.text().await?);
        ensure!(status == StatusCode::OK, "confirming: {status} {answer}");
        Ok(())
    }

    /// Makes a consumer.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn consumer(&self, email: &str) -> Result<Consumer> {
        let body = json!({"email": email});
        let made = self.api.call(Method::POST, "/consumers", Some(&body), StatusCode::CREATED).await?;
        Ok(Consumer {
            id: number(&made)?,
            public_key: text(&made, "public_key")?,
            private_key: text(&made, "private_key")?,
        })
    }

    /// Permits a consumer some versions of a package and gives the permission's number.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn permit(&self, consumer: &Consumer, package: u64, version: &str) -> Result<u64> {
        let body = json!({"consumer_id": consumer.id, "package_id": package, "version": version});
        number(&self.api.call(Method::POST, "/permissions", Some(&body), StatusCode::CREATED).await?)
    }

    /// Takes a permission back.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn forbid(&self, permission: u64) -> Result<()> {
        let path = format!("/permissions/{permission}");
        let (status, text) = self.api.send(Method::DELETE, &path, None).await?;
        ensure!(status == StatusCode::NO_CONTENT, "{path}: {status} {text}");
        Ok(())
    }

    /// Switches a package or a version on or off. `what` is `packages` or `versions`.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn switch(&self, what: &str, id: u64, status: u8) -> Result<()> {
        let body = json!({"status": status});
        let (code, text) = self.api.send(Method::PATCH, &format!("/{what}/{id}"), Some(&body)).await?;
        ensure!(code.is_success(), "{what} {id}: {code} {text}");
        Ok(())
    }
}

/// What is said of a file before it is sent to the store, which takes that one and no other.
pub fn announcement(file: &[u8]) -> Value {
    json!({"size": file.len(), "sha256": hex::encode(Sha256::digest(file))})
}

/// An object with the members of both; those of `more` win.
fn with(mut body: Value, more: Value) -> Value {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

fn text(document: &Value, member: &str) -> Result<String> {
    let text = document[member].as_str().with_context(|| format!("no {member}: {document}"))?;
    Ok(text.to_owned())
}

/// The number that a document has.
fn number(document: &Value) -> Result<u64> {
    document["id"].as_u64().with_context(|| format!("no number: {document}"))
}
