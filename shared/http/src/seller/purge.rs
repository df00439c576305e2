//! Removing what an organisation or a repository sold, and what stood by itself.

mod entities;
mod products;

use granary_model::{CustomerKey, Error, Result};
use granary_storage::{Commit, Key, Sequence, Storage, Subject, Tenant, Transaction};
use serde::Deserialize;

use crate::state::AppState;

/// Rows that are removed in one transaction: each takes up to two of its 100 parts.
const AT_ONCE: i32 = 45;

/// How often it begins again because a row changed under its hands.
const ATTEMPTS: u32 = 32;

/// What has to be known of a row of a seller.
#[derive(Deserialize)]
struct Held {
    sk: String,
    rev: Option<u64>,
    /// The key of a licence. Rows of versions have a `key` of another kind.
    key: Option<String>,
    public_key: Option<CustomerKey>,
}

impl Held {
    /// Adds the removal of the row, and of the one under which requests find it.
    fn remove(&self, tenant: &Tenant, transaction: &mut Transaction) -> Result<()> {
        let key = key_of(tenant, &self.sk)
            .ok_or_else(|| Error::internal("clearing what a seller kept", &self.sk))?;
        match (&key, &self.key, &self.public_key) {
            (Key::Licence(..), Some(text), _) => {
                let key: CustomerKey = text.parse()?;
                transaction.delete("key", Key::LicenceKey(key.licence_hash()));
            }
            (Key::Consumer(..), _, Some(key)) => {
                transaction.delete("key", Key::ConsumerKey(key.consumer_hash()));
            }
            _ => {}
        }
        match self.rev {
            // A key that was changed meanwhile would stay for ever.
            Some(rev) => transaction.delete_rev("row", key, rev),
            None => transaction.delete("row", key),
        }
        Ok(())
    }
}

/// Removes everything that an organisation or a repository had to itself.
///
/// Those are the tokens of its products and the products, its entities and what is in its store, licences, consumers,
/// permissions and numbers. Keys of customers can be used again. What products and entities hold goes by events that this
/// announces.
///
/// A tenant is one organisation or repository and not the next one of the same name, so this cannot hit a successor. Safe
/// to repeat after it was interrupted, and to be done by several at once. Whoever calls this has made sure that the tenant's
/// own tokens add nothing any more.
///
/// # Errors
/// `Unavailable` if rows go on changing.
pub async fn purge(state: &AppState, tenant: &Tenant) -> Result<()> {
    // First, because every change of a product depends on the token of whoever makes it: from then on nobody makes any.
    products::purge_tokens(state, tenant).await?;
    if let Subject::Org(slug) = &tenant.subject {
        entities::purge(state, tenant, slug).await?;
    }
    products::purge(state, tenant).await?;
    sold(state.storage(), tenant).await
}

async fn sold(storage: &Storage, tenant: &Tenant) -> Result<()> {
    // Only says which partition to list.
    let first = Key::Sequence(tenant.clone(), Sequence::Packages);
    let mut refusals = 0;
    while refusals < ATTEMPTS {
        let page = storage.list::<Held>(&first, "", None, AT_ONCE).await?;
        if page.rows.is_empty() {
            return Ok(());
        }
        let mut transaction = Transaction::new();
        for row in &page.rows {
            row.remove(tenant, &mut transaction)?;
        }
        if let Commit::Refused(_) = storage.commit(transaction).await? {
            refusals += 1;
        }
    }
    Err(Error::Unavailable("what was for sale is still being changed; try again".into()))
}

/// The row of a seller that has this sort key.
fn key_of(tenant: &Tenant, sort_key: &str) -> Option<Key> {
    let tenant = tenant.clone();
    let (kind, rest) = sort_key.split_once('#')?;
    Some(match kind {
        "LICENCE" => Key::Licence(tenant, rest.to_owned()),
        "CONSUMER" => Key::Consumer(tenant, rest.parse().ok()?),
        "EMAIL" => {
            let (email, id) = rest.rsplit_once('\n')?;
            Key::ConsumerEmail(tenant, email.to_owned(), id.parse().ok()?)
        }
        "PERMISSION" => Key::Permission(tenant, rest.parse().ok()?),
        "PACKAGE" => Key::SoldPackage(tenant, rest.parse().ok()?),
        "VERSION" => Key::SoldVersion(tenant, rest.parse().ok()?),
        "OF" => {
            let (package, id) = rest.split_once('#')?;
            Key::SoldVersionOf(tenant, package.parse().ok()?, id.parse().ok()?)
        }
        "SEQUENCE" => [Sequence::Packages, Sequence::Versions, Sequence::Consumers, Sequence::Permissions]
            .into_iter()
            .map(|sequence| Key::Sequence(tenant.clone(), sequence))
            .find(|key| key.sk() == sort_key)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_sort_key() {
        let tenant = Tenant { subject: Subject::Org("acme".parse().unwrap()), uid: Some("1".into()) };
        let of = || tenant.clone();
        for key in [
            Key::Licence(of(), "0192a1b2-0000-7000-8000-000000000000".into()),
            Key::Consumer(of(), 7),
            Key::ConsumerEmail(of(), "a#b@example.com".into(), u64::MAX),
            Key::Permission(of(), 1),
            Key::SoldPackage(of(), 2),
            Key::SoldVersion(of(), 3),
            Key::SoldVersionOf(of(), 2, 3),
            Key::Sequence(of(), Sequence::Packages),
            Key::Sequence(of(), Sequence::Versions),
            Key::Sequence(of(), Sequence::Consumers),
            Key::Sequence(of(), Sequence::Permissions),
        ] {
            assert_eq!(key_of(&tenant, &key.sk()), Some(key));
        }
        for unknown in ["", "OTHER#1", "CONSUMER#x", "OF#1", "EMAIL#a", "SEQUENCE#other"] {
            assert_eq!(key_of(&tenant, unknown), None, "{unknown}");
        }
    }
}
