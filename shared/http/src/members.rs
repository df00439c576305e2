//! The rules of membership, the same for repositories and organisations.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use granary_model::{Error, OrgRole, Result, Role, UserId};
use granary_storage::Key;
use granary_storage::rows::UserRow;
use serde::Serialize;

use crate::fields::Fields;
use crate::state::AppState;

/// Most members that one repository or organisation can have: they stand in one row of at most 400 KB.
pub const MAX_MEMBERS: usize = 1000;

/// A ladder of roles.
pub trait MemberRole:
    Copy + Ord + Display + Serialize + FromStr<Err = Error> + Send + Sync + 'static
{
    /// The top of it, which somebody always holds.
    const OWNER: Self;
}

impl MemberRole for Role {
    const OWNER: Self = Self::Owner;
}

impl MemberRole for OrgRole {
    const OWNER: Self = Self::Owner;
}

/// Who changes a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acting<R> {
    /// Somebody in this role.
    As(R),
    /// The member themselves, who may leave in any role.
    Oneself,
}

/// What is known of a member, as clients see it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberView<R> {
    /// The user.
    pub uid: UserId,
    /// What the user may do.
    pub role: R,
    /// Name to show.
    pub display_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Address of a picture.
    pub avatar_url: Option<String>,
}

impl<R> MemberView<R> {
    /// From a member's profile, as far as there is one.
    pub fn new(uid: UserId, role: R, profile: Option<UserRow>) -> Self {
        let (display_name, email, avatar_url) =
            profile.map_or((None, None, None), |user| (user.name, user.email, user.picture));
        Self { uid, role, display_name, email, avatar_url }
    }
}

/// A request to add a member or to change a member's role.
#[derive(Debug, Clone)]
pub struct MemberRequest<R> {
    /// The user, who has signed in at least once.
    pub user: UserRow,
    /// The role to give.
    pub role: R,
}

impl<R: MemberRole> MemberRequest<R> {
    /// Reads `{"userId","role"}`.
    ///
    /// # Errors
    /// `BadRequest` also for a user whom the registry has never seen.
    pub async fn read(state: &AppState, fields: &Fields) -> Result<Self> {
        fields.only(&["userId", "role"])?;
        let id: UserId = Fields::required("userId", fields.parsed("userId")?)?;
        let role = Fields::required("role", fields.parsed("role")?)?;
        let user: Option<UserRow> = state.storage().get(&Key::User(id.clone())).await?;
        let user = user.ok_or_else(|| {
            Error::BadRequest(format!("there is no user '{id}'; the person must sign in once before"))
        })?;
        Ok(Self { user, role })
    }
}

/// Adds a member or changes a member's role.
///
/// # Errors
/// `Forbidden` if the new or the old role is above that of the caller, `Conflict` if the last owner would
/// be gone, `BadRequest` for more members than fit.
pub fn set_member<R: MemberRole>(
    members: &mut BTreeMap<UserId, R>,
    acting: R,
    user: &UserId,
    role: R,
) -> Result<()> {
    if role > acting {
        return Err(Error::Forbidden(format!("your own role is '{acting}': you cannot give '{role}'")));
    }
    let before = members.get(user).copied();
    if before.is_some_and(|before| before > acting) {
        return Err(above(user, acting));
    }
    if before.is_none() && members.len() >= MAX_MEMBERS {
        return Err(Error::BadRequest(format!("there can be at most {MAX_MEMBERS} members")));
    }
    members.insert(user.clone(), role);
    if before == Some(R::OWNER) { require_owner(members) } else { Ok(()) }
}

