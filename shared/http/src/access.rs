//! Access to a repository: the permission and the loaded rows in one value.

mod virtuals;

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::{HeaderMap, request};
use granary_auth::{
    Action, Decision, Denial, Entitlement, Grants, OrgAction, Principal, RepoFacts, decide,
    decide_build_fetch, decide_build_package, decide_lists, decide_package, is_gated, membership, repo_role,
};
use granary_model::{Error, OrgRole, PackageType, RepoId, Result, Role, Timestamp, TokenHash};
use granary_publish::policy::{Kept, Policy, kept};
use granary_publish::{Source, Target};
use granary_storage::rows::{CallerRef, ExpectationRow, HeadRow, OrgRow, RepoRow, StoredFileRow, VersionRow};
use granary_storage::{AccessRows, Key, PackageKey, Wanted};
use granary_upstream::origin;

use crate::caller::{Caller, identify, identify_again, unauthenticated};
use crate::failure::ApiError;
use crate::permit::RepoAction;
use crate::state::AppState;

/// What a request is about, below the repository.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The protocol.
    pub kind: PackageType,
    /// The normalised name of the package.
    pub name: &'a str,
    /// One version of it.
    pub version: Option<&'a str>,
    /// One file of that version, and whether checksums that came before it are wanted as well.
    pub file: Option<(&'a str, bool)>,
}

impl<'a> About<'a> {
    /// A package as a whole.
    pub fn of(kind: PackageType, name: &'a str) -> Self {
        Self { kind, name, version: None, file: None }
    }

    fn package(&self, repo: &RepoId) -> PackageKey {
        PackageKey { repo: repo.clone(), kind: self.kind, name: self.name.into() }
    }

    fn wanted(&self, package: &'a PackageKey) -> Wanted<'a> {
        Wanted {
            package,
            version: self.version,
            file: self.file.map(|(name, _)| name),
            expectation: self.file.is_some_and(|(_, expectation)| expectation),
        }
    }
}

/// Proof that a caller may do `A` in a repository, with what was read to decide it.
#[derive(Debug, Clone)]
pub struct RepoAccess<A> {
    /// Who is calling.
    pub principal: Principal,
    /// Hash of the token, if one was used.
    pub token: Option<TokenHash>,
    /// The repository.
    pub repo: Arc<RepoRow>,
    /// The repository that holds the package, if that is another one which this one reads through to. Only where something is
    /// read.
    pub home: Option<Arc<RepoRow>>,
    /// The repository that this one reads through to and that has the name already. Only where something is to be changed.
    taken_by: Option<Arc<RepoRow>>,
    /// Whether the name is that of a package in a repository here that may not be read through this one, so that it is told to
    /// nobody elsewhere. Only where something is read.
    is_name_withheld: bool,
    /// The package's head, if a package was asked for and it exists in this repository.
    pub head: Option<Arc<HeadRow>>,
    /// The version, if one was asked for and it exists; it may be a tombstone.
    pub version: Option<Arc<VersionRow>>,
    /// The file, if one was asked for and it exists; it may be a tombstone, and so may its version. See
    /// [`RepoAccess::live_file`].
    pub file: Option<Arc<StoredFileRow>>,
    /// Checksums that came before the file, if they were asked for.
    pub expectation: Option<Arc<ExpectationRow>>,
    /// What the caller gets of the package, if it does not get all of it.
    pub grants: Option<Arc<Grants>>,
    /// By which rules versions of the package are let in, if it comes from an upstream.
    pub policy: Option<Arc<Policy>>,
    /// Why nobody gets the version that was asked for, if that is so. Then [`Self::version`] and [`Self::file`] are empty.
    pub kept: Option<Kept>,
    /// Why the version that was asked for is kept from the caller, if it is. Then [`Self::version`] and [`Self::file`]
    /// are empty, as if there were no such version; and this is the same if there is none.
    pub withheld: Option<Denial>,
    permit: PhantomData<A>,
}

impl<A: RepoAction> RepoAccess<A> {
    /// Authorises a request for a repository and, if given, one of its packages. One read, or two where
    /// the caller's role comes from an organisation.
    ///
    /// # Errors
    /// `Unauthorized` without credentials, `NotFound` for what the caller may not know of, `Forbidden`
    /// otherwise.
    pub async fn authorize(
        state: &AppState,
        headers: &HeaderMap,
        repo: &str,
        package: Option<(PackageType, &str)>,
    ) -> Result<Self> {
        Self::authorize_version(state, headers, repo, package, None).await
    }

