//! Several rows changed together or not at all.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use futures::future::join_all;
use granary_storage::{Commit, Key, Transaction};
use serde::Deserialize;

use crate::place::Place;
use crate::{Row, any, is_done, refused, repo, row, token_of};

#[tokio::test]
async fn of_those_who_take_a_row_one_gets_it() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = Key::Login("a".into());
    storage.put(&key, &row(1, "one")).await.unwrap();
    let taken = join_all((0..10).map(|_| storage.take::<Row>(&key))).await;
    assert_eq!(taken.into_iter().filter_map(Result::unwrap).collect::<Vec<_>>(), [row(1, "one")]);
    assert_eq!(storage.take::<Row>(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_says_what_stood_in_the_way() {
    let place = Place::tables().await;
    let storage = &place.storage;
    storage.put(&token_of("there"), &row(4, "there")).await.unwrap();
    let mut transaction = Transaction::new();
    transaction.put_new("first", &token_of("new"), &row(1, "new")).unwrap();
    transaction.put_new("second", &token_of("there"), &row(1, "mine")).unwrap();
    assert_eq!(refused(storage.commit(transaction).await.unwrap()), ("second", Some(row(4, "there"))));
    assert_eq!(storage.get::<Row>(&token_of("new")).await.unwrap(), None);

    let mut stale = Transaction::new();
    stale.put_rev("row", &token_of("there"), &row(5, "next"), Some(3)).unwrap();
    assert_eq!(refused(storage.commit(stale).await.unwrap()), ("row", Some(row(4, "there"))));
    let mut fresh = Transaction::new();
    fresh.put_rev("row", &token_of("there"), &row(5, "next"), Some(4)).unwrap();
    fresh.require("other", token_of("there too"));
    assert_eq!(refused(storage.commit(fresh).await.unwrap()), ("other", None));
    let mut gone = Transaction::new();
    gone.delete_existing("row", token_of("missing"));
    assert_eq!(refused(storage.commit(gone).await.unwrap()), ("row", None));
}

#[tokio::test]
async fn of_many_changes_of_one_revision_one_wins() {
    let place = Place::tables().await;
    let storage = &place.storage;
    storage.put(&token_of("head"), &row(0, "start")).await.unwrap();
    let attempts = (0..20).map(|n: u64| {
        let storage = storage.clone();
        async move {
            let mut transaction = Transaction::new();
            transaction.put_rev("head", &token_of("head"), &row(1, &n.to_string()), Some(0)).unwrap();
            transaction.put_new("mine", &token_of(&format!("of {n}")), &row(n, "")).unwrap();
            matches!(storage.commit(transaction).await.unwrap(), Commit::Done)
        }
    });
    let won: Vec<usize> =
        join_all(attempts).await.into_iter().enumerate().filter_map(|(n, won)| won.then_some(n)).collect();
    assert_eq!(won.len(), 1);
    let head: Row = storage.get(&token_of("head")).await.unwrap().unwrap();
    assert_eq!(head.text, won.first().unwrap().to_string());
    assert_eq!(storage.list_all::<Row>(&token_of(""), "TOKEN#of").await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_first_part_that_is_refused_is_named_with_its_row() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for id in ["a", "b"] {
        storage.put(&token_of(id), &row(1, id)).await.unwrap();
    }
    let mut transaction = Transaction::new();
    transaction.put("fits", &token_of("new"), &row(1, "new")).unwrap();
    transaction.require("there", token_of("a"));
    transaction.delete_rev("stale", token_of("b"), 7);
    transaction.put_new("taken", &token_of("a "), &row(1, "")).unwrap();
    transaction.require("gone", token_of("c"));
    assert_eq!(refused(storage.commit(transaction).await.unwrap()), ("stale", Some(row(1, "b"))));
    assert_eq!(storage.list_all::<Row>(&token_of(""), "").await.unwrap(), [row(1, "a"), row(1, "b")]);
}

#[tokio::test]
async fn rows_are_removed_in_a_transaction() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for (id, rev) in [("a", 1), ("b", 2), ("c", 3)] {
        storage.put(&token_of(id), &row(rev, id)).await.unwrap();
    }
    let mut transaction = Transaction::new();
    transaction.delete("a", token_of("a"));
    transaction.delete("none", token_of("none"));
    transaction.delete_existing("b", token_of("b"));
    transaction.delete_rev("c", token_of("c"), 3);
    assert!(is_done(&storage.commit(transaction).await.unwrap()));
    assert!(storage.list_all::<Row>(&token_of(""), "").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hundred_rows_of_three_tables_are_one_transaction_and_no_more() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = |n: usize| match n % 3 {
        0 => token_of(&format!("{n:03}")),
        1 => Key::Upload(format!("{n:03}")),
        _ => Key::RepoDownloads(format!("libs{n:03}").parse().unwrap()),
    };
    let filled = |count: usize| {
        let mut transaction = Transaction::new();
        for n in 0..count {
            transaction.put_new("row", &key(n), &row(n as u64, "")).unwrap();
        }
        transaction
    };
    assert!(storage.commit(filled(101)).await.is_err());
    assert_eq!(storage.get::<Row>(&key(0)).await.unwrap(), None);
    assert!(is_done(&storage.commit(filled(100)).await.unwrap()));
    let keys: Vec<Key> = (0..100).map(key).collect();
    assert!(storage.batch_get::<Row>(&keys).await.unwrap().iter().all(Option::is_some));
    assert!(matches!(storage.commit(filled(100)).await.unwrap(), Commit::Refused(_)));
}

#[tokio::test]
async fn a_row_has_one_part_of_a_transaction() {
    let place = Place::tables().await;
    let storage = &place.storage;
    storage.put(&token_of("a"), &row(1, "a")).await.unwrap();
    let mut twice = Transaction::new();
    twice.require("check", token_of("a"));
    twice.put("change", &token_of("a"), &row(2, "b")).unwrap();
    twice.put("other", &token_of("b"), &row(1, "b")).unwrap();
    assert!(storage.commit(twice).await.is_err());
    assert_eq!(storage.get::<Row>(&token_of("a")).await.unwrap(), Some(row(1, "a")));
    assert_eq!(storage.get::<Row>(&token_of("b")).await.unwrap(), None);
}

#[tokio::test]
async fn a_transaction_holds_4_mib() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let text = "x".repeat(390_000);
    let filled = |count: usize| {
        let mut transaction = Transaction::new();
        for n in 0..count {
            transaction.put_new("row", &any("p", &format!("{n:02}")), &row(1, &text)).unwrap();
        }
        transaction
    };
    assert!(storage.commit(filled(11)).await.is_err());
    assert_eq!(storage.get::<Row>(&any("p", "00")).await.unwrap(), None);
    assert!(is_done(&storage.commit(filled(10)).await.unwrap()));
}

#[tokio::test]
async fn a_part_that_cannot_be_carried_out_stops_the_others() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let mut too_large = Transaction::new();
    too_large.put("fits", &token_of("a"), &row(1, "")).unwrap();
    too_large.put("large", &token_of("b"), &row(1, &"x".repeat(409_600))).unwrap();
    assert!(storage.commit(too_large).await.is_err());
    let mut no_key = Transaction::new();
    no_key.put("fits", &token_of("a"), &row(1, "")).unwrap();
    no_key.put("empty", &any("p", ""), &row(1, "")).unwrap();
    assert!(storage.commit(no_key).await.is_err());
    assert_eq!(storage.get::<Row>(&token_of("a")).await.unwrap(), None);
    // Nothing to do is no transaction.
    assert!(storage.commit(Transaction::new()).await.is_err());
}

#[derive(Deserialize)]
struct Count {
    n: u64,
}

/// The SDK gives every transaction a token, so that sending it again after a lost answer changes nothing.
#[tokio::test]
async fn a_transaction_that_is_sent_twice_counts_once() {
    let place = Place::tables().await;
    let key = Key::RepoDownloads(repo());
    let send = |token: &str, amount: u64| {
        let update = Update::builder()
            .table_name(&place.storage.names().counters)
            .key("pk", AttributeValue::S(key.pk()))
            .key("sk", AttributeValue::S(key.sk()))
            .update_expression("ADD n :n")
            .expression_attribute_values(":n", AttributeValue::N(amount.to_string()));
        let item = TransactWriteItem::builder().update(update.build().unwrap()).build();
        // A token counts for all tables.
        let token = format!("{}-{token}", place.storage.names().bucket);
        place.dynamodb.transact_write_items().client_request_token(token).transact_items(item).send()
    };
    send("one", 5).await.unwrap();
    send("one", 5).await.unwrap();
    send("two", 1).await.unwrap();
    let other = send("one", 6).await.unwrap_err().into_service_error();
    assert!(matches!(other, TransactWriteItemsError::IdempotentParameterMismatchException(_)), "{other:?}");
    assert_eq!(place.storage.get::<Count>(&key).await.unwrap().unwrap().n, 6);
}