/// Removes a member.
///
/// # Errors
/// `NotFound` for somebody who is none, `Forbidden` for somebody above the caller, `Conflict` for the last
/// owner.
pub fn remove_member<R: MemberRole>(
    members: &mut BTreeMap<UserId, R>,
    acting: Acting<R>,
    user: &UserId,
) -> Result<()> {
    let before = members.get(user).copied();
    let before = before.ok_or_else(|| Error::NotFound(format!("member '{user}' not found")))?;
    if let Acting::As(role) = acting
        && before > role
    {
        return Err(above(user, role));
    }
    members.remove(user);
    if before == R::OWNER { require_owner(members) } else { Ok(()) }
}

/// The profiles of all members.
pub async fn member_views<R: MemberRole>(
    state: &AppState,
    members: &BTreeMap<UserId, R>,
) -> Result<Vec<MemberView<R>>> {
    let keys: Vec<Key> = members.keys().cloned().map(Key::User).collect();
    let profiles: Vec<Option<UserRow>> = state.storage().read_all(&keys).await?;
    let shown = members.iter().zip(profiles);
    Ok(shown.map(|((user, role), profile)| MemberView::new(user.clone(), *role, profile)).collect())
}

fn above<R: MemberRole>(user: &UserId, acting: R) -> Error {
    Error::Forbidden(format!("'{user}' has a higher role than yours, which is '{acting}'"))
}

fn require_owner<R: MemberRole>(members: &BTreeMap<UserId, R>) -> Result<()> {
    if members.values().any(|role| *role == R::OWNER) {
        return Ok(());
    }
    Err(Error::Conflict("the last owner has to stay; make somebody else an owner first".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    fn members(list: &[(&str, Role)]) -> BTreeMap<UserId, Role> {
        list.iter().map(|(id, role)| (user(id), *role)).collect()
    }

    #[test]
    fn nobody_reaches_above_themselves() {
        let start = members(&[("owner", Role::Owner), ("boss", Role::Admin), ("ann", Role::Read)]);
        let attempt = |acting, who: &str, role| set_member(&mut start.clone(), acting, &user(who), role);
        assert!(matches!(attempt(Role::Admin, "ann", Role::Owner), Err(Error::Forbidden(_))));
        assert!(matches!(attempt(Role::Admin, "owner", Role::Read), Err(Error::Forbidden(_))));
        assert!(attempt(Role::Admin, "ann", Role::Admin).is_ok());
        assert!(attempt(Role::Admin, "boss", Role::Read).is_ok());
        assert!(attempt(Role::Owner, "new", Role::Owner).is_ok());
        let remove = |acting, who: &str| remove_member(&mut start.clone(), acting, &user(who));
        assert!(matches!(remove(Acting::As(Role::Admin), "owner"), Err(Error::Forbidden(_))));
        assert!(matches!(remove(Acting::As(Role::Admin), "nobody"), Err(Error::NotFound(_))));
        assert!(remove(Acting::As(Role::Admin), "boss").is_ok());
        assert!(remove(Acting::Oneself, "ann").is_ok());
    }

    #[test]
    fn the_last_owner_stays() {
        let mut two = members(&[("a", Role::Owner), ("b", Role::Owner)]);
        remove_member(&mut two, Acting::As(Role::Owner), &user("a")).unwrap();
        let last = remove_member(&mut two.clone(), Acting::Oneself, &user("b"));
        assert!(matches!(last, Err(Error::Conflict(_))));
        let demoted = set_member(&mut two.clone(), Role::Owner, &user("b"), Role::Admin);
        assert!(matches!(demoted, Err(Error::Conflict(_))));
        assert!(set_member(&mut two, Role::Owner, &user("b"), Role::Owner).is_ok());
    }

    #[test]
    fn there_is_an_end_to_members() {
        let mut full: BTreeMap<UserId, Role> =
            (0..MAX_MEMBERS).map(|n| (user(&format!("u{n}")), Role::Owner)).collect();
        assert!(matches!(
            set_member(&mut full, Role::Owner, &user("one-more"), Role::Read),
            Err(Error::BadRequest(_))
        ));
        assert!(set_member(&mut full, Role::Owner, &user("u1"), Role::Read).is_ok());
    }
}
