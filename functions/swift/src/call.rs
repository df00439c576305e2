//! One request, the right to make it, and how it can be refused.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::permit::RepoAction;
use granary_http::{About, AppState, RepoAccess, swift_problem, swift_problem_with};
use granary_model::swift::SwiftIdentity;
use granary_model::{Error, PackageType, Result};
use granary_publish::Source;
use granary_publish::seen::seen;
use granary_publish::swift::facts::SwiftFacts;
use granary_publish::swift::releases::SwiftShowing;

use crate::accept::{Unacceptable, check_accept};

/// One request below a repository.
pub(crate) struct Call {
    pub(crate) state: AppState,
    /// The repository as the path names it; it need not be one.
    pub(crate) repo: String,
    /// The path below it.
    pub(crate) path: String,
    /// The query as it came.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) is_head: bool,
}

/// Why a request is refused, with a status that the error itself does not say.
#[derive(Debug)]
pub(crate) struct Refused {
    status: Option<StatusCode>,
    error: Error,
}

/// What answering comes to.
pub(crate) type Answer = Result<Response, Refused>;

impl Refused {
    pub(crate) fn with(status: StatusCode, error: Error) -> Self {
        Self { status: Some(status), error }
    }

    pub(crate) fn response(self) -> Response {
        match self.status {
            Some(status) => swift_problem_with(status, self.error),
            None => swift_problem(self.error),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { status: None, error }
    }
}

impl From<Unacceptable> for Refused {
    fn from(why: Unacceptable) -> Self {
        match why {
            Unacceptable::Invalid(error) => error.into(),
            Unacceptable::Unsupported(error) => Self::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, error),
        }
    }
}

impl Call {
    /// Checks that the client takes what is served here.
    pub(crate) fn accepts(&self, served: &str) -> Result<(), Refused> {
        Ok(check_accept(&self.headers, served)?)
    }

    /// Authorises for the repository as a whole.
    pub(crate) async fn repo<A: RepoAction>(&self) -> Result<RepoAccess<A>> {
        self.authorize(None).await
    }

    /// Authorises for a package and reads its head.
    pub(crate) async fn package<A: RepoAction>(&self, identity: &SwiftIdentity) -> Result<RepoAccess<A>> {
        self.authorize(Some(About::of(PackageType::Swift, &identity.key()))).await
    }

    /// Authorises for a package and reads one release with it, by the key of its version.
    pub(crate) async fn release<A: RepoAction>(
        &self,
        identity: &SwiftIdentity,
        version: &str,
    ) -> Result<RepoAccess<A>> {
        let name = identity.key();
        let about = About { version: Some(version), ..About::of(PackageType::Swift, &name) };
        self.authorize(Some(about)).await
    }

    async fn authorize<A: RepoAction>(&self, about: Option<About<'_>>) -> Result<RepoAccess<A>> {
        let access = RepoAccess::authorize_about(&self.state, &self.headers, &self.repo, about).await?;
        access.require_type(PackageType::Swift)?;
        Ok(access)
    }

    /// The answer for what is not there; the same for everything that is not.
    pub(crate) fn not_found(&self) -> Error {
        Error::NotFound(format!("'{}' not found in repository '{}'", self.path, self.repo))
    }

    /// Where the documents of a package come from, and its name as it was first published. A package of which
    /// all releases are withdrawn still has a list of them.
    pub(crate) fn source<A: RepoAction>(
        &self,
        access: &RepoAccess<A>,
        identity: &SwiftIdentity,
    ) -> Result<(Source, SwiftIdentity)> {
        let head = access.head.clone().ok_or_else(|| self.not_found())?;
        let first_published = head.name.parse()?;
        Ok((access.source(PackageType::Swift, &identity.key(), head), first_published))
    }

    /// The package with its head as the caller sees it, who may see no release of it.
    pub(crate) async fn as_seen(&self, source: Source) -> Result<Source> {
        let seen = seen::<SwiftShowing>(self.state.documents(), self.state.storage(), source).await?;
        seen.ok_or_else(|| self.not_found())
    }

    /// The facts of the release that was authorised for, if it can be had.
    pub(crate) fn facts<A: RepoAction>(&self, access: &RepoAccess<A>) -> Result<SwiftFacts> {
        access.refuse_kept("the release")?;
        let row = access.live_version().ok_or_else(|| self.not_found())?;
        SwiftFacts::from_row(&row.facts)
    }
}