    /// The same, and reads one version of the package in the same call.
    pub async fn authorize_version(
        state: &AppState,
        headers: &HeaderMap,
        repo: &str,
        package: Option<(PackageType, &str)>,
        version: Option<&str>,
    ) -> Result<Self> {
        let about = package.map(|(kind, name)| About { version, ..About::of(kind, name) });
        Self::authorize_about(state, headers, repo, about).await
    }

    /// The same, and reads in the same call whatever the request is about.
    pub async fn authorize_about(
        state: &AppState,
        headers: &HeaderMap,
        repo: &str,
        about: Option<About<'_>>,
    ) -> Result<Self> {
        let id: Option<RepoId> = repo.parse().ok();
        let key = id.as_ref().zip(about).map(|(repo, about)| about.package(repo));
        let wanted = key.as_ref().zip(about).map(|(key, about)| about.wanted(key));
        let (caller, rows) = identify(state, headers, id.as_ref(), wanted).await?;
        Self::decide(state, caller, rows, repo, about).await
    }

    /// Authorises the caller of an earlier request anew, by the rights it has now.
    pub async fn again(
        state: &AppState,
        caller: &CallerRef,
        repo: &RepoId,
        about: Option<About<'_>>,
    ) -> Result<Self> {
        let key = about.map(|about| about.package(repo));
        let wanted = key.as_ref().zip(about).map(|(key, about)| about.wanted(key));
        let (caller, rows) = identify_again(state, caller, Some(repo), wanted).await?;
        Self::decide(state, caller, rows, repo.as_str(), about).await
    }

    async fn decide(
        state: &AppState,
        caller: Caller,
        rows: AccessRows,
        repo: &str,
        about: Option<About<'_>>,
    ) -> Result<Self> {
        let visible = |head: &Arc<HeadRow>| {
            rows.repo.as_ref().is_some_and(|repo| repo.uid == head.repo_uid && belongs(repo, about, head))
        };
        let head = rows.head.filter(visible);
        let granted = match (&head, caller.principal.user()) {
            (Some(head), Some(user)) => head.granted.contains(user),
            _ => false,
        };
        let org_role = match &rows.repo {
            Some(repo) => org_role(state, &caller.principal, repo, A::ACTION, granted).await?,
            None => None,
        };
        let facts = rows.repo.as_ref().map(|repo| RepoFacts { repo, org_role, granted });
        let kind = about.map(|about| about.kind);
        for decision in [
            decide(&caller.principal, A::ACTION, facts),
            decide_build_fetch(&caller.principal, A::ACTION, kind),
        ] {
            if let Decision::Deny(denial) = decision {
                return Err(denied(denial, &format!("repository '{}'", shown(repo))));
            }
        }
        let Some(repo) = rows.repo else {
            return Err(Error::internal("authorising", "allowed without a repository"));
        };
        // Without a head of this repository, versions and files are what a deleted repository left behind.
        let ours = |row: &Arc<VersionRow>| head.as_ref().is_some_and(|head| head.has(row));
        let version = rows.version.filter(ours);
        let file = rows.file.filter(|_| version.is_some());
        let mut access = Self {
            principal: caller.principal,
            token: caller.token,
            repo,
            home: None,
            taken_by: None,
            is_name_withheld: false,
            head,
            version,
            file,
            expectation: rows.expectation.filter(|row| row.expires_at > state.now().seconds()),
            grants: None,
            policy: None,
            kept: None,
            withheld: None,
            permit: PhantomData,
        };
        if matches!(A::ACTION, Action::Fetch | Action::Read) {
            access.keep_from_all(about, state.now());
        }
        if let Some(about) = about.filter(|_| !access.repo.upstreams.is_empty()) {
            Box::pin(access.look_in_members(state, about)).await?;
        }
        if is_gated(&access.principal, &access.repo) {
            // What comes from an upstream is not the seller's to sell.
            if access.head.as_ref().is_some_and(|head| head.upstream.is_some()) {
                (access.head, access.version, access.file, access.kept) = (None, None, None, None);
                access.policy = None;
            }
            access.keep_from_customer(about, state.now())?;
        }
        Ok(access)
    }

