//! Entities with curl: versions in two steps, publishers, shares and stores.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use granary_tests::api::Api;
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::told::{Told, signed_put};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

mod access;
mod concurrency;
mod icons;
mod seed;
mod sharing;
mod statuses;
mod versions;

/// How long a confirmation may be under way, in seconds.
const PATIENCE: u32 = 120;

/// A registry, and curl with the ID token of somebody who has nothing there yet.
pub(crate) struct Stage {
    pub(crate) instance: Instance,
    pub(crate) curl: Curl,
    /// The author's ID token.
    pub(crate) author: String,
    anybody: Api,
}

/// What the two steps of a version say.
pub(crate) struct Push<'a> {
    pub(crate) version: &'a str,
    pub(crate) sources: &'a str,
    pub(crate) package: &'a [u8],
    pub(crate) force: bool,
    /// Further members of the second step.
    pub(crate) more: Value,
}

impl<'a> Push<'a> {
    pub(crate) fn new(version: &'a str, sources: &'a str, package: &'a [u8]) -> Self {
        Self { version, sources, package, force: false, more: json!({}) }
    }

    /// Even if a version was built of the same sources.
    pub(crate) fn forced(self) -> Self {
        Self { force: true, ..self }
    }

    /// As the version that is installed by default.
    pub(crate) fn active(self) -> Self {
        Self { more: json!({"set_as_active": true}), ..self }
    }

    /// The document of the first step.
    fn announcement(&self) -> Value {
        json!({"version": self.version, "source_hash": hash(self.sources), "force": self.force})
    }
}

/// A digest of sources.
pub(crate) fn hash(sources: &str) -> String {
    hex::encode(Sha256::digest(sources))
}

impl Stage {
    pub(crate) async fn new() -> Result<Self> {
        let instance = Instance::new().await?;
        let anybody = instance.admin()?;
        let mut stage = Self { instance, curl: Curl::new()?, author: String::new(), anybody };
        stage.author = stage.user("author").await?;
        Ok(stage)
    }

    /// The ID token of a user, whom the registry knows from then on.
    pub(crate) async fn user(&self, name: &str) -> Result<String> {
        let user = self.anybody.sign_in(&self.instance.name(name)).await?;
        let token = user.token().to_owned();
        self.told_as(&token, &get("/api/auth/me")).await?.document("200")?;
        Ok(token)
    }

    /// The e-mail address of a user.
    pub(crate) fn email(&self, user: &str) -> String {
        format!("{}@example.test", self.instance.name(user))
    }

    /// Runs a line with the author's token.
    pub(crate) async fn told(&self, line: &str) -> Result<Told> {
        self.told_as(&self.author, line).await
    }

    /// Runs a line with another token.
    pub(crate) async fn told_as(&self, token: &str, line: &str) -> Result<Told> {
        self.curl.told(self.instance.url(), &[("TOKEN", token)], line).await
    }

