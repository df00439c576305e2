//! Handing over while the power goes out: artifacts of products, and versions of entities.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use granary_tests::api::Api;
use granary_tests::package::noise;
use granary_tests::server::Server;
use granary_tests::settings;
use granary_tests::wire::Connection;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;

/// Connections that upload at the same time.
const WORKERS: usize = 4;

/// A worker uploads at most so many versions in a round, should the kill never come.
const MOST_VERSIONS: usize = 300;

/// What separates the fields of a form.
const BOUNDARY: &str = "the-boundary";

/// Versions with their bytes.
type Versions = BTreeMap<String, Vec<u8>>;

/// What one worker did until the connection broke.
#[derive(Default)]
struct Report {
    acknowledged: Versions,
    /// Sent, but never answered.
    open: Versions,
}

/// Where versions are handed over.
trait Shelf: Clone + Send + Sync + 'static {
    /// Another version for each worker and number.
    fn version(round: usize, worker: usize, number: usize) -> String;

    /// Hands a version over. `None` if the connection broke.
    fn hand_over(&self, version: &str, bytes: &[u8]) -> impl Future<Output = Result<Option<()>>> + Send;

    /// The bytes of a version; `None` if there is no such version.
    fn bytes(&self, version: &str) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;

    /// The versions that there are.
    fn versions(&self) -> impl Future<Output = Result<Vec<String>>> + Send;
}

/// A product.
#[derive(Clone)]
struct Product {
    url: String,
    token: String,
    http: Client,
}

