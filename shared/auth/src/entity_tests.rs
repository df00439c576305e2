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
    assert_eq!(standing(&eve, &public, &orgs()), Some(Standing::PublicStore));
    assert_eq!(standing(&Principal::Anonymous, &public, &orgs()), None);
    assert_eq!(standing(&eve, &public, &orgs()[..1]), None, "its organisation is not there");
    let reborn = entity(vec![store("shop", "s0", true)]);
    assert_eq!(
        standing(&eve, &reborn, &orgs()),
        None,
        "the next organisation of that name has not published it"
    );
    let former = entity(vec![store("shop", "s0", false)]);
    assert_eq!(standing(&by_user("bob", Scope::Admin), &former, &orgs()), None);
}

#[test]
fn what_a_former_organisation_owned_is_nobodys() {
    let entity = entity(vec![store("shop", "s1", true)]);
    let everybody = || {
        ["ann", "sam", "bob", "eve", "olga", "root"]
            .map(|user| by_user(user, Scope::Admin))
            .into_iter()
            .chain([by_org("acme", "a1", Scope::Admin), by_org("shop", "s1", Scope::Admin)])
    };
    let reborn = org("acme", "a2", &[("olga", OrgRole::Owner), ("ann", OrgRole::Owner)]);
    for orgs in [vec![], vec![orgs()[1].clone()], vec![orgs()[1].clone(), reborn]] {
        for principal in everybody() {
            assert_eq!(standing(&principal, &entity, &orgs), None, "{principal:?}");
            let decision = decide_entity(&principal, EntityAction::Access, Some(&entity), &orgs);
            assert_eq!(decision, Decision::Deny(Denial::Hidden));
        }
        // What is a user's needs no organisation.
        let personal =
            EntityRow { owner: Tenant { subject: Subject::User(user("ann")), uid: None }, ..entity.clone() };
        assert_eq!(standing(&by_user("ann", Scope::Read), &personal, &orgs), Some(Standing::Publisher));
        assert_eq!(standing(&by_user("sam", Scope::Read), &personal, &orgs), Some(Standing::Share));
    }
}

#[test]
fn a_share_does_not_hide_that_somebody_publishes_for_the_owner() {
    let mut entity = entity(vec![]);
    let share = entity.shares["s"].clone();
    entity.shares.insert("of-adam".into(), Share { user: user("adam"), ..share });
    assert_eq!(standing(&by_user("adam", Scope::Read), &entity, &orgs()), Some(Standing::Publisher));
}

#[test]
fn organisations_are_read_where_they_decide() {
    let of_acme =
        entity(vec![store("acme", "a1", false), store("shop", "s1", true), store("mall", "m1", false)]);
    let of_ann =
        EntityRow { owner: Tenant { subject: Subject::User(user("ann")), uid: None }, ..of_acme.clone() };
    let read = |principal: &Principal, entity: &EntityRow| -> Vec<String> {
        deciding_orgs(principal, entity).into_iter().map(ToString::to_string).collect()
    };
    let all = ["acme", "mall", "shop"];
    for (principal, of_an_org, of_a_user) in [
        // The owner's in any case; those of stores for whoever is not named by the entity.
        (by_user("ann", Scope::Read), &all[..1], &[][..]),
        (by_user("sam", Scope::Read), &all[..1], &[]),
        (by_user("root", Scope::Read), &all[..1], &[]),
        (by_org("acme", "a1", Scope::Read), &all[..1], &all),
        (by_org("acme", "a0", Scope::Read), &all, &all),
        (by_org("shop", "s1", Scope::Read), &all, &all),
        (by_user("adam", Scope::Read), &all, &all),
        (by_user("eve", Scope::Read), &all, &all),
        (Principal::Anonymous, &[], &[]),
    ] {
        assert_eq!(read(&principal, &of_acme), of_an_org, "{principal:?}");
        assert_eq!(read(&principal, &of_ann), of_a_user, "{principal:?}");
    }
}

#[test]
fn owners_are_the_user_or_who_acts_for_the_organisation() {
    let of_acme = entity(vec![]);
    let of_ann =
        EntityRow { owner: Tenant { subject: Subject::User(user("ann")), uid: None }, ..of_acme.clone() };
    for (principal, of_an_org, of_a_user) in [
        (by_user("root", Scope::Read), true, true),
        (by_user("ann", Scope::Read), false, true),
        (by_user("olga", Scope::Read), true, false),
        (by_user("adam", Scope::Read), true, false),
        (by_user("mia", Scope::Read), false, false),
        (by_user("sam", Scope::Read), false, false),
        (by_org("acme", "a1", Scope::Read), true, false),
        (by_org("acme", "a0", Scope::Read), false, false),
        (by_org("shop", "s1", Scope::Admin), false, false),
    ] {
        assert_eq!(owns(&principal, &of_acme, &orgs()), of_an_org, "{principal:?}");
        assert_eq!(owns(&principal, &of_ann, &orgs()), of_a_user, "{principal:?}");
        let publishes = standing(&principal, &of_acme, &orgs()) == Some(Standing::Publisher);
        assert_eq!(publishes, of_an_org || principal.user() == Some(&user("ann")), "{principal:?}");
    }
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
