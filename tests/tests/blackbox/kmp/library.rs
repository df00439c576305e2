//! Real libraries as Gradle has published them, and publishing them once more, as Gradle does it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use granary_tests::maven::repository::{MavenRepository, texts};
use granary_tests::settings::workspace;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// Group of the libraries of the fixture.
pub(crate) const GROUP: &str = "com.example.kmp";

/// Group of a library that somebody else has published.
pub(crate) const KOTLINX: &str = "org.jetbrains.kotlinx";

/// What the checksums beside a file end with.
const SUMS: [&str; 4] = ["md5", "sha1", "sha256", "sha512"];

/// A file of the tools for Kotlin, as `scripts/clients` leaves them.
pub(crate) fn tool(path: &str) -> Result<PathBuf> {
    let path = workspace().join(".cache/kmp").join(path);
    ensure!(path.exists(), "{} is missing: run scripts/clients", path.display());
    Ok(path)
}

/// Libraries in a folder, as a Maven repository has them.
pub(crate) struct Libraries {
    folder: PathBuf,
}

/// One module of a version of a library: what one publication of Gradle is.
pub(crate) struct Module<'a> {
    group: &'a str,
    /// Its `artifactId`.
    pub(crate) artifact: String,
    version: &'a str,
    folder: PathBuf,
}

impl Libraries {
    /// Those of `infra/github/fixture`, and those that somebody else has published.
    pub(crate) fn new() -> Result<[Self; 2]> {
        Ok([Self { folder: tool("fixture")? }, Self { folder: tool("real")? }])
    }

    /// The modules of a version: the root first, then one for each platform.
    pub(crate) fn modules<'a>(
        &self,
        group: &'a str,
        artifact: &str,
        version: &'a str,
    ) -> Result<Vec<Module<'a>>> {
        let folder = self.folder.join(group.replace('.', "/"));
        let mut modules = Vec::new();
        for name in names(&folder)? {
            let is_its =
                name == artifact || name.strip_prefix(artifact).is_some_and(|rest| rest.starts_with('-'));
            let folder = folder.join(&name).join(version);
            if is_its && folder.exists() {
                modules.push(Module { group, artifact: name, version, folder });
            }
        }
        ensure!(!modules.is_empty(), "there is no {group}:{artifact}:{version} in {}", self.folder.display());
        Ok(modules)
    }

    /// Publishes a version of a library of the fixture: each platform, and then the root.
    pub(crate) async fn publish(&self, repo: &MavenRepository, artifact: &str, version: &str) -> Result<()> {
        self.publish_of(repo, GROUP, artifact, version).await
    }

    /// The same for any group.
    pub(crate) async fn publish_of(
        &self,
        repo: &MavenRepository,
        group: &str,
        artifact: &str,
        version: &str,
    ) -> Result<()> {
        for module in self.modules(group, artifact, version)?.iter().rev() {
            module.publish(repo).await?;
        }
        Ok(())
    }
}

impl Module<'_> {
    /// Publishes it: each file with its checksums, and then the list of versions with this one in it.
    pub(crate) async fn publish(&self, repo: &MavenRepository) -> Result<()> {
        let directory = format!("{}/{}", self.group.replace('.', "/"), self.artifact);
        let stem = format!("{}-{}", self.artifact, self.version);
        for name in names(&self.folder)? {
            // What Maven notes beside the files of others is none of theirs.
            let is_sum = SUMS.iter().any(|sum| name.ends_with(&format!(".{sum}")));
            if name.starts_with(&stem) && !is_sum {
                let bytes = fs::read(self.folder.join(&name))?;
                put(repo, &format!("{directory}/{}/{name}", self.version), &bytes).await?;
            }
        }
        let path = format!("{directory}/maven-metadata.xml");
        let known = repo.get(&path).await?;
        let text = if known.status().is_success() { known.text().await? } else { String::new() };
        let mut versions: Vec<String> =
            texts(&text, "versions").iter().flat_map(|list| texts(list, "version")).collect();
        if !versions.iter().any(|version| version == self.version) {
            versions.push(self.version.to_owned());
        }
        put(repo, &path, metadata(self.group, &self.artifact, &versions).as_bytes()).await
    }
}

/// Uploads a file and its four checksums.
async fn put(repo: &MavenRepository, path: &str, bytes: &[u8]) -> Result<()> {
    let sums = [
        hex::encode(Md5::digest(bytes)),
        hex::encode(Sha1::digest(bytes)),
        hex::encode(Sha256::digest(bytes)),
        hex::encode(Sha512::digest(bytes)),
    ];
    repo.put(path, bytes.to_vec()).await?.accepted().with_context(|| path.to_owned())?;
    for (kind, sum) in SUMS.iter().zip(sums) {
        let path = format!("{path}.{kind}");
        repo.put(&path, sum.into()).await?.accepted().with_context(|| path.clone())?;
    }
    Ok(())
}

fn metadata(group: &str, artifact: &str, versions: &[String]) -> String {
    let last = versions.last().map(String::as_str).unwrap_or_default();
    let list = format!("<version>{}</version>", versions.join("</version><version>"));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
         <versioning><latest>{last}</latest><release>{last}</release><versions>{list}</versions>\
         <lastUpdated>20260101000000</lastUpdated></versioning></metadata>\n"
    )
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
