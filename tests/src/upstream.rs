//! A public registry as a program of its own, which a registry under test may have as an upstream:
//! `tests/bench/support/upstream-program.mjs`.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::server::wait_until_ready;
use crate::settings;
use crate::tool;

/// What the line begins with that names the address.
const READY: &str = "Upstream is ready at ";

/// A running one. Dropping it ends it.
#[derive(Debug)]
pub struct Upstream {
    url: String,
    http: Client,
    child: Child,
    /// Held: the description of what it has is in it.
    _folder: TempDir,
}

impl Upstream {
    /// A registry for npm with what this says: `packages` and `advisories`, as the program takes them.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn with_packages(described: &Value) -> Result<Self> {
        let folder = folder()?;
        let file = folder.path().join("described.json");
        fs::write(&file, described.to_string())?;
        Self::start("described", file.as_os_str(), folder).await
    }

    /// A Maven repository with the files of `content`.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn with_files(content: &Path) -> Result<Self> {
        Self::start("files", content.as_os_str(), folder()?).await
    }

    async fn start(what: &str, argument: &OsStr, folder: TempDir) -> Result<Self> {
        let node = tool::node_folder().join("node");
        ensure!(node.exists(), "{} is missing: run scripts/clients", node.display());
        let mut child = Command::new(node)
            .arg(settings::workspace().join("tests/bench/support/upstream-program.mjs"))
            .arg(what)
            .arg(argument)
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the upstream")?;
        let url = wait_until_ready(&mut child, READY).await?;
        let http = Client::builder().no_proxy().build()?;
        Ok(Self { url, http, child, _folder: folder })
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was asked of it since it was started: the program says what that is.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn asked(&self) -> Result<Value> {
        let answer = self.http.get(format!("{}/-/fake/asked", self.url)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// From here on it answers everything with a page for people, as the portal of a hotel does.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn answer_with_pages(&self) -> Result<()> {
        self.http.post(format!("{}/-/fake/html", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// From here on connections are accepted, and nothing ever comes.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn hang(&self) -> Result<()> {
        let id = self.child.id().context("the upstream has ended")?.to_string();
        let told = Command::new("kill").args(["-STOP", &id]).status().await.context("kill -STOP")?;
        ensure!(told.success(), "kill -STOP: {told}");
        Ok(())
    }

    /// Ends it: from here on nobody listens.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn end(&mut self) -> Result<()> {
        self.child.kill().await.context("kill -9")
    }
}

fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("granary-upstream-").tempdir()?)
}
