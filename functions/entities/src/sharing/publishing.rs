//! Putting an entity into a store and taking it out: the entity's row and the store's list in one transaction.

use std::collections::BTreeSet;

use granary_model::{Error, OrgSlug, Result};
use granary_publish::Change;
use granary_publish::shelf::{Next, ShelfEdit, ShelfRow as _};
use granary_storage::rows::{EntityRow, OrgRow, Publication, StoreRef};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Storage, Transaction};

use crate::access::check_size;

/// Most stores that an entity can be in: they stand in its row, and their organisations are read to decide who has it.
const MAX_STORES: usize = 50;

/// Puts an entity into the store of an organisation, or changes for whom it is there.
pub(super) struct Publishing<'a> {
    pub(super) storage: &'a Storage,
    pub(super) org: &'a OrgRow,
    pub(super) public: bool,
    /// Who publishes, as in audit records.
    pub(super) by: String,
    /// Whether it was there before.
    pub(super) was_there: bool,
    /// What came of it.
    pub(super) publication: Option<Publication>,
}

impl ShelfEdit<EntityRow> for Publishing<'_> {
    fn action(&self) -> &'static str {
        "store.publish"
    }

    fn detail(&self) -> String {
        format!("/stores/{}{}", self.org.slug, if self.public { " (public)" } else { "" })
    }

    async fn apply(
        &mut self,
        mut row: EntityRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let slug = &self.org.slug;
        let before = row.stores.get(slug).filter(|publication| publication.org_uid == self.org.uid);
        self.was_there = before.is_some();
        if let Some(before) = before.filter(|before| before.public == self.public) {
            self.publication = Some(before.clone());
            return Ok(Next::Nothing);
        }
        if !row.stores.contains_key(slug) && row.stores.len() >= MAX_STORES {
            forget_former(self.storage, &mut row, transaction, change).await?;
        }
        let publication = Publication {
            org_uid: self.org.uid.clone(),
            public: self.public,
            published_by: self.by.clone(),
            published_at: change.now,
        };
        self.publication = Some(publication.clone());
        row.stores.insert(slug.clone(), publication);
        check_size(&row)?;
        // So that the organisation cannot be deleted at this moment with an entity left in its store.
        transaction.touch_org("org", slug, &self.org.uid);
        let entry = StoreRef { id: row.id.clone(), public: self.public };
        transaction.put("list of the store", &Key::StoreEntry(slug.clone(), row.id.clone()), &entry)?;
        tell_store(&row, slug, self.action(), &self.detail(), transaction, change)?;
        Ok(Next::Write(row))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<()> {
        match refusal.label {
            "org" => Err(Error::NotFound(format!("organisation '{}' not found", self.org.slug))),
            label => Err(Error::internal("publishing to a store", format!("the part '{label}' was refused"))),
        }
    }
}

/// Takes the entity out of the stores of organisations that are gone. Clean-up would do so as well, later.
///
/// # Errors
/// `BadRequest` if that makes no room.
async fn forget_former(
    storage: &Storage,
    row: &mut EntityRow,
    transaction: &mut Transaction,
    change: &Change<'_>,
) -> Result<()> {
    let slugs: Vec<OrgSlug> = row.stores.keys().cloned().collect();
    let keys: Vec<Key> = slugs.iter().cloned().map(Key::Org).collect();
    let orgs: Vec<Option<OrgRow>> = storage.read_all(&keys).await?;
    let uids: BTreeSet<String> = orgs.into_iter().flatten().map(|org| org.uid).collect();
    let is_former = |publication: &Publication| !uids.contains(&publication.org_uid);
    let former: Vec<OrgSlug> =
        slugs.into_iter().filter(|slug| row.stores.get(slug).is_some_and(is_former)).collect();
    row.stores.retain(|slug, _| !former.contains(slug));
    if row.stores.len() >= MAX_STORES {
        return Err(Error::BadRequest(format!(
            "an entity can be in at most {MAX_STORES} stores; take it out of one first"
        )));
    }
    // One record of all of them, as a transaction has room for.
    let names: Vec<&str> = former.iter().map(OrgSlug::as_str).collect();
    let target = format!("{}/stores/{}", row.label(), names.join(","));
    change.audit(transaction, &row.scope(), "store.withdraw", &target)?;
    for slug in former {
        transaction.delete("list of a former store", Key::StoreEntry(slug, row.id.clone()));
    }
    Ok(())
}

/// Takes an entity out of the store of an organisation.
pub(super) struct Withdrawal<'a> {
    pub(super) org: &'a OrgRow,
}

impl ShelfEdit<EntityRow> for Withdrawal<'_> {
    fn action(&self) -> &'static str {
        "store.withdraw"
    }

    fn detail(&self) -> String {
        format!("/stores/{}", self.org.slug)
    }

    async fn apply(
        &mut self,
        mut row: EntityRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let slug = &self.org.slug;
        let there = row.stores.remove(slug).filter(|publication| publication.org_uid == self.org.uid);
        if there.is_none() {
            return Err(not_in_store(slug, &row.id));
        }
        transaction.delete("list of the store", Key::StoreEntry(slug.clone(), row.id.clone()));
        tell_store(&row, slug, self.action(), &self.detail(), transaction, change)?;
        Ok(Next::Write(row))
    }
}

/// The store's organisation has a record of its own, unless the entity is its own as well.
fn tell_store(
    row: &EntityRow,
    slug: &OrgSlug,
    action: &str,
    detail: &str,
    transaction: &mut Transaction,
    change: &Change<'_>,
) -> Result<()> {
    let scope = format!("org:{slug}");
    if scope == row.scope() {
        return Ok(());
    }
    change.audit(transaction, &scope, action, &format!("{}{detail}", row.label()))
}

/// The error for an entity that is not in a store, or not for the caller.
pub(super) fn not_in_store(slug: &OrgSlug, id: &str) -> Error {
    let id = granary_http::shown(id);
    Error::NotFound(format!("entity '{id}' is not in the store of organisation '{slug}'"))
}
