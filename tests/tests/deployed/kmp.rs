//! Kotlin Multiplatform as it is deployed: each step is another function's, with rights of its own.
//!
//! Nobody builds in this deployment, so the token that a job would get for its identity at GitHub is written into the table
//! by whoever deployed it. All that comes after that is as it always is.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_tests::api::{Api, Visibility};
use granary_tests::aws::Aws;
use granary_tests::instance::Instance;
use granary_tests::maven::repository::MavenRepository;
use granary_tests::package::Package;
use granary_tests::registry::Registry;
use granary_tests::settings::deployed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use crate::schedule::invoke;

/// How often something is looked for that is to come by itself, half a second apart: ten minutes at least.
const LOOKS: usize = 1_200;

/// A token of a build; its last letters are the checksum that tokens have.
const TOKEN: &str = "bld_KnownKnownKnownKnownKnownKnown0QiagQ";

/// A Maven repository, and one that watches the library `com.example:tiny` in it.
struct Watching {
    admin: Api,
    maven: MavenRepository,
    repo: String,
    npm: Registry,
}

impl Watching {
    async fn new(instance: &Instance, stem: &str) -> Result<Self> {
        let admin = instance.admin()?;
        let (source, repo) = (instance.name(&format!("{stem}-maven")), instance.name(stem));
        let maven = admin.create_maven_repo(&source, Visibility::Private).await?;
        let config = json!({"sourceType": "artifacts", "sourceRepoId": source});
        let body =
            json!({"name": repo, "packageTypes": ["kmp"], "visibility": "private", "kmpConfig": config});
        admin.call(Method::POST, "/api/repos", Some(&body), StatusCode::CREATED).await?;
        let npm = format!("{}/api/npm/{repo}/", instance.url());
        let npm = Registry::new(&npm, Some(admin.token()), admin.http().clone());
        Ok(Self { admin, maven, repo, npm })
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/repos/{}/kmp/{rest}", self.repo)
    }

    /// Publishes a version of the library: its POM, and what it offers.
    async fn publish(&self, version: &str) -> Result<()> {
        let folder = format!("com/example/tiny/{version}/tiny-{version}");
        let pom = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>tiny</artifactId>\
             <version>{version}</version></project>"
        );
        let attributes = json!({
            "org.gradle.category": "library",
            "org.gradle.usage": "kotlin-runtime",
            "org.jetbrains.kotlin.platform.type": "js",
        });
        let module = json!({
            "formatVersion": "1.1",
            "component": {"group": "com.example", "module": "tiny", "version": version},
            "variants": [{"name": "jsRuntimeElements", "attributes": attributes}],
        });
        self.maven.deploy(&format!("{folder}.module"), module.to_string().as_bytes()).await?;
        self.maven.deploy(&format!("{folder}.pom"), pom.as_bytes()).await
    }

    async fn watch(&self) -> Result<()> {
        let body = json!({
            "groupId": "com.example", "artifactId": "tiny", "npmPackageName": "@acme/tiny", "enableSwift": false,
        });
        self.admin.call(Method::POST, &self.path("watched"), Some(&body), StatusCode::CREATED).await?;
        Ok(())
    }

    /// The build of a version, once it has come into a status.
    async fn build(&self, version: &str, status: &str) -> Result<Value> {
        let mut last = Value::Null;
        for _ in 0..LOOKS {
            last = self.admin.call(Method::GET, &self.path("builds"), None, StatusCode::OK).await?;
            let builds = last["builds"].as_array().context("no builds")?;
            let is_it = |build: &&Value| build["version"] == version && build["status"] == status;
            if let Some(build) = builds.iter().find(is_it) {
                return Ok(build.clone());
            }
            sleep(Duration::from_millis(500)).await;
        }
        bail!("{version} never is {status}: {last}")
    }
}

/// What was there before a library was watched is found by the schedule, what is published later by itself. A repository that is
/// deleted takes its libraries and builds along.
#[tokio::test]
async fn versions_are_found_by_the_schedule_and_by_a_publish() -> Result<()> {
    let instance = Instance::new().await?;
    let watching = Watching::new(&instance, "ticked").await?;
    watching.publish("1.0.0").await?;
    watching.watch().await?;
    let ticked = invoke("KMPPOLLERFUNCTION", &json!({"task": "tick"})).await?.json()?;
    ensure!(ticked["announced"].as_u64().is_some_and(|announced| announced > 0), "{ticked}");
    watching.build("1.0.0", "pending").await?;

    watching.publish("1.1.0").await?;
    watching.build("1.1.0", "pending").await?;

    watching.admin.delete_repo(&watching.repo).await?;
    for _ in 0..LOOKS {
        // The name is free again once everything of the old repository is removed.
        if watching.admin.create(&watching.repo, &["npm"], Visibility::Private).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(500)).await;
    }
    bail!("{} is never removed", watching.repo)
}

