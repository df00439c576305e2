//! What a request is about, authorised.

use axum::http::HeaderMap;
use granary_http::permit::{Fetch, RepoAction};
use granary_http::{About, AppState, RepoAccess};
use granary_model::raw::{RawFile, RawName, RawVersion};
use granary_model::{Error, PackageType, Result};
use granary_publish::raw::RawShowing;
use granary_publish::seen::seen;
use granary_publish::{Source, Target};

/// The names in a path.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) package: RawName,
    pub(crate) version: Option<RawVersion>,
    pub(crate) file: Option<RawFile>,
}

impl Names {
    /// Reads the names of a path and authorises for them. Whoever may not see the repository learns nothing
    /// about its paths either, so a name that cannot be used is refused only after that.
    pub(crate) async fn authorize<A: RepoAction>(
        state: &AppState,
        headers: &HeaderMap,
        repo: &str,
        segments: &[&str],
    ) -> Result<(Self, RepoAccess<A>)> {
        let names = Self::read(segments);
        let about = names.as_ref().ok().map(|names| About {
            kind: PackageType::Raw,
            name: names.package.as_str(),
            version: names.version.as_ref().map(RawVersion::as_str),
            file: names.file.as_ref().map(|file| (file.as_str(), false)),
        });
        let access = RepoAccess::<A>::authorize_about(state, headers, repo, about).await?;
        access.require_type(PackageType::Raw)?;
        Ok((names?, access))
    }

    fn read(segments: &[&str]) -> Result<Self> {
        let mut segments = segments.iter();
        let package = segments.next().copied().unwrap_or("").parse()?;
        Ok(Self {
            package,
            version: segments.next().map(|text| text.parse()).transpose()?,
            file: segments.next().map(|text| text.parse()).transpose()?,
        })
    }

    /// The version, where the route has one.
    pub(crate) fn version(&self) -> &str {
        self.version.as_ref().map_or("", RawVersion::as_str)
    }

    /// The file, where the route has one.
    pub(crate) fn file(&self) -> &str {
        self.file.as_ref().map_or("", RawFile::as_str)
    }

    /// The answer for what is not there; the same for everything that is not.
    pub(crate) fn not_found(&self) -> Error {
        let package = &self.package;
        Error::NotFound(match (&self.version, &self.file) {
            (Some(version), Some(file)) => {
                format!("file '{file}' of version {version} of package '{package}' not found")
            }
            (Some(version), None) => format!("version {version} of package '{package}' not found"),
            _ => format!("package '{package}' not found"),
        })
    }

    /// Where the documents of the package come from, with its head as the caller sees it.
    pub(crate) async fn source(&self, state: &AppState, access: &RepoAccess<Fetch>) -> Result<Source> {
        let head = access.head.clone().filter(|head| head.versions > 0).ok_or_else(|| self.not_found())?;
        let source = access.source(PackageType::Raw, self.package.as_str(), head);
        let seen = seen::<RawShowing>(state.documents(), state.storage(), source).await?;
        seen.ok_or_else(|| self.not_found())
    }

    /// The package to change, by the right that was given.
    pub(crate) fn target<'a, A: RepoAction>(
        &self,
        state: &'a AppState,
        access: &'a RepoAccess<A>,
    ) -> Target<'a> {
        access.target(state, PackageType::Raw, self.package.as_str())
    }
}
