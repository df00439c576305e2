//! What a caller may do with an entity.

use granary_model::{OrgRole, Scope};
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

/// By what a caller has access to an entity. `orgs` are the organisations that own it or have it in their stores, as far as
/// they were read; without them the caller may have less standing than is due.
pub fn standing(principal: &Principal, entity: &EntityRow, orgs: &[OrgRow]) -> Option<Standing> {
    if !matches!(principal, Principal::User { .. } | Principal::Org { .. }) {
        return None;
    }
    if is_publisher(principal, entity, orgs) {
        return Some(Standing::Publisher);
    }
    if let Some(user) = principal.user()
        && entity.shares.values().any(|share| share.user == *user)
    {
        return Some(Standing::Share);
    }
    let in_store =
        |org: &OrgRow| entity.stores.get(&org.slug).is_some_and(|publication| publication.org_uid == org.uid);
    if orgs.iter().any(|org| in_store(org) && org_role(principal, org).is_some()) {
        return Some(Standing::OrgStore);
    }
    entity.stores.values().any(|publication| publication.public).then_some(Standing::PublicStore)
}

fn is_publisher(principal: &Principal, entity: &EntityRow, orgs: &[OrgRow]) -> bool {
    let Tenant { subject, uid } = &entity.owner;
    match principal {
        Principal::User { instance_admin: true, .. } => true,
        Principal::User { id, .. } => {
            let owns =
                |org: &OrgRow| *subject == Subject::Org(org.slug.clone()) && uid.as_ref() == Some(&org.uid);
            entity.publishers.contains(id)
                || orgs.iter().any(|org| {
                    owns(org) && org_role(principal, org).is_some_and(|role| role >= OrgRole::Admin)
                })
        }
        Principal::Org { slug, uid: of_token, .. } => {
            *subject == Subject::Org(slug.clone()) && uid.as_ref() == Some(of_token)
        }
        _ => false,
    }
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
