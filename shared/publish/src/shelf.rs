//! Changing what stands by itself, outside of repositories: products and entities.
//!
//! Such a thing has one row, which says who may do what with it and counts what it holds, and its versions are rows besides.
//! Every change of either commits together with that row, its audit record and its events, on condition that the row is
//! the one that was read.

use granary_auth::Principal;
use granary_model::{Error, Ids, Result, Timestamp};
use granary_storage::rows::{EntityRow, ProductRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Commit, Key, Storage, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::change::Change;
use crate::head_edit::pause;

/// How often a change begins again because another one came first.
const ATTEMPTS: u32 = 64;

/// The row that a thing stands and falls with.
pub trait ShelfRow: Clone + Serialize + DeserializeOwned + Send + Sync {
    /// Its key.
    fn key(&self) -> Key;

    /// Whose audit log its changes belong to, such as `org:acme`.
    fn scope(&self) -> String;

    /// What it is called in audit records, such as `product/my-lib`.
    fn label(&self) -> String;

    /// Counts changes.
    fn rev(&self) -> u64;

    /// Whether a row that was read later is the same thing, and still there.
    fn is_still(&self, later: &Self) -> bool;

    /// Sets what every change sets.
    fn touch(&mut self, rev: u64, now: Timestamp);

    /// The error for one that is not there.
    fn not_found(&self) -> Error;
}

impl ShelfRow for ProductRow {
    fn key(&self) -> Key {
        Key::Product(self.tenant.clone(), self.name.to_string())
    }

    fn scope(&self) -> String {
        self.tenant.subject.to_string()
    }

    fn label(&self) -> String {
        format!("product/{}", self.name)
    }

    fn rev(&self) -> u64 {
        self.rev
    }

    fn is_still(&self, later: &Self) -> bool {
        self.uid == later.uid
    }

    fn touch(&mut self, rev: u64, now: Timestamp) {
        self.rev = rev;
        self.updated_at = now.max(self.updated_at);
    }

    fn not_found(&self) -> Error {
        Error::NotFound("Product not found".into())
    }
}

impl ShelfRow for EntityRow {
    fn key(&self) -> Key {
        Key::Entity(self.id.clone())
    }

    fn scope(&self) -> String {
        self.owner.subject.to_string()
    }

    fn label(&self) -> String {
        format!("entity/{}", self.slug)
    }

    fn rev(&self) -> u64 {
        self.rev
    }

    fn is_still(&self, later: &Self) -> bool {
        !later.deleting
    }

    fn touch(&mut self, rev: u64, now: Timestamp) {
        self.rev = rev;
        self.updated_at = now.max(self.updated_at);
    }

    fn not_found(&self) -> Error {
        Error::NotFound(format!("entity '{}' not found", self.id))
    }
}

/// Who makes a change, and by which right.
pub struct Hand<'a, R> {
    /// Where everything is stored.
    pub storage: &'a Storage,
    /// Source of ids.
    pub ids: &'a dyn Ids,
    /// When.
    pub now: Timestamp,
    /// Who.
    pub principal: &'a Principal,
    /// The row of the token that gave the right: the change is refused if it has gone since.
    pub credential: Option<&'a Key>,
    /// Decides again about a row that was read anew: the right may have been taken away meanwhile.
    pub permit: &'a (dyn Fn(&R) -> Result<()> + Send + Sync),
}

/// What an edit makes of a row.
#[derive(Debug)]
pub enum Next<R> {
    /// Write this one; its `rev` is set for it.
    Write(R),
    /// Remove it.
    Remove,
    /// Nothing is to be changed.
    Nothing,
}

/// What became of an edit.
#[derive(Debug)]
pub enum Edited<R> {
    /// The row as it is now.
    Changed(R),
    /// It is gone.
    Removed,
    /// There was nothing to change.
    Unchanged,
}

/// One kind of change.
pub trait ShelfEdit<R: ShelfRow>: Send {
    /// Name for the audit record, such as `product.upload`.
    fn action(&self) -> &'static str;

    /// What is changed, for the audit record: the thing is put in front. Such as `@1.0.0`.
    fn detail(&self) -> String {
        String::new()
    }

    /// Adds the rows of the change to the transaction, and its events, given the row as it is now. Called again for each
    /// attempt.
    fn apply(
        &mut self,
        row: R,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> impl Future<Output = Result<Next<R>>> + Send;

    /// Says what a refused part means; never one of those that `edit_shelf` adds. Only an error ends the change: otherwise it
    /// begins again, with the row read anew.
    fn refused(&mut self, refusal: Refusal) -> Result<()> {
        Err(Error::internal("changing", format!("the part '{}' was refused", refusal.label)))
    }
}

/// Carries out an edit: the edit's rows, the row itself, the audit record and the events commit together or not at all.
///
/// # Errors
/// Those of the edit; `NotFound` if it was deleted meanwhile, `Unauthorized` if the token was.
pub async fn edit_shelf<R: ShelfRow, E: ShelfEdit<R>>(
    hand: &Hand<'_, R>,
    row: R,
    edit: &mut E,
) -> Result<Edited<R>> {
    let mut row = row;
    for attempt in 0..ATTEMPTS {
        let mut change = Change::begin(hand.ids, hand.now, hand.principal);
        let mut transaction = Transaction::new();
        let next = edit.apply(row.clone(), &mut transaction, &mut change).await?;
        let written = match next {
            Next::Nothing => return Ok(Edited::Unchanged),
            Next::Remove => {
                transaction.delete_rev("shelf", row.key(), row.rev());
                None
            }
            Next::Write(mut new) => {
                new.touch(row.rev() + 1, hand.now);
                transaction.put_rev("shelf", &row.key(), &new, Some(row.rev()))?;
                Some(new)
            }
        };
        // A row that moved is the reason for whatever else does not fit.
        transaction.put_last_first();
        if let Some(credential) = hand.credential {
            transaction.require("token", credential.clone());
        }
        let target = format!("{}{}", row.label(), edit.detail());
        change.audit(&mut transaction, &row.scope(), edit.action(), &target)?;
        let refusal = match hand.storage.commit(transaction).await? {
            Commit::Done => {
                change.notify(hand.storage).await;
                return Ok(written.map_or(Edited::Removed, Edited::Changed));
            }
            Commit::Refused(refusal) => refusal,
        };
        match refusal.label {
            "shelf" => {}
            "token" => return Err(Error::Unauthorized("the token was revoked meanwhile".into())),
            _ => edit.refused(refusal)?,
        }
        pause(hand.ids, attempt).await;
        let later: Option<R> = hand.storage.get(&row.key()).await?;
        row = later.filter(|later| row.is_still(later)).ok_or_else(|| row.not_found())?;
        (hand.permit)(&row)?;
    }
    Err(Error::Unavailable("too many changes of the same thing at once; try again".into()))
}
