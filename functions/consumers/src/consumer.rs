//! Consumers as rows: each is stored under its number and under its public key, and both copies always change together.

use std::collections::BTreeMap;

use granary_http::AppState;
use granary_http::editing::{ATTEMPTS, pause, too_busy};
use granary_http::seller::Seller;
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{ConsumerRef, ConsumerRow};
use granary_storage::{Key, Tenant, Transaction};

use crate::change::{Deed, READ, commit};

/// Most permissions of one consumer: every request of the consumer reads all of them.
pub(crate) const MAX_PERMISSIONS: usize = 500;

/// Most permissions of one consumer for one package: a request for the package parses all of them.
const MAX_FOR_PACKAGE: usize = 20;

/// What a consumer's permissions may take up in its row, in bytes. A row holds 400 KB.
const MAX_SIZE: usize = 300_000;

/// What a permission takes up besides its version, in bytes.
const OVERHEAD: usize = 200;

/// Permissions that change in one transaction, of the 100 parts that fit.
pub(crate) const AT_ONCE: usize = 80;

/// Reads a consumer.
///
/// # Errors
/// `NotFound` if the seller has none with this number.
pub(crate) async fn load(state: &AppState, tenant: &Tenant, id: u64) -> Result<ConsumerRow> {
    let row: Option<ConsumerRow> = state.storage().get(&Key::Consumer(tenant.clone(), id)).await?;
    row.ok_or_else(|| Error::NotFound(format!("consumer {id} not found")))
}

/// The form of an e-mail address by which consumers are found.
pub(crate) fn folded(email: &str) -> String {
    email.to_lowercase()
}

fn email_key(row: &ConsumerRow) -> Key {
    Key::ConsumerEmail(row.tenant.clone(), folded(&row.email), row.id)
}

fn pair_key(row: &ConsumerRow) -> Key {
    Key::ConsumerKey(row.public_key.consumer_hash())
}

/// Stores a new consumer.
pub(crate) async fn store_new(state: &AppState, seller: &Seller, row: &ConsumerRow) -> Result<()> {
    let mut transaction = Transaction::new();
    transaction.put_new("public_key", &pair_key(row), row)?;
    transaction.put_new("number", &Key::Consumer(row.tenant.clone(), row.id), row)?;
    transaction.put("email", &email_key(row), &ConsumerRef { consumer_id: row.id })?;
    commit(state, seller, transaction, &Deed::of("consumer.create", "consumers", row.id)).await.map(|_| ())
}

/// How many permissions a consumer has for each package.
fn counts(row: &ConsumerRow) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for permission in row.permissions.values() {
        *counts.entry(permission.package_id).or_default() += 1;
    }
    counts
}

/// Makes a consumer's row the one that is to be written: counted, and with the times of the change.
pub(crate) fn renew(before: &ConsumerRow, mut after: ConsumerRow, now: Timestamp) -> Result<ConsumerRow> {
    let sizes = after.permissions.values().map(|permission| permission.version.len() + OVERHEAD);
    if after.permissions.len() > MAX_PERMISSIONS || sizes.sum::<usize>() > MAX_SIZE {
        return Err(Error::BadRequest(format!(
            "version: a consumer has at most {MAX_PERMISSIONS} permissions, which together take up at most {MAX_SIZE} \
             bytes; join several with '||' in one"
        )));
    }
    let (counts, earlier) = (counts(&after), counts(before));
    let grows = |(package, count): (&u64, &usize)| *count > earlier.get(package).copied().unwrap_or(0);
    if counts.iter().any(|entry| *entry.1 > MAX_FOR_PACKAGE && grows(entry)) {
        return Err(Error::BadRequest(format!(
            "version: a consumer has at most {MAX_FOR_PACKAGE} permissions for one package; join several with '||' in one"
        )));
    }
    let is_same = |a: &ConsumerRow, b: &ConsumerRow| {
        (&a.email, &a.public_key, &a.private_key) == (&b.email, &b.public_key, &b.private_key)
    };
    if !is_same(before, &after) {
        after.updated_at = now.max(before.updated_at);
    }
    // Documents of the consumer are told apart by it, so two changes never share it.
    after.changed_at = now.max(before.changed_at.plus_millis(1));
    after.rev = before.rev + 1;
    Ok(after)
}

