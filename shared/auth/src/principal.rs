//! Who a request acts for.

use std::sync::Arc;

use granary_model::{OrgSlug, RepoId, Scope, Timestamp, UserId};
use granary_storage::rows::{
    BuildRow, BuildScope, BuildTokenRow, ConsumerRow, LicenceRow, ProductTokenRow, TokenRow, WatchedRow,
};
use granary_storage::{Subject, Tenant};

/// Who a request acts for, once its credential has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// A user, in person or by token.
    User {
        /// The user.
        id: UserId,
        /// What the credential may do at most.
        scope: Scope,
        /// How the user proved it.
        via: Via,
        /// Whether the operator named this user an administrator of the instance.
        instance_admin: bool,
    },
    /// An organisation, by token.
    Org {
        /// The organisation.
        slug: OrgSlug,
        /// Its `uid` when the token was made.
        uid: String,
        /// What the token may do at most.
        scope: Scope,
        /// Id of the token.
        token: String,
    },
    /// A repository, by token.
    Repo {
        /// The repository.
        id: RepoId,
        /// Its `uid` when the token was made.
        uid: String,
        /// What the token may do at most.
        scope: Scope,
        /// Id of the token.
        token: String,
    },
    /// A customer with the key of a licence.
    Licence(Arc<LicenceRow>),
    /// A customer with a key pair.
    Consumer(Arc<ConsumerRow>),
    /// A token of the product API, which is good for nothing else.
    Product(Arc<ProductTokenRow>),
    /// A build of a repository of type `kmp`: it uploads its own packages and does nothing else.
    Build {
        /// The repository.
        repo: RepoId,
        /// The repository's `uid`.
        uid: String,
        /// What it may publish.
        scope: Arc<BuildScope>,
    },
}

/// How a user proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// An ID token of the identity provider: the person is there.
    Session,
    /// An account token, with its id.
    Token(String),
}

impl Principal {
    /// The principal a token stands for; `None` if the token has expired.
    pub fn from_token(
        row: &TokenRow,
        now: Timestamp,
        is_instance_admin: impl Fn(&UserId) -> bool,
    ) -> Option<Self> {
        if row.is_expired(now) {
            return None;
        }
        let scope = row.scope();
        let uid = row.subject_uid.clone().unwrap_or_default();
        let token = row.id.clone();
        Some(match &row.subject {
            Subject::User(id) => Self::User {
                id: id.clone(),
                scope,
                instance_admin: is_instance_admin(id),
                via: Via::Token(token),
            },
            Subject::Org(slug) => Self::Org { slug: slug.clone(), uid, scope, token },
            Subject::Repo(id) => Self::Repo { id: id.clone(), uid, scope, token },
        })
    }

    /// The principal that the token of a build stands for, while its build and its library are as they are in the table:
    /// everything while its attempt is under way; once that is over, only to look how its uploads have ended. `None` if the
    /// token has expired, if build or library are gone, and if the build is in another attempt.
    pub fn from_build_token(
        row: &BuildTokenRow,
        now: Timestamp,
        build: Option<&BuildRow>,
        library: Option<&WatchedRow>,
    ) -> Option<Self> {
        let BuildTokenRow { repo, repo_uid, scope, .. } = row;
        library.filter(|library| library.repo_uid == *repo_uid)?;
        let build = build.filter(|build| build.repo_uid == *repo_uid && build.attempt == scope.attempt)?;
        if row.is_expired(now) {
            return None;
        }
        let scope = if build.status.is_under_way() {
            scope.clone()
        } else {
            BuildScope { packages: Vec::new(), source: None, ..scope.clone() }
        };
        Some(Self::Build { repo: repo.clone(), uid: repo_uid.clone(), scope: Arc::new(scope) })
    }

    /// The user, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether a person signed in, rather than a token.
    pub fn is_session(&self) -> bool {
        matches!(self, Self::User { via: Via::Session, .. })
    }

    /// Whether there is no credential.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// Whether it is somebody to whom a seller gave a key.
    pub fn is_customer(&self) -> bool {
        matches!(self, Self::Licence(_) | Self::Consumer(_))
    }

    /// Whose licences and consumers the caller manages, if it may manage any: its own, or those of the organisation or
    /// repository that its token is of.
    pub fn tenant(&self) -> Option<Tenant> {
        match self {
            Self::User { id, .. } => Some(Tenant { subject: Subject::User(id.clone()), uid: None }),
            Self::Org { slug, uid, .. } => {
                Some(Tenant { subject: Subject::Org(slug.clone()), uid: Some(uid.clone()) })
            }
            Self::Repo { id, uid, .. } => {
                Some(Tenant { subject: Subject::Repo(id.clone()), uid: Some(uid.clone()) })
            }
            Self::Anonymous
            | Self::Licence(_)
            | Self::Consumer(_)
            | Self::Product(_)
            | Self::Build { .. } => None,
        }
    }

    /// Name for audit records: `user:ann`, `org:acme`, `repo:libs`, `licence:<id>`, `consumer:<number>`,
    /// `product-token:<beginning of its hash>`, `build:<id>`.
    pub fn actor(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".into(),
            Self::User { id, .. } => format!("user:{id}"),
            Self::Org { slug, .. } => format!("org:{slug}"),
            Self::Repo { id, .. } => format!("repo:{id}"),
            Self::Licence(licence) => format!("licence:{}", licence.id),
            Self::Consumer(consumer) => format!("consumer:{}", consumer.id),
            Self::Build { scope, .. } => format!("build:{}", scope.build),
            Self::Product(token) => {
                let hash: String = token.hash.to_string().chars().take(12).collect();
                format!("product-token:{hash}")
            }
        }
    }

    /// Name to show as a publisher or in `whoami`.
    pub fn display_name(&self) -> String {
        match self {
            Self::User { id, .. } => id.to_string(),
            other => other.actor(),
        }
    }
}