    /// Takes out of what was read whatever nobody gets: what is in quarantine, and of an upstream what the rules of the
    /// repository do not let in.
    fn keep_from_all(&mut self, about: Option<About<'_>>, now: Timestamp) {
        let (Some(about), Some(head)) = (about, &self.head) else { return };
        if let Some(row) = origin(&self.repo, about.kind, about.name, head) {
            self.policy = Some(Arc::new(Policy::of(&self.repo, row, about.kind, about.name)));
        }
        let row = self.version.as_deref();
        self.kept = row.and_then(|row| kept(head, self.policy.as_deref(), row, now));
        if self.kept.is_some() {
            (self.version, self.file) = (None, None);
        }
    }

    /// Refuses a version that nobody gets, with the reason. Whoever does not get it anyway is not told.
    pub fn refuse_kept(&self, what: &str) -> Result<()> {
        match &self.kept {
            Some(kept) if self.withheld.is_none() => Err(kept.error(what)),
            _ => Ok(()),
        }
    }

    /// Takes out of what was read whatever the customer does not get.
    fn keep_from_customer(&mut self, about: Option<About<'_>>, now: Timestamp) -> Result<()> {
        let Some(about) = about else {
            return match decide_lists(&self.principal, &self.repo, now) {
                Decision::Allow => Ok(()),
                Decision::Deny(denial) => Err(denied(denial, &format!("repository '{}'", self.repo.id))),
            };
        };
        match decide_package(
            &self.principal,
            &self.repo,
            &about.package(&self.repo.id),
            self.head.as_deref(),
            now,
        ) {
            Entitlement::All => return Ok(()),
            Entitlement::Some(grants) => self.grants = Some(Arc::new(grants)),
            // As if there were no such package.
            Entitlement::Nothing(Denial::Hidden) => self.head = None,
            Entitlement::Nothing(denial) => {
                return Err(denied(denial, &format!("package '{}'", shown(about.name))));
            }
        }
        self.withheld = match (&self.grants, &self.version, about.version) {
            (Some(grants), Some(row), _) => grants.decide(row, now).err(),
            (Some(grants), None, Some(version)) => grants.decide_absent(version, now).err(),
            (Some(_), None, None) => None,
            (None, ..) => Some(Denial::Hidden),
        };
        if self.withheld.is_some() {
            (self.version, self.file, self.expectation) = (None, None, None);
        }
        let file = self.file.take();
        self.file = file.filter(|file| about.version.is_some_and(|version| self.shows_file(version, file)));
        Ok(())
    }

    /// Whether a file of a version that the caller gets is for the caller as well: it may have come to the version later,
    /// when the caller's licence had ended.
    pub fn shows_file(&self, version: &str, row: &StoredFileRow) -> bool {
        self.grants.as_ref().is_none_or(|grants| grants.allow_file(version, row.added_at))
    }

    /// Whether a row of a version, read besides, may be shown to the caller.
    pub fn shows(&self, row: &VersionRow) -> bool {
        row.is_live()
            && self.grants.as_ref().is_none_or(|grants| grants.allow(row))
            && self.head.as_ref().is_none_or(|head| head.has(row) && head.quarantined(&row.version).is_none())
    }

    /// Whether the caller gets the repository filtered. What it does not get of a package is taken out by
    /// [`Self::source`]; lists have to ask [`Self::entitlement`] about each package.
    pub fn is_gated(&self) -> bool {
        is_gated(&self.principal, &self.repo)
    }

    /// What the caller gets of another package of the repository, for lists.
    pub fn entitlement(&self, package: &PackageKey, head: Option<&HeadRow>, now: Timestamp) -> Entitlement {
        decide_package(&self.principal, &self.repo, package, head, now)
    }

    /// Where the documents of the package that was asked for come from, by what the caller gets of it.
    pub fn source(&self, kind: PackageType, name: &str, head: impl Into<Arc<HeadRow>>) -> Source {
        let home = self.home.as_ref().unwrap_or(&self.repo);
        let whole = Source::whole(self.package_key(kind, name), home.uid.clone(), head);
        let shown_in = self.home.as_ref().map(|_| self.repo.id.clone());
        Source { grants: self.grants.clone(), policy: self.policy.clone(), shown_in, ..whole }
    }

