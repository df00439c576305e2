//! The pinned package managers, as `scripts/clients` installs them.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::settings;

/// A family of package managers with one command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// npm.
    Npm,
    /// pnpm.
    Pnpm,
    /// Yarn 1.
    YarnClassic,
    /// Yarn 2 and later.
    YarnModern,
    /// Bun.
    Bun,
}

/// One version of a package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its family.
    pub manager: Manager,
    /// Its exact version.
    pub version: &'static str,
}

/// npm 10.
pub const NPM_10: Tool = Tool { manager: Manager::Npm, version: "10.9.9" };
/// npm 11.
pub const NPM_11: Tool = Tool { manager: Manager::Npm, version: "11.21.2" };
/// npm 12.
pub const NPM_12: Tool = Tool { manager: Manager::Npm, version: "12.2.0" };
/// pnpm 10, which hands `publish` and others to the npm on its path.
pub const PNPM_10: Tool = Tool { manager: Manager::Pnpm, version: "10.34.9" };
/// pnpm 11.
pub const PNPM_11: Tool = Tool { manager: Manager::Pnpm, version: "11.28.11" };
/// pnpm 12, a native program.
pub const PNPM_12: Tool = Tool { manager: Manager::Pnpm, version: "12.21.0" };
/// Yarn 1.
pub const YARN_1: Tool = Tool { manager: Manager::YarnClassic, version: "1.22.22" };
/// Yarn 4.
pub const YARN_4: Tool = Tool { manager: Manager::YarnModern, version: "4.18.1" };
/// Bun.
pub const BUN_1: Tool = Tool { manager: Manager::Bun, version: "1.4.5" };

/// The Node version that runs those clients that are JavaScript.
const NODE: &str = "node@22.23.3";

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.manager {
            Manager::Npm => "npm",
            Manager::Pnpm => "pnpm",
            Manager::YarnClassic | Manager::YarnModern => "yarn",
            Manager::Bun => "bun",
        };
        write!(f, "{name}@{}", self.version)
    }
}

impl Tool {
    /// Major version.
    pub fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
    }

    /// The program and its first arguments.
    ///
    /// # Errors
    /// When the client is not installed.
    pub fn command(&self) -> Result<(PathBuf, Vec<OsString>)> {
        let folder = clients().join(self.to_string());
        let modules = folder.join("node_modules");
        let script = match self.manager {
            Manager::Npm => modules.join("npm/bin/npm-cli.js"),
            Manager::Pnpm if self.major() >= 12 => return Ok((native_pnpm(&modules)?, Vec::new())),
            Manager::Pnpm if self.major() == 11 => modules.join("pnpm/bin/pnpm.mjs"),
            Manager::Pnpm => modules.join("pnpm/bin/pnpm.cjs"),
            Manager::YarnClassic => modules.join("yarn/bin/yarn.js"),
            Manager::YarnModern => modules.join("@yarnpkg/cli-dist/bin/yarn.js"),
            Manager::Bun => return Ok((installed(&folder.join("bin/bun"))?, Vec::new())),
        };
        Ok((installed(&node_folder().join("node"))?, vec![installed(&script)?.into()]))
    }
}

/// Folder of the pinned Node program, to put on the path.
pub fn node_folder() -> PathBuf {
    clients().join(NODE).join("bin")
}

fn clients() -> PathBuf {
    settings::workspace().join(".cache/clients")
}

fn native_pnpm(modules: &Path) -> Result<PathBuf> {
    let platform = if cfg!(target_arch = "aarch64") { "exe.linux-arm64" } else { "exe.linux-x64" };
    installed(&modules.join("@pnpm").join(platform).join("pnpm"))
}

fn installed(path: &Path) -> Result<PathBuf> {
    ensure!(path.exists(), "{} is missing: run scripts/clients", path.display());
    Ok(path.to_owned())
}