/// The body of the upload form.
fn form(version: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in [("product", "my-lib"), ("version", version)] {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"";
    body.extend_from_slice(format!("--{BOUNDARY}\r\n{file}\r\n\r\n").as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

impl Product {
    async fn new(server: &Server) -> Result<Self> {
        let admin = server.admin()?;
        let product =
            Self { url: server.url().into(), token: admin.token().into(), http: admin.http().clone() };
        let body = json!({"name": "my-lib"});
        let made = product.request(Method::PUT, "/api/product/create").json(&body).send().await?;
        ensure!(made.status() == StatusCode::CREATED, "{made:?}");
        Ok(product)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("X-Api-Token", &self.token)
    }
}

impl Shelf for Product {
    fn version(round: usize, worker: usize, number: usize) -> String {
        format!("{round}.{worker}.{number}")
    }

    async fn hand_over(&self, version: &str, bytes: &[u8]) -> Result<Option<()>> {
        let request = self.request(Method::POST, "/api/product/upload");
        let request = request.header(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"));
        let Ok(answer) = request.body(form(version, bytes)).send().await else { return Ok(None) };
        let (status, text) = (answer.status(), answer.text().await?);
        // Or it was committed, and only the answer was lost: then it is there, which is looked at.
        let is_there =
            status == StatusCode::BAD_REQUEST && text.contains("already uploaded, with this very file");
        ensure!(status == StatusCode::CREATED || is_there, "{version}: {status} {text}");
        Ok(Some(()))
    }

    async fn bytes(&self, version: &str) -> Result<Option<Vec<u8>>> {
        let path = format!("/api/product/download/my-lib/{version}");
        let answer = self.request(Method::GET, &path).send().await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer.bytes().await?.to_vec())),
            StatusCode::BAD_REQUEST => Ok(None),
            status => bail!("{version}: {status} {}", answer.text().await?),
        }
    }

    async fn versions(&self) -> Result<Vec<String>> {
        let product: Value =
            self.request(Method::GET, "/api/product/fetch/my-lib").send().await?.json().await?;
        let versions = product["versions"].as_object().with_context(|| format!("no versions: {product}"))?;
        Ok(versions.keys().cloned().collect())
    }
}

/// An entity.
#[derive(Clone)]
struct Entity {
    api: Api,
    id: String,
}

impl Entity {
    async fn new(server: &Server) -> Result<Self> {
        let api = server.admin()?;
        let body = json!({"type": "app", "slug": "my-app", "name": "My app"});
        let made = api.call(Method::POST, "/api/entities", Some(&body), StatusCode::CREATED).await?;
        let id = made["entity"]["id"].as_str().with_context(|| format!("no id: {made}"))?.to_owned();
        Ok(Self { api, id })
    }

    /// The document that came with one of these statuses; `None` if the connection broke.
    async fn post(&self, step: &str, body: &Value, expected: &[u16]) -> Result<Option<Value>> {
        let path = format!("/api/entities/{}/versions/{step}", self.id);
        let Ok((status, text)) = self.api.send(Method::POST, &path, Some(body)).await else {
            return Ok(None);
        };
        ensure!(expected.contains(&status.as_u16()), "{step} {body}: {status} {text}");
        Ok(Some(serde_json::from_str(&text)?))
    }
}

impl Shelf for Entity {
    fn version(round: usize, worker: usize, number: usize) -> String {
        let (month, day) = (1 + round / 28 % 12, 1 + round % 28);
        format!("2026.{month:02}.{day:02}-{worker:02}{:02}{:02}", number / 60, number % 60)
    }

    async fn hand_over(&self, version: &str, bytes: &[u8]) -> Result<Option<()>> {
        let hash = hex::encode(Sha256::digest(version));
        let body = json!({"version": version, "source_hash": hash});
        let Some(begun) = self.post("upload-url", &body, &[200]).await? else { return Ok(None) };
        if begun["status"] == "exists" {
            // It was committed, and only the answer was lost.
            ensure!(begun["version"]["version"] == version, "{begun}");
            return Ok(Some(()));
        }
        let package = &begun["package"];
        let mut request = self.api.http().put(package["upload_url"].as_str().context("no address")?);
        for (name, value) in package["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        let Ok(sent) = request.body(bytes.to_vec()).send().await else { return Ok(None) };
        ensure!(sent.status().is_success(), "{version}: {}", sent.status());
        let body = json!({
            "storage_path": package["storage_path"], "version": version, "source_hash": hash,
            "file_size_bytes": bytes.len(),
        });
        Ok(self.post("confirm", &body, &[200, 201]).await?.map(drop))
    }

    async fn bytes(&self, version: &str) -> Result<Option<Vec<u8>>> {
        let path = format!("/api/entities/{}/versions/{version}/download", self.id);
        let (status, text) = self.api.send(Method::GET, &path, None).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => bail!("{version}: {status} {text}"),
        }
        let told: Value = serde_json::from_str(&text)?;
        let address = told["download_url"].as_str().with_context(|| format!("no address: {told}"))?;
        let answer = self.api.http().get(address).send().await?.error_for_status()?;
        Ok(Some(answer.bytes().await?.to_vec()))
    }

    async fn versions(&self) -> Result<Vec<String>> {
        let mut versions = Vec::new();
        let mut query = String::new();
        loop {
            let path = format!("/api/entities/{}/versions{query}", self.id);
            let list = self.api.call(Method::GET, &path, None, StatusCode::OK).await?;
            let page = list["versions"].as_array().with_context(|| format!("no versions: {list}"))?;
            versions.extend(page.iter().filter_map(|version| version["version"].as_str().map(str::to_owned)));
            let Some(next) = list["next"].as_str() else { return Ok(versions) };
            query = format!("?before={next}");
        }
    }
}

/// Hands versions over until the server is killed.
async fn until_killed<S: Shelf>(server: &mut Server, shelf: &S, round: usize) -> Result<Vec<Report>> {
    let answered = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(Notify::new());
    // Another moment in every round: from the middle of the first ones to well under way.
    let target = 1 + (round * 17) % 60;
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let (shelf, answered, enough) = (shelf.clone(), Arc::clone(&answered), Arc::clone(&enough));
        workers.spawn(async move {
            let mut report = Report::default();
            for number in 0..MOST_VERSIONS {
                let version = S::version(round, worker, number);
                // From small to larger than what is answered in place.
                let bytes = noise(&version, 2_000 << (number % 9));
                if shelf.hand_over(&version, &bytes).await?.is_none() {
                    report.open.insert(version, bytes);
                    break;
                }
                report.acknowledged.insert(version, bytes);
                if answered.fetch_add(1, Ordering::Relaxed) + 1 == target {
                    enough.notify_one();
                }
            }
            anyhow::Ok(report)
        });
    }
    server.kill_under(workers, &enough).await
}

/// Every version that was acknowledged before a `kill -9` is there after the restart, byte for byte; what was not
/// acknowledged is there as a whole or not at all, and can be handed over again; nothing else is listed.
async fn survive<S: Shelf>(server: &mut Server, shelf: &S) -> Result<()> {
    let mut kept = Versions::new();
    for round in 0..settings::rounds(4) {
        let reports = until_killed(server, shelf, round).await?;
        server.restart().await.with_context(|| format!("round {round}:\n{}", server.log()))?;
        for report in reports {
            for (version, bytes) in report.open {
                if let Some(there) = shelf.bytes(&version).await? {
                    ensure!(there == bytes, "round {round}: {version} is there in part");
                }
                let again = shelf.hand_over(&version, &bytes).await?;
                again.with_context(|| format!("round {round}: {version} again:\n{}", server.log()))?;
                kept.insert(version, bytes);
            }
            kept.extend(report.acknowledged);
        }
        for (version, bytes) in &kept {
            let there =
                shelf.bytes(version).await?.with_context(|| format!("round {round}: {version} is lost"))?;
            ensure!(there == *bytes, "round {round}: {version} has other bytes");
        }
        let mut listed = shelf.versions().await?;
        listed.sort();
        ensure!(listed.iter().eq(kept.keys()), "round {round}: listed are {listed:?}");
    }
    Ok(())
}

