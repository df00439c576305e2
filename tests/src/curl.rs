//! curl, with the words that the registry's users are given.

use std::path::Path;

use anyhow::{Context, Result};

use crate::outcome::Outcome;
use crate::workplace::Workplace;

/// curl in a folder of its own.
#[derive(Debug)]
pub struct Curl {
    place: Workplace,
}

impl Curl {
    /// curl in an empty folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new() -> Result<Self> {
        Ok(Self { place: Workplace::new()? })
    }

    /// The folder it runs in.
    pub fn folder(&self) -> std::path::PathBuf {
        self.place.path("projects")
    }

    /// Runs a line of shell with curl in it. `$BASE` is the server's address, `$TOKEN` a token.
    ///
    /// # Errors
    /// When the shell cannot be run.
    pub async fn run(&self, base: &str, token: &str, line: &str) -> Result<Outcome> {
        self.run_with(base, &[("TOKEN", token)], line).await
    }

    /// The same with these variables beside `$BASE`.
    ///
    /// # Errors
    /// When the shell cannot be run.
    pub async fn run_with(&self, base: &str, variables: &[(&str, &str)], line: &str) -> Result<Outcome> {
        let mut command = self.place.command("/bin/sh", &self.folder());
        command.env("BASE", base).envs(variables.iter().copied()).args(["-c", line]);
        self.place.run(command).await
    }

    /// Writes a file into the folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, content: &[u8]) -> Result<()> {
        Ok(std::fs::write(self.folder().join(name), content)?)
    }

    /// Reads a file of the folder.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        std::fs::read(self.folder().join(name)).with_context(|| format!("there is no {name}"))
    }
}
