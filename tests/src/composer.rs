//! Debian's Composer, run with a home, a cache and a login of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use url::Url;

use crate::outcome::Outcome;
use crate::package::noise;
use crate::workplace::Workplace;

pub mod library;

use library::Library;

/// Debian's program.
const PROGRAM: &str = "/usr/bin/composer";

/// What runs the programs of its projects.
const PHP: &str = "/usr/bin/php";

/// Who it says it is: user and password.
pub type Login<'a> = (&'a str, &'a str);

/// A Composer whose projects know one repository and nothing else.
#[derive(Debug)]
pub struct Composer {
    url: String,
    place: Workplace,
}

impl Composer {
    /// A Composer for the repository at `url`, with an empty cache, and logged in if there is a login.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn new(url: &str, login: Option<Login<'_>>) -> Result<Self> {
        ensure!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing: run scripts/clients");
        let composer = Self { url: url.into(), place: Workplace::new()? };
        fs::create_dir(composer.home())?;
        // A server on this machine has no TLS.
        fs::write(
            composer.home().join("config.json"),
            json!({"config": {"secure-http": false}}).to_string(),
        )?;
        if let Some(login) = login {
            composer.log_in(login)?;
        }
        Ok(composer)
    }

    /// Its own folder, where its login is.
    pub fn home(&self) -> PathBuf {
        self.place.path("composer")
    }

    fn cache(&self) -> PathBuf {
        self.place.path("cache")
    }

    /// Writes `auth.json`, as customers are told to. Composer keeps one login for a host and its port, not for a
    /// repository.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn log_in(&self, (user, password): Login<'_>) -> Result<()> {
        self.authenticate("http-basic", &json!({"username": user, "password": password}))
    }

    /// The same with a token.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn bear(&self, token: &str) -> Result<()> {
        self.authenticate("bearer", &token.into())
    }

    fn authenticate(&self, kind: &str, secret: &Value) -> Result<()> {
        let url = Url::parse(&self.url)?;
        let auth = json!({kind: {url.authority(): secret}});
        fs::write(self.home().join("auth.json"), auth.to_string())?;
        Ok(())
    }

    /// A project that requires these packages, each with its constraint.
    ///
    /// # Errors
    /// When there is a project of that name.
    pub fn project(&self, name: &str, require: &[(&str, &str)]) -> Result<PathBuf> {
        self.unstable_project(name, "stable", require)
    }

    /// The same with versions down to this stability.
    ///
    /// # Errors
    /// When there is a project of that name.
    pub fn unstable_project(&self, name: &str, stability: &str, require: &[(&str, &str)]) -> Result<PathBuf> {
        let folder = self.place.project(name)?;
        let require: Map<String, Value> =
            require.iter().map(|(name, constraint)| ((*name).to_owned(), Value::from(*constraint))).collect();
        let manifest = json!({
            "name": format!("customer/{name}"),
            "repositories": [{"type": "composer", "url": self.url}, {"packagist.org": false}],
            "minimum-stability": stability,
            "require": require,
        });
        fs::write(folder.join("composer.json"), serde_json::to_vec_pretty(&manifest)?)?;
        Ok(folder)
    }

    /// Runs Composer in `project`.
    ///
    /// # Errors
    /// When it cannot be started or does not end. A command that fails is no error here.
    pub async fn run(&self, project: &Path, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.place.command(PROGRAM, project);
        command
            .env("COMPOSER_HOME", self.home())
            .env("COMPOSER_CACHE_DIR", self.cache())
            .env("COMPOSER_ALLOW_SUPERUSER", "1")
            // It breaks its messages where a line of a terminal ends, in the middle of a word.
            .env("COLUMNS", "1000")
            // Otherwise it asks git, and every folder above the project.
            .env("COMPOSER_ROOT_VERSION", "1.0.0")
            .args(["--no-interaction", "--no-ansi"])
            .args(arguments);
        self.place.run(command).await
    }

    /// Adds a package to the project, such as `acme/hello` or `acme/hello:^1.0`.
    ///
    /// # Errors
    /// When Composer cannot be run.
    pub async fn require(&self, project: &Path, package: &str) -> Result<Outcome> {
        self.run(project, &["require", package]).await
    }

    /// Looks for the newest versions, installs them and writes the lock file.
    ///
    /// # Errors
    /// When Composer cannot be run.
    pub async fn update(&self, project: &Path) -> Result<Outcome> {
        self.run(project, &["update"]).await
    }

    /// Installs what the lock file says, or what is the newest if there is none.
    ///
    /// # Errors
    /// When Composer cannot be run.
    pub async fn install(&self, project: &Path) -> Result<Outcome> {
        self.run(project, &["install"]).await
    }

    /// The versions of a package that can be had, in the order in which Composer shows them.
    ///
    /// # Errors
    /// When it knows no such package.
    pub async fn available(&self, project: &Path, package: &str) -> Result<Vec<String>> {
        let shown = self.run(project, &["show", "--available", "--all", "--format=json", package]).await?;
        let shown = shown.success()?.json()?;
        let versions = shown["versions"].as_array().with_context(|| format!("no versions: {shown}"))?;
        Ok(versions.iter().filter_map(Value::as_str).map(Into::into).collect())
    }

    /// Empties the cache, and removes what is installed in `project`.
    ///
    /// # Errors
    /// When a folder cannot be removed.
    pub fn forget(&self, project: &Path) -> Result<()> {
        for folder in [self.cache(), project.join("vendor")] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    /// Checks that `library` is installed in `project`: PHP finds it, in its version, and its bytes are right.
    ///
    /// # Errors
    /// When it is not.
    pub async fn check_installed(&self, project: &Path, library: &Library) -> Result<()> {
        let class = library.class();
        let script = format!("require 'vendor/autoload.php'; echo \\{class}::VERSION;");
        let mut command = self.place.command(PHP, project);
        command.args(["-r", &script]);
        let printed = self.place.run(command).await?.success()?;
        ensure!(printed.stdout == library.version, "{} was expected: {printed}", library.version);
        let payload = fs::read(project.join("vendor").join(&library.name).join("payload.bin"))?;
        ensure!(payload == noise(&library.seed(), library.size), "{} has other bytes", library.name);
        Ok(())
    }
}

/// The project's lock file.
///
/// # Errors
/// When there is none.
pub fn lock(project: &Path) -> Result<Value> {
    let file = project.join("composer.lock");
    let text = fs::read(&file).with_context(|| format!("there is no {}", file.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

/// What the project's lock file names, as `name version`, in its order.
///
/// # Errors
/// When there is none.
pub fn locked(project: &Path) -> Result<Vec<String>> {
    let lock = lock(project)?;
    let packages = lock["packages"].as_array().context("no packages in the lock file")?;
    let shown = packages.iter().map(|package| {
        let (name, version) = (package["name"].as_str(), package["version"].as_str());
        Ok(format!("{} {}", name.context("no name")?, version.context("no version")?))
    });
    shown.collect()
}
