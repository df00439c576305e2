use std::collections::BTreeMap;

use granary_auth::Via;
use granary_model::{Scope, Timestamp};
use granary_storage::rows::Publication;
use granary_storage::{Subject, Tenant};

use super::*;

/// An entity of an organisation in the stores of others.
fn entity(id: &str, owner: &str, stores: impl Iterator<Item = String>) -> EntityRow {
    let now = Timestamp::from_millis(0);
    let publication = |slug: String| {
        let publication = Publication {
            org_uid: "u".into(),
            public: true,
            published_by: "user:ann".into(),
            published_at: now,
        };
        (slug.parse().unwrap(), publication)
    };
    EntityRow {
        id: id.into(),
        slug: "my-app".parse().unwrap(),
        entity_type: "app".parse().unwrap(),
        name: "My app".into(),
        description: None,
        icon: None,
        icon_hash: None,
        owner: Tenant { subject: Subject::Org(owner.parse().unwrap()), uid: Some("u".into()) },
        publishers: BTreeSet::new(),
        shares: BTreeMap::new(),
        stores: stores.map(publication).collect(),
        active: None,
        versions: 0,
        bytes: 0,
        created_at: now,
        updated_at: now,
        rev: 1,
        deleting: false,
    }
}

fn eve() -> Principal {
    Principal::User {
        id: "eve".parse().unwrap(),
        scope: Scope::Read,
        via: Via::Token("t".into()),
        instance_admin: false,
    }
}

/// The number of entities and of organisations in each group.
fn sizes(entities: &[EntityRow]) -> Vec<(usize, usize)> {
    let groups = groups(&eve(), entities);
    let grouped: Vec<&str> =
        groups.iter().flat_map(|(entities, _)| entities).map(|entity| entity.id.as_str()).collect();
    assert_eq!(
        grouped,
        entities.iter().map(|entity| entity.id.as_str()).collect::<Vec<_>>(),
        "in their order"
    );
    groups.iter().map(|(entities, slugs)| (entities.len(), slugs.len())).collect()
}

#[test]
fn organisations_are_read_for_as_many_entities_as_one_call_is_enough_for() {
    let many = |different: bool| -> Vec<EntityRow> {
        (0..5)
            .map(|n| {
                let store = if different { n } else { 0 };
                entity(&format!("e{n}"), "acme", (0..50).map(move |shop| format!("shop-{store}-{shop}")))
            })
            .collect()
    };
    assert_eq!(sizes(&[]), []);
    assert_eq!(sizes(&many(false)), [(5, 51)], "the same ones are read once");
    // Two entities have 101 of them together.
    assert_eq!(sizes(&many(true)), [(1, 51); 5]);
    let small: Vec<EntityRow> =
        (0..150).map(|n| entity(&format!("e{n}"), &format!("acme-{n}"), std::iter::empty())).collect();
    assert_eq!(sizes(&small), [(100, 100), (50, 50)]);
}
