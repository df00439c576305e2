//! The one read that authorising a request takes.

use granary_model::{RepoId, Result, TokenHash};

use crate::Storage;
use crate::item::item_row;
use crate::keys::{Key, PackageKey};
use crate::rows::{HeadRow, RepoRow, TokenRow, VersionRow};

/// What authorising a request may need, as of one moment.
#[derive(Debug, Clone, Default)]
pub struct AccessRows {
    /// The token, if one was asked for and exists.
    pub token: Option<TokenRow>,
    /// The repository.
    pub repo: Option<RepoRow>,
    /// The package's head.
    pub head: Option<HeadRow>,
    /// One version of it.
    pub version: Option<VersionRow>,
}

impl Storage {
    /// Reads token, repository, package head and (if one is named) a version of it in one call.
    pub async fn access_rows(
        &self,
        token: Option<&TokenHash>,
        repo: Option<&RepoId>,
        package: Option<&PackageKey>,
        version: Option<&str>,
    ) -> Result<AccessRows> {
        let version = package.zip(version);
        let mut keys = Vec::with_capacity(4);
        keys.extend(token.map(|hash| Key::Token(hash.clone())));
        keys.extend(repo.map(|id| Key::Repo(id.clone())));
        keys.extend(package.map(|package| Key::Head(package.clone())));
        keys.extend(version.map(|(package, version)| Key::Version(package.clone(), version.into())));
        if keys.is_empty() {
            return Ok(AccessRows::default());
        }
        let mut items = self.batch_items(&keys).await?.into_iter();
        let mut rows = AccessRows::default();
        if token.is_some() {
            rows.token = items.next().flatten().map(item_row).transpose()?;
        }
        if repo.is_some() {
            rows.repo = items.next().flatten().map(item_row).transpose()?;
        }
        if package.is_some() {
            rows.head = items.next().flatten().map(item_row).transpose()?;
        }
        if version.is_some() {
            rows.version = items.next().flatten().map(item_row).transpose()?;
        }
        Ok(rows)
    }
}
