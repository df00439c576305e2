//! Blobs, audit records, events and sign-ins.

use granary_model::{RepoId, Sha256, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::keys::{PackageKey, Tenant};

/// A stored blob.
///
/// Life: a publish *claims* the digest (which makes the row), stores the bytes, and counts itself in the
/// transaction. Clean-up *dooms* a row that nobody counts on and nobody has claimed lately, removes the
/// bytes, and then the row. A claim on a doomed row is refused, so bytes never vanish under a publish.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRow {
    /// Number of files that hold these bytes.
    #[serde(default)]
    pub refs: u64,
    /// Until when a publish may count on it, in milliseconds since 1970.
    #[serde(default)]
    pub claimed_until: i64,
    /// Set while clean-up is removing it.
    #[serde(default)]
    pub doomed: bool,
    /// Until when it is the business of the clean-up that doomed it, in milliseconds since 1970. Another
    /// one takes over after that: the first has died.
    #[serde(default)]
    pub doomed_until: i64,
    /// Which clean-up that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doomed_by: Option<String>,
}

/// One entry of the audit log, written in the transaction of the change it records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Who: `user:..`, `org:..`, `repo:..` or `system`.
    pub actor: String,
    /// What, such as `package.publish`.
    pub action: String,
    /// To what, such as `my-repo/npm/left-pad@1.0.0`.
    pub target: String,
    /// Details worth keeping, never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Something that happened and that the `events` consumer still has to follow up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// A package changed: its documents have to be rendered.
    PackageChanged {
        /// The package.
        package: PackageKey,
    },
    /// Files were deleted: their bytes may have become garbage.
    BlobsReleased {
        /// Digests of the files.
        digests: Vec<Sha256>,
    },
    /// A version whose files have rows of their own was deleted: its files have to go.
    VersionDeleted {
        /// The package.
        package: PackageKey,
        /// The version.
        version: String,
    },
    /// A build of a Maven snapshot is whole: older builds may have to go.
    SnapshotDeployed {
        /// The package.
        package: PackageKey,
        /// The version, which ends with `-SNAPSHOT`.
        version: String,
    },
    /// An upload session waits for its bytes to be verified and published.
    UploadCompleted {
        /// The session.
        id: String,
    },
    /// A repository was deleted: everything in it has to go.
    RepoDeleted {
        /// Its name.
        repo: RepoId,
        /// Its `uid`, because the name may be in use again.
        uid: String,
    },
    /// An organisation was deleted: what it sold, its products and its entities have to go.
    SellerDeleted {
        /// Whose those are.
        tenant: Tenant,
    },
    /// A product was deleted: its versions have to go.
    ProductDeleted {
        /// Its `uid`.
        uid: String,
    },
    /// An entity was deleted: its versions have to go, and it has to leave all lists.
    EntityDeleted {
        /// Its id.
        id: String,
    },
    /// A library is no longer watched: its builds have to go.
    WatchedDeleted {
        /// The repository that watched it.
        repo: RepoId,
        /// Id of the watched library.
        watched: String,
    },
    /// Somebody has read something of an upstream that has to be asked for again. In no outbox.
    UpstreamStale {
        /// The package.
        package: PackageKey,
    },
    /// A package does not come from its upstream any more: what is kept of it has to go.
    FetchedReleased {
        /// The package.
        package: PackageKey,
    },
    /// What is kept of an upstream has to go, because it is none of the repository any more.
    UpstreamRemoved {
        /// The repository.
        repo: RepoId,
        /// Its `uid`, because the name may be in use again.
        repo_uid: String,
        /// The `uid` of the upstream.
        upstream: String,
    },
    /// Files that were handed over in two steps wait to be verified and committed.
    HandoverConfirmed {
        /// Id of the handover.
        id: String,
    },
}

/// A hint that a file of a repository holds certain bytes, so that its owner need not send them again.
///
/// Only a hint: whoever uses it looks whether the file is still there and whether the caller may read it.
/// Therefore nothing has to be undone when the file is deleted; the row goes by itself some day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRow {
    /// When the row may go, in seconds since 1970.
    pub expires_at: i64,
    /// The package.
    pub package: PackageKey,
    /// The version.
    pub version: String,
    /// Name of the file.
    pub file: String,
}

/// An event in the outbox. It is written with the change and removed when it has been followed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Part of the outbox, 0 to 7.
    pub shard: u8,
    /// Id within the shard; sorts by time.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// A login by web: begun by a command-line client, finished in a browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoginRow {
    /// When the row may go, in seconds since 1970.
    pub expires_at: i64,
    /// SHA-256, in hexadecimal, of the secret with which the client asks for the token. The address that
    /// the user opens does not contain it, so who sees that address cannot fetch the token.
    pub poll_hash: String,
    /// Name of the client, for the confirmation page and the token's label.
    pub client: String,
    /// Who has agreed. The client's next question gets a token of this user, which is made only then, so
    /// that no secret is ever stored; with that the row is gone.
    pub user: Option<UserId>,
}

/// A sign-in by browser between two of its requests. The key is a secret that only the browser and, for
/// the trip to the identity provider, the provider know; the row is taken when it is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignInRow {
    /// When the row may go, in seconds since 1970.
    pub expires_at: i64,
    /// What it is for.
    pub purpose: SignInPurpose,
    /// Digest of the cookie of the browser that began: no other one may go on.
    pub browser: String,
    /// How far it has come.
    pub stage: SignInStage,
}

/// What a sign-in by browser is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInPurpose {
    /// A command-line client waits for it: its login.
    Login(String),
    /// The browser itself: the path that it is sent to afterwards.
    Browser(String),
}

/// How far a sign-in by browser has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "kebab-case")]
pub enum SignInStage {
    /// The browser is at the identity provider.
    Provider {
        /// PKCE verifier.
        verifier: String,
        /// Nonce that the ID token must repeat.
        nonce: String,
    },
    /// The user has signed in and is asked whether the client may act for them.
    Confirmation {
        /// The user.
        user: UserId,
    },
}
