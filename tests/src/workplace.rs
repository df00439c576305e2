//! A folder of its own for a client that is not a JavaScript package manager: home, temporary files, projects.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use tokio::process::Command;

use crate::outcome::Outcome;
use crate::sandbox::NOWHERE;
use crate::session::Session;

/// Folders that no other client uses. Dropping it removes them.
#[derive(Debug)]
pub struct Workplace {
    folder: TempDir,
}

impl Workplace {
    /// An empty one.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("granary-client-").tempdir()?;
        for name in ["home", "tmp", "projects"] {
            fs::create_dir(folder.path().join(name))?;
        }
        Ok(Self { folder })
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new project folder.
    ///
    /// # Errors
    /// When it exists.
    pub fn project(&self, name: &str) -> Result<PathBuf> {
        let folder = self.path("projects").join(name);
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// What a Java program must be told so that it keeps to this place: it takes the home folder from the
    /// user database. The other two make short runs shorter.
    pub fn java_options(&self) -> String {
        format!(
            "-Duser.home={} -Djava.io.tmpdir={} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            self.path("home").display(),
            self.path("tmp").display()
        )
    }

    /// A program, in `folder`, with an environment made here from nothing.
    pub fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("LANG", "C.UTF-8");
        for variable in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env(variable, NOWHERE);
        }
        for variable in ["no_proxy", "NO_PROXY"] {
            command.env(variable, "localhost,127.0.0.1");
        }
        command
    }

    /// Runs a command to its end without any input.
    ///
    /// # Errors
    /// When it cannot be started or does not end. A client that fails is no error here.
    pub async fn run(&self, command: Command) -> Result<Outcome> {
        Session::start(command)?.finish().await
    }
}
