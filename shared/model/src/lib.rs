//! Pure types and rules of the registry: names, versions, roles, tokens, errors.
//!
//! Nothing here knows of HTTP, AWS or an async runtime. Every name, version, digest and token is a
//! newtype that cannot hold a bad value; every rule is a function of its arguments. Time and ids come
//! in through [`Clock`] and [`Ids`], so that whatever is built on this crate can be tested exactly.

pub mod clock;
pub mod composer;
pub mod customer_key;
pub mod digest;
pub mod email;
pub mod entity;
pub mod error;
pub mod ids;
pub mod kmp;
pub mod maven;
pub mod name;
pub mod npm;
pub mod package;
pub mod path;
pub mod product;
pub mod range;
pub mod raw;
pub mod role;
pub mod swift;
pub mod token;
pub mod upstream;

pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use customer_key::CustomerKey;
pub use digest::{Md5, Sha1, Sha256, Sha512};
pub use email::EmailAddress;
pub use error::{Error, Result};
pub use ids::{Ids, RandomIds};
pub use name::{OrgSlug, RepoId, UserId};
pub use package::{PackageType, Visibility};
pub use role::{OrgRole, Role, Scope};
pub use token::{RawToken, TokenHash, TokenKind};
