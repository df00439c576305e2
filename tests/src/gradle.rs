//! Debian's Gradle, as far as it runs: it resolves, and publishes what its own transport can.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::outcome::Outcome;
use crate::workplace::Workplace;

/// Debian's program.
const PROGRAM: &str = "/usr/bin/gradle";

/// A Gradle with a home folder and a cache of its own.
#[derive(Debug)]
pub struct Gradle {
    url: String,
    token: Option<String>,
    place: Workplace,
}

impl Gradle {
    /// A Gradle for the repository at `url`, with an empty cache.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self> {
        ensure!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing: run scripts/clients");
        Ok(Self { url: url.into(), token: token.map(Into::into), place: Workplace::new()? })
    }

    /// A project that publishes `com.example:name` with a jar and a POM of these bytes.
    ///
    /// It does so by the plugin for Ivy, laid out as Maven's repositories are: to what `maven-publish` has in
    /// Debian the transport by HTTP is missing. The requests are those of newer versions of Gradle.
    ///
    /// # Errors
    /// When there is a project of that name.
    pub fn library(&self, name: &str, version: &str, jar: &[u8], pom: &[u8]) -> Result<PathBuf> {
        let folder = self.place.project(name)?;
        let script = format!(
            "apply plugin: 'ivy-publish'\ngroup = 'com.example'\nversion = '{version}'\n\
             publishing {{\n    publications {{ library(IvyPublication) {{\n\
             \x20       module '{name}'\n        artifact file('{name}.jar')\n\
             \x20       artifact(file('{name}.pom')) {{ type 'pom'; extension 'pom' }}\n    }} }}\n\
             \x20   repositories {{ ivy {{ url '{}'; layout 'maven'; {} }} }}\n}}\n",
            self.url,
            self.credentials()
        );
        fs::write(folder.join("build.gradle"), script)?;
        fs::write(folder.join("settings.gradle"), format!("rootProject.name = '{name}'\n"))?;
        fs::write(folder.join(format!("{name}.jar")), jar)?;
        fs::write(folder.join(format!("{name}.pom")), pom)?;
        Ok(folder)
    }

    fn credentials(&self) -> String {
        self.token.as_ref().map_or_else(String::new, |token| {
            format!("credentials {{ username 'token'; password '{token}' }}")
        })
    }

    /// A project whose task `fetch` copies what it depends on into its folder `fetched`.
    ///
    /// # Errors
    /// When there is a project of that name.
    pub fn consumer(&self, name: &str, dependencies: &[&str]) -> Result<PathBuf> {
        let folder = self.place.project(name)?;
        let mut wanted = String::new();
        for coordinates in dependencies {
            writeln!(wanted, "    wanted '{coordinates}'")?;
        }
        // What changes is looked for in every run, not once a day.
        let script = format!(
            "repositories {{\n    maven {{ url '{}'; {} }}\n}}\n\
             configurations {{\n    wanted {{ resolutionStrategy {{\n\
             \x20       cacheChangingModulesFor 0, 'seconds'\n\
             \x20       cacheDynamicVersionsFor 0, 'seconds'\n    }} }}\n}}\n\
             dependencies {{\n{wanted}}}\n\
             task fetch(type: Sync) {{ from configurations.wanted; into 'fetched' }}\n",
            self.url,
            self.credentials()
        );
        fs::write(folder.join("build.gradle"), script)?;
        fs::write(folder.join("settings.gradle"), format!("rootProject.name = '{name}'\n"))?;
        Ok(folder)
    }

    /// Resolves what the project depends on.
    ///
    /// # Errors
    /// When Gradle cannot be run. A build that fails is no error here.
    pub async fn fetch(&self, project: &Path) -> Result<Outcome> {
        self.run(project, "fetch").await
    }

    /// Publishes the library.
    ///
    /// # Errors
    /// When Gradle cannot be run. A build that fails is no error here.
    pub async fn publish(&self, project: &Path) -> Result<Outcome> {
        self.run(project, "publish").await
    }

    async fn run(&self, project: &Path, task: &str) -> Result<Outcome> {
        let mut command = self.place.command(PROGRAM, project);
        command
            .env("GRADLE_OPTS", format!("{} -Dorg.gradle.daemon=false", self.place.java_options()))
            .args(["--no-daemon", "--console", "plain", "--stacktrace", "-g"])
            .arg(self.place.path("home/gradle"))
            .arg(task);
        self.place.run(command).await
    }
}
