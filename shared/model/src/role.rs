//! Roles of members and scopes of tokens: two ladders that the decision function compares.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a member may do in a repository; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// List packages and download.
    Read,
    /// Publish.
    Write,
    /// Manage members, settings and tokens; delete files.
    Admin,
    /// Delete the repository.
    Owner,
}

/// What a member may do in an organisation; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrgRole {
    /// Belongs to it; has the repository roles that repositories give.
    Member,
    /// Manages members and tokens; is admin of every repository of the organisation.
    Admin,
    /// May delete it.
    Owner,
}

/// What a token may do at most; each scope includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Download and list.
    Read,
    /// Publish.
    Write,
    /// Manage repositories, tokens and members.
    Admin,
}

impl Scope {
    /// The highest role that this scope lets a member act in. `admin` is the top of the ladder, so it
    /// does not hold an owner back.
    pub const fn ceiling(self) -> Role {
        match self {
            Self::Read => Role::Read,
            Self::Write => Role::Write,
            Self::Admin => Role::Owner,
        }
    }

    /// The role that this scope amounts to where no membership is needed (organisation and repository
    /// tokens). Such a token never owns: it cannot delete the repository it belongs to.
    pub const fn as_role(self) -> Role {
        match self {
            Self::Read => Role::Read,
            Self::Write => Role::Write,
            Self::Admin => Role::Admin,
        }
    }

    /// This scope and all that it includes, lowest first.
    pub fn with_included(self) -> Vec<Self> {
        [Self::Read, Self::Write, Self::Admin].into_iter().filter(|scope| *scope <= self).collect()
    }
}

/// Gives a ladder of names `FromStr` and `Display`, with the known names in the error.
macro_rules! ladder_text {
    ($type:ident, $what:literal, $($variant:ident => $text:literal),+) => {
        impl $type {
            /// The name in documents and requests.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for $type {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(Error::BadRequest(format!(
                        concat!("unknown ", $what, " '{}'; use one of: {}"),
                        text.chars().take(40).collect::<String>(),
                        [$($text),+].join(", "),
                    ))),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use ladder_text;

ladder_text!(Role, "role", Read => "read", Write => "write", Admin => "admin", Owner => "owner");
ladder_text!(OrgRole, "role", Member => "member", Admin => "admin", Owner => "owner");
ladder_text!(Scope, "scope", Read => "read", Write => "write", Admin => "admin");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ladders_are_ordered() {
        assert!(Role::Read < Role::Write && Role::Write < Role::Admin && Role::Admin < Role::Owner);
        assert!(Scope::Admin.ceiling() >= Role::Owner);
        assert!(Scope::Admin.as_role() < Role::Owner);
        assert_eq!(Scope::Write.with_included(), [Scope::Read, Scope::Write]);
    }

    #[test]
    fn names_round_trip_and_errors_list_them() {
        for role in [Role::Read, Role::Write, Role::Admin, Role::Owner] {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        let message = "root".parse::<Scope>().unwrap_err().to_string();
        assert!(message.contains("read, write, admin"), "{message}");
    }
}
