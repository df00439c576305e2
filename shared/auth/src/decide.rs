//! The one function that decides what a caller may do.

use granary_model::{OrgRole, OrgSlug, PackageType, RepoId, Role, Scope, Visibility};
use granary_storage::rows::{OrgRow, RepoRow};

use crate::customer::is_gated;
use crate::principal::{Principal, Via};

/// What somebody wants to do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// List and download what the caller is entitled to: everything to whoever may [`Self::Read`], to customers what
    /// their licence or permissions cover.
    Fetch,
    /// List and download everything, and see how the repository is set up.
    Read,
    /// Publish.
    Write,
    /// Publish by upload sessions, which builds do as well: each their own packages.
    Upload,
    /// Settings, members, deletions.
    Admin,
    /// Delete the repository.
    Owner,
    /// List, make and delete the repository's tokens.
    ManageTokens,
}

impl Action {
    /// The role that the action takes.
    pub const fn role(self) -> Role {
        match self {
            Self::Fetch | Self::Read => Role::Read,
            Self::Write | Self::Upload => Role::Write,
            Self::Admin | Self::ManageTokens => Role::Admin,
            Self::Owner => Role::Owner,
        }
    }
}

/// What somebody wants to do in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrgAction {
    /// See it and its members.
    View,
    /// Change its name or members.
    Manage,
    /// Delete it.
    Delete,
    /// Make a repository in it.
    CreateRepo,
    /// List and delete its tokens.
    ManageTokens,
    /// Make a token for it.
    CreateToken,
    /// Make an entity that belongs to it, and put entities into its store or take them out.
    ManageStore,
    /// Manage what it sells, and its products.
    Sell,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Go ahead.
    Allow,
    /// No, and why.
    Deny(Denial),
}

/// Why something is denied, which decides the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denial {
    /// Nobody said who is asking: 401 with a challenge, whether the thing exists or not.
    Unauthenticated,
    /// The caller may not know that it exists: 404 as for an unknown name.
    Hidden,
    /// The caller's role is too low: 403.
    Role,
    /// The caller's role would do, but not the scope of the token: 403.
    Scope,
    /// This takes a person who signed in (or an organisation token, where the text says so): 403.
    Session,
    /// The licence is suspended: 403.
    Suspended,
    /// The licence has expired: 403.
    Expired,
    /// The version was published after what the licence covers: it is not there, or 403 where clients print the reason.
    OutsideWindow,
    /// The version is none of those that the customer has: the same.
    NotLicensed,
    /// A customer's key installs packages and does nothing else: 403.
    Customer,
    /// The token of a build uploads its own packages and does nothing else: 403.
    Build,
}

impl Denial {
    /// Stable name for clients that tell the reasons of a refusal apart.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Suspended => Some("LICENSE_SUSPENDED"),
            Self::Expired => Some("LICENSE_EXPIRED"),
            Self::OutsideWindow => Some("OUTSIDE_UPDATE_WINDOW"),
            Self::NotLicensed => Some("VERSION_NOT_LICENSED"),
            Self::Unauthenticated
            | Self::Hidden
            | Self::Role
            | Self::Scope
            | Self::Session
            | Self::Customer
            | Self::Build => None,
        }
    }
}

/// The facts about a repository that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct RepoFacts<'a> {
    /// The repository.
    pub repo: &'a RepoRow,
    /// The caller's role in the organisation that owns it.
    pub org_role: Option<OrgRole>,
    /// Whether the package at hand gives the caller, a member, the right to write it.
    pub granted: bool,
}

impl<'a> RepoFacts<'a> {
    /// A repository alone.
    pub const fn of(repo: &'a RepoRow) -> Self {
        Self { repo, org_role: None, granted: false }
    }
}

/// Decides about a repository. `None` for the facts: there is no such repository.
///
/// For customers this is the repository as a whole; [`crate::decide_package`] says what they get of a package.
pub fn decide(principal: &Principal, action: Action, facts: Option<RepoFacts<'_>>) -> Decision {
    if matches!(principal, Principal::Licence(licence) if licence.suspended) {
        return Decision::Deny(Denial::Suspended);
    }
    let Some(facts) = facts.filter(|facts| !facts.repo.deleting) else {
        return Decision::Deny(if principal.is_anonymous() {
            Denial::Unauthenticated
        } else {
            Denial::Hidden
        });
    };
    if is_gated(principal, facts.repo) {
        return decide_customer(principal, action, facts.repo);
    }
    if let Principal::Build { repo, uid, scope } = principal {
        let is = |id: &RepoId, of: &str| facts.repo.id == *id && facts.repo.uid == *of;
        let is_source = scope.source.as_ref().is_some_and(|(id, of)| is(id, of));
        return decide_build(action, is(repo, uid), is_source);
    }
    let (unlimited, role) = (membership(principal, facts), repo_role(principal, facts));
    let needed = action.role();
    if role.is_none_or(|role| role < needed) {
        return Decision::Deny(match (principal, role) {
            (Principal::Anonymous, _) => Denial::Unauthenticated,
            (Principal::Licence(_) | Principal::Consumer(_), _) => Denial::Customer,
            (_, None) => Denial::Hidden,
            // No repository token manages tokens, whatever its scope.
            (Principal::Repo { .. }, _) if action == Action::ManageTokens && unlimited.is_some() => {
                Denial::Session
            }
            // The role of an organisation or repository token is its scope.
            (Principal::Org { .. } | Principal::Repo { .. }, _)
                if unlimited.is_some() && needed <= Role::Admin =>
            {
                Denial::Scope
            }
            _ if unlimited.is_some_and(|role| role >= needed) => Denial::Scope,
            _ => Denial::Role,
        });
    }
    if action == Action::ManageTokens
        && !(principal.is_session() || matches!(principal, Principal::Org { .. }))
    {
        return Decision::Deny(Denial::Session);
    }
    Decision::Allow
}

