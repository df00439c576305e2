//! Access to an entity: the permission and the loaded rows in one value.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use axum::http::HeaderMap;
use futures::{StreamExt as _, TryStreamExt as _};
use granary_auth::{
    Decision, EntityAction, Principal, Standing, decide_entity, deciding_orgs, has_owner, owner_org, owns,
    standing,
};
use granary_model::{Error, OrgSlug, Result};
use granary_publish::shelf::Hand;
use granary_storage::Key;
use granary_storage::rows::{CallerRef, EntityRow, OrgRow};

use crate::access::{denied, shown};
use crate::caller::{Caller, identify_again};
use crate::state::AppState;

/// Length of an id as text.
const ID_LENGTH: usize = 36;

/// Most organisations that are read in one call; DynamoDB's limit.
const ORGS_AT_ONCE: usize = 100;

/// Such calls that are made at the same time.
const GROUPS_AT_ONCE: usize = 4;

/// A permission for an entity.
pub trait EntityPermission: Send + Sync + 'static {
    /// What it permits.
    const ACTION: EntityAction;
}

/// See an entity and its versions, and download them.
#[derive(Debug, Clone, Copy)]
pub struct AccessEntity;

impl EntityPermission for AccessEntity {
    const ACTION: EntityAction = EntityAction::Access;
}

/// Change an entity, its publishers, shares and versions.
#[derive(Debug, Clone, Copy)]
pub struct PublishEntity;

impl EntityPermission for PublishEntity {
    const ACTION: EntityAction = EntityAction::Publish;
}

/// Proof that a caller may do `A` with an entity, with what was read to decide it.
#[derive(Debug, Clone)]
pub struct EntityAccess<A> {
    /// Who is calling.
    pub caller: Caller,
    /// The entity.
    pub entity: EntityRow,
    /// By what the caller has access to it.
    pub standing: Standing,
    /// Organisations that were read to decide.
    orgs: Vec<OrgRow>,
    /// The row of the caller's token.
    credential: Option<Key>,
    permit: PhantomData<A>,
}

impl<A: EntityPermission> EntityAccess<A> {
    /// Authorises a request for an entity. The token and the entity are read at the same time; where an organisation owns it, or
    /// the caller's standing may come from a store, one more call.
    ///
    /// # Errors
    /// `Unauthorized` without credentials, `NotFound` for what the caller may not know of, `Forbidden` otherwise.
    pub async fn authorize(state: &AppState, headers: &HeaderMap, id: &str) -> Result<Self> {
        let caller = Caller::of_request(state, headers);
        let (caller, entity) = tokio::try_join!(caller, read(state, id))?;
        Self::decide(state, caller, entity, id).await
    }

    /// Authorises the caller of an earlier request anew, by the rights it has now.
    pub async fn again(state: &AppState, caller: &CallerRef, id: &str) -> Result<Self> {
        let ((caller, _), entity) =
            tokio::try_join!(identify_again(state, caller, None, None), read(state, id))?;
        Self::decide(state, caller, entity, id).await
    }

    async fn decide(state: &AppState, caller: Caller, entity: Option<EntityRow>, id: &str) -> Result<Self> {
        let orgs = match &entity {
            Some(entity) => organisations(state, deciding_orgs(&caller.principal, entity)).await?,
            None => Vec::new(),
        };
        if let Decision::Deny(denial) = decide_entity(&caller.principal, A::ACTION, entity.as_ref(), &orgs) {
            return Err(denied(denial, &format!("entity '{}'", shown(id))));
        }
        let entity = entity.ok_or_else(|| Error::internal("authorising", "allowed without an entity"))?;
        let standing = standing(&caller.principal, &entity, &orgs)
            .ok_or_else(|| Error::internal("authorising", "allowed without a standing"))?;
        let credential = caller.token.clone().map(Key::Token);
        Ok(Self { caller, entity, standing, orgs, credential, permit: PhantomData })
    }