/// Adds both copies of a changed consumer, each on the condition that it is still as it was read.
pub(crate) fn replace(
    transaction: &mut Transaction,
    before: &ConsumerRow,
    after: &ConsumerRow,
) -> Result<()> {
    let key = Key::Consumer(before.tenant.clone(), before.id);
    transaction.put_rev(READ, &key, after, Some(before.rev))?;
    if before.public_key == after.public_key {
        transaction.put_rev(READ, &pair_key(before), after, Some(before.rev))?;
    } else {
        transaction.delete_rev(READ, pair_key(before), before.rev);
        transaction.put_new("public_key", &pair_key(after), after)?;
    }
    if email_key(before) != email_key(after) {
        transaction.delete("email", email_key(before));
        transaction.put("email", &email_key(after), &ConsumerRef { consumer_id: after.id })?;
    }
    Ok(())
}

/// Carries out a change of a consumer: both copies, the rows that `edit` adds and the audit record commit together or not
/// at all. When another change came first, `edit` starts from the row as it is then. Gives the row as it is afterwards.
///
/// # Errors
/// What `edit` makes of it, and `NotFound` for a consumer that is not there.
pub(crate) async fn edit_consumer(
    state: &AppState,
    seller: &Seller,
    id: u64,
    deed: &Deed,
    mut edit: impl FnMut(&mut ConsumerRow, &mut Transaction) -> Result<()> + Send,
) -> Result<ConsumerRow> {
    for attempt in 0..ATTEMPTS {
        let before = load(state, &seller.tenant, id).await?;
        let (mut after, mut transaction) = (before.clone(), Transaction::new());
        edit(&mut after, &mut transaction)?;
        if after == before {
            return Ok(before);
        }
        let after = renew(&before, after, state.now())?;
        replace(&mut transaction, &before, &after)?;
        if commit(state, seller, transaction, deed).await? {
            return Ok(after);
        }
        pause(state, attempt).await;
    }
    Err(too_busy("consumer"))
}

/// Removes a consumer with its permissions, many of those a batch at a time before it.
pub(crate) async fn remove(state: &AppState, seller: &Seller, id: u64) -> Result<()> {
    let deed = Deed::of("consumer.delete", "consumers", id);
    for attempt in 0..ATTEMPTS {
        let row = load(state, &seller.tenant, id).await?;
        if row.permissions.len() > AT_ONCE {
            let numbers: Vec<u64> = row.permissions.keys().copied().take(AT_ONCE).collect();
            remove_permissions(state, seller, id, &numbers).await?;
            continue;
        }
        let mut transaction = Transaction::new();
        transaction.delete_rev(READ, Key::Consumer(row.tenant.clone(), id), row.rev);
        transaction.delete_rev(READ, pair_key(&row), row.rev);
        transaction.delete("email", email_key(&row));
        for number in row.permissions.keys() {
            transaction.delete("permission", Key::Permission(row.tenant.clone(), *number));
        }
        if commit(state, seller, transaction, &deed).await? {
            return Ok(());
        }
        pause(state, attempt).await;
    }
    Err(too_busy("consumer"))
}

/// Takes permissions away from a consumer, at most [`AT_ONCE`], and gives how many of them it had. Those that it does not
/// have any more are no matter.
pub(crate) async fn remove_permissions(
    state: &AppState,
    seller: &Seller,
    id: u64,
    numbers: &[u64],
) -> Result<usize> {
    let mut removed = 0;
    let deed = Deed::of("permission.delete", "consumers", id);
    edit_consumer(state, seller, id, &deed, |row, transaction| {
        removed = 0;
        for number in numbers {
            if row.permissions.remove(number).is_some() {
                removed += 1;
                transaction.delete("permission", Key::Permission(row.tenant.clone(), *number));
            }
        }
        Ok(())
    })
    .await?;
    Ok(removed)
}
