//! Users and organisations as clients see them.

use std::collections::BTreeMap;

use granary_model::{OrgRole, OrgSlug, UserId};
use granary_storage::rows::{OrgRow, UserRow};
use serde::Serialize;

/// An organisation as its members see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgView {
    id: OrgSlug,
    slug: OrgSlug,
    name: String,
    members: BTreeMap<UserId, OrgRole>,
    member_uids: Vec<UserId>,
    created_at: String,
    updated_at: String,
}

impl From<OrgRow> for OrgView {
    fn from(row: OrgRow) -> Self {
        Self {
            id: row.slug.clone(),
            slug: row.slug,
            name: row.name,
            member_uids: row.members.keys().cloned().collect(),
            members: row.members,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        }
    }
}

/// Users as they see themselves.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    uid: UserId,
    display_name: Option<String>,
    email: Option<String>,
    avatar_url: Option<String>,
    created_at: Option<String>,
    instance_admin: bool,
}

impl UserView {
    /// From the profile. There is none for a user who has a token but has never signed in: the first
    /// administrator of a new instance.
    pub(crate) fn new(uid: UserId, profile: Option<UserRow>, instance_admin: bool) -> Self {
        let (display_name, email, avatar_url, created_at) = profile
            .map_or((None, None, None, None), |user| {
                (user.name, user.email, user.picture, Some(user.created_at.to_string()))
            });
        Self { uid, display_name, email, avatar_url, created_at, instance_admin }
    }
}