    /// Whether the caller owns the entity: as the user, or for the organisation as an administrator or with its token.
    pub fn owns(&self) -> bool {
        owns(&self.caller.principal, &self.entity, &self.orgs)
    }

    /// Decides about the entity as it was read later, by the organisations that were read before.
    pub fn recheck(&self, entity: &EntityRow) -> Result<()> {
        match decide_entity(&self.caller.principal, A::ACTION, Some(entity), &self.orgs) {
            Decision::Allow => Ok(()),
            Decision::Deny(denial) => Err(denied(denial, &format!("entity '{}'", entity.id))),
        }
    }

    /// The hand that changes the entity by this right; `permit` is [`Self::recheck`].
    pub fn hand<'a>(
        &'a self,
        state: &'a AppState,
        permit: &'a (dyn Fn(&EntityRow) -> Result<()> + Send + Sync),
    ) -> Hand<'a, EntityRow> {
        Hand {
            storage: state.storage(),
            ids: state.ids(),
            now: state.now(),
            principal: &self.caller.principal,
            credential: self.credential.as_ref(),
            permit,
        }
    }
}

/// An entity by its id. One of another form is nobody's.
async fn read(state: &AppState, id: &str) -> Result<Option<EntityRow>> {
    if id.len() != ID_LENGTH {
        return Ok(None);
    }
    state.storage().get(&Key::Entity(id.to_owned())).await
}

/// Those of some organisations that are there.
pub async fn organisations(
    state: &AppState,
    slugs: impl IntoIterator<Item = &OrgSlug>,
) -> Result<Vec<OrgRow>> {
    let keys: Vec<Key> = slugs.into_iter().cloned().map(Key::Org).collect();
    let rows: Vec<Option<OrgRow>> = state.storage().read_all(&keys).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// By what a caller has access to each of several entities. Their organisations are read a hundred at a time, and looked at
/// before others are: an entity may be in the stores of 50.
pub async fn standings(
    state: &AppState,
    principal: &Principal,
    entities: &[EntityRow],
) -> Result<Vec<Option<Standing>>> {
    let decided: Vec<_> = groups(principal, entities)
        .into_iter()
        .map(|(entities, slugs)| async move {
            let orgs = organisations(state, slugs).await?;
            let standings = entities.into_iter().map(|entity| standing(principal, entity, &orgs));
            Ok::<Vec<_>, Error>(standings.collect())
        })
        .collect();
    let decided: Vec<Vec<Option<Standing>>> =
        futures::stream::iter(decided).buffered(GROUPS_AT_ONCE).try_collect().await?;
    Ok(decided.into_iter().flatten().collect())
}

/// Entities in their order, together with the organisations that decide about them: of no more than one call.
fn groups<'a>(
    principal: &Principal,
    entities: &'a [EntityRow],
) -> Vec<(Vec<&'a EntityRow>, BTreeSet<&'a OrgSlug>)> {
    let mut groups: Vec<(Vec<&EntityRow>, BTreeSet<&OrgSlug>)> = Vec::new();
    for entity in entities {
        let slugs = deciding_orgs(principal, entity);
        match groups.last_mut().filter(|(_, others)| others.union(&slugs).count() <= ORGS_AT_ONCE) {
            Some((entities, others)) => {
                entities.push(entity);
                others.extend(slugs);
            }
            None => groups.push((vec![entity], slugs)),
        }
    }
    groups
}

/// Those of several entities whose owners are there: what an organisation owned is nobody's as soon as it is gone, and
/// clean-up comes later.
pub async fn owned(state: &AppState, entities: Vec<EntityRow>) -> Result<Vec<EntityRow>> {
    let owners: BTreeSet<&OrgSlug> = entities.iter().filter_map(owner_org).collect();
    let owners = organisations(state, owners).await?;
    Ok(entities.into_iter().filter(|entity| has_owner(entity, &owners)).collect())
}

#[cfg(test)]
#[path = "entity_tests.rs"]
mod tests;
