//! npm packages for tests.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::Digest as _;

/// A version of a package, ready to be published.
#[derive(Debug, Clone)]
pub struct NpmPackage {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// `package.json` in the tarball.
    pub manifest: Value,
    /// Other files in the tarball.
    pub files: Vec<(String, Vec<u8>)>,
    /// Dist-tag to publish under.
    pub tag: String,
}

impl NpmPackage {
    /// A package with a small `index.js`.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            manifest: json!({ "name": name, "version": version, "description": format!("Test of {name}"), "main": "index.js" }),
            files: vec![
                ("index.js".into(), format!("module.exports = '{name}@{version}';\n").into_bytes()),
                ("README.md".into(), format!("# {name}\n").into_bytes()),
            ],
            tag: "latest".into(),
        }
    }

    /// With another tag.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tag = tag.into();
        self
    }

    /// With one more member of `package.json`.
    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.manifest[name] = value;
        self
    }

    /// With one more file.
    #[must_use]
    pub fn file(mut self, name: &str, content: &[u8]) -> Self {
        self.files.push((name.into(), content.to_vec()));
        self
    }

    /// The tarball. The same package gives the same bytes.
    pub fn tarball(&self) -> Vec<u8> {
        let mut entries =
            vec![("package.json".to_owned(), serde_json::to_vec_pretty(&self.manifest).unwrap())];
        entries.extend(self.files.iter().cloned());
        tarball(&entries)
    }

    /// The publish body as npm sends it.
    pub fn body(&self) -> Value {
        self.body_with(&self.tarball())
    }

    /// The publish body with another tarball.
    pub fn body_with(&self, tarball: &[u8]) -> Value {
        let mut manifest = self.manifest.clone();
        manifest["_id"] = format!("{}@{}", self.name, self.version).into();
        manifest["dist"] = json!({
            "integrity": format!("sha512-{}", STANDARD.encode(sha2::Sha512::digest(tarball))),
            "shasum": hex::encode(sha1::Sha1::digest(tarball)),
            "tarball": format!("http://localhost/{0}/-/{0}-{1}.tgz", self.name, self.version),
        });
        json!({
            "_id": self.name,
            "name": self.name,
            "dist-tags": { (self.tag.clone()): self.version },
            "versions": { (self.version.clone()): manifest },
            "access": null,
            "_attachments": { (format!("{}-{}.tgz", self.name, self.version)): {
                "content_type": "application/octet-stream",
                "data": STANDARD.encode(tarball),
                "length": tarball.len(),
            }},
        })
    }

    /// The path of the package in a repository.
    pub fn path(&self, repo: &str) -> String {
        format!("/api/npm/{repo}/{}", self.name.replace('/', "%2f"))
    }
}

/// A gzip'd tarball of these files below `package/`.
pub fn tarball(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(499_162_500);
        builder.append_data(&mut header, format!("package/{name}"), content.as_slice()).unwrap();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&builder.into_inner().unwrap()).unwrap();
    encoder.finish().unwrap()
}
