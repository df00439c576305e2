use std::collections::BTreeMap;
use std::sync::Arc;

use granary_model::product::{ProductFlags, product_token_hash};
use granary_model::{Scope, Timestamp};
use granary_storage::Subject;
use granary_storage::rows::ProductTokenRow;

use super::*;
use crate::Via;

const ACTIONS: [ProductAction; 8] = [
    ProductAction::See,
    ProductAction::Upload,
    ProductAction::Download,
    ProductAction::DeleteVersion,
    ProductAction::RemoveVersion,
    ProductAction::Delete,
    ProductAction::ManageAccess,
    ProductAction::ManageTokens,
];

fn tenant(org: &str) -> Tenant {
    Tenant { subject: Subject::Org(org.parse().unwrap()), uid: Some("1".into()) }
}

fn product(tokens: BTreeMap<Sha256, ProductFlags>) -> ProductRow {
    ProductRow {
        name: "my-lib".parse().unwrap(),
        uid: "u".into(),
        tenant: tenant("acme"),
        tokens,
        versions: 0,
        bytes: 0,
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
        rev: 1,
    }
}

fn allowed(caller: &ProductCredential, product: Option<&ProductRow>) -> String {
    ACTIONS
        .iter()
        .map(|action| if decide_product(caller, *action, product) == Decision::Allow { 'y' } else { '-' })
        .collect()
}

/// All sixteen combinations of flags, each action in the order of `ACTIONS`.
#[test]
fn the_whole_matrix() {
    let hash = product_token_hash("token");
    for bits in 0..16_u8 {
        let flags = ProductFlags {
            maintainer: bits & 1 != 0,
            download: bits & 2 != 0,
            upload: bits & 4 != 0,
            delete: bits & 8 != 0,
        };
        let product = product(BTreeMap::from([(hash, flags)]));
        let caller = ProductCredential { tenant: tenant("acme"), admin: false, hash: Some(hash) };
        let mut expected = ['y', '-', '-', '-', '-', '-', '-', '-'];
        for (is_set, permits) in [
            (flags.maintainer, &[4, 5, 6][..]),
            (flags.download, &[2]),
            (flags.upload, &[1]),
            (flags.delete, &[3, 4]),
        ] {
            for action in permits {
                expected[*action] = if is_set { 'y' } else { expected[*action] };
            }
        }
        let expected: String = expected.iter().collect();
        assert_eq!(allowed(&caller, Some(&product)), expected, "{flags:?}");
    }
}

#[test]
fn whoever_is_not_listed_or_of_another_tenant_gets_nothing_and_an_administrator_everything() {
    let hash = product_token_hash("token");
    let product = product(BTreeMap::from([(hash, ProductFlags::ALL)]));
    let caller = |org, admin, hash| ProductCredential { tenant: tenant(org), admin, hash };
    let other = Some(product_token_hash("other"));
    for (caller, expected) in [
        (caller("acme", false, other), "--------"),
        (caller("acme", false, None), "--------"),
        (caller("acme", true, other), "yyyyyyyy"),
        (caller("acme", true, None), "yyyyyyyy"),
        // Managing tokens is about the caller's own tenant.
        (caller("umbrella", true, Some(hash)), "-------y"),
        (caller("umbrella", false, Some(hash)), "--------"),
    ] {
        assert_eq!(allowed(&caller, Some(&product)), expected, "{caller:?}");
    }
    let stranger = caller("umbrella", true, None);
    for (caller, denial) in [(&stranger, Denial::Hidden), (&caller("acme", false, other), Denial::Role)] {
        assert_eq!(decide_product(caller, ProductAction::See, Some(&product)), Decision::Deny(denial));
    }
    assert_eq!(decide_product(&stranger, ProductAction::See, None), Decision::Deny(Denial::Hidden));
}

#[test]
fn only_tokens_of_the_api_and_administrators_use_it() {
    let row = |admin| {
        Principal::Product(Arc::new(ProductTokenRow {
            hash: product_token_hash("token"),
            tenant: tenant("acme"),
            admin,
            created_at: Timestamp::from_millis(0),
            created_by: "user:ann".into(),
        }))
    };
    for admin in [false, true] {
        let caller = ProductCredential::of(&row(admin), None).unwrap();
        assert_eq!((caller.admin, caller.hash), (admin, Some(product_token_hash("token"))));
    }
    let user = |scope| Principal::User {
        id: "ann".parse().unwrap(),
        scope,
        via: Via::Token("t".into()),
        instance_admin: false,
    };
    assert!(ProductCredential::of(&user(Scope::Admin), None).unwrap().admin);
    for (principal, denial) in [
        (user(Scope::Write), Denial::Scope),
        (user(Scope::Read), Denial::Scope),
        (Principal::Anonymous, Denial::Unauthenticated),
    ] {
        assert_eq!(ProductCredential::of(&principal, None).unwrap_err(), denial);
    }
}
