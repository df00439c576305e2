//! Libraries for Composer to install.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::package::noise;
use crate::swift::project::{write, zip};

/// A library that says which version it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Name, `vendor/name`.
    pub name: String,
    /// Version.
    pub version: String,
    /// What it requires, each with its constraint.
    pub require: Vec<(String, String)>,
    /// Bytes of `payload.bin`; not compressible.
    pub size: usize,
}

impl Library {
    /// A library that requires nothing, with a payload of 3,000 bytes.
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.into(), version: version.into(), require: Vec::new(), size: 3_000 }
    }

    /// The same with a dependency.
    #[must_use]
    pub fn requiring(mut self, name: &str, constraint: &str) -> Self {
        self.require.push((name.into(), constraint.into()));
        self
    }

    /// The same with a payload of `size` bytes.
    #[must_use]
    pub fn sized(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// Its class, which PHP finds by its namespace: `Acme\Hello\Release` of `acme/hello`.
    pub fn class(&self) -> String {
        format!("{}Release", self.namespace())
    }

    fn namespace(&self) -> String {
        let capital = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).collect::<String>();
        let part = |word: &str| format!("{}{}\\", capital(word), word.get(1..).unwrap_or_default());
        self.name.split('/').map(part).collect()
    }

    pub(crate) fn seed(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// Its `composer.json`, which names no version: that is what it is published as.
    pub fn manifest(&self) -> Value {
        let require: Map<String, Value> = self
            .require
            .iter()
            .map(|(name, constraint)| (name.clone(), constraint.as_str().into()))
            .collect();
        let namespace = self.namespace();
        json!({
            "name": self.name,
            "description": format!("{} for the black-box suites", self.name),
            "type": "library",
            "license": "proprietary",
            "require": require,
            "autoload": {"psr-4": {namespace: "src/"}},
        })
    }

    /// Its archive, with everything in one folder, as hosts of sources make them.
    ///
    /// # Errors
    /// When Info-ZIP is missing or fails.
    pub async fn archive(&self) -> Result<Vec<u8>> {
        let place = TempDir::new()?;
        let folder = place.path().join("library");
        let namespace = self.namespace();
        let source = format!(
            "<?php\nnamespace {};\nfinal class Release\n{{\n    public const VERSION = '{}';\n}}\n",
            namespace.trim_end_matches('\\'),
            self.version
        );
        let manifest = serde_json::to_string_pretty(&self.manifest())?;
        write(&folder, &[("composer.json".into(), manifest), ("src/Release.php".into(), source)])?;
        std::fs::write(folder.join("payload.bin"), noise(&self.seed(), self.size))?;
        zip(place.path(), "library").await.with_context(|| self.seed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_class_after_the_package() {
        assert_eq!(Library::new("acme/hello", "1.0.0").class(), "Acme\\Hello\\Release");
    }
}