/// Artifacts of a product, by the form.
#[tokio::test]
async fn acknowledged_artifacts_survive() -> Result<()> {
    let mut server = Server::start().await?;
    let product = Product::new(&server).await?;
    survive(&mut server, &product).await
}

/// Versions of an entity, by all three requests of each.
#[tokio::test]
async fn confirmed_versions_survive() -> Result<()> {
    let mut server = Server::start().await?;
    let entity = Entity::new(&server).await?;
    survive(&mut server, &entity).await
}

/// A form of which a half has come when the power goes out has left nothing, and its client may send it again.
#[tokio::test]
async fn half_a_form_is_nothing() -> Result<()> {
    let mut server = Server::start().await?;
    let product = Product::new(&server).await?;
    let bytes = noise("half", 20_000_000);
    let (body, url) = (form("1", &bytes), Url::parse(server.url())?);
    let port = url.port().context("no port")?;
    let mut connection = Connection::open(([127, 0, 0, 1], port).into()).await?;
    let head = format!(
        "POST /api/product/upload HTTP/1.1\r\nHost: localhost:{port}\r\nX-Api-Token: {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
        product.token,
        body.len()
    );
    connection.send(head.as_bytes()).await?;
    // The server has read most of this when it has been sent: nowhere else is so much room.
    connection.send(body.get(..body.len() / 2).context("too short")?).await?;
    ensure!(product.versions().await?.is_empty(), "half a file is a version");
    server.kill().await?;
    let before = server.stored_bytes()?;
    server.restart().await?;
    ensure!(product.versions().await?.is_empty() && product.bytes("1").await?.is_none());
    let kept = server.stored_bytes()?;
    ensure!(kept < 5_000_000, "{kept} bytes are kept of nothing; {before} were before the restart");
    product.hand_over("1", &bytes).await?.context("the connection broke")?;
    ensure!(product.bytes("1").await?.context("it is not there")? == bytes);
    Ok(())
}

/// A package of which a half has come is nothing either: nothing is kept of it, and it cannot be confirmed.
#[tokio::test]
async fn half_a_package_is_nothing() -> Result<()> {
    let mut server = Server::start().await?;
    let entity = Entity::new(&server).await?;
    let (version, bytes) = ("2026.11.30-120000", noise("half", 20_000_000));
    let hash = hex::encode(Sha256::digest(version));
    let body = json!({"version": version, "source_hash": hash, "file_size_bytes": bytes.len()});
    let begun = entity.post("upload-url", &body, &[200]).await?.context("the connection broke")?;
    let url = Url::parse(begun["package"]["upload_url"].as_str().context("no address")?)?;
    let port = url.port().context("no port")?;
    let mut connection = Connection::open(([127, 0, 0, 1], port).into()).await?;
    let (path, query) = (url.path(), url.query().context("no signature")?);
    let host = url.host_str().context("no host")?;
    let head = format!(
        "PUT {path}?{query} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    connection.send(head.as_bytes()).await?;
    connection.send(bytes.get(..bytes.len() / 2).context("too short")?).await?;
    let confirmation = json!({
        "storage_path": begun["package"]["storage_path"], "version": version, "source_hash": hash,
        "file_size_bytes": bytes.len(),
    });
    entity.post("confirm", &confirmation, &[400]).await?.context("the connection broke")?;
    server.kill().await?;
    server.restart().await?;
    let kept = server.stored_bytes()?;
    ensure!(kept < 5_000_000, "{kept} bytes are kept of nothing");
    entity.post("confirm", &confirmation, &[400]).await?.context("the connection broke")?;
    ensure!(entity.versions().await?.is_empty() && entity.bytes(version).await?.is_none());
    entity.hand_over(version, &bytes).await?.context("the connection broke")?;
    ensure!(entity.bytes(version).await?.context("it is not there")? == bytes);
    Ok(())
}