/// What a build may do in a repository: upload, in its own (which packages is decided by [`decide_build_package`]), and download
/// from the one that the library comes from (what is decided by [`decide_build_fetch`]).
fn decide_build(action: Action, is_own: bool, is_source: bool) -> Decision {
    match action {
        Action::Upload if is_own => Decision::Allow,
        Action::Fetch if is_source => Decision::Allow,
        _ if is_own || is_source => Decision::Deny(Denial::Build),
        _ => Decision::Deny(Denial::Hidden),
    }
}

/// Decides whether somebody who may fetch from a repository may fetch this: a build only packages of Maven, and no lists of
/// what there is, and everybody else all. `None` for the repository as a whole.
pub fn decide_build_fetch(principal: &Principal, action: Action, kind: Option<PackageType>) -> Decision {
    let is_build = matches!(principal, Principal::Build { .. });
    if is_build && action == Action::Fetch && kind != Some(PackageType::Maven) {
        return Decision::Deny(Denial::Hidden);
    }
    Decision::Allow
}

/// Decides whether somebody who may upload to a repository may upload this version of this package.
///
/// A build may only its own, and everybody else all. `None` for what the request does not say: a build has to say it.
pub fn decide_build_package(
    principal: &Principal,
    kind: PackageType,
    name: Option<&str>,
    version: Option<&str>,
) -> Decision {
    let Principal::Build { scope, .. } = principal else { return Decision::Allow };
    let is_own = scope.packages.iter().any(|(own, own_name, own_version)| {
        *own == kind && Some(own_name.as_str()) == name && Some(own_version.as_str()) == version
    });
    if is_own { Decision::Allow } else { Decision::Deny(Denial::Build) }
}

/// What a customer may do in a repository that not everybody may read.
fn decide_customer(principal: &Principal, action: Action, repo: &RepoRow) -> Decision {
    let tenant = match principal {
        Principal::Licence(licence) => &licence.tenant,
        Principal::Consumer(consumer) => &consumer.tenant,
        _ => return Decision::Deny(Denial::Hidden),
    };
    if !tenant.covers(repo) {
        return Decision::Deny(Denial::Hidden);
    }
    if action != Action::Fetch {
        return Decision::Deny(Denial::Customer);
    }
    Decision::Allow
}

/// Decides about everything that is not in a repository: no customer has any business there.
pub fn decide_account(principal: &Principal) -> Decision {
    match principal {
        Principal::Licence(licence) if licence.suspended => Decision::Deny(Denial::Suspended),
        Principal::Licence(_) | Principal::Consumer(_) => Decision::Deny(Denial::Customer),
        // It never comes here: the product API has routes and a header of its own.
        Principal::Product(_) => Decision::Deny(Denial::Hidden),
        Principal::Build { .. } => Decision::Deny(Denial::Build),
        Principal::Anonymous | Principal::User { .. } | Principal::Org { .. } | Principal::Repo { .. } => {
            Decision::Allow
        }
    }
}

/// Decides about managing licences, consumers and packages for sale: whoever holds a token with admin scope manages
/// those of the token's owner.
pub fn decide_seller(principal: &Principal) -> Decision {
    match principal {
        Principal::Anonymous => Decision::Deny(Denial::Unauthenticated),
        Principal::Licence(_) | Principal::Consumer(_) | Principal::Product(_) | Principal::Build { .. } => {
            decide_account(principal)
        }
        Principal::User { scope, .. } | Principal::Org { scope, .. } | Principal::Repo { scope, .. } => {
            if *scope == Scope::Admin {
                Decision::Allow
            } else {
                Decision::Deny(Denial::Scope)
            }
        }
    }
}

/// The role in which the caller acts in a repository; `None`: no role, not even to read.
pub fn repo_role(principal: &Principal, facts: RepoFacts<'_>) -> Option<Role> {
    let member = membership(principal, facts).map(|role| match principal {
        Principal::User { scope, .. } => role.min(scope.ceiling()),
        _ => role,
    });
    let public = (facts.repo.visibility == Visibility::Public).then_some(Role::Read);
    member.max(public)
}