    /// Sends a document with the author's token.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Told> {
        self.post_as(&self.author, path, body).await
    }

    /// Sends a document with another token.
    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Result<Told> {
        self.told_as(token, &format!("{} -d '{body}'", send("POST", path))).await
    }

    /// Makes an entity of the author's and gives its id.
    pub(crate) async fn entity(&self, kind: &str, slug: &str) -> Result<String> {
        let body = json!({"type": kind, "slug": self.instance.name(slug), "name": slug});
        let made = self.post("/api/entities", &body).await?.document("201")?;
        Ok(made["entity"]["id"].as_str().with_context(|| format!("no id: {made}"))?.to_owned())
    }

    /// Makes an organisation of the author's and gives its slug.
    pub(crate) async fn organization(&self, slug: &str) -> Result<String> {
        let slug = self.instance.name(slug);
        self.post("/api/orgs", &json!({"slug": slug})).await?.expect("201")?;
        Ok(slug)
    }

    /// Sends the first step.
    pub(crate) async fn begin(&self, entity: &str, push: &Push<'_>) -> Result<Told> {
        self.post(&format!("/api/entities/{entity}/versions/upload-url"), &push.announcement()).await
    }

    /// Sends the package of a first step that was answered with addresses.
    pub(crate) async fn put(&self, begun: &Value, package: &[u8]) -> Result<()> {
        ensure!(begun["status"] == "upload_required", "{begun}");
        self.curl.write("package.zip", package)?;
        let sent = self.told(&signed_put(&begun["package"], "upload_url", "package.zip")?).await?;
        sent.expect("200")?;
        Ok(())
    }

    /// Sends the second step.
    pub(crate) async fn confirm(&self, entity: &str, begun: &Value, push: &Push<'_>) -> Result<Told> {
        let mut body = json!({
            "storage_path": begun["package"]["storage_path"], "version": push.version,
            "source_hash": hash(push.sources), "file_size_bytes": push.package.len(), "force": push.force,
        });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), &push.more) {
            body.extend(more.clone());
        }
        self.confirmed(entity, &body).await
    }

    /// Sends a second step until it is done. A large file may take the registry a while.
    pub(crate) async fn confirmed(&self, entity: &str, body: &Value) -> Result<Told> {
        for _ in 0..PATIENCE {
            let told = self.post(&format!("/api/entities/{entity}/versions/confirm"), body).await?;
            if told.status != "202" {
                return Ok(told);
            }
            ensure!(told.document("202")?["status"] == "processing");
            sleep(Duration::from_secs(1)).await;
        }
        bail!("the version is still being processed")
    }

    /// Both steps of a version that is made by them. Gives the version.
    pub(crate) async fn push(&self, entity: &str, push: Push<'_>) -> Result<Value> {
        let begun = self.begin(entity, &push).await?.document("200")?;
        self.put(&begun, push.package).await?;
        let made = self.confirm(entity, &begun, &push).await?.document("201")?;
        ensure!(made["status"] == "created" && made["version"]["version"] == push.version, "{made}");
        Ok(made["version"].clone())
    }

    /// Downloads a version as the four classes of users do: the address, and what it leads to without any token.
    pub(crate) async fn download(&self, token: &str, entity: &str, version: &str) -> Result<Vec<u8>> {
        let path = format!("/api/entities/{entity}/versions/{version}/download");
        let told = self.told_as(token, &get(&path)).await?.document("200")?;
        let address = told["download_url"].as_str().with_context(|| format!("no address: {told}"))?;
        self.told(&format!("curl -o answer '{address}'")).await?.expect("200")?;
        let bytes = self.curl.read("answer")?;
        ensure!(told["sha256"] == hex::encode(Sha256::digest(&bytes)), "other bytes than {told}");
        Ok(bytes)
    }

    /// The status of a request for the version.
    pub(crate) async fn download_status(&self, token: &str, entity: &str, version: &str) -> Result<String> {
        let path = format!("/api/entities/{entity}/versions/{version}/download");
        Ok(self.told_as(token, &get(&path)).await?.status)
    }

    /// What the list of an entity's versions says.
    pub(crate) async fn listed(&self, entity: &str) -> Result<Value> {
        self.told(&get(&format!("/api/entities/{entity}/versions"))).await?.document("200")
    }
}

/// The line that asks for a path.
pub(crate) fn get(path: &str) -> String {
    format!("curl \"$BASE{path}\" -H \"Authorization: Bearer $TOKEN\"")
}

pub(crate) fn delete(path: &str) -> String {
    format!("curl -X DELETE \"$BASE{path}\" -H \"Authorization: Bearer $TOKEN\"")
}

/// The line that sends a document to a path, but for the document.
pub(crate) fn send(method: &str, path: &str) -> String {
    format!(
        "curl -X {method} \"$BASE{path}\" -H \"Authorization: Bearer $TOKEN\" -H \"Content-Type: application/json\""
    )
}

/// The version strings of a list, in its order.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|version| version["version"].as_str())
        .collect()
}

/// Ids of the entities in a list, in its order.
pub(crate) fn ids(list: &Value) -> Vec<&str> {
    let entities = list["entities"].as_array().into_iter().flatten();
    entities.filter_map(|entry| entry["id"].as_str().or_else(|| entry["entity"]["id"].as_str())).collect()
}
