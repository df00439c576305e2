//! Swift registries: SwiftPM itself behind a TLS front, and the requests of those versions of it that cannot be
//! run here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use granary_tests::api::{Api, Visibility};
use granary_tests::secured::Secured;
use granary_tests::swift::Swift;
use granary_tests::swift::project::Library;
use granary_tests::swift::registry::SwiftRegistry;

mod access;
mod archives;
mod licences;
mod publishing;
mod replacing;
mod resolving;
mod sessions;
mod signing;

/// Name of the repository, where nothing else has it.
const REPO: &str = "ios";

/// A token that was never given to anybody, of the right form.
const WRONG_TOKEN: &str = "art_000000000000000000000000000000000000";

/// A library with one manifest and no metadata.
const HELLO: Library = Library { name: "Hello", greeting: "hello", newer_manifest: false, metadata: None };

/// A registry with one Swift repository, behind a TLS front.
struct Stage {
    /// Held: dropping it ends its server.
    secured: Secured,
    /// Name of the repository.
    repo: String,
    admin: Api,
    registry: SwiftRegistry,
}

impl Stage {
    async fn new(visibility: Visibility) -> Result<Self> {
        let secured = Secured::new().await?;
        let repo = secured.instance().name(REPO);
        let admin = secured.instance().admin()?.reached_by(secured.http()?);
        admin.create(&repo, &["swift"], visibility).await?;
        let url = format!("{}/api/swift/{repo}/", secured.front().url());
        let registry = SwiftRegistry::new(&url, Some(admin.token()), admin.http().clone());
        Ok(Self { secured, repo, admin, registry })
    }

    /// The file with the certificate that clients have to trust.
    fn certificates(&self) -> PathBuf {
        self.secured.certificates()
    }

    /// The heads of the requests for the repository so far.
    fn seen(&self) -> Vec<String> {
        let path = format!("/api/swift/{}/", self.repo);
        self.secured.front().seen().into_iter().filter(|head| head.contains(&path)).collect()
    }

    /// SwiftPM, logged in with the owner's token.
    async fn swift(&self) -> Result<Swift> {
        self.swift_with(self.admin.token()).await
    }

    /// SwiftPM, logged in with a token.
    async fn swift_with(&self, token: &str) -> Result<Swift> {
        Swift::logged_in(self.registry.url(), &self.certificates(), token).await
    }

    /// SwiftPM that uses the registry, and never logged in.
    async fn stranger(&self) -> Result<Swift> {
        let swift = Swift::new(self.registry.url(), &self.certificates())?;
        swift.set().await?.success()?;
        Ok(swift)
    }

    /// A token of the repository that may only read.
    async fn read_token(&self) -> Result<String> {
        self.admin.sign_in("admin").await?.repo_token(&self.repo, &["read"]).await
    }

    /// Publishes a library with SwiftPM, from a project that is made for it.
    async fn published(&self, swift: &Swift, library: &Library, id: &str, version: &str) -> Result<()> {
        let project = swift.library(&format!("{id}-{version}"), library)?;
        swift.publish(&project, id, version, &[]).await?.success()?;
        Ok(())
    }
}

/// The folder that SwiftPM unpacked a release into, below the project that depends on it.
fn checkout(project: &Path, scope: &str, name: &str, version: &str) -> PathBuf {
    project.join(".build/registry/downloads").join(scope).join(name).join(version)
}

/// Reads a file that must be there.
fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("there is no {}", path.display()))
}