/// The role that membership (or being a token of the repository or its organisation) gives, before the
/// scope of an account token limits it and without what a public repository gives to everybody.
pub fn membership(principal: &Principal, facts: RepoFacts<'_>) -> Option<Role> {
    let repo = facts.repo;
    match principal {
        Principal::Anonymous
        | Principal::Licence(_)
        | Principal::Consumer(_)
        | Principal::Product(_)
        | Principal::Build { .. } => None,
        Principal::User { instance_admin: true, .. } => Some(Role::Owner),
        Principal::User { id, .. } => {
            let direct = repo.members.get(id).copied();
            // A grant on one package lifts a member; it does not let a stranger in.
            let direct = if facts.granted { direct.map(|role| role.max(Role::Write)) } else { direct };
            let by_org = match facts.org_role {
                Some(OrgRole::Owner) => Some(Role::Owner),
                Some(OrgRole::Admin) => Some(Role::Admin),
                Some(OrgRole::Member) | None => None,
            };
            direct.max(by_org)
        }
        Principal::Org { slug, uid, scope, .. } => {
            let same = repo.org.as_ref() == Some(slug) && repo.org_uid.as_ref() == Some(uid);
            same.then(|| scope.as_role())
        }
        Principal::Repo { id, uid, scope, .. } => {
            (repo.id == *id && repo.uid == *uid).then(|| scope.as_role())
        }
    }
}

/// Decides about what users do in their own name: make repositories and organisations, leave them.
pub fn decide_own(principal: &Principal) -> Decision {
    match principal {
        Principal::Anonymous => Decision::Deny(Denial::Unauthenticated),
        Principal::User { scope: Scope::Admin, .. } => Decision::Allow,
        Principal::User { .. } => Decision::Deny(Denial::Scope),
        Principal::Org { .. } | Principal::Repo { .. } => Decision::Deny(Denial::Session),
        Principal::Licence(_) | Principal::Consumer(_) | Principal::Product(_) | Principal::Build { .. } => {
            decide_account(principal)
        }
    }
}

/// Decides about an organisation. `None`: there is no such organisation.
pub fn decide_org(principal: &Principal, action: OrgAction, org: Option<&OrgRow>) -> Decision {
    if principal.is_anonymous() {
        return Decision::Deny(Denial::Unauthenticated);
    }
    let Some(role) = org.and_then(|org| org_role(principal, org)) else {
        return Decision::Deny(Denial::Hidden);
    };
    let needed = match action {
        OrgAction::View => OrgRole::Member,
        OrgAction::Manage
        | OrgAction::CreateRepo
        | OrgAction::ManageTokens
        | OrgAction::CreateToken
        | OrgAction::ManageStore
        | OrgAction::Sell => OrgRole::Admin,
        OrgAction::Delete => OrgRole::Owner,
    };
    if role < needed {
        return Decision::Deny(Denial::Role);
    }
    let fits = match (action, principal) {
        // Making organisation tokens by token would let a leaked one multiply; members are people's business.
        (OrgAction::CreateToken, _) => principal.is_session(),
        (OrgAction::Manage | OrgAction::Delete, _) => principal.user().is_some(),
        // Who acts for an organisation by token has one of the organisation.
        (OrgAction::ManageTokens | OrgAction::Sell, Principal::User { via, .. }) => *via == Via::Session,
        (
            OrgAction::View
            | OrgAction::CreateRepo
            | OrgAction::ManageTokens
            | OrgAction::ManageStore
            | OrgAction::Sell,
            _,
        ) => true,
    };
    if !fits {
        return Decision::Deny(Denial::Session);
    }
    let scope_fits = match principal {
        Principal::User { scope, .. } => action == OrgAction::View || *scope == Scope::Admin,
        _ => true,
    };
    if scope_fits { Decision::Allow } else { Decision::Deny(Denial::Scope) }
}

/// The caller's role in an organisation.
pub fn org_role(principal: &Principal, org: &OrgRow) -> Option<OrgRole> {
    match principal {
        Principal::User { instance_admin: true, .. } => Some(OrgRole::Owner),
        Principal::User { id, .. } => org.members.get(id).copied(),
        Principal::Org { slug, uid, scope, .. } if *slug == org.slug && *uid == org.uid => {
            Some(if *scope == Scope::Admin { OrgRole::Admin } else { OrgRole::Member })
        }
        _ => None,
    }
}

impl Principal {
    /// Whether the caller could need the organisation's row for a decision about this repository.
    pub fn needs_org(&self, repo: &RepoRow, action: Action, granted: bool) -> Option<OrgSlug> {
        let slug = repo.org.as_ref()?;
        let facts = RepoFacts { repo, org_role: None, granted };
        let enough = repo_role(self, facts).is_some_and(|role| role >= action.role());
        (self.user().is_some() && !enough).then(|| slug.clone())
    }

    /// Whether this is the token of one repository, and of which.
    pub fn repo_token(&self) -> Option<&RepoId> {
        match self {
            Self::Repo { id, .. } => Some(id),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
