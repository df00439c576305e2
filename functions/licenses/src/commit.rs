//! Licences in the table. Each is there twice, in its seller's list and under its key, and both are always written in one
//! transaction.

use granary_http::editing::{ATTEMPTS, pause, refused, require_token, too_busy};
use granary_http::seller::Seller;
use granary_http::{AppState, shown};
use granary_model::{CustomerKey, Error, Result};
use granary_storage::rows::LicenceRow;
use granary_storage::{Commit, Key, Transaction};

use crate::request::LicenceRequest;

/// Length of an id as text.
const ID_LENGTH: usize = 36;

/// One of the seller's licences.
///
/// # Errors
/// `NotFound` if the seller has no such licence, whoever else has.
pub(crate) async fn find(state: &AppState, seller: &Seller, id: &str) -> Result<LicenceRow> {
    let unknown = || Error::NotFound(format!("licence '{}' not found", shown(id)));
    // An id of another form would be a key of something else, or none at all.
    if id.len() != ID_LENGTH {
        return Err(unknown());
    }
    let row = state.storage().get(&Key::Licence(seller.tenant.clone(), id.to_owned())).await?;
    row.ok_or_else(unknown)
}

/// Makes a licence, with a random key if none was asked for.
///
/// # Errors
/// `BadRequest` if another licence has the key, be it one of another seller.
pub(crate) async fn create(state: &AppState, seller: &Seller, request: LicenceRequest) -> Result<LicenceRow> {
    let LicenceRequest { name, key, constraint, on_expiry, suspended, meta, packages } = request;
    let is_chosen = key.is_some();
    let change = state.change(&seller.caller.principal);
    let mut row = LicenceRow {
        id: state.ids().next(change.now),
        tenant: seller.tenant.clone(),
        name,
        key: key.unwrap_or_else(|| CustomerKey::generate_licence(state.ids())),
        constraint,
        on_expiry,
        suspended,
        meta,
        packages,
        created_at: change.now,
        updated_at: change.now,
        rev: 1,
    };
    for attempt in 0..ATTEMPTS {
        let mut transaction = begin(state, seller, "licence.create", &row.id)?;
        transaction.put_new("key", &Key::LicenceKey(row.key.licence_hash()), &row)?;
        transaction.put_new("licence", &Key::Licence(row.tenant.clone(), row.id.clone()), &row)?;
        match state.storage().commit(transaction).await? {
            Commit::Done => return Ok(row),
            Commit::Refused(refusal) if refusal.label == "key" && !is_chosen => {
                row.key = CustomerKey::generate_licence(state.ids());
            }
            Commit::Refused(refusal) => return Err(refusal_of(seller, refusal.label)),
        }
        pause(state, attempt).await;
    }
    Err(too_busy("list of licences"))
}

/// Replaces everything of a licence but its id and the moment it was made.
///
/// # Errors
/// `NotFound` if it has been deleted meanwhile, `BadRequest` if another licence has the new key.
pub(crate) async fn replace(
    state: &AppState,
    seller: &Seller,
    old: LicenceRow,
    request: LicenceRequest,
) -> Result<LicenceRow> {
    let mut old = old;
    for attempt in 0..ATTEMPTS {
        let row = LicenceRow {
            id: old.id.clone(),
            tenant: old.tenant.clone(),
            name: request.name.clone(),
            key: request.key.clone().unwrap_or_else(|| old.key.clone()),
            constraint: request.constraint.clone(),
            on_expiry: request.on_expiry,
            suspended: request.suspended,
            meta: request.meta.clone(),
            packages: request.packages.clone(),
            created_at: old.created_at,
            // Documents are dated by it, and the clocks of two functions differ.
            updated_at: state.now().max(old.updated_at),
            rev: old.rev + 1,
        };
        let mut transaction = begin(state, seller, "licence.update", &row.id)?;
        // First, so that a change which somebody else made is known as one.
        let place = Key::Licence(row.tenant.clone(), row.id.clone());
        transaction.put_rev("licence", &place, &row, Some(old.rev))?;
        let (before, after) = (old.key.licence_hash(), row.key.licence_hash());
        let stays = before == after;
        transaction.put_rev("key", &Key::LicenceKey(after), &row, stays.then_some(old.rev))?;
        if !stays {
            transaction.delete_rev("licence", Key::LicenceKey(before), old.rev);
        }
        match state.storage().commit(transaction).await? {
            Commit::Done => return Ok(row),
            Commit::Refused(refusal) if refusal.label == "licence" => {}
            Commit::Refused(refusal) => return Err(refusal_of(seller, refusal.label)),
        }
        pause(state, attempt).await;
        old = find(state, seller, &old.id).await?;
    }
    Err(too_busy("licence"))
}

/// Removes a licence.
///
/// # Errors
/// `NotFound` if the seller has no such licence.
pub(crate) async fn remove(state: &AppState, seller: &Seller, id: &str) -> Result<()> {
    for attempt in 0..ATTEMPTS {
        let row = find(state, seller, id).await?;
        let mut transaction = begin(state, seller, "licence.delete", &row.id)?;
        transaction.delete_rev("licence", Key::Licence(row.tenant.clone(), row.id.clone()), row.rev);
        transaction.delete_rev("licence", Key::LicenceKey(row.key.licence_hash()), row.rev);
        match state.storage().commit(transaction).await? {
            Commit::Done => return Ok(()),
            Commit::Refused(refusal) if refusal.label == "licence" => {}
            Commit::Refused(refusal) => return Err(refusal_of(seller, refusal.label)),
        }
        pause(state, attempt).await;
    }
    Err(too_busy("licence"))
}

/// What every change has in common: the seller may still make it, and it is on record. The record never has the key.
fn begin(state: &AppState, seller: &Seller, action: &str, id: &str) -> Result<Transaction> {
    let mut transaction = Transaction::new();
    require_token(&mut transaction, &seller.caller);
    seller.require_tenant(&mut transaction);
    let scope = seller.scope();
    let change = state.change(&seller.caller.principal);
    change.audit(&mut transaction, &scope, action, &format!("{scope}/licences/{id}"))?;
    Ok(transaction)
}

fn refusal_of(seller: &Seller, label: &str) -> Error {
    match label {
        "key" => Error::BadRequest("key: another licence has this key; choose another one".into()),
        "tenant" => Error::NotFound(format!("'{}' has been deleted", seller.scope())),
        label => refused(label),
    }
}
