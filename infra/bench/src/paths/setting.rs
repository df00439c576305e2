//! The registry that the paths lead through.

use std::path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Body;
use bytes::Bytes;
use granary_model::{FixedClock, PackageType, RepoId, Timestamp};
use granary_publish::Source;
use granary_storage::rows::{HeadRow, RepoRow};
use granary_storage::{Key, PackageKey};
use serde_json::{Value, json};

use super::steps::{ARTIFACT, MANY, PACKUMENT, PUBLISH, Path, REPO};
use crate::load::grow;
use crate::npm::{noise, publish_body};
use crate::registry::{Client, Registry};

/// Where licences are made and listed.
const LICENCES: &str = "/v1/licenses";

/// The address that documents name.
const PUBLIC_URL: &str = "http://localhost:8080";

/// Where the clock stands, in milliseconds since 1970.
const NOW: i64 = 1_790_000_000_000;

/// Versions of the package that has many.
const VERSIONS: u64 = 1_000;

/// Bytes of a tarball and of a jar.
const FILE: usize = 10_000;

/// Bytes of the tarball in the body that is only read.
const LARGE: usize = 100_000;

/// The registry, and what the paths need of it.
pub(super) struct Setting {
    /// Its owner, with a token.
    pub(super) owner: Client,
    /// A customer with the key of a licence for half of the versions.
    pub(super) customer: Client,
    /// `ETag` of the package with many versions, in the form that installing asks for.
    pub(super) etag: String,
    /// Bodies of publishes, each of another version.
    pub(super) publishes: Vec<Bytes>,
    /// The body of a larger publish.
    pub(super) body: Bytes,
    /// The package with many versions, to be rendered.
    pub(super) source: Source,
}

/// Fills the registry of a data folder.
pub(super) async fn prepare(data: &path::Path) -> anyhow::Result<()> {
    let owner = registry(data).await?.process(None)?;
    owner.make("/api/repos", &json!({ "name": REPO, "packageTypes": ["npm", "maven"] })).await?;
    grow(&owner, &REPO.parse()?, MANY, VERSIONS).await?;
    deploy(&owner).await?;
    // For the versions before the middle one.
    let constraint = json!({ "type": "version", "value": format!("<1.0.{}", VERSIONS / 2) });
    owner.make(LICENCES, &json!({ "constraint": constraint, "packages": [MANY] })).await?;
    owner.settle().await
}

async fn registry(data: &path::Path) -> anyhow::Result<Registry> {
    let clock = Arc::new(FixedClock::new(Timestamp::from_millis(NOW)));
    Registry::open(data, PUBLIC_URL, clock).await
}

impl Setting {
    /// Opens the registry of a data folder that has been prepared.
    pub(super) async fn open(data: &path::Path, paths: &[&Path]) -> anyhow::Result<Self> {
        let owner = registry(data).await?.process(None)?;
        let headers = [("accept", "application/vnd.npm.install-v1+json")];
        let etag = owner.get(PACKUMENT, &headers, 200).await?.header("etag")?.to_owned();
        let publishes = paths.iter().find(|path| path.name == PUBLISH).map_or(0, |path| path.runs());
        let publishes =
            (0..publishes).map(|n| Ok(publish_body("published", &format!("1.0.{n}"), FILE)?.into()));
        Ok(Self {
            customer: owner.with_token(&licence(&owner).await?),
            etag,
            publishes: publishes.collect::<anyhow::Result<_>>()?,
            body: publish_body("published", "2.0.0", LARGE)?.into(),
            source: source(&owner, REPO.parse()?).await?,
            owner,
        })
    }
}

/// The key of the licence.
async fn licence(owner: &Client) -> anyhow::Result<String> {
    let answer = owner.get(LICENCES, &[], 200).await?;
    let listed: Value = serde_json::from_slice(&answer.body)?;
    let key = listed.pointer("/data/0/key").and_then(Value::as_str);
    Ok(key.with_context(|| format!("there is no licence: {listed}"))?.to_owned())
}

/// Publishes three versions of an artifact.
async fn deploy(owner: &Client) -> anyhow::Result<()> {
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let pom = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project>\n  <modelVersion>4.0.0</modelVersion>\n  \
             <groupId>com.example</groupId>\n  <artifactId>app</artifactId>\n  <version>{version}</version>\n  \
             <name>App</name>\n</project>\n"
        );
        let jar = [b"PK", version.as_bytes(), &noise(FILE)].concat();
        for (ending, content) in [("jar", jar), ("pom", pom.into_bytes())] {
            let path = format!("{ARTIFACT}/{version}/app-{version}.{ending}");
            owner.send(("PUT", &path), &[], Body::from(content), 201).await?;
        }
    }
    Ok(())
}

async fn source(owner: &Client, repo: RepoId) -> anyhow::Result<Source> {
    let package = PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: MANY.into() };
    let head: Option<HeadRow> = owner.storage().get(&Key::Head(package.clone())).await?;
    let row: Option<RepoRow> = owner.storage().get(&Key::Repo(repo)).await?;
    Ok(Source::whole(package, row.context("no repository")?.uid, head.context("no head")?))
}
