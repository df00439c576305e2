//! Packages of other registries through one address, with the clients people use.
//!
//! The other registries are programs on this machine: `scripts/aws-local test` leaves this module out by its name.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use granary_tests::api::{Api, Visibility};
use granary_tests::package::Package;
use granary_tests::registry::Registry;
use granary_tests::sandbox::Sandbox;
use granary_tests::server::Server;
use granary_tests::tool::{self, Tool};
use granary_tests::upstream::Upstream;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

mod asking;
mod confusion;
mod failing;
mod installing;
mod maven;

/// Upstreams are on this machine.
const HERE: (&str, &str) = ("GRANARY_ALLOW_PRIVATE_SOURCES", "true");

/// How many seconds whoever has to waits for an upstream that hangs.
const SHORT: &str = "3";

/// One module per client; in it, one test per scenario.
macro_rules! suite {
    ($($client:ident = $tool:ident { $($family:ident::$scenario:ident,)* })*) => {
        $(mod $client {
            suite!(any $tool {
                confusion::newer_public_versions_do_not_get_in,
                failing::private_packages_do_not_wait,
                installing::mixed_tree,
                $($family::$scenario,)*
            });
        })*
    };
    (any $tool:ident { $($family:ident::$scenario:ident,)* }) => {
        $(
            #[tokio::test]
            async fn $scenario() -> anyhow::Result<()> {
                super::$family::$scenario(super::tool::$tool).await
            }
        )*
    };
}

suite! {
    npm_10 = NPM_10 {
        asking::facts_tags_and_search,
        asking::young_versions_are_refused_with_the_reason,
        asking::public_names_cannot_be_published,
        failing::errors_name_the_upstream,
    }
    npm_11 = NPM_11 {
        asking::facts_tags_and_search,
        asking::young_versions_are_refused_with_the_reason,
        asking::public_names_cannot_be_published,
        failing::errors_name_the_upstream,
    }
    npm_12 = NPM_12 {
        asking::facts_tags_and_search,
        asking::young_versions_are_refused_with_the_reason,
        asking::public_names_cannot_be_published,
        failing::errors_name_the_upstream,
    }
    pnpm_10 = PNPM_10 { asking::facts_tags_and_search, asking::public_names_cannot_be_published, }
    pnpm_11 = PNPM_11 { asking::facts_tags_and_search, asking::public_names_cannot_be_published, }
    pnpm_12 = PNPM_12 { asking::facts_tags_and_search, asking::public_names_cannot_be_published, }
    yarn_1 = YARN_1 {}
    yarn_4 = YARN_4 {}
    bun_1 = BUN_1 {}
}

/// A registry with one repository and a public registry as its upstream.
struct Stage {
    /// Held: dropping it ends it.
    _server: Server,
    registry: Registry,
    upstream: Upstream,
    tool: Tool,
}

impl Stage {
    /// The public registry has these packages, and the repository these settings of its upstream besides name and address.
    async fn new(tool: Tool, packages: &Value, settings: Value) -> Result<Self> {
        Self::waiting(SHORT, tool, packages, settings).await
    }

    /// The same, where an upstream that hangs is waited for so many seconds.
    async fn waiting(seconds: &str, tool: Tool, packages: &Value, settings: Value) -> Result<Self> {
        let upstream = Upstream::with_packages(packages).await?;
        let server = Server::start_with(&[HERE, ("GRANARY_UPSTREAM_TIMEOUT", seconds)]).await?;
        let admin = server.admin()?;
        let registry = admin.create_repo("mixed", Visibility::Private).await?;
        let mut body = settings;
        body["name"] = "public".into();
        body["packageType"] = "npm".into();
        body["url"] = upstream.url().into();
        add_upstream(&admin, "mixed", &body).await?;
        Ok(Self { _server: server, registry, upstream, tool })
    }

    /// A new machine, which knows the one registry.
    fn client(&self) -> Result<Sandbox> {
        Sandbox::configured(self.tool, self.registry.url(), self.registry.token())
    }

    async fn publish(&self, package: &Package) -> Result<()> {
        self.registry.publish(package, &["latest"]).await?.accepted()?;
        Ok(())
    }

    /// The upstream was asked for something, and in none of its requests was anything of ours.
    async fn check_kept_private(&self) -> Result<Value> {
        let asked = self.upstream.asked().await?;
        check_kept_private(&asked, &["acme", "plain-", "mixed"])?;
        ensure!(asked["strangers"] == json!([]), "{asked}");
        Ok(asked)
    }
}

/// Adds an upstream to a repository.
async fn add_upstream(admin: &Api, repo: &str, body: &Value) -> Result<()> {
    let path = format!("/api/repos/{repo}/upstreams");
    admin.call(Method::POST, &path, Some(body), StatusCode::CREATED).await?;
    Ok(())
}

/// There were requests, none with one of these words, and none with a credential.
fn check_kept_private(asked: &Value, words: &[&str]) -> Result<()> {
    let requests = asked["requests"].as_array().context("no requests")?;
    ensure!(!requests.is_empty(), "nothing was asked");
    for request in requests {
        let request = request.as_str().context("no text")?.to_lowercase();
        ensure!(!words.iter().any(|word| request.contains(word)), "this was asked: {request}");
    }
    ensure!(asked["credentials"] == 0, "credentials were sent: {asked}");
    Ok(())
}

/// A package as the public registry is told of it: its versions, each of which depends on `needs`.
fn public(name: &str, versions: &[&str], needs: &Value) -> Value {
    let version = |number: &&str| json!({"version": number, "dependencies": needs, "bytes": 2_000, "manifest": {"devDependencies": {}}});
    json!({"name": name, "versions": versions.iter().map(version).collect::<Vec<_>>()})
}

/// Checks that `project` has this version installed, wherever below it.
fn check_version(project: &Path, name: &str, version: &str) -> Result<()> {
    let file = project.join("node_modules").join(name).join("package.json");
    let text = fs::read(&file).with_context(|| format!("there is no {}", file.display()))?;
    let manifest: Value = serde_json::from_slice(&text)?;
    ensure!(manifest["version"] == version, "{name}: not {version}: {}", manifest["version"]);
    Ok(())
}
