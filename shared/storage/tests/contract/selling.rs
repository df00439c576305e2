//! What sellers keep: numbers that are given once, and rows between two keys.

use std::collections::BTreeSet;

use futures::future::join_all;
use granary_storage::{Key, Sequence, Subject, Tenant};

use crate::place::Place;
use crate::{Row, row};

fn tenant(user: &str) -> Tenant {
    Tenant { subject: Subject::User(user.parse().unwrap()), uid: None }
}

fn licence(id: &str) -> Key {
    Key::Licence(tenant("ann"), id.into())
}

async fn texts(place: &Place, from: &Key, to: &Key, limit: usize, backwards: bool) -> Vec<String> {
    let rows: Vec<Row> = place.storage.list_between(from, to, limit, backwards).await.unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

#[tokio::test]
async fn numbers_begin_at_one_and_are_of_one_seller_and_one_kind() {
    let place = Place::tables().await;
    let next = async |user: &str, sequence| place.storage.next_number(&tenant(user), sequence).await.unwrap();
    for expected in 1..=3 {
        assert_eq!(next("ann", Sequence::Packages).await, expected);
    }
    for sequence in [Sequence::Versions, Sequence::Consumers, Sequence::Permissions] {
        assert_eq!(next("ann", sequence).await, 1, "{sequence:?}");
    }
    assert_eq!(next("bob", Sequence::Packages).await, 1);
    // The next organisation of the same name begins anew.
    for uid in ["1", "2"] {
        let tenant = Tenant { subject: Subject::Org("acme".parse().unwrap()), uid: Some(uid.into()) };
        assert_eq!(place.storage.next_number(&tenant, Sequence::Packages).await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_number_is_given_twice() {
    let place = Place::tables().await;
    let drawn = join_all((0..20).map(|_| {
        let storage = place.storage.clone();
        tokio::spawn(async move { storage.next_number(&tenant("ann"), Sequence::Consumers).await.unwrap() })
    }))
    .await;
    let drawn: BTreeSet<u64> = drawn.into_iter().map(Result::unwrap).collect();
    assert_eq!(drawn, (1..=20).collect());
}

#[tokio::test]
async fn both_bounds_are_included_and_the_limit_is_kept() {
    let place = Place::tables().await;
    for id in ["a", "b", "c", "d", "e"] {
        place.storage.put(&licence(id), &row(1, id)).await.unwrap();
    }
    // Of the same partition, but outside of the bounds.
    place.storage.put(&Key::Consumer(tenant("ann"), 1), &row(1, "consumer")).await.unwrap();
    place.storage.put(&Key::Licence(tenant("bob"), "c".into()), &row(1, "bob")).await.unwrap();
    for (from, to, limit, backwards, expected) in [
        ("b", "d", 10, false, "bcd"),
        ("b", "d", 10, true, "dcb"),
        ("b", "d", 2, false, "bc"),
        ("b", "d", 2, true, "dc"),
        ("b", "d", 3, false, "bcd"),
        ("bb", "dd", 10, false, "cd"),
        ("c", "c", 10, false, "c"),
        ("", "z", usize::MAX, false, "abcde"),
        ("", "z", usize::MAX, true, "edcba"),
        ("", "z", 0, false, ""),
        ("f", "z", 10, false, ""),
        ("", "0", 10, true, ""),
    ] {
        let found = texts(&place, &licence(from), &licence(to), limit, backwards).await.concat();
        assert_eq!(found, expected, "{from:?} {to:?} {limit} {backwards}");
    }
}

/// DynamoDB takes such a query for an invalid one; here it finds nothing.
#[tokio::test]
async fn bounds_that_are_the_wrong_way_round_or_impossible_find_nothing() {
    let place = Place::tables().await;
    place.storage.put(&licence("b"), &row(1, "b")).await.unwrap();
    let long = "x".repeat(2_000);
    for (from, to) in [("c", "a"), ("a", &long), (&long, &long)] {
        assert!(texts(&place, &licence(from), &licence(to), 10, false).await.is_empty());
    }
}

/// A page of the store has a megabyte. More is read on, in both directions.
#[tokio::test]
async fn lists_go_on_where_a_page_of_the_store_ends() {
    let place = Place::tables().await;
    let ids: Vec<String> = (0..12).map(|n| format!("{n:02}")).collect();
    for id in &ids {
        place.storage.put(&licence(id), &row(1, &format!("{id}{}", "x".repeat(200_000)))).await.unwrap();
    }
    for backwards in [false, true] {
        for limit in [11, 12, 100] {
            let found = texts(&place, &licence(""), &licence("~"), limit, backwards).await;
            let found: Vec<&str> = found.iter().map(|text| text.get(..2).unwrap()).collect();
            let mut expected: Vec<&str> = ids.iter().map(String::as_str).collect();
            if backwards {
                expected.reverse();
            }
            expected.truncate(limit);
            assert_eq!(found, expected, "{limit} {backwards}");
        }
    }
}

#[tokio::test]
async fn what_was_just_written_is_listed() {
    let place = Place::tables().await;
    for n in 0..20 {
        let id = format!("{n:02}");
        place.storage.put(&licence(&id), &row(1, &id)).await.unwrap();
        assert_eq!(texts(&place, &licence(""), &licence("~"), 1, true).await, [id]);
    }
}
