//! Entities: made over HTTP, and versions uploaded in their two steps.

use granary_publish::digests::Digests;
use serde_json::{Value, json};

use crate::{Actor, TestApp, TestResponse};

/// Makes an entity of the actor and gives its id.
pub async fn new_entity(actor: &Actor, kind: &str, slug: &str) -> String {
    made_entity(actor, &json!({ "type": kind, "slug": slug, "name": format!("Name of {slug}") })).await
}

/// Makes an entity, which must work, and gives its id.
pub async fn made_entity(actor: &Actor, body: &Value) -> String {
    let response = actor.post_json("/api/entities", body).await;
    assert_eq!(response.status, 201, "{body}: {}", response.text());
    response.json()["entity"]["id"].as_str().unwrap().to_owned()
}

/// Sends bytes to an address that an answer has given: an object with `upload_url` and `headers`. Gives the status of the bucket.
pub async fn put_signed(address: &Value, bytes: &[u8]) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.put(address["upload_url"].as_str().unwrap()).body(bytes.to_vec());
    // The length is sent as it is, so that a wrong one is seen to be refused.
    for (name, value) in
        address["headers"].as_object().unwrap().iter().filter(|(name, _)| *name != "content-length")
    {
        request = request.header(name, value.as_str().unwrap());
    }
    if bytes.is_empty() {
        request = request.header("content-length", "0");
    }
    request.send().await.unwrap().status().as_u16()
}

/// A version of an entity that is to be uploaded.
#[derive(Debug, Clone)]
pub struct EntityUpload {
    /// The version.
    pub version: String,
    /// Digest of its sources.
    pub source_hash: String,
    /// Bytes of the package.
    pub package: Vec<u8>,
    /// Bytes of the lock file, if there is to be one.
    pub lockfile: Option<Vec<u8>>,
    /// Fields of the first step besides `version` and `source_hash`.
    pub begin: Value,
    /// Fields of the second step besides those that must be there.
    pub confirm: Value,
}

impl EntityUpload {
    /// A version whose package and sources are of its own.
    pub fn new(version: &str) -> Self {
        Self::of(version, format!("package of {version}").as_bytes())
    }

    /// A version with this package, whose digest is that of its sources as well.
    pub fn of(version: &str, package: &[u8]) -> Self {
        Self {
            version: version.into(),
            source_hash: Digests::of(package).sha256.to_string(),
            package: package.into(),
            lockfile: None,
            begin: json!({}),
            confirm: json!({}),
        }
    }

    /// Built of the sources with this digest.
    #[must_use]
    pub fn sources(self, source_hash: &str) -> Self {
        Self { source_hash: source_hash.into(), ..self }
    }

    /// With a lock file.
    #[must_use]
    pub fn lockfile(self, bytes: &[u8]) -> Self {
        Self { lockfile: Some(bytes.into()), ..self }
    }

    /// With a field of the first step.
    #[must_use]
    pub fn begin_with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.begin[name] = value.into();
        self
    }

    /// With a field of the second step.
    #[must_use]
    pub fn confirm_with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.confirm[name] = value.into();
        self
    }

    /// The first step: asks for addresses.
    pub async fn ask(&self, actor: &Actor, entity: &str) -> TestResponse {
        let mut body = self.begin.clone();
        body["version"] = self.version.clone().into();
        body["source_hash"] = self.source_hash.clone().into();
        actor.post_json(&format!("/api/entities/{entity}/versions/upload-url"), &body).await
    }

    /// The same, which must give addresses, and sends the bytes there. Gives the addresses.
    pub async fn sent(&self, actor: &Actor, entity: &str) -> Value {
        let response = self.ask(actor, entity).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let begun = response.json();
        assert_eq!(begun["status"], "upload_required", "{begun}");
        assert_eq!(put_signed(&begun["package"], &self.package).await, 200, "{begun}");
        if let Some(lockfile) = &self.lockfile {
            assert_eq!(put_signed(&begun["lockfile"], lockfile).await, 200, "{begun}");
        }
        begun
    }

    /// Body of the second step.
    pub fn confirmation(&self, begun: &Value) -> Value {
        let mut body = self.confirm.clone();
        let mut set = |name: &str, value: Value| {
            if body.get(name).is_none() {
                body[name] = value;
            }
        };
        set("storage_path", begun["package"]["storage_path"].clone());
        set("version", self.version.clone().into());
        set("source_hash", self.source_hash.clone().into());
        set("file_size_bytes", self.package.len().into());
        if self.lockfile.is_some() {
            set("package_lock_path", begun["lockfile"]["storage_path"].clone());
        }
        body
    }

    /// The second step: confirms what was sent to the addresses.
    pub async fn confirmed(&self, actor: &Actor, entity: &str, begun: &Value) -> TestResponse {
        let path = format!("/api/entities/{entity}/versions/confirm");
        actor.post_json(&path, &self.confirmation(begun)).await
    }

    /// Both steps.
    pub async fn upload(&self, actor: &Actor, entity: &str) -> TestResponse {
        let begun = self.sent(actor, entity).await;
        self.confirmed(actor, entity, &begun).await
    }

    /// Both steps, which must make a version. Gives the version.
    pub async fn made(&self, actor: &Actor, entity: &str) -> Value {
        let response = self.upload(actor, entity).await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["version"].clone()
    }
}

impl TestApp {
    /// An organisation with its owner and other members: each a user, who signs in, and a role. Gives the owner.
    pub async fn org(&self, owner: &str, slug: &str, members: &[(&str, &str)]) -> Actor {
        let session = self.known_user(owner).await;
        let made = session.post_json("/api/orgs", &json!({ "slug": slug, "name": slug })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        for (user, role) in members {
            self.known_user(user).await;
            let body = json!({ "userId": user, "role": role });
            let added = session.post_json(&format!("/api/orgs/{slug}/members"), &body).await;
            assert_eq!(added.status, 201, "{}", added.text());
        }
        session
    }

    /// A token of an organisation.
    pub async fn org_token(&self, owner: &str, slug: &str, scopes: &[&str]) -> Actor {
        let body = json!({ "name": "test", "scopes": scopes });
        let response = self.user(owner).post_json(&format!("/api/orgs/{slug}/tokens"), &body).await;
        assert_eq!(response.status, 201, "{}", response.text());
        self.token(response.json()["rawToken"].as_str().unwrap())
    }
}
