//! Access to an entity: the permission and the loaded rows in one value.

use std::marker::PhantomData;

use axum::http::HeaderMap;
use granary_auth::{Decision, EntityAction, Principal, Standing, decide_entity, standing};
use granary_model::{Error, OrgSlug, Result};
use granary_publish::shelf::Hand;
use granary_storage::rows::{CallerRef, EntityRow, OrgRow};
use granary_storage::{Key, Subject};

use crate::access::{denied, shown};
use crate::caller::{Caller, identify_again};
use crate::state::AppState;

/// Length of an id as text.
const ID_LENGTH: usize = 36;

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
    /// Authorises a request for an entity. The token and the entity are read at the same time; where the caller's standing
    /// may come from an organisation, one more call.
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
        let mut orgs = Vec::new();
        let mut decision = decide_entity(&caller.principal, A::ACTION, entity.as_ref(), &orgs);
        // Only where an organisation could give more than the entity's row does.
        if decision != Decision::Allow
            && let Some(entity) = &entity
            && matches!(caller.principal, Principal::User { .. } | Principal::Org { .. })
        {
            orgs = organisations(state, entity, A::ACTION).await?;
            decision = decide_entity(&caller.principal, A::ACTION, Some(entity), &orgs);
        }
        if let Decision::Deny(denial) = decision {
            return Err(denied(denial, &format!("entity '{}'", shown(id))));
        }
        let entity = entity.ok_or_else(|| Error::internal("authorising", "allowed without an entity"))?;
        let standing = standing(&caller.principal, &entity, &orgs)
            .ok_or_else(|| Error::internal("authorising", "allowed without a standing"))?;
        let credential = caller.token.clone().map(Key::Token);
        Ok(Self { caller, entity, standing, orgs, credential, permit: PhantomData })
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

/// The organisations that could give somebody standing: the owner, and those in whose stores it is. To publish only the owner
/// counts.
async fn organisations(state: &AppState, entity: &EntityRow, action: EntityAction) -> Result<Vec<OrgRow>> {
    let mut slugs: Vec<OrgSlug> = Vec::new();
    if let Subject::Org(slug) = &entity.owner.subject {
        slugs.push(slug.clone());
    }
    if action == EntityAction::Access {
        slugs.extend(entity.stores.keys().filter(|slug| !slugs.contains(slug)).cloned().collect::<Vec<_>>());
    }
    let keys: Vec<Key> = slugs.into_iter().map(Key::Org).collect();
    let rows: Vec<Option<OrgRow>> = state.storage().read_all(&keys).await?;
    Ok(rows.into_iter().flatten().collect())
}
