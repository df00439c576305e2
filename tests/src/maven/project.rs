//! Projects for Maven, made from the templates in `tests/maven`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Maven;
use crate::settings;

/// What a project is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// Two modules under one parent, `com.example:demo-core` and `demo-app`, with sources and documentation.
    Library,
    /// A Maven plugin, `com.example:greet-maven-plugin`.
    Plugin,
    /// A project that only depends on others.
    Consumer,
}

impl Maven {
    /// The library in `version`.
    ///
    /// # Errors
    /// When there is a project of that name.
    pub fn library(&self, name: &str, version: &str) -> Result<PathBuf> {
        self.project(Template::Library, name, version, &[])
    }

    /// The plugin in `version`.
    ///
    /// # Errors
    /// When there is a project of that name.
    pub fn plugin(&self, name: &str, version: &str) -> Result<PathBuf> {
        self.project(Template::Plugin, name, version, &[])
    }

    /// A project that depends on `coordinates`: group, artifact, version and then, if need be, type and
    /// classifier, with colons between.
    ///
    /// # Errors
    /// When there is a project of that name.
    pub fn consumer(&self, name: &str, coordinates: &[&str]) -> Result<PathBuf> {
        self.project(Template::Consumer, name, "1", coordinates)
    }

    /// The text of a POM with the versions of Maven's own plugins in the place of `@PLUGINS@`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn filled(&self, pom: &str) -> Result<String> {
        Ok(pom.replace("@PLUGINS@", &fs::read_to_string(templates().join("plugins.xml"))?))
    }

    fn project(
        &self,
        template: Template,
        name: &str,
        version: &str,
        coordinates: &[&str],
    ) -> Result<PathBuf> {
        let from = templates().join(match template {
            Template::Library => "library",
            Template::Plugin => "plugin",
            Template::Consumer => "consumer",
        });
        let folder = self.place().project(name)?;
        let plugins = fs::read_to_string(templates().join("plugins.xml"))?;
        let dependencies: String = coordinates.iter().map(|coordinates| dependency(coordinates)).collect();
        let fill = |text: &str| {
            text.replace("@PLUGINS@", &plugins)
                .replace("@DEPENDENCIES@", &dependencies)
                .replace("@VERSION@", version)
                .replace("@URL@", self.url())
        };
        copy(&from, &folder, &fill).with_context(|| format!("copying {}", from.display()))?;
        Ok(folder)
    }
}

/// The POM of `com.example:artifact`, a jar without dependencies.
pub fn pom(artifact: &str, version: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>com.example</groupId>\n  \
         <artifactId>{artifact}</artifactId>\n  <version>{version}</version>\n</project>\n"
    )
}

/// A dependency as a POM has it.
fn dependency(coordinates: &str) -> String {
    let names = ["groupId", "artifactId", "version", "type", "classifier"];
    let element = |(value, name): (&str, &str)| format!("<{name}>{value}</{name}>");
    let elements = coordinates.split(':').zip(names).map(element).collect::<Vec<_>>().concat();
    format!("    <dependency>{elements}</dependency>\n")
}

fn templates() -> PathBuf {
    settings::workspace().join("tests/maven")
}

fn copy(from: &Path, to: &Path, fill: &impl Fn(&str) -> String) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target, fill)?;
        } else {
            fs::write(&target, fill(&fs::read_to_string(entry.path())?))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dependencies() {
        assert_eq!(
            dependency("a.b:c:[1,2):jar:sources").trim(),
            "<dependency><groupId>a.b</groupId><artifactId>c</artifactId><version>[1,2)</version>\
             <type>jar</type><classifier>sources</classifier></dependency>"
        );
    }
}
