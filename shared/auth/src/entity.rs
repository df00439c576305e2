//! What a caller may do with an entity.

use std::collections::BTreeSet;

use granary_model::{OrgRole, OrgSlug, Scope};
use granary_storage::rows::{EntityRow, OrgRow};
use granary_storage::{Subject, Tenant};

use crate::decide::{Decision, Denial, decide_account, org_role};
use crate::principal::Principal;

/// What somebody wants to do with an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntityAction {
    /// See it and its versions, and download them.
    Access,
    /// Change it, its publishers, shares and versions, or delete it.
    Publish,
}

/// By what somebody has access to an entity, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// As a publisher: listed as one, or by the organisation that owns it.
    Publisher,
    /// It is shared with them.
    Share,
    /// It is in the store of an organisation of theirs.
    OrgStore,
    /// It is in a public store.
    PublicStore,
}

/// By what a caller has access to an entity. `orgs` are the organisations that [`deciding_orgs`] names, as far as there are
/// any: what belongs to an organisation that is gone is nobody's.
pub fn standing(principal: &Principal, entity: &EntityRow, orgs: &[OrgRow]) -> Option<Standing> {
    if !matches!(principal, Principal::User { .. } | Principal::Org { .. }) {
        return None;
    }
    if !has_owner(entity, orgs) {
        return None;
    }
    if is_listed(principal, entity) || publishes_unlisted(principal, entity, orgs) {
        return Some(Standing::Publisher);
    }
    if is_shared_with(principal, entity) {
        return Some(Standing::Share);
    }
    // A store is gone with its organisation, also one that was public.
    let stores = || {
        orgs.iter().filter_map(|org| {
            let publication = entity.stores.get(&org.slug)?;
            (publication.org_uid == org.uid).then_some((org, publication))
        })
    };
    if stores().any(|(org, _)| org_role(principal, org).is_some()) {
        return Some(Standing::OrgStore);
    }
    stores().any(|(_, publication)| publication.public).then_some(Standing::PublicStore)
}

/// The organisations that have to be read to know somebody's standing.
///
/// The one that owns the entity in any case, and those that have it in their stores unless the entity itself gives more than
/// a store can.
pub fn deciding_orgs<'a>(principal: &Principal, entity: &'a EntityRow) -> BTreeSet<&'a OrgSlug> {
    let mut slugs: BTreeSet<&OrgSlug> = owner_org(entity).into_iter().collect();
    let enough = match principal {
        Principal::User { instance_admin: true, .. } => true,
        Principal::User { .. } => is_listed(principal, entity) || is_shared_with(principal, entity),
        Principal::Org { .. } => is_own_token(principal, entity),
        // Nothing gives these any.
        _ => return BTreeSet::new(),
    };
    if !enough {
        slugs.extend(entity.stores.keys());
    }
    slugs
}

/// The short name of the organisation that owns an entity, unless a user does.
pub fn owner_org(entity: &EntityRow) -> Option<&OrgSlug> {
    match &entity.owner.subject {
        Subject::Org(slug) => Some(slug),
        Subject::User(_) | Subject::Repo(_) => None,
    }
}

/// Whether the owner of an entity is there still. Users always are; of organisations, those that were read count.
pub fn has_owner(entity: &EntityRow, orgs: &[OrgRow]) -> bool {
    owner_org(entity).is_none() || owner(entity, orgs).is_some()
}

/// Whether the caller owns an entity: as the user, or for the organisation as an administrator or with its token.
pub fn owns(principal: &Principal, entity: &EntityRow, orgs: &[OrgRow]) -> bool {
    matches!((principal, &entity.owner.subject), (Principal::User { id, .. }, Subject::User(owner)) if id == owner)
        || publishes_unlisted(principal, entity, orgs)
}

/// Whether somebody is a publisher without being listed as one.
fn publishes_unlisted(principal: &Principal, entity: &EntityRow, orgs: &[OrgRow]) -> bool {
    match principal {
        Principal::User { instance_admin: true, .. } => true,
        Principal::User { .. } => owner(entity, orgs)
            .and_then(|org| org_role(principal, org))
            .is_some_and(|role| role >= OrgRole::Admin),
        _ => is_own_token(principal, entity),
    }
}

/// Whether this is a token of the organisation that owns the entity.
fn is_own_token(principal: &Principal, entity: &EntityRow) -> bool {
    let Tenant { subject, uid } = &entity.owner;
    matches!(
        principal,
        Principal::Org { slug, uid: of_token, .. }
            if *subject == Subject::Org(slug.clone()) && uid.as_ref() == Some(of_token)
    )
}

fn is_listed(principal: &Principal, entity: &EntityRow) -> bool {
    principal.user().is_some_and(|user| entity.publishers.contains(user))
}

fn is_shared_with(principal: &Principal, entity: &EntityRow) -> bool {
    principal.user().is_some_and(|user| entity.shares.values().any(|share| share.user == *user))
}

/// The organisation that owns an entity, and not another one of its name.
fn owner<'a>(entity: &EntityRow, orgs: &'a [OrgRow]) -> Option<&'a OrgRow> {
    let slug = owner_org(entity)?;
    orgs.iter().find(|org| org.slug == *slug && entity.owner.uid.as_ref() == Some(&org.uid))
}

/// Decides about an entity. `None`: there is no such entity.
pub fn decide_entity(
    principal: &Principal,
    action: EntityAction,
    entity: Option<&EntityRow>,
    orgs: &[OrgRow],
) -> Decision {
    if principal.is_anonymous() {
        return Decision::Deny(Denial::Unauthenticated);
    }
    if let Decision::Deny(denial) = decide_account(principal) {
        return Decision::Deny(denial);
    }
    let standing =
        entity.filter(|entity| !entity.deleting).and_then(|entity| standing(principal, entity, orgs));
    match (action, standing) {
        (_, None) => Decision::Deny(Denial::Hidden),
        (EntityAction::Access, Some(_)) => Decision::Allow,
        (EntityAction::Publish, Some(Standing::Publisher)) if scope(principal) >= Some(Scope::Write) => {
            Decision::Allow
        }
        (EntityAction::Publish, Some(Standing::Publisher)) => Decision::Deny(Denial::Scope),
        (EntityAction::Publish, Some(_)) => Decision::Deny(Denial::Role),
    }
}

/// Decides about making an entity: a user, or a token of an organisation, with write scope. For an organisation it takes the
/// right to manage its store besides.
pub fn decide_entity_creation(principal: &Principal) -> Decision {
    match principal {
        Principal::Anonymous => Decision::Deny(Denial::Unauthenticated),
        Principal::User { scope, .. } | Principal::Org { scope, .. } => {
            if *scope >= Scope::Write {
                Decision::Allow
            } else {
                Decision::Deny(Denial::Scope)
            }
        }
        Principal::Repo { .. } => Decision::Deny(Denial::Session),
        Principal::Licence(_) | Principal::Consumer(_) | Principal::Product(_) | Principal::Build { .. } => {
            decide_account(principal)
        }
    }
}

fn scope(principal: &Principal) -> Option<Scope> {
    match principal {
        Principal::User { scope, .. } | Principal::Org { scope, .. } => Some(*scope),
        _ => None,
    }
}

#[cfg(test)]
#[path = "entity_tests.rs"]
mod tests;
