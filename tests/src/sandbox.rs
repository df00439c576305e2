//! A place of its own for one client: home folder, caches, configuration, projects.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::outcome::Outcome;
use crate::session::Session;
use crate::tool::{self, Manager, Tool};

mod actions;

/// The discard port: whatever a client asks of another host than the registry fails here at once.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// One client with a home folder that nothing else uses.
#[derive(Debug)]
pub struct Sandbox {
    /// The client.
    pub tool: Tool,
    folder: TempDir,
}

impl Sandbox {
    /// An empty home for `tool`.
    ///
    /// # Errors
    /// When the client is not installed.
    pub fn new(tool: Tool) -> Result<Self> {
        tool.command()?;
        let folder = tempfile::Builder::new().prefix("granary-client-").tempdir()?;
        let sandbox = Self { tool, folder };
        for name in ["home", "tmp", "bin", "projects"] {
            fs::create_dir(sandbox.folder.path().join(name))?;
        }
        // pnpm 10 runs the npm it finds on the path.
        let (node, script) = tool::NPM_10.command()?;
        let script = script.first().context("npm is a script")?;
        let npm = sandbox.folder.path().join("bin/npm");
        fs::write(&npm, format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", node.display(), script.display()))?;
        fs::set_permissions(&npm, fs::Permissions::from_mode(0o755))?;
        Ok(sandbox)
    }

    /// A home that is configured for `registry`, with a token if there is one.
    ///
    /// # Errors
    /// When the client is not installed.
    pub fn configured(tool: Tool, registry: &str, token: Option<&str>) -> Result<Self> {
        let sandbox = Self::new(tool)?;
        sandbox.configure(registry, token)?;
        Ok(sandbox)
    }

    /// Writes the client's own configuration for `registry`, as the registry's users are told to.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn configure(&self, registry: &str, token: Option<&str>) -> Result<()> {
        match self.tool.manager {
            Manager::Npm | Manager::Pnpm => self.write_npmrc(registry, token, ""),
            // Without it Yarn 1 sends no token for packages without a scope.
            Manager::YarnClassic => self.write_npmrc(registry, token, "always-auth=true\n"),
            Manager::YarnModern => {
                let mut settings = json!({
                    "npmRegistryServer": registry,
                    "unsafeHttpWhitelist": ["localhost"],
                    "enableTelemetry": false,
                    // So that what was installed can be read as plain files.
                    "nodeLinker": "node-modules",
                    // The age gate refuses what was published a moment ago.
                    "npmPreapprovedPackages": ["@acme/*", "plain-*"],
                });
                if let (Some(token), Some(settings)) = (token, settings.as_object_mut()) {
                    settings.insert("npmAuthToken".into(), token.into());
                    // Without it Yarn 4 sends no token for packages without a scope.
                    settings.insert("npmAlwaysAuth".into(), true.into());
                }
                // JSON is YAML.
                fs::write(self.home().join(".yarnrc.yml"), settings.to_string())?;
                Ok(())
            }
            Manager::Bun => {
                let token = token.map(|token| format!(", token = \"{token}\"")).unwrap_or_default();
                let settings = format!("[install]\nregistry = {{ url = \"{registry}\"{token} }}\n");
                fs::write(self.home().join(".bunfig.toml"), settings)?;
                Ok(())
            }
        }
    }

    fn write_npmrc(&self, registry: &str, token: Option<&str>, extra: &str) -> Result<()> {
        let place = registry.split_once(':').map_or(registry, |(_, rest)| rest);
        let token = token.map(|token| format!("{place}:_authToken={token}\n")).unwrap_or_default();
        fs::write(self.home().join(".npmrc"), format!("registry={registry}\n{extra}{token}"))?;
        Ok(())
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A new project folder with this `package.json`.
    ///
    /// # Errors
    /// When it exists.
    pub fn project(&self, name: &str, manifest: &Value) -> Result<PathBuf> {
        let folder = self.folder.path().join("projects").join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), serde_json::to_vec_pretty(manifest)?)?;
        match self.tool.manager {
            // An empty lock file makes the folder a project of its own, whatever is above it.
            Manager::YarnModern => fs::write(folder.join("yarn.lock"), "")?,
            Manager::Pnpm => fs::write(
                folder.join("pnpm-workspace.yaml"),
                "minimumReleaseAgeExclude:\n  - '@acme/*'\n  - 'plain-*'\n",
            )?,
            _ => {}
        }
        Ok(folder)
    }

    /// A new project that depends on these packages, each with its version range.
    ///
    /// # Errors
    /// When it exists.
    pub fn consumer(&self, name: &str, dependencies: &[(&str, &str)]) -> Result<PathBuf> {
        let dependencies: serde_json::Map<String, Value> =
            dependencies.iter().map(|(name, range)| ((*name).to_owned(), Value::from(*range))).collect();
        let manifest =
            json!({"name": name, "version": "1.0.0", "private": true, "dependencies": dependencies});
        self.project(name, &manifest)
    }

    /// Removes everything the client has downloaded or cached, and what it installed in `project`.
    ///
    /// # Errors
    /// When a folder cannot be removed.
    pub fn forget_downloads(&self, project: &Path) -> Result<()> {
        let caches = [".npm", ".cache", ".local", ".bun", ".yarn"].map(|name| self.home().join(name));
        for folder in caches.iter().chain(&[project.join("node_modules")]) {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    /// The client's command, in `folder`, with an environment made here from nothing.
    ///
    /// # Errors
    /// When the client is not installed.
    pub fn command<I, S>(&self, folder: &Path, arguments: I) -> Result<Command>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let (program, first) = self.tool.command()?;
        let path = format!(
            "{}:{}:/usr/local/bin:/usr/bin:/bin",
            tool::node_folder().display(),
            self.folder.path().join("bin").display()
        );
        let mut command = Command::new(program);
        command
            .args(first)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1")
            .env("http_proxy", NOWHERE)
            .env("https_proxy", NOWHERE)
            .env("HTTP_PROXY", NOWHERE)
            .env("HTTPS_PROXY", NOWHERE)
            .env("no_proxy", "localhost,127.0.0.1")
            .env("NO_PROXY", "localhost,127.0.0.1");
        Ok(command)
    }

    /// Runs the client to its end without any input.
    ///
    /// # Errors
    /// When it cannot be started or does not end. A client that fails is no error here.
    pub async fn run(&self, folder: &Path, arguments: &[&str]) -> Result<Outcome> {
        self.session(folder, arguments)?.finish().await
    }

    /// Runs a program for Node in `folder`, with whatever is installed there.
    ///
    /// # Errors
    /// When it cannot be started or does not end. A program that fails is no error here.
    pub async fn node(&self, folder: &Path, script: &str) -> Result<Outcome> {
        let mut command = Command::new(tool::node_folder().join("node"));
        command.args(["-e", script]).current_dir(folder).env_clear().env("HOME", self.home());
        Session::start(command)?.finish().await
    }

    /// Starts the client to be answered by hand.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn session(&self, folder: &Path, arguments: &[&str]) -> Result<Session> {
        Session::start(self.command(folder, arguments)?)
    }
}