    /// Refuses to let a build upload what is not its own: name and version have to be said, and be those of the build.
    pub fn permit_upload(&self, kind: PackageType, name: Option<&str>, version: Option<&str>) -> Result<()> {
        match decide_build_package(&self.principal, kind, name, version) {
            Decision::Allow => Ok(()),
            Decision::Deny(denial) => Err(denied(denial, "this package")),
        }
    }

    /// The version that was asked for, if it can be had.
    pub fn live_version(&self) -> Option<&VersionRow> {
        self.version.as_deref().filter(|row| row.is_live())
    }

    /// The file that was asked for, if it can be had: it and its version are live.
    pub fn live_file(&self) -> Option<&StoredFileRow> {
        self.live_version().and(self.file.as_deref()).filter(|row| row.is_live())
    }

    /// The caller, for what is done in the repository besides.
    pub fn caller(&self) -> Caller {
        Caller { principal: self.principal.clone(), token: self.token.clone() }
    }

    /// The role in which the caller acts, with what its organisation adds to it. One more read where
    /// that could matter.
    pub async fn role(&self, state: &AppState) -> Result<Option<Role>> {
        let org_role = org_role(state, &self.principal, &self.repo, Action::Owner, false).await?;
        Ok(repo_role(&self.principal, RepoFacts { repo: &self.repo, org_role, granted: false }))
    }

    /// Whether the caller belongs to the repository and so may see its members: as a member, by its
    /// organisation, or with a token that could manage them. A reader of a public repository and the
    /// holder of a customer's token do not.
    pub async fn is_insider(&self, state: &AppState) -> Result<bool> {
        let org_role = org_role(state, &self.principal, &self.repo, Action::Owner, false).await?;
        let facts = RepoFacts { repo: &self.repo, org_role, granted: false };
        Ok(match self.principal.repo_token() {
            Some(_) => decide(&self.principal, Action::Admin, Some(facts)) == Decision::Allow,
            None => membership(&self.principal, facts).is_some(),
        })
    }

    /// Refuses whoever may read the repository without belonging to it.
    pub async fn require_insider(&self, state: &AppState) -> Result<()> {
        if self.principal.is_anonymous() {
            return Err(unauthenticated());
        }
        if self.is_insider(state).await? {
            return Ok(());
        }
        Err(denied(Denial::Role, &format!("repository '{}'", self.repo.id)))
    }

    /// Refuses a repository that does not offer a protocol. One of type `kmp` offers those of what it builds. To whoever wants to
    /// change something, refuses a package that is another repository's which this one reads through to.
    pub fn require_type(&self, kind: PackageType) -> Result<()> {
        self.refuse_name_of_member(kind)?;
        let types = &self.repo.package_types;
        if types.contains(&kind) || (is_built(kind) && types.contains(&PackageType::Kmp)) {
            return Ok(());
        }
        Err(Error::NotFound(format!(
            "repository '{}' does not hold {kind} packages; add '{kind}' to its packageTypes first",
            self.repo.id
        )))
    }

    /// Refuses a repository that does not take packages of a protocol from this caller. What a repository of type `kmp`
    /// builds comes from its builds alone, unless it offers the protocol besides.
    pub fn require_uploads(&self, kind: PackageType) -> Result<()> {
        self.require_type(kind)?;
        let is_build = matches!(self.principal, Principal::Build { .. });
        if self.repo.package_types.contains(&kind) || is_build {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "repository '{}' takes no uploads: its {kind} packages are built from the libraries that it watches; add '{kind}' \
             to its packageTypes to publish others beside them",
            self.repo.id
        )))
    }

    /// A package of this repository to change, by the right that was given and with the head that was read for
    /// it.
    pub fn target<'a>(&'a self, state: &'a AppState, kind: PackageType, name: &str) -> Target<'a> {
        Target {
            storage: state.storage(),
            ids: state.ids(),
            repo: &self.repo,
            principal: &self.principal,
            token: self.token.as_ref(),
            package: PackageKey { repo: self.repo.id.clone(), kind, name: name.into() },
            head: self.head.as_deref().cloned(),
        }
    }

    /// The key of the package that was asked for, where it is.
    pub fn package_key(&self, kind: PackageType, name: &str) -> PackageKey {
        let home = self.home.as_ref().unwrap_or(&self.repo);
        PackageKey { repo: home.id.clone(), kind, name: name.into() }
    }
}

