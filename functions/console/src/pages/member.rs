//! Members of repositories and organisations, as their pages show them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::text::short;

/// A member.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::pages) struct Member {
    pub(in crate::pages) uid: String,
    pub(in crate::pages) role: String,
    display_name: Option<String>,
    email: Option<String>,
}

impl Member {
    /// What to call them, in at most 60 characters. Anybody can be called so: what is done to somebody names the id.
    pub(in crate::pages) fn name(&self) -> Cow<'_, str> {
        short(self.display_name.as_deref().unwrap_or(&self.uid))
    }

    /// Their id, to read: in at most 60 characters.
    pub(in crate::pages) fn id(&self) -> Cow<'_, str> {
        short(&self.uid)
    }

    /// Their e-mail address, to read.
    pub(in crate::pages) fn email(&self) -> Option<Cow<'_, str>> {
        self.email.as_deref().map(short)
    }
}

/// The answer with all of them.
#[derive(Deserialize)]
pub(in crate::pages) struct Members {
    pub(in crate::pages) members: Vec<Member>,
}
