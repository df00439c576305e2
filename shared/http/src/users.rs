//! What the identity provider says of users, and finding them by it.
//!
//! A user is found by an address that the provider has verified, and by no other: whoever writes somebody else's address
//! into a profile would get what is shared with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use granary_auth::Identity;
use granary_model::{EmailAddress, Result, UserId};
use granary_storage::rows::{EmailRow, UserRow};
use granary_storage::{Key, Storage};

use crate::state::AppState;

/// How many users a process remembers.
const MAX_KNOWN: usize = 10_000;

/// What this process has written down, and by the token of which moment, so that a token costs writing only once.
#[derive(Debug, Default)]
pub(crate) struct KnownUsers(Mutex<HashMap<Identity, i64>>);

impl KnownUsers {
    fn has(&self, identity: &Identity, issued_at: i64) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(identity).is_some_and(|known| *known >= issued_at)
    }

    fn add(&self, identity: Identity, issued_at: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MAX_KNOWN {
            known.clear();
        }
        let last = known.entry(identity).or_insert(issued_at);
        *last = issued_at.max(*last);
    }
}

impl AppState {
    /// Makes or updates the user's profile after a sign-in, and the address by which others find the user.
    ///
    /// What an older token says changes nothing: somebody may have another address by now, and the old one belong to
    /// somebody else.
    pub async fn remember_user(&self, identity: &Identity) -> Result<()> {
        let issued_at = identity.issued_at;
        let identity = Identity { nonce: None, issued_at: 0, ..identity.clone() };
        if self.known_users().has(&identity, issued_at) {
            return Ok(());
        }
        let known: Option<UserRow> = self.storage().get(&Key::User(identity.user.clone())).await?;
        let row = UserRow {
            id: identity.user.clone(),
            name: identity.name.clone(),
            email: identity.email.clone(),
            email_verified: identity.email_verified,
            picture: identity.picture.clone(),
            created_at: known.as_ref().map_or_else(|| self.now(), |row| row.created_at),
            issued_at,
        };
        write_down(self.storage(), known.as_ref(), &row).await?;
        self.known_users().add(identity, issued_at);
        Ok(())
    }
}

/// The address by which a user is found, if the provider has verified it.
fn verified(row: &UserRow) -> Option<EmailAddress> {
    row.email.as_ref().filter(|_| row.email_verified).and_then(|email| email.parse().ok())
}

/// Writes a profile and then the address that leads to it. Whoever follows an address looks at the profile as well, so if
/// this breaks off nobody is found by a wrong address, and the next request goes on.
async fn write_down(storage: &Storage, known: Option<&UserRow>, row: &UserRow) -> Result<()> {
    if known.is_some_and(|known| known.issued_at > row.issued_at) {
        return Ok(());
    }
    let (before, now) = (known.and_then(verified), verified(row));
    if let Some(before) = before
        && Some(&before) != now.as_ref()
        && let Err(error) = storage.release_email(&before, &row.id, row.issued_at).await
    {
        // It leads to a profile that says otherwise, so nobody has to wait for it to go.
        tracing::warn!(%error, user.id = %row.id, "an address that a user has no more is still in the index");
    }
    if known != Some(row) && !storage.put_profile(row).await? {
        return Ok(());
    }
    if let Some(email) = now {
        storage.claim_email(&email, &EmailRow { user: row.id.clone(), issued_at: row.issued_at }).await?;
    }
    Ok(())
}

/// The users that these addresses belong to; addresses of nobody are left out.
pub async fn users_by_email(
    state: &AppState,
    addresses: &BTreeSet<EmailAddress>,
) -> Result<BTreeMap<EmailAddress, UserId>> {
    let keys: Vec<Key> = addresses.iter().map(|email| Key::UserEmail(email.to_string())).collect();
    let holders: Vec<Option<EmailRow>> = state.storage().read_all(&keys).await?;
    let mut claims: BTreeMap<UserId, Vec<&EmailAddress>> = BTreeMap::new();
    for (email, holder) in addresses.iter().zip(holders) {
        if let Some(holder) = holder {
            claims.entry(holder.user).or_default().push(email);
        }
    }
    let keys: Vec<Key> = claims.keys().cloned().map(Key::User).collect();
    let profiles: Vec<Option<UserRow>> = state.storage().read_all(&keys).await?;
    let mut found = BTreeMap::new();
    for profile in profiles.into_iter().flatten() {
        let Some(email) = verified(&profile) else { continue };
        if claims.get(&profile.id).is_some_and(|claimed| claimed.contains(&&email)) {
            found.insert(email, profile.id);
        }
    }
    Ok(found)
}
