//! Making and taking back shares: the entity's row and the rows of the lists in one transaction.

use std::collections::BTreeMap;

use granary_model::{EmailAddress, Error, Ids, Result, Timestamp, UserId};
use granary_publish::Change;
use granary_publish::shelf::{Next, ShelfEdit};
use granary_storage::rows::{EntityRef, EntityRow, Share};
use granary_storage::{Key, Transaction};

use crate::access::check_size;

/// Most shares of an entity: they stand in its row.
pub(super) const MAX_SHARES: usize = 1000;

/// Shares that one transaction makes: it has 100 parts, and some belong to the entity.
pub(super) const AT_ONCE: usize = 90;

/// Shares an entity with users.
pub(super) struct Sharing<'a> {
    /// Source of ids.
    pub(super) ids: &'a dyn Ids,
    /// Who shares.
    pub(super) by: &'a UserId,
    /// The caller, if it is a user: nobody shares with themselves.
    pub(super) oneself: Option<&'a UserId>,
    /// With whom, by their addresses.
    pub(super) with: BTreeMap<EmailAddress, UserId>,
    /// The shares that were made, with their ids, in the order of the addresses.
    pub(super) created: Vec<(String, Share)>,
    /// Who is a publisher, or has a share already.
    pub(super) had_access: Vec<EmailAddress>,
}

impl Sharing<'_> {
    /// Whether the entity is a user's without this share. Stores do not count: access by a store may end any day, and who
    /// belongs to an organisation is not for others to find out by sharing.
    fn has_access(&self, row: &EntityRow, user: &UserId) -> bool {
        self.oneself == Some(user)
            || row.publishers.contains(user)
            || row.shares.values().any(|share| share.user == *user)
    }

    /// Refuses more shares than an entity can have, before any is made.
    ///
    /// # Errors
    /// `BadRequest` if there would be more than [`MAX_SHARES`], `Conflict` if the row would be too large.
    pub(super) fn check(&self, row: &EntityRow) -> Result<()> {
        let mut row = row.clone();
        for (n, (email, user)) in self.with.iter().enumerate() {
            if !self.has_access(&row, user) {
                // As long as ids are.
                row.shares.insert(format!("{n:036}"), self.share(email, user, row.updated_at));
            }
        }
        check_shares(&row)
    }

    fn share(&self, email: &EmailAddress, user: &UserId, now: Timestamp) -> Share {
        Share { user: user.clone(), email: email.to_string(), created_by: self.by.clone(), created_at: now }
    }
}

fn check_shares(row: &EntityRow) -> Result<()> {
    if row.shares.len() > MAX_SHARES {
        return Err(Error::BadRequest(format!(
            "an entity can be shared with at most {MAX_SHARES} users; publish it to the store of an organisation instead"
        )));
    }
    check_size(row)
}

impl ShelfEdit<EntityRow> for Sharing<'_> {
    fn action(&self) -> &'static str {
        "entity.share"
    }

    fn detail(&self) -> String {
        let users: Vec<&str> = self.created.iter().map(|(_, share)| share.user.as_str()).collect();
        format!("/shares/{}", users.join(","))
    }

    async fn apply(
        &mut self,
        mut row: EntityRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        self.created.clear();
        self.had_access.clear();
        let entry = EntityRef { id: row.id.clone() };
        for (email, user) in &self.with {
            if self.has_access(&row, user) {
                self.had_access.push(email.clone());
                continue;
            }
            let (id, share) = (self.ids.next(change.now), self.share(email, user, change.now));
            transaction.put("list of the user", &Key::SharedWith(user.clone(), row.id.clone()), &entry)?;
            self.created.push((id.clone(), share.clone()));
            row.shares.insert(id, share);
        }
        if self.created.is_empty() {
            return Ok(Next::Nothing);
        }
        check_shares(&row)?;
        transaction.put("list of who shares", &Key::SharedBy(self.by.clone(), row.id.clone()), &entry)?;
        Ok(Next::Write(row))
    }
}

/// Takes a share back.
pub(super) struct Unsharing<'a> {
    /// The share.
    pub(super) id: &'a str,
    /// Whose it was.
    pub(super) user: Option<UserId>,
}

impl ShelfEdit<EntityRow> for Unsharing<'_> {
    fn action(&self) -> &'static str {
        "entity.unshare"
    }

    fn detail(&self) -> String {
        format!("/shares/{}", self.user.as_ref().map_or("", UserId::as_str))
    }

    async fn apply(
        &mut self,
        mut row: EntityRow,
        transaction: &mut Transaction,
        _: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let share = row.shares.remove(self.id).ok_or_else(|| unknown_share(self.id))?;
        // The lists name the entity once, however many shares there are.
        if row.shares.values().all(|other| other.user != share.user) {
            transaction.delete("list of the user", Key::SharedWith(share.user.clone(), row.id.clone()));
        }
        if row.shares.values().all(|other| other.created_by != share.created_by) {
            transaction.delete("list of who shares", Key::SharedBy(share.created_by, row.id.clone()));
        }
        self.user = Some(share.user);
        Ok(Next::Write(row))
    }
}

/// The error for a share that is not there, or that the caller may not know of.
pub(super) fn unknown_share(id: &str) -> Error {
    Error::NotFound(format!("share '{}' not found", granary_http::shown(id)))
}