/// A job claims its build, uploads a package, and hands it over; the builder verifies and publishes it. By then the token is
/// good for nothing any more.
#[tokio::test]
async fn what_a_job_hands_over_is_published() -> Result<()> {
    let instance = Instance::new().await?;
    let watching = Watching::new(&instance, "handed").await?;
    watching.publish("1.0.0").await?;
    watching.watch().await?;
    watching.admin.call(Method::POST, &watching.path("poll"), None, StatusCode::OK).await?;
    let build = watching.build("1.0.0", "pending").await?;
    let id = build["id"].as_str().context("no id")?;
    hand_out(&watching.repo, id).await?;

    let job = watching.admin.with_token(TOKEN);
    let path = format!("/api/kmp/builds/{id}");
    let started = json!({"runId": 1, "attempt": 1});
    job.call(Method::POST, &format!("{path}/start"), Some(&started), StatusCode::OK).await?;
    watching.build("1.0.0", "building").await?;

    let package = Package::new("@acme/tiny", "1.0.0");
    let bytes = package.tarball()?;
    let file =
        json!({"name": "tiny.tgz", "size": bytes.len(), "sha256": hex::encode(Sha256::digest(&bytes))});
    let mut body = json!({
        "repoId": watching.repo, "packageType": "npm", "packageName": "@acme/tiny", "version": "1.0.0", "files": [file],
    });
    let session = job.call(Method::POST, "/api/uploads", Some(&body), StatusCode::CREATED).await?;
    send(&job, &session["upload"]["files"][0], bytes).await?;
    // Not by itself: the builder does, and with the other package if there is one.
    let upload = session["upload"]["id"].as_str().context("no upload")?;
    let alone = job.send(Method::POST, &format!("/api/uploads/{upload}/complete"), None).await?;
    ensure!(alone.0 == StatusCode::FORBIDDEN, "{alone:?}");
    body["version"] = "1.0.1".into();
    let other = job.send(Method::POST, "/api/uploads", Some(&body)).await?;
    ensure!(other.0.is_client_error(), "it uploads another version: {other:?}");

    let completed = json!({"npm": {"uploadId": upload}});
    job.call(Method::POST, &format!("{path}/complete"), Some(&completed), StatusCode::ACCEPTED).await?;
    let done = watching.build("1.0.0", "success").await?;
    ensure!(done["npmPublished"] == true, "{done}");
    watching.npm.check_serves(&package).await?;
    let refused = job.send(Method::POST, &format!("{path}/start"), Some(&started)).await?;
    ensure!(refused.0.is_client_error(), "it begins again: {refused:?}");
    Ok(())
}

/// Sends the bytes of an upload to the bucket.
async fn send(job: &Api, file: &Value, bytes: Vec<u8>) -> Result<()> {
    let mut request = job.http().put(file["url"].as_str().with_context(|| format!("no address: {file}"))?);
    for (name, value) in file["headers"].as_object().into_iter().flatten() {
        if name != "content-length" {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
    }
    let sent = request.body(bytes).send().await?;
    ensure!(sent.status().is_success(), "{}", sent.status());
    Ok(())
}

/// Writes down that [`TOKEN`] is the token of a build of the package `@acme/tiny`, as GitHub's answer would have it written.
async fn hand_out(repo: &str, build: &str) -> Result<()> {
    let deployer = Aws::deployer()?;
    let key = json!({"pk": {"S": format!("KMP#{repo}")}, "sk": {"S": format!("BUILD#{build}")}});
    let ask = json!({"TableName": deployed("GRANARY_STACK_REGISTRYTABLE")?, "Key": key});
    let row = deployer.dynamodb("GetItem", &ask).await?.success()?.json()?["Item"].clone();
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("granary-token\0{TOKEN}")));
    let package = json!({"L": [{"S": "npm"}, {"S": "@acme/tiny"}, {"S": "1.0.0"}]});
    let scope = json!({
        "build": {"S": build}, "attempt": row["attempt"], "packages": {"L": [package]}, "source": {"NULL": true},
    });
    let token = json!({
        "pk": {"S": format!("BUILDTOKEN#{hash}")}, "sk": {"S": "TOKEN"},
        // In the year 2100.
        "expires_at": {"N": "4102444800"},
        "repo": {"S": repo}, "repo_uid": row["repo_uid"], "watched": row["watched"], "scope": {"M": scope},
    });
    let put = json!({"TableName": deployed("GRANARY_STACK_EPHEMERALTABLE")?, "Item": token});
    deployer.dynamodb("PutItem", &put).await?.success()?;
    Ok(())
}
