//! Kotlin Multiplatform: libraries that are watched, and what is found of them.
//!
//! Nobody builds here, as in a registry without settings for it, so that all of this runs on a deployment too; what is built is in
//! `process::kmp`.

use anyhow::{Context, Result, ensure};
use granary_tests::api::{Api, Visibility};
use granary_tests::instance::Instance;
use granary_tests::maven::repository::MavenRepository;
use granary_tests::registry::Registry;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

pub(crate) mod library;
mod shell;
mod watching;

/// How long is waited for anything that comes by itself. A server has one compiler at a time, several builds may be before the one
/// that is waited for, and the machine may stand still for a minute.
pub(crate) const LONGEST: Duration = Duration::from_mins(10);

/// Pause between two looks at a build.
const GLANCE: Duration = Duration::from_millis(200);

/// A Maven repository, and one of type `kmp` that watches it; both private.
pub(crate) struct Stage {
    pub(crate) url: String,
    pub(crate) admin: Api,
    /// Where libraries are published.
    pub(crate) maven: MavenRepository,
    /// Name of the one that watches.
    pub(crate) name: String,
}

impl Stage {
    /// In the registry of a suite.
    pub(crate) async fn shared(instance: &Instance) -> Result<Self> {
        let names = (instance.name("kmp-source"), instance.name("kmp"));
        Self::new(instance.url(), instance.admin()?, &names.0, &names.1).await
    }

    /// In this registry, under these names.
    pub(crate) async fn new(url: &str, admin: Api, source: &str, name: &str) -> Result<Self> {
        let maven = admin.create_maven_repo(source, Visibility::Private).await?;
        create(&admin, name, &json!({"sourceType": "artifacts", "sourceRepoId": source})).await?;
        Ok(Self { url: url.into(), admin, maven, name: name.into() })
    }

    /// The npm registry of what is built.
    pub(crate) fn npm(&self) -> Registry {
        let url = format!("{}/api/npm/{}/", self.url, self.name);
        Registry::new(&url, Some(self.admin.token()), self.admin.http().clone())
    }

    /// Address of an operation.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/repos/{}/kmp/{rest}", self.name)
    }

    /// Calls an operation and gives its document.
    pub(crate) async fn call(&self, method: Method, rest: &str, body: Option<&Value>) -> Result<Value> {
        let expected =
            if method == Method::POST && rest == "watched" { StatusCode::CREATED } else { StatusCode::OK };
        self.admin.call(method, &self.path(rest), body, expected).await
    }

    /// Watches a library of the fixture; `more` are further fields. Gives its id.
    pub(crate) async fn watch(&self, artifact: &str, more: &Value) -> Result<String> {
        let mut body = json!({
            "groupId": library::GROUP,
            "artifactId": artifact,
            "npmPackageName": format!("@acme/{artifact}"),
            "enableSwift": false,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = self.call(Method::POST, "watched", Some(&body)).await?;
        Ok(answer["watched"]["id"].as_str().with_context(|| format!("no id: {answer}"))?.to_owned())
    }

    /// Looks for new versions now; gives what is said of each library.
    pub(crate) async fn poll(&self) -> Result<Vec<Value>> {
        let answer = self.call(Method::POST, "poll", None).await?;
        Ok(answer["results"].as_array().with_context(|| format!("no results: {answer}"))?.clone())
    }

    /// The builds that a query finds, newest first.
    pub(crate) async fn builds(&self, query: &str) -> Result<Vec<Value>> {
        let answer = self.call(Method::GET, &format!("builds{query}"), None).await?;
        Ok(answer["builds"].as_array().with_context(|| format!("no builds: {answer}"))?.clone())
    }

    /// The build of a version, if there is one.
    pub(crate) async fn build_of(&self, artifact: &str, version: &str) -> Result<Option<Value>> {
        let builds = self.builds("").await?;
        let mut of = builds.into_iter().filter(|b| b["artifactId"] == artifact && b["version"] == version);
        let build = of.next();
        ensure!(of.next().is_none(), "{artifact}:{version} has two builds");
        Ok(build)
    }

    /// Waits until there is a build of a version of which this can be said.
    pub(crate) async fn wait_for(
        &self,
        artifact: &str,
        version: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = None;
        for _ in 0..LONGEST.as_millis() / GLANCE.as_millis() {
            last = self.build_of(artifact, version).await?;
            if let Some(build) = last.take_if(|build| is_so(build)) {
                return Ok(build);
            }
            sleep(GLANCE).await;
        }
        let watched = self.call(Method::GET, "watched", None).await?;
        anyhow::bail!("{artifact}:{version} has not come so far: {last:?}; watched: {watched}")
    }

    /// Waits until the build of a version has ended, whichever way.
    pub(crate) async fn ended(&self, artifact: &str, version: &str) -> Result<Value> {
        self.wait_for(artifact, version, |build| {
            build["status"].as_str().is_some_and(|status| ["success", "failed"].contains(&status))
        })
        .await
    }

    /// Waits until a version is built.
    pub(crate) async fn built(&self, artifact: &str, version: &str) -> Result<Value> {
        let build = self.ended(artifact, version).await?;
        ensure!(build["status"] == "success", "{build}");
        ensure!(build["npmPublished"] == true && build["error"].is_null(), "{build}");
        ensure!(build["startedAt"].is_string() && build["completedAt"].is_string(), "{build}");
        Ok(build)
    }

    /// Waits until a build has failed with these words.
    pub(crate) async fn failed(&self, artifact: &str, version: &str, words: &str) -> Result<Value> {
        let build = self.ended(artifact, version).await?;
        ensure!(build["status"] == "failed", "{build}");
        ensure!(build["error"].as_str().is_some_and(|error| error.contains(words)), "not '{words}': {build}");
        Ok(build)
    }

    /// Begins a build again.
    pub(crate) async fn retry(&self, build: &Value) -> Result<Value> {
        let id = build["id"].as_str().with_context(|| format!("no id: {build}"))?;
        self.call(Method::POST, &format!("builds/{id}"), Some(&json!({"action": "retry"}))).await
    }
}

/// Makes a repository of type `kmp`.
pub(crate) async fn create(admin: &Api, name: &str, config: &Value) -> Result<()> {
    let body = json!({"name": name, "packageTypes": ["kmp"], "visibility": "private", "kmpConfig": config});
    admin.call(Method::POST, "/api/repos", Some(&body), StatusCode::CREATED).await?;
    Ok(())
}

/// Texts of a member that is a list of them.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// One member of each.
pub(crate) fn members<'a>(list: &'a [Value], name: &str) -> Vec<&'a str> {
    list.iter().filter_map(|value| value[name].as_str()).collect()
}
