//! Users, organisations and tokens.

use std::collections::BTreeMap;

use granary_model::{OrgRole, OrgSlug, Scope, Sha256, Timestamp, TokenHash, TokenKind, UserId};
use serde::{Deserialize, Serialize};

use crate::keys::Subject;

/// A user, made on first sign-in and brought up to date on later ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// The identity provider's `sub`.
    pub id: UserId,
    /// Name to show.
    pub name: Option<String>,
    /// E-mail address as the provider gave it.
    pub email: Option<String>,
    /// Whether the provider has verified that the address is theirs.
    #[serde(default)]
    pub email_verified: bool,
    /// Address of a picture.
    pub picture: Option<String>,
    /// First sign-in.
    pub created_at: Timestamp,
    /// When the provider said all this, in seconds since 1970: what it said earlier does not count any more.
    #[serde(default)]
    pub issued_at: i64,
}

/// An organisation with its members.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrgRow {
    /// Short name.
    pub slug: OrgSlug,
    /// Differs between two organisations that had the same slug one after the other, so that nothing
    /// made for the first one works on the second.
    pub uid: String,
    /// Name to show.
    pub name: String,
    /// Members and what they may do.
    pub members: BTreeMap<UserId, OrgRole>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
}

/// An organisation in a user's list; [`OrgRow`] says whether the user still belongs to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrgRef {
    /// The organisation.
    pub slug: OrgSlug,
}

/// A token as it is looked up when it is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenRow {
    /// Public id, used to delete it.
    pub id: String,
    /// Account, organisation or repository.
    pub token_kind: TokenKind,
    /// Whom it acts for.
    pub subject: Subject,
    /// The `uid` of the organisation or repository it was made for; `None` for account tokens.
    pub subject_uid: Option<String>,
    /// Label its owner gave it.
    pub name: String,
    /// Prefix and first 8 characters.
    pub prefix: String,
    /// What it may do at most, as asked for.
    pub scopes: Vec<Scope>,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// Day on which it was used last, in days since 1970. Only the row that is looked up has it, not the subject's list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<i64>,
}

impl TokenRow {
    /// The highest scope, which is what counts.
    pub fn scope(&self) -> Scope {
        self.scopes.iter().copied().max().unwrap_or(Scope::Read)
    }

    /// Whether it has expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// A token in its subject's list: the same facts, and the hash that finds the token itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenEntry {
    /// The token's facts.
    #[serde(flatten)]
    pub token: TokenRow,
    /// Where the token itself is.
    pub hash: TokenHash,
}

/// A user who signed in by browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Public id, by which it is ended.
    pub id: String,
    /// Who signed in.
    pub user: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When the row may go, in seconds since 1970. The session is over by then.
    pub expires_at: i64,
    /// What the browser calls itself, shortened.
    pub browser: String,
}

impl SessionRow {
    /// Whether it is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.seconds() >= self.expires_at
    }
}

/// A session in its user's list: the same facts, and the hash that finds the session itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// The session's facts.
    #[serde(flatten)]
    pub session: SessionRow,
    /// Where the session itself is.
    pub hash: TokenHash,
}

/// A caller to be authorised again later, when the request is long over: by its token, or as a user who was
/// signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallerRef {
    /// The token's hash.
    Token(TokenHash),
    /// The user.
    User(UserId),
    /// The user, for an organisation that it administers.
    Member(UserId, OrgSlug),
    /// SHA-256 of a token of the product API.
    ProductToken(Sha256),
}
