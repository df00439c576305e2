//! SwiftPM, run with a home and a configuration of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::outcome::Outcome;
use crate::settings;
use crate::standstill;
use crate::workplace::Workplace;

pub mod client;
pub mod project;
pub mod registry;

/// Version of SwiftPM and of its compiler.
pub const VERSION: &str = "6.0.3";

/// What Foundation says of a request whose time is up.
const TIMED_OUT: &str = "NSURLErrorDomain Code=-1001";

/// SwiftPM for the registry at one address.
#[derive(Debug)]
pub struct Swift {
    url: String,
    certificates: PathBuf,
    place: Workplace,
}

impl Swift {
    /// SwiftPM with an empty home, for the registry at `url`, which trusts the authority whose certificate is
    /// in the file `certificates`.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn new(url: &str, certificates: &Path) -> Result<Self> {
        let program = tools().join("usr/libexec/swift/bin/swift-package");
        ensure!(program.exists(), "{} is missing: run scripts/clients", program.display());
        Ok(Self { url: url.into(), certificates: certificates.to_owned(), place: Workplace::new()? })
    }

    /// SwiftPM that uses the registry for every package and is logged in with `token`, as users are told to do
    /// it.
    ///
    /// # Errors
    /// When one of the two commands fails.
    pub async fn logged_in(url: &str, certificates: &Path, token: &str) -> Result<Self> {
        let swift = Self::new(url, certificates)?;
        swift.set().await?.success()?;
        swift.login(token).await?.success()?;
        Ok(swift)
    }

    /// Where its projects are. Nothing outside is visible to it.
    pub fn place(&self) -> &Workplace {
        &self.place
    }

    /// Its home folder.
    pub fn home(&self) -> PathBuf {
        self.place.path("home")
    }

    /// Runs a command in `project`.
    ///
    /// Its requests have 60 seconds, and nothing can be set to give them more. Where that was not the registry's fault, the
    /// command is run once more: the machine stood still, or the registry is behind an emulated gateway, which now and
    /// then stands still itself. One that really hangs does so again.
    ///
    /// # Errors
    /// When it cannot be started or does not end. A command that fails is no error here.
    pub async fn run(&self, project: &Path, arguments: &[&str]) -> Result<Outcome> {
        standstill::watch();
        let began = Instant::now();
        let first = self.run_once(project, arguments).await?;
        if first.code == Some(0) || !first.text().contains(TIMED_OUT) {
            return Ok(first);
        }
        if settings::attachment()?.is_none() && !standstill::since(began) {
            return Ok(first);
        }
        eprintln!("once more, because its time was up:\n{first}");
        let again = self.run_once(project, arguments).await?;
        // What the first attempt has sent may have arrived all the same.
        let published = arguments.contains(&"publish") && again.text().contains("server error 409: ");
        Ok(if published { Outcome { code: Some(0), ..again } } else { again })
    }

    async fn run_once(&self, project: &Path, arguments: &[&str]) -> Result<Outcome> {
        let enter = settings::workspace().join("tests/swift/enter");
        let mut command = self.place.command(enter, project);
        command
            .env("PATH", "/usr/libexec/swift/bin:/usr/bin:/bin")
            .arg(tools())
            .arg(self.place.path(""))
            .arg(&self.certificates)
            .args(arguments);
        self.place.run(command).await
    }

    /// Uses the registry for every package of this user.
    ///
    /// # Errors
    /// When SwiftPM cannot be run.
    pub async fn set(&self) -> Result<Outcome> {
        let home = self.home();
        self.run(&home, &["swift", "package-registry", "set", "--global", &self.url]).await
    }

    /// Logs in with a token.
    ///
    /// # Errors
    /// When SwiftPM cannot be run.
    pub async fn login(&self, token: &str) -> Result<Outcome> {
        let home = self.home();
        let arguments = ["swift", "package-registry", "login", &self.url, "--token", token, "--no-confirm"];
        self.run(&home, &arguments).await
    }

    /// Logs in with a user name and a password.
    ///
    /// # Errors
    /// When SwiftPM cannot be run.
    pub async fn login_as(&self, user: &str, password: &str) -> Result<Outcome> {
        let home = self.home();
        let login = ["swift", "package-registry", "login", &self.url, "--no-confirm"];
        self.run(&home, &[&login[..], &["--username", user, "--password", password]].concat()).await
    }

    /// Publishes the package in `project`. `more` are further options.
    ///
    /// # Errors
    /// When SwiftPM cannot be run.
    pub async fn publish(&self, project: &Path, id: &str, version: &str, more: &[&str]) -> Result<Outcome> {
        let publish = ["swift", "package-registry", "publish", id, version, "--url", &self.url];
        self.run(project, &[&publish[..], more].concat()).await
    }

    /// Resolves and downloads what the project depends on.
    ///
    /// # Errors
    /// When SwiftPM cannot be run.
    pub async fn resolve(&self, project: &Path) -> Result<Outcome> {
        self.run(project, &["swift", "package", "resolve"]).await
    }

    /// Builds the project.
    ///
    /// # Errors
    /// When SwiftPM cannot be run.
    pub async fn build(&self, project: &Path) -> Result<Outcome> {
        self.run(project, &["swift", "build"]).await
    }

    /// Forgets what it has downloaded, also for other projects, and what it remembers of it.
    ///
    /// # Errors
    /// When a folder cannot be removed.
    pub fn forget(&self, project: &Path) -> Result<()> {
        let home = self.home();
        for folder in
            [project.join(".build"), home.join(".cache/org.swift.swiftpm"), home.join(".swiftpm/security")]
        {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    /// The user's `registries.json`.
    ///
    /// # Errors
    /// When there is none.
    pub fn configuration(&self) -> Result<Value> {
        let file = self.configuration_file();
        let text = fs::read(&file).with_context(|| format!("there is no {}", file.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Changes the user's `registries.json`.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn configure(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut configuration = self.configuration()?;
        change(&mut configuration);
        fs::write(self.configuration_file(), configuration.to_string())?;
        Ok(())
    }

    fn configuration_file(&self) -> PathBuf {
        self.home().join(".swiftpm/configuration/registries.json")
    }
}

/// The folder of its tools, as `scripts/clients` makes it.
fn tools() -> PathBuf {
    settings::workspace().join(".cache/clients").join(format!("swift@{VERSION}"))
}

/// The versions that a project's `Package.resolved` names, as `identity version`, in its order.
///
/// # Errors
/// When there is no such file, or it names something that is not of a registry.
pub fn resolved(project: &Path) -> Result<Vec<String>> {
    let file = project.join("Package.resolved");
    let text = fs::read(&file).with_context(|| format!("there is no {}", file.display()))?;
    let resolved: Value = serde_json::from_slice(&text)?;
    let pins = resolved["pins"].as_array().context("no pins")?;
    pins.iter()
        .map(|pin| {
            ensure!(pin["kind"] == "registry", "not from a registry: {pin}");
            let (id, version) = (pin["identity"].as_str(), pin["state"]["version"].as_str());
            Ok(format!("{} {}", id.context("no identity")?, version.context("no version")?))
        })
        .collect()
}
