//! Packages made for the tests, as folders for the clients and as publish documents for plain HTTP.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// A package with content that depends on name, version and `salt` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Name, with scope if it has one.
    pub name: String,
    /// Version.
    pub version: String,
    /// Bytes of `payload.bin`; not compressible.
    pub payload: Vec<u8>,
    /// Names and ranges of what it depends on.
    pub dependencies: Vec<(String, String)>,
}

impl Package {
    /// A package with a payload of 3,000 bytes.
    pub fn new(name: &str, version: &str) -> Self {
        Self::salted(name, version, "")
    }

    /// Another package of the same name and version when `salt` differs.
    pub fn salted(name: &str, version: &str, salt: &str) -> Self {
        Self::sized(name, version, salt, 3_000)
    }

    /// A package with a payload of `size` bytes.
    pub fn sized(name: &str, version: &str, salt: &str, size: usize) -> Self {
        let payload = noise(&format!("{name}@{version} {salt}"), size);
        Self { name: name.into(), version: version.into(), payload, dependencies: Vec::new() }
    }

    /// The same package, depending on these, each with its range.
    #[must_use]
    pub fn needing(mut self, dependencies: &[(&str, &str)]) -> Self {
        let owned = |(name, range): &(&str, &str)| ((*name).to_owned(), (*range).to_owned());
        self.dependencies = dependencies.iter().map(owned).collect();
        self
    }

    /// The same package in another version.
    #[must_use]
    pub fn bumped(&self, version: &str) -> Self {
        Self::new(&self.name, version)
    }

    /// The name without its scope.
    pub fn base(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Its `package.json`.
    pub fn manifest(&self) -> Value {
        let mut manifest = json!({
            "name": self.name,
            "version": self.version,
            "description": format!("{} for the black-box suites", self.base()),
            "keywords": ["granary"],
            "license": "MIT",
            "main": "index.js",
        });
        for (name, range) in &self.dependencies {
            manifest["dependencies"][name] = range.as_str().into();
        }
        manifest
    }

    fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(vec![
            ("package.json", serde_json::to_vec_pretty(&self.manifest())?),
            ("index.js", format!("module.exports = '{}@{}';\n", self.name, self.version).into_bytes()),
            ("README.md", format!("# {}\n", self.name).into_bytes()),
            ("payload.bin", self.payload.clone()),
        ])
    }

    /// Writes its files into `folder`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write_to(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for (name, content) in self.files()? {
            fs::write(folder.join(name), content)?;
        }
        Ok(())
    }

    /// Checks that `project` has it installed, byte for byte.
    ///
    /// # Errors
    /// When it is absent, has another version or other bytes.
    pub fn check_installed(&self, project: &Path) -> Result<()> {
        let folder = project.join("node_modules").join(&self.name);
        let manifest = fs::read(folder.join("package.json"))
            .with_context(|| format!("{} is not installed in {}", self.name, project.display()))?;
        let manifest: Value = serde_json::from_slice(&manifest)?;
        anyhow::ensure!(
            manifest["version"] == self.version.as_str(),
            "{} {} was expected, {} is installed",
            self.name,
            self.version,
            manifest["version"]
        );
        let payload = fs::read(folder.join("payload.bin"))?;
        anyhow::ensure!(payload == self.payload, "the installed bytes of {} differ", self.name);
        Ok(())
    }

    /// Its tarball.
    ///
    /// # Errors
    /// When a name does not fit into a tar header.
    pub fn tarball(&self) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, content) in self.files()? {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, format!("package/{name}"), content.as_slice())?;
        }
        let mut encoder = archive.into_inner()?;
        encoder.flush()?;
        Ok(encoder.finish()?)
    }

    /// The body that a client sends to publish it under `tags`.
    ///
    /// # Errors
    /// When the tarball cannot be made.
    pub fn publish_document(&self, tags: &[&str]) -> Result<Value> {
        let tarball = self.tarball()?;
        let mut manifest = self.manifest();
        if let Some(manifest) = manifest.as_object_mut() {
            manifest.insert("_id".into(), format!("{}@{}", self.name, self.version).into());
            let dist = json!({
                "integrity": integrity(&tarball),
                "shasum": hex::encode(Sha1::digest(&tarball)),
                // Yarn 1 names a host of its own here, whatever registry it publishes to: not to be believed.
                "tarball": format!("http://elsewhere.test/{0}/-/{0}-{1}.tgz", self.name, self.version),
            });
            manifest.insert("dist".into(), dist);
        }
        let tags: serde_json::Map<String, Value> =
            tags.iter().map(|tag| ((*tag).to_owned(), Value::from(self.version.as_str()))).collect();
        Ok(json!({
            "_id": self.name,
            "name": self.name,
            "dist-tags": tags,
            "versions": { &self.version: manifest },
            "access": null,
            "_attachments": {
                format!("{}-{}.tgz", self.name, self.version): {
                    "content_type": "application/octet-stream",
                    "data": STANDARD.encode(&tarball),
                    "length": tarball.len(),
                }
            }
        }))
    }
}

/// The integrity text of `bytes`.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes)))
}

/// `size` bytes that no compression makes smaller, always the same for one seed.
pub fn noise(seed: &str, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 32);
    let mut block = Sha256::digest(seed);
    while bytes.len() < size {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    bytes.truncate(size);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_depends_on_name_version_and_salt_only() {
        let package = Package::new("@acme/a", "1.0.0");
        assert_eq!(package.tarball().unwrap(), Package::new("@acme/a", "1.0.0").tarball().unwrap());
        assert_ne!(package.payload, Package::new("@acme/a", "1.0.1").payload);
        assert_ne!(package.payload, Package::salted("@acme/a", "1.0.0", "x").payload);
        assert_eq!(package.base(), "a");
    }
}
