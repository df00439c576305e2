//! Removing the entities of an organisation, and emptying its store.
//!
//! Both lists are kept under the organisation's short name, which may be in use again: by its `uid` the rows of an entity
//! say which organisation is meant.

use granary_model::{Error, OrgSlug, Result};
use granary_publish::Change;
use granary_publish::shelf::ShelfRow as _;
use granary_storage::rows::{EntityRow, Event, Listed};
use granary_storage::{Commit, Key, Tenant, Transaction};

use super::ATTEMPTS;
use crate::state::AppState;

/// Entries of a list that are read at once.
const PAGE: i32 = 100;

/// What is done with the entities of a list.
#[derive(Clone, Copy)]
enum Deed {
    /// Those of the organisation are deleted.
    Delete,
    /// Those in its store are taken out.
    TakeOut,
}

/// Deletes the entities that the organisation owns, and takes all others out of its store. What a deleted one holds goes by
/// the event that this announces.
pub(super) async fn purge(state: &AppState, tenant: &Tenant, slug: &OrgSlug) -> Result<()> {
    let own = Key::EntityOfOrg(slug.clone(), String::new());
    each(state, (tenant, slug), (&own, "ENTITY#"), Deed::Delete).await?;
    let store = Key::StoreEntry(slug.clone(), String::new());
    each(state, (tenant, slug), (&store, "STORE#"), Deed::TakeOut).await
}

/// Goes through a list by pages, and does something with each entity until that has worked.
async fn each(
    state: &AppState,
    (tenant, slug): (&Tenant, &OrgSlug),
    (first, prefix): (&Key, &str),
    deed: Deed,
) -> Result<()> {
    let mut after: Option<String> = None;
    loop {
        let page = state.storage().list::<Listed>(first, prefix, after.as_deref(), PAGE).await?;
        for row in &page.rows {
            let id = row.sk.strip_prefix(prefix);
            let id = id.ok_or_else(|| Error::internal("clearing a list", &row.sk))?;
            let mut refusals = 0;
            loop {
                let done = match deed {
                    Deed::Delete => delete(state, tenant, slug, id).await?,
                    Deed::TakeOut => take_out(state, tenant, slug, id).await?,
                };
                if done {
                    break;
                }
                refusals += 1;
                if refusals == ATTEMPTS {
                    return Err(Error::Unavailable("an entity is still being changed; try again".into()));
                }
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Deletes an entity if it is the organisation's. `false`: it was changed meanwhile.
async fn delete(state: &AppState, tenant: &Tenant, slug: &OrgSlug, id: &str) -> Result<bool> {
    let row: Option<EntityRow> = state.storage().get(&Key::Entity(id.to_owned())).await?;
    let Some(row) = row else {
        // A list only says where to look, and nobody gets this id again.
        state.storage().delete(&Key::EntityOfOrg(slug.clone(), id.to_owned())).await?;
        return Ok(true);
    };
    if row.owner != *tenant || row.deleting {
        return Ok(true);
    }
    let mut change = Change::by_system(state.ids(), state.now());
    let mut transaction = Transaction::new();
    let slug_row = Key::EntitySlug(row.slug.to_string());
    let deleted = EntityRow {
        deleting: true,
        updated_at: state.now().max(row.updated_at),
        rev: row.rev + 1,
        ..row.clone()
    };
    transaction.put_rev("entity", &Key::Entity(id.to_owned()), &deleted, Some(row.rev))?;
    transaction.delete("short name", slug_row);
    transaction.delete("list", Key::EntityOfOrg(slug.clone(), id.to_owned()));
    change.audit(
        &mut transaction,
        &tenant.subject.to_string(),
        "entity.delete",
        &format!("entity/{}", row.slug),
    )?;
    change.announce(&mut transaction, Event::EntityDeleted { id: id.to_owned() })?;
    let done = matches!(state.storage().commit(transaction).await?, Commit::Done);
    if done {
        change.notify(state.storage()).await;
    }
    Ok(done)
}

/// Takes an entity out of the organisation's store. `false`: it was changed meanwhile.
async fn take_out(state: &AppState, tenant: &Tenant, slug: &OrgSlug, id: &str) -> Result<bool> {
    let row: Option<EntityRow> = state.storage().get(&Key::Entity(id.to_owned())).await?;
    let entry = Key::StoreEntry(slug.clone(), id.to_owned());
    let Some(row) = row else {
        state.storage().delete(&entry).await?;
        return Ok(true);
    };
    let publication = row.stores.get(slug);
    if publication.is_some_and(|publication| Some(&publication.org_uid) != tenant.uid.as_ref()) {
        // The next organisation of this name has it in its store.
        return Ok(true);
    }
    let mut rest = EntityRow { rev: row.rev + 1, ..row.clone() };
    let change = Change::by_system(state.ids(), state.now());
    let mut transaction = Transaction::new();
    // What the organisation owned itself goes with it anyway; the next one of this name must not read of it in its log.
    if rest.stores.remove(slug).is_some() && row.owner != *tenant {
        let target = format!("{}/stores/{slug}", row.label());
        change.audit(&mut transaction, &row.scope(), "store.withdraw", &target)?;
    }
    // Written even where there is no publication, so that one that is being made does not lose its entry.
    transaction.put_rev("entity", &Key::Entity(id.to_owned()), &rest, Some(row.rev))?;
    transaction.delete("entry", entry);
    Ok(matches!(state.storage().commit(transaction).await?, Commit::Done))
}
