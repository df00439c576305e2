//! Maven in several versions, each run with a home, settings and a local repository of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::outcome::Outcome;
use crate::settings;
use crate::workplace::Workplace;

pub mod project;
pub mod repository;

/// One version of Maven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Major version.
    pub major: u32,
    /// Version of a distribution that `scripts/clients` unpacks; `None` for Debian's own Maven.
    distribution: Option<&'static str>,
}

/// Maven 3.8, of Debian: transport by Wagon.
pub const MAVEN_3_8: Version = Version { major: 3, distribution: None };
/// Maven 3.9: transport by the resolver itself, parallel uploads.
pub const MAVEN_3_9: Version = Version { major: 3, distribution: Some("3.9.16") };
/// Maven 4: transport by the Java platform's own client, consumer POMs, strict checksums.
pub const MAVEN_4: Version = Version { major: 4, distribution: Some("4.0.0-rc-5") };

impl Version {
    /// Whether it shows the words of an answer with an error, and not only its number. Maven 4 does with the
    /// other transport only.
    pub fn shows_our_words(self) -> bool {
        self.major == 3 && self.distribution.is_some()
    }

    /// The program.
    ///
    /// # Errors
    /// When it is not installed.
    fn program(self) -> Result<PathBuf> {
        let program = match self.distribution {
            None => PathBuf::from("/usr/bin/mvn"),
            Some(version) => clients().join(format!("maven@{version}/bin/mvn")),
        };
        ensure!(program.exists(), "{} is missing: run scripts/clients", program.display());
        Ok(program)
    }
}

/// A Maven whose settings name one server, `granary`, with a token if there is one.
#[derive(Debug)]
pub struct Maven {
    /// Its version.
    pub version: Version,
    url: String,
    place: Workplace,
}

impl Maven {
    /// A Maven for the repository at `url`, with an empty local repository.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn new(version: Version, url: &str, token: Option<&str>) -> Result<Self> {
        let mirror = ("plugins", "*,!granary", format!("file://{}", plugins()?.display()));
        Self::mirrored(version, url, token, &mirror)
    }

    /// A Maven that has everything from the repository at `url`, its own plugins too, with an empty local repository.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn with_mirror(version: Version, url: &str, token: Option<&str>) -> Result<Self> {
        Self::mirrored(version, url, token, &("granary", "*", url.to_owned()))
    }

    fn mirrored(
        version: Version,
        url: &str,
        token: Option<&str>,
        mirror: &(&str, &str, String),
    ) -> Result<Self> {
        version.program()?;
        let place = Workplace::new()?;
        fs::write(place.path("settings.xml"), settings_xml(mirror, token))?;
        Ok(Self { version, url: url.into(), place })
    }

    /// Where its projects are.
    pub fn place(&self) -> &Workplace {
        &self.place
    }

    /// Address of the repository its projects deploy to and resolve from.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A file of its local repository.
    pub fn local(&self, path: &str) -> PathBuf {
        self.place.path("repository").join(path)
    }

    /// Empties the local repository.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget(&self) -> Result<()> {
        let repository = self.place.path("repository");
        if repository.exists() {
            fs::remove_dir_all(repository)?;
        }
        Ok(())
    }

    /// Runs Maven in `project`.
    ///
    /// # Errors
    /// When it cannot be started or does not end. A build that fails is no error here.
    pub async fn run(&self, project: &Path, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.place.command(self.version.program()?, project);
        command
            .env("MAVEN_OPTS", self.place.java_options())
            .args(["-B", "-ntp", "-s"])
            .arg(self.place.path("settings.xml"))
            .arg(format!("-Dmaven.repo.local={}", self.place.path("repository").display()))
            .args(arguments);
        self.place.run(command).await
    }

    /// Deploys the project.
    ///
    /// # Errors
    /// When Maven cannot be run.
    pub async fn deploy(&self, project: &Path) -> Result<Outcome> {
        self.run(project, &["deploy"]).await
    }

    /// Deploys one file, without a build. `more` are further definitions, such as `pomFile=...`.
    ///
    /// # Errors
    /// When Maven cannot be run.
    pub async fn deploy_file(
        &self,
        project: &Path,
        file: &Path,
        coordinates: &str,
        more: &[String],
    ) -> Result<Outcome> {
        let mut arguments = vec![
            goal("deploy", "deploy-file"),
            format!("-Dfile={}", file.display()),
            format!("-Durl={}", self.url),
            "-DrepositoryId=granary".into(),
        ];
        let names = ["groupId", "artifactId", "version", "packaging"];
        arguments.extend(coordinates.split(':').zip(names).map(|(value, name)| format!("-D{name}={value}")));
        arguments.extend(more.iter().map(|definition| format!("-D{definition}")));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.run(project, &arguments).await
    }

    /// Resolves what the project depends on and copies it to `target/dependency`. With `fresh` it looks for
    /// newer snapshots, whatever it looked for today.
    ///
    /// # Errors
    /// When Maven cannot be run.
    pub async fn resolve(&self, project: &Path, fresh: bool) -> Result<Outcome> {
        let goal = goal("dependency", "copy-dependencies");
        let flags: &[&str] = if fresh { &["-U"] } else { &[] };
        self.run(project, &[flags, &[goal.as_str()]].concat()).await
    }
}

/// A goal of one of Maven's own plugins, in the version that the project pins.
fn goal(plugin: &str, goal: &str) -> String {
    format!("org.apache.maven.plugins:maven-{plugin}-plugin:{goal}")
}

/// Settings as the registry's users are told to write them, with a mirror: its id, what it is a mirror of, and its address.
fn settings_xml((id, of, url): &(&str, &str, String), token: Option<&str>) -> String {
    let server = token.map_or_else(String::new, |token| {
        format!("<server><id>granary</id><username>token</username><password>{token}</password></server>")
    });
    format!(
        "<settings>\n\
         <pluginGroups><pluginGroup>com.example</pluginGroup></pluginGroups>\n\
         <servers>{server}</servers>\n\
         <mirrors><mirror><id>{id}</id><mirrorOf>{of}</mirrorOf><url>{url}</url></mirror></mirrors>\n\
         </settings>\n"
    )
}

/// A folder, as a repository, with the plugins of Maven and all they need.
///
/// # Errors
/// When `scripts/clients` has not filled it.
pub fn plugins() -> Result<PathBuf> {
    let plugins = clients().join("maven-plugins");
    ensure!(plugins.exists(), "{} is missing: run scripts/clients", plugins.display());
    Ok(plugins)
}

fn clients() -> PathBuf {
    settings::workspace().join(".cache/clients")
}