/// Whether a head is one of the repository: what was published there, or comes from an upstream that may still have it. One that
/// is nobody's is as good as none.
fn belongs(repo: &RepoRow, about: Option<About<'_>>, head: &HeadRow) -> bool {
    let is_from = |about: About<'_>| origin(repo, about.kind, about.name, head).is_some();
    head.is_owned() || about.is_some_and(is_from)
}

/// Whether repositories of type `kmp` build packages of a protocol.
const fn is_built(kind: PackageType) -> bool {
    matches!(kind, PackageType::Npm | PackageType::Swift)
}

/// The caller's role in the organisation that owns the repository, read only if it could matter.
async fn org_role(
    state: &AppState,
    principal: &Principal,
    repo: &RepoRow,
    action: Action,
    granted: bool,
) -> Result<Option<OrgRole>> {
    let (Some(slug), Some(user)) = (principal.needs_org(repo, action, granted), principal.user()) else {
        return Ok(None);
    };
    let org: Option<Arc<OrgRow>> = state.storage().shared_row(Key::Org(slug)).await?;
    Ok(org
        .filter(|org| repo.org_uid.as_ref() == Some(&org.uid))
        .and_then(|org| org.members.get(user).copied()))
}

/// A denial in words, with its code where it has one. `what` must come from the request alone.
pub fn denied(denial: Denial, what: &str) -> Error {
    match denial {
        Denial::Unauthenticated => unauthenticated(),
        Denial::Hidden => Error::NotFound(format!("{what} not found")),
        Denial::Role => Error::Forbidden(format!("your role in {what} does not allow this")),
        Denial::Scope => Error::Forbidden(format!(
            "the scope of this token does not allow this in {what}; use a token with a higher scope"
        )),
        Denial::Session => Error::Forbidden(format!(
            "this needs a sign-in or an organisation token with admin scope for {what}, not this kind of token"
        )),
        Denial::Customer => {
            Error::Forbidden("the key of a customer installs packages and does nothing else".into())
        }
        Denial::Build => Error::Forbidden(
            "the token of a build uploads the packages of that build and does nothing else".into(),
        ),
        Denial::Suspended | Denial::Expired | Denial::OutsideWindow | Denial::NotLicensed => Error::Refused {
            code: denial.code().unwrap_or("FORBIDDEN"),
            message: sold_otherwise(denial, what),
        },
    }
}

/// What is wrong with a licence, in words for the customer.
fn sold_otherwise(denial: Denial, what: &str) -> String {
    match denial {
        Denial::Suspended => "the licence is suspended; ask the seller".into(),
        Denial::Expired => "the licence has expired; renew it to install from here".into(),
        Denial::OutsideWindow => {
            format!(
                "the licence covers what was published until it expired: {what} is newer; renew the licence to get it"
            )
        }
        _ => format!("the licence does not cover {what}"),
    }
}

/// A name from a request, safe to print.
pub fn shown(name: &str) -> String {
    name.chars().take(80).collect::<String>().escape_debug().to_string()
}

/// Extracts [`RepoAccess`] for routes with a `{repo}` parameter.
#[derive(Debug, Clone)]
pub struct Repo<A>(pub RepoAccess<A>);

impl<A: RepoAction> FromRequestParts<AppState> for Repo<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, ApiError> {
        let repo = path_param(parts, state, "repo").await?;
        Ok(Self(RepoAccess::authorize(state, &parts.headers, &repo, None).await?))
    }
}

/// One parameter of the path.
pub(crate) async fn path_param(parts: &mut request::Parts, state: &AppState, name: &str) -> Result<String> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|e| Error::internal("reading the path", e))?;
    params
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| Error::internal("reading the path", format!("the route has no parameter '{name}'")))
}

/// What [`crate::org`] shares with this file.
pub(crate) const fn org_denial(action: OrgAction) -> &'static str {
    match action {
        OrgAction::CreateToken => {
            "organisation tokens are made by a person: use an ID token of the identity provider, not an API token"
        }
        _ => "this needs a sign-in: use an ID token of the identity provider, not this kind of token",
    }
}
