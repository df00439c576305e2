//! What a request is about, authorised.

use axum::http::HeaderMap;
use granary_http::permit::Fetch;
use granary_http::{About, AppState, RepoAccess, shown};
use granary_model::composer::ComposerName;
use granary_model::{Error, PackageType, Result};
use granary_publish::Source;
use granary_publish::composer::ComposerShowing;
use granary_publish::seen::seen;

/// Authorises for the repository as a whole.
pub(crate) async fn authorize(
    state: &AppState,
    headers: &HeaderMap,
    repo: &str,
) -> Result<RepoAccess<Fetch>> {
    let access = RepoAccess::authorize_about(state, headers, repo, None).await?;
    access.require_type(PackageType::Composer)?;
    Ok(access)
}

/// A package that a path names, and the caller's right to it.
pub(crate) struct Call {
    pub(crate) name: ComposerName,
    pub(crate) access: RepoAccess<Fetch>,
}

impl Call {
    /// Authorises for a package, and reads one version of it in the same call. Whoever may not see the repository learns
    /// nothing about its paths either, so a name that no package can have is refused only after that, like one that no
    /// package has. Upper case is lowered, as the client does.
    pub(crate) async fn authorize(
        state: &AppState,
        headers: &HeaderMap,
        repo: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Self> {
        let parsed: Option<ComposerName> = name.parse().ok();
        let about =
            parsed.as_ref().map(|name| About { version, ..About::of(PackageType::Composer, name.as_str()) });
        let access = RepoAccess::authorize_about(state, headers, repo, about).await?;
        access.require_type(PackageType::Composer)?;
        let name = parsed.ok_or_else(|| not_found(name))?;
        Ok(Self { name, access })
    }

    /// Where the documents of the package come from, with its head as the caller sees it.
    pub(crate) async fn source(&self, state: &AppState) -> Result<Source> {
        let head = self.access.head.clone().filter(|head| head.versions > 0);
        let head = head.ok_or_else(|| self.not_found())?;
        let source = self.access.source(PackageType::Composer, self.name.as_str(), head);
        let seen = seen::<ComposerShowing>(state.documents(), state.storage(), source).await?;
        seen.ok_or_else(|| self.not_found())
    }

    /// The answer for a package that is not there, as far as the caller is concerned.
    pub(crate) fn not_found(&self) -> Error {
        not_found(self.name.as_str())
    }
}

fn not_found(name: &str) -> Error {
    Error::NotFound(format!("package '{}' not found", shown(name)))
}
