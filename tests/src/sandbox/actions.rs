//! The same deed in each client's words.
//!
//! A deed that a client does not know is an error: a test must not call it.

use std::path::Path;

use anyhow::{Result, bail};

use super::Sandbox;
use crate::outcome::Outcome;
use crate::tool::Manager;

impl Sandbox {
    /// Publishes the package in `folder`.
    ///
    /// # Errors
    /// When the client cannot be run.
    pub async fn publish(&self, folder: &Path, extra: &[&str]) -> Result<Outcome> {
        let words: &[&str] = match self.tool.manager {
            Manager::Npm | Manager::Bun => &["publish"],
            Manager::Pnpm => &["publish", "--no-git-checks"],
            // It would ask for a new version otherwise.
            Manager::YarnClassic => &["publish", "--non-interactive", "--no-git-tag-version"],
            Manager::YarnModern => {
                // It publishes only from an installed project.
                let installed = self.run(folder, &["install"]).await?;
                if installed.code != Some(0) {
                    return Ok(installed);
                }
                &["npm", "publish"]
            }
        };
        self.run(folder, &[words, extra].concat()).await
    }

    /// Installs what `folder` depends on and writes the lock file.
    ///
    /// # Errors
    /// When the client cannot be run.
    pub async fn install(&self, folder: &Path) -> Result<Outcome> {
        let words: &[&str] = match self.tool.manager {
            Manager::YarnClassic => &["install", "--non-interactive"],
            _ => &["install"],
        };
        self.run(folder, words).await
    }

    /// Installs exactly what the lock file says, as continuous integration does.
    ///
    /// # Errors
    /// When the client cannot be run.
    pub async fn install_locked(&self, folder: &Path) -> Result<Outcome> {
        let words: &[&str] = match self.tool.manager {
            Manager::Npm => &["ci"],
            Manager::Pnpm | Manager::Bun => &["install", "--frozen-lockfile"],
            Manager::YarnClassic => &["install", "--frozen-lockfile", "--non-interactive"],
            Manager::YarnModern => &["install", "--immutable"],
        };
        self.run(folder, words).await
    }

    /// Lists the tags of a package.
    ///
    /// # Errors
    /// When the client cannot be run or has no such command.
    pub async fn list_tags(&self, folder: &Path, package: &str) -> Result<Outcome> {
        self.tag(folder, ["ls", "list", "list"], &[package]).await
    }

    /// Sets a tag.
    ///
    /// # Errors
    /// When the client cannot be run or has no such command.
    pub async fn add_tag(&self, folder: &Path, package: &str, version: &str, tag: &str) -> Result<Outcome> {
        self.tag(folder, ["add"; 3], &[&format!("{package}@{version}"), tag]).await
    }

    /// Removes a tag.
    ///
    /// # Errors
    /// When the client cannot be run or has no such command.
    pub async fn remove_tag(&self, folder: &Path, package: &str, tag: &str) -> Result<Outcome> {
        self.tag(folder, ["rm", "remove", "remove"], &[package, tag]).await
    }

    /// `verb` as npm, Yarn 1 and Yarn 4 name it.
    async fn tag(&self, folder: &Path, verb: [&str; 3], rest: &[&str]) -> Result<Outcome> {
        let [npm, classic, modern] = verb;
        let words: &[&str] = match self.tool.manager {
            Manager::Npm | Manager::Pnpm => &["dist-tag", npm],
            Manager::YarnClassic => &["tag", classic],
            Manager::YarnModern => &["npm", "tag", modern],
            Manager::Bun => bail!("bun has no tag command"),
        };
        self.run(folder, &[words, rest].concat()).await
    }

    /// Shows a package's facts as JSON.
    ///
    /// # Errors
    /// When the client cannot be run.
    pub async fn view(&self, folder: &Path, package: &str) -> Result<Outcome> {
        let words: &[&str] = match self.tool.manager {
            Manager::Npm | Manager::Pnpm => &["view", package, "--json"],
            Manager::YarnClassic | Manager::Bun => &["info", package, "--json"],
            Manager::YarnModern => &["npm", "info", package, "--json"],
        };
        self.run(folder, words).await
    }

    /// Asks who the registry takes it for.
    ///
    /// # Errors
    /// When the client cannot be run or has no such command.
    pub async fn whoami(&self, folder: &Path) -> Result<Outcome> {
        let words: &[&str] = match self.tool.manager {
            Manager::Npm | Manager::Pnpm => &["whoami"],
            Manager::YarnModern => &["npm", "whoami"],
            Manager::Bun => &["pm", "whoami"],
            Manager::YarnClassic => bail!("Yarn 1 has no whoami command"),
        };
        self.run(folder, words).await
    }

    /// Asks for known vulnerabilities of what `folder` depends on.
    ///
    /// # Errors
    /// When the client cannot be run or asks another host whatever its configuration says.
    pub async fn audit(&self, folder: &Path) -> Result<Outcome> {
        let words: &[&str] = match self.tool.manager {
            Manager::Npm | Manager::Pnpm | Manager::Bun => &["audit", "--json"],
            Manager::YarnModern => &["npm", "audit", "--json"],
            Manager::YarnClassic => bail!("Yarn 1 asks a fixed host"),
        };
        self.run(folder, words).await
    }
}
