//! One request, and the right to make it.

use std::sync::Arc;

use axum::http::HeaderMap;
use granary_http::permit::{Fetch, RepoAction};
use granary_http::{About, AppState, RepoAccess};
use granary_model::maven::{ArtifactId, Coordinates, GroupId, MavenFile};
use granary_model::{Error, PackageType, RepoId, Result};
use granary_publish::Target;
use granary_publish::listing::files_of;
use granary_storage::PackageKey;
use granary_storage::rows::StoredFileRow;

/// One request below a repository.
pub(crate) struct Call {
    pub(crate) state: AppState,
    /// The repository as the path names it; it need not be one.
    pub(crate) repo: String,
    /// The path below it.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) is_head: bool,
}

impl Call {
    /// Authorises for the repository as a whole.
    pub(crate) async fn repo<A: RepoAction>(&self) -> Result<RepoAccess<A>> {
        self.authorize(None).await
    }

    /// Authorises for an artifact and reads its head.
    pub(crate) async fn artifact<A: RepoAction>(
        &self,
        group: &GroupId,
        artifact: &ArtifactId,
    ) -> Result<RepoAccess<A>> {
        let name = format!("{group}:{artifact}");
        self.authorize(Some(About::of(PackageType::Maven, &name))).await
    }

    /// Authorises for an artifact and reads one version with it.
    pub(crate) async fn version<A: RepoAction>(&self, coordinates: &Coordinates) -> Result<RepoAccess<A>> {
        let (name, version) = (coordinates.key(), Some(coordinates.version.as_str()));
        self.authorize(Some(About { version, ..About::of(PackageType::Maven, &name) })).await
    }

    /// Authorises for an artifact and reads one file with it, and the checksums that came before the file if
    /// they are wanted.
    pub(crate) async fn file<A: RepoAction>(
        &self,
        file: &MavenFile,
        expectation: bool,
    ) -> Result<RepoAccess<A>> {
        let (name, version) = (file.coordinates().key(), Some(file.coordinates().version.as_str()));
        let file = Some((file.name(), expectation));
        self.authorize(Some(About { kind: PackageType::Maven, name: &name, version, file })).await
    }

    async fn authorize<A: RepoAction>(&self, about: Option<About<'_>>) -> Result<RepoAccess<A>> {
        let access = RepoAccess::authorize_about(&self.state, &self.headers, &self.repo, about).await?;
        access.require_type(PackageType::Maven)?;
        Ok(access)
    }

    /// The files of a version as they are stored, read without waiting for the right to see them. Nothing of it
    /// may be shown before that right is there.
    pub(crate) async fn files_of(&self, coordinates: &Coordinates) -> Result<Arc<Vec<StoredFileRow>>> {
        let Some(repo) = self.repo_id() else { return Ok(Arc::default()) };
        let package = PackageKey { repo, kind: PackageType::Maven, name: coordinates.key() };
        files_of(self.state.storage(), &package, coordinates.version.as_str()).await
    }

    /// The files of a version of the package that is shown: those that were read without waiting, unless it is in another
    /// repository that this one reads through to.
    pub(crate) async fn files_at_home(
        &self,
        access: &RepoAccess<Fetch>,
        coordinates: &Coordinates,
        read: Result<Arc<Vec<StoredFileRow>>>,
    ) -> Result<Arc<Vec<StoredFileRow>>> {
        if access.home.is_none() {
            return read;
        }
        let package = access.package_key(PackageType::Maven, &coordinates.key());
        files_of(self.state.storage(), &package, coordinates.version.as_str()).await
    }

    /// The repository, if the path can name one.
    pub(crate) fn repo_id(&self) -> Option<RepoId> {
        self.repo.parse().ok()
    }

    /// The answer for what is not there; the same for everything that is not.
    pub(crate) fn not_found(&self) -> Error {
        Error::NotFound(format!("'{}' not found in repository '{}'", self.path, self.repo))
    }

    /// The artifact to change, by the right that was given.
    pub(crate) fn target<'a, A: RepoAction>(
        &'a self,
        access: &'a RepoAccess<A>,
        coordinates: &Coordinates,
    ) -> Target<'a> {
        access.target(&self.state, PackageType::Maven, &coordinates.key())
    }
}

/// Whether a file of a version that the caller gets is for the caller as well.
pub(crate) fn shows_file(access: &RepoAccess<Fetch>, coordinates: &Coordinates, row: &StoredFileRow) -> bool {
    access.shows_file(coordinates.version.as_str(), row)
}

/// A right, and what was read at the same time. A refusal answers at once: neither how long the rest takes nor
/// whether it works may be seen by whoever has not got the right.
pub(crate) async fn with_right<A, T>(
    authorizing: impl Future<Output = Result<A>>,
    reading: impl Future<Output = Result<T>>,
) -> Result<(A, Result<T>)> {
    let reading = Box::pin(async { Ok(reading.await) });
    Box::pin(futures::future::try_join(authorizing, reading)).await
}
