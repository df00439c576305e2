use std::collections::{BTreeMap, BTreeSet};

use granary_model::{OrgSlug, Timestamp, UserId};
use granary_storage::rows::{Publication, Share};

use super::*;
use crate::Via;

fn now() -> Timestamp {
    Timestamp::from_millis(0)
}

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn org(slug: &str, uid: &str, members: &[(&str, OrgRole)]) -> OrgRow {
    OrgRow {
        slug: slug.parse().unwrap(),
        uid: uid.into(),
        name: slug.into(),
        members: members.iter().map(|(id, role)| (user(id), *role)).collect(),
        created_at: now(),
        updated_at: now(),
        rev: 1,
    }
}

fn store(slug: &str, uid: &str, public: bool) -> (OrgSlug, Publication) {
    let publication =
        Publication { org_uid: uid.into(), public, published_by: "user:ann".into(), published_at: now() };
    (slug.parse().unwrap(), publication)
}

/// Owned by `acme`, published by ann, shared with sam.
fn entity(stores: Vec<(OrgSlug, Publication)>) -> EntityRow {
    let share = Share {
        user: user("sam"),
        email: "sam@example.com".into(),
        created_by: user("ann"),
        created_at: now(),
    };
    EntityRow {
        id: "e".into(),
        slug: "my-app".parse().unwrap(),
        entity_type: "app".parse().unwrap(),
        name: "My app".into(),
        description: None,
        icon: None,
        icon_hash: None,
        owner: Tenant { subject: Subject::Org("acme".parse().unwrap()), uid: Some("a1".into()) },
        publishers: BTreeSet::from([user("ann")]),
        shares: BTreeMap::from([("s".into(), share)]),
        stores: stores.into_iter().collect(),
        active: None,
        versions: 0,
        bytes: 0,
        created_at: now(),
        updated_at: now(),
        rev: 1,
        deleting: false,
    }
}

fn by_user(id: &str, scope: Scope) -> Principal {
    Principal::User { id: user(id), scope, via: Via::Token("t".into()), instance_admin: id == "root" }
}

fn by_org(slug: &str, uid: &str, scope: Scope) -> Principal {
    Principal::Org { slug: slug.parse().unwrap(), uid: uid.into(), scope, token: "t".into() }
}

fn orgs() -> Vec<OrgRow> {
    vec![
        org("acme", "a1", &[("olga", OrgRole::Owner), ("adam", OrgRole::Admin), ("mia", OrgRole::Member)]),
        org("shop", "s1", &[("bob", OrgRole::Member)]),
    ]
}

#[test]
fn standing_is_looked_for_in_its_order() {
    let entity = entity(vec![store("acme", "a1", false), store("shop", "s1", false)]);
    for (principal, expected) in [
        (by_user("ann", Scope::Read), Some(Standing::Publisher)),
        (by_user("root", Scope::Read), Some(Standing::Publisher)),
        (by_user("olga", Scope::Read), Some(Standing::Publisher)),
        (by_user("adam", Scope::Read), Some(Standing::Publisher)),
        (by_org("acme", "a1", Scope::Read), Some(Standing::Publisher)),
        (by_user("sam", Scope::Read), Some(Standing::Share)),
        (by_user("mia", Scope::Read), Some(Standing::OrgStore)),
        (by_user("bob", Scope::Read), Some(Standing::OrgStore)),
        (by_org("shop", "s1", Scope::Read), Some(Standing::OrgStore)),
        (by_user("eve", Scope::Admin), None),
        (by_org("acme", "a0", Scope::Admin), None),
        (by_org("shop", "s0", Scope::Admin), None),
        (Principal::Anonymous, None),
    ] {
        assert_eq!(standing(&principal, &entity, &orgs()), expected, "{principal:?}");
    }
}

#[test]
fn a_public_store_is_for_every_user_and_a_store_of_a_former_organisation_for_nobody() {
    let eve = by_user("eve", Scope::Read);
    let public = entity(vec![store("shop", "s1", true)]);
    assert_eq!(standing(&eve, &public, &[]), Some(Standing::PublicStore));
    assert_eq!(standing(&Principal::Anonymous, &public, &orgs()), None);
    let former = entity(vec![store("shop", "s0", false)]);
    assert_eq!(standing(&by_user("bob", Scope::Admin), &former, &orgs()), None);
}

#[test]
fn publishing_takes_a_publisher_with_write_scope() {
    let entity = entity(vec![store("shop", "s1", true)]);
    let decide = |principal: &Principal, action| decide_entity(principal, action, Some(&entity), &orgs());
    for (principal, access, publish) in [
        (by_user("ann", Scope::Write), Decision::Allow, Decision::Allow),
        (by_user("ann", Scope::Read), Decision::Allow, Decision::Deny(Denial::Scope)),
        (by_org("acme", "a1", Scope::Write), Decision::Allow, Decision::Allow),
        (by_org("acme", "a1", Scope::Read), Decision::Allow, Decision::Deny(Denial::Scope)),
        (by_user("sam", Scope::Admin), Decision::Allow, Decision::Deny(Denial::Role)),
        (by_user("bob", Scope::Admin), Decision::Allow, Decision::Deny(Denial::Role)),
        (by_user("eve", Scope::Admin), Decision::Allow, Decision::Deny(Denial::Role)),
        (
            Principal::Anonymous,
            Decision::Deny(Denial::Unauthenticated),
            Decision::Deny(Denial::Unauthenticated),
        ),
    ] {
        assert_eq!(decide(&principal, EntityAction::Access), access, "{principal:?}");
        assert_eq!(decide(&principal, EntityAction::Publish), publish, "{principal:?}");
    }
}

#[test]
fn what_is_deleted_or_not_there_is_hidden() {
    let deleted = EntityRow { deleting: true, ..entity(vec![store("shop", "s1", true)]) };
    let ann = by_user("ann", Scope::Admin);
    for entity in [None, Some(&deleted)] {
        for action in [EntityAction::Access, EntityAction::Publish] {
            let decision = decide_entity(&ann, action, entity, &orgs());
            assert_eq!(decision, Decision::Deny(Denial::Hidden));
        }
    }
}

#[test]
fn entities_are_made_by_users_and_organisations() {
    for (principal, expected) in [
        (by_user("ann", Scope::Write), Decision::Allow),
        (by_org("acme", "a1", Scope::Write), Decision::Allow),
        (by_user("ann", Scope::Read), Decision::Deny(Denial::Scope)),
        (Principal::Anonymous, Decision::Deny(Denial::Unauthenticated)),
    ] {
        assert_eq!(decide_entity_creation(&principal), expected, "{principal:?}");
    }
}
