//! Debian's Ivy: it asks for a challenge before every request, and looks before it writes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use url::Url;

use crate::outcome::Outcome;
use crate::workplace::Workplace;

/// Ivy, and what it needs to speak HTTP as it does with its own distribution.
const JARS: [&str; 6] = ["ivy", "commons-cli", "httpclient", "httpcore", "commons-logging", "commons-codec"];

/// The realm under which credentials are looked up: a fixed part of the registry's contract.
pub const REALM: &str = "Granary";

/// An Ivy with a cache of its own.
#[derive(Debug)]
pub struct Ivy {
    place: Workplace,
}

impl Ivy {
    /// An Ivy for the Maven repository at `url`, with an empty cache.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self> {
        for jar in JARS.map(jar) {
            ensure!(jar.exists(), "{} is missing: run scripts/clients", jar.display());
        }
        let place = Workplace::new()?;
        let host = Url::parse(url)?.host_str().context("an address without a host")?.to_owned();
        let credentials = token.map_or_else(String::new, |token| {
            format!("<credentials host=\"{host}\" realm=\"{REALM}\" username=\"token\" passwd=\"{token}\"/>")
        });
        let settings = format!(
            "<ivysettings>\n{credentials}\n<settings defaultResolver=\"granary\"/>\n\
             <caches defaultCacheDir=\"{}\"/>\n\
             <resolvers><ibiblio name=\"granary\" m2compatible=\"true\" root=\"{url}\"/></resolvers>\n\
             </ivysettings>\n",
            place.path("cache").display()
        );
        fs::write(place.path("ivysettings.xml"), settings)?;
        Ok(Self { place })
    }

    /// Where its projects are.
    pub fn place(&self) -> &Workplace {
        &self.place
    }

    /// A module `com.example:name` with a jar and a POM of these bytes, ready to be published.
    ///
    /// # Errors
    /// When there is one of that name.
    pub fn module(&self, name: &str, jar: &[u8], pom: &[u8]) -> Result<PathBuf> {
        let folder = self.place.project(name)?;
        fs::write(
            folder.join("ivy.xml"),
            format!(
                "<ivy-module version=\"2.0\">\n<info organisation=\"com.example\" module=\"{name}\"/>\n\
                 <publications>\n<artifact name=\"{name}\" type=\"jar\" ext=\"jar\"/>\n\
                 <artifact name=\"{name}\" type=\"pom\" ext=\"pom\"/>\n</publications>\n</ivy-module>\n"
            ),
        )?;
        fs::write(folder.join(format!("{name}.jar")), jar)?;
        fs::write(folder.join(format!("{name}.pom")), pom)?;
        Ok(folder)
    }

    /// Publishes a module in `version`, with more flags if need be.
    ///
    /// # Errors
    /// When Ivy cannot be run.
    pub async fn publish(&self, module: &Path, version: &str, more: &[&str]) -> Result<Outcome> {
        let arguments = ["-ivy", "ivy.xml", "-publish", "granary", "-publishpattern", "[artifact].[ext]"];
        let delivered =
            ["-deliverto", "delivered-[revision].xml", "-revision", version, "-status", "release"];
        self.run(module, &[arguments.as_slice(), &delivered, more].concat()).await
    }

    /// Resolves `com.example:name` and copies it to the folder `retrieved`.
    ///
    /// # Errors
    /// When Ivy cannot be run.
    pub async fn retrieve(&self, folder: &Path, name: &str, version: &str) -> Result<Outcome> {
        let arguments = ["-dependency", "com.example", name, version, "-confs", "default"];
        let retrieve = ["-retrieve", "retrieved/[artifact]-[revision].[ext]"];
        self.run(folder, &[arguments.as_slice(), &retrieve].concat()).await
    }

    async fn run(&self, folder: &Path, arguments: &[&str]) -> Result<Outcome> {
        let path = JARS.map(|name| jar(name).display().to_string()).join(":");
        let mut command = self.place.command("/usr/bin/java", folder);
        command
            .args(self.place.java_options().split(' '))
            .args(["-cp", &path, "org.apache.ivy.Main", "-settings"])
            .arg(self.place.path("ivysettings.xml"))
            .args(arguments);
        self.place.run(command).await
    }
}

fn jar(name: &str) -> PathBuf {
    PathBuf::from(format!("/usr/share/java/{name}.jar"))
}
