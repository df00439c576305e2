//! Composer packages, published as the functions for sellers do it.

use granary_auth::{Principal, Via};
use granary_model::{Error, PackageType, Result, Scope};
use granary_publish::Target;
use granary_publish::composer::Extra;
use granary_publish::composer::publish::{ComposerPublish, Published};
use granary_publish::digests::Digests;
use granary_publish::spool::Spool;
use granary_storage::rows::{HeadRow, RepoRow};
use granary_storage::{Key, PackageKey};
use serde_json::{Value, json};

use crate::TestApp;
use crate::swift::source_archive;

/// An archive with this `composer.json` at its root.
pub fn archive(manifest: &Value) -> Vec<u8> {
    source_archive(&[("composer.json", &manifest.to_string()), ("src/Tool.php", "<?php\nclass Tool {}\n")])
}

/// A small `composer.json`.
pub fn manifest(name: &str, version: &str) -> Value {
    json!({
        "name": name, "description": format!("About {name}"), "type": "library", "license": "MIT",
        "extra": { "of": version }, "require": { "php": ">=7.2" },
        "autoload": { "psr-4": { "Acme\\": "src/" } },
    })
}

/// The package to publish, as a request of its owner would have it.
#[derive(Debug)]
pub struct Owned {
    /// The repository.
    pub repo: RepoRow,
    /// The owner.
    pub principal: Principal,
    /// The package.
    pub package: PackageKey,
    /// Its head.
    pub head: Option<HeadRow>,
}

impl Owned {
    /// The target of a change.
    pub fn target<'a>(&'a self, app: &'a TestApp) -> Target<'a> {
        let state = app.state();
        Target {
            storage: state.storage(),
            ids: state.ids(),
            repo: &self.repo,
            principal: &self.principal,
            token: None,
            package: self.package.clone(),
            head: self.head.clone(),
        }
    }
}

impl TestApp {
    /// A Composer package of a repository, to be changed by the repository's owner.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn owned(&self, repo: &str, name: &str) -> Result<Owned> {
        let package = self.key_of(repo, PackageType::Composer, name);
        let row: Option<RepoRow> = self.state().storage().get(&Key::Repo(package.repo.clone())).await?;
        let repo = row.ok_or_else(|| Error::NotFound("the repository is not there".into()))?;
        let head = self.state().storage().get(&Key::Head(package.clone())).await?;
        let id = repo.owner_id.clone();
        let principal = Principal::User { id, scope: Scope::Admin, via: Via::Session, instance_admin: false };
        Ok(Owned { repo, principal, package, head })
    }

    /// Tries to publish an archive.
    ///
    /// # Errors
    /// Those of publishing.
    pub async fn try_publish_composer(
        &self,
        repo: &str,
        name: &str,
        version: &str,
        bytes: &[u8],
        extra: Option<&mut dyn Extra>,
    ) -> Result<Published> {
        let mut spool = Spool::new(u64::MAX);
        spool.write(bytes)?;
        let publish =
            ComposerPublish::of_spool(name.parse()?, version.parse()?, spool, Digests::of(bytes)).await?;
        let owned = self.owned(repo, name).await?;
        publish.commit(owned.target(self), self.state().now(), None, false, extra).await
    }

    /// Publishes versions of a package, each with the archive of [`archive`] and [`manifest`].
    pub async fn publish_composer(&self, repo: &str, name: &str, versions: &[&str]) {
        for version in versions {
            let bytes = archive(&manifest(name, version));
            let published = self.try_publish_composer(repo, name, version, &bytes, None).await;
            assert_eq!(published.expect("publishing works"), Published::New, "{name} {version}");
        }
    }
}
