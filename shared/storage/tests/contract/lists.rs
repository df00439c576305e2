//! Lists of the rows of a partition.

use futures::future::join_all;
use granary_model::Error;
use granary_storage::Storage;
use serde::Deserialize;

use crate::place::Place;
use crate::{Row, any, row, token_of};

#[tokio::test]
async fn lists_are_paged_without_gaps_or_repeats() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for n in 0..25 {
        storage.put(&token_of(&format!("{n:02}")), &row(n, "")).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = storage.list::<Row>(&token_of(""), "TOKEN#", after.as_deref(), 7).await.unwrap();
        assert!(page.rows.len() <= 7);
        seen.extend(page.rows.into_iter().map(|row| row.rev));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, (0..25).collect::<Vec<_>>());
    assert_eq!(storage.list_all::<Row>(&token_of(""), "TOKEN#1").await.unwrap().len(), 10);
    assert!(storage.list_all::<Row>(&token_of(""), "OTHER#").await.unwrap().is_empty());
}

#[derive(Debug, Deserialize)]
struct Listed {
    sk: String,
}

async fn sort_keys(storage: &Storage, prefix: &str) -> Vec<String> {
    let rows: Vec<Listed> = storage.list_all(&any("p", ""), prefix).await.unwrap();
    rows.into_iter().map(|row| row.sk).collect()
}

#[tokio::test]
async fn an_empty_prefix_lists_the_whole_partition_and_no_other() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for (partition, sort) in [("p", "A"), ("p", "a"), ("p", "\u{1}"), ("p2", "b"), ("", "c")] {
        storage.put(&any(partition, sort), &row(1, "")).await.unwrap();
    }
    assert_eq!(sort_keys(storage, "").await, ["\u{1}", "A", "a"]);
}

#[tokio::test]
async fn sort_keys_are_ordered_by_the_bytes_of_utf_8() {
    let place = Place::tables().await;
    let storage = &place.storage;
    // In UTF-16 the last one would come before U+FFFD, and in a language's order `Z` behind `a`.
    let ordered = ["-", "1", "10", "2", "Z", "a", "a ", "a#", "ab", "z", "é", "\u{fffd}", "\u{10000}", "😀"];
    join_all(ordered.iter().rev().map(|sort| async {
        let key = any("p", sort);
        storage.put(&key, &row(1, "")).await.unwrap();
    }))
    .await;
    assert_eq!(sort_keys(storage, "").await, ordered);
    assert_eq!(sort_keys(storage, "a").await, ["a", "a ", "a#", "ab"]);
    assert_eq!(sort_keys(storage, "\u{fffd}").await, ["\u{fffd}"]);
    let page = storage.list::<Listed>(&any("p", ""), "", Some("é"), 2).await.unwrap();
    assert_eq!(page.rows.into_iter().map(|row| row.sk).collect::<Vec<_>>(), ["\u{fffd}", "\u{10000}"]);
}

#[tokio::test]
async fn a_prefix_means_only_itself() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for sort in [
        "FILE#1/a",
        "FILE#1/b",
        "FILE#10/a",
        "FILE#1%/a",
        "FILE#1_/a",
        "FILE#1*/a",
        "FILE#1\u{ff}",
        "file#1/c",
    ] {
        storage.put(&any("p", sort), &row(1, "")).await.unwrap();
    }
    assert_eq!(sort_keys(storage, "FILE#1/").await, ["FILE#1/a", "FILE#1/b"]);
    assert_eq!(sort_keys(storage, "FILE#1%").await, ["FILE#1%/a"]);
    assert_eq!(sort_keys(storage, "FILE#1_").await, ["FILE#1_/a"]);
    assert_eq!(sort_keys(storage, "FILE#1*").await, ["FILE#1*/a"]);
    assert_eq!(sort_keys(storage, "FILE#1").await.len(), 7);
}

#[tokio::test]
async fn a_page_ends_at_a_megabyte_and_the_list_goes_on() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let text = "x".repeat(100_000);
    for n in 0..25 {
        storage.put(&any("p", &format!("{n:02}")), &row(n, &text)).await.unwrap();
    }
    let page = storage.list::<Row>(&any("p", ""), "", None, 1000).await.unwrap();
    assert!((9..=11).contains(&page.rows.len()), "{} rows of 100 KB", page.rows.len());
    assert_eq!(page.next, page.rows.last().map(|row| format!("{:02}", row.rev)));
    let rows: Vec<Row> = storage.list_all(&any("p", ""), "").await.unwrap();
    assert_eq!(rows.iter().map(|row| row.rev).collect::<Vec<_>>(), (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_page_says_where_to_go_on_even_if_it_was_the_last() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for n in 0..4 {
        storage.put(&any("p", &format!("{n}")), &row(n, "")).await.unwrap();
    }
    let first = storage.list::<Row>(&any("p", ""), "", None, 4).await.unwrap();
    // Whether it says so for the last page differs; that the next one is empty does not.
    if let Some(next) = first.next {
        let second = storage.list::<Row>(&any("p", ""), "", Some(&next), 4).await.unwrap();
        assert!(second.rows.is_empty() && second.next.is_none());
    }
    assert_eq!(storage.list_all::<Row>(&any("p", ""), "").await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_list_goes_on_behind_a_row_that_is_gone() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for sort in ["PKG#a", "PKG#b", "PKG#c", "PKG#d"] {
        storage.put(&any("p", sort), &row(1, sort)).await.unwrap();
    }
    storage.delete(&any("p", "PKG#b")).await.unwrap();
    for (after, count) in [("PKG#a", 2), ("PKG#b", 2), ("PKG#bb", 2), ("PKG#", 3), ("PKG#~", 0)] {
        let page = storage.list::<Row>(&any("p", ""), "PKG#", Some(after), 10).await.unwrap();
        assert_eq!(page.rows.len(), count, "after {after}");
    }
}

#[tokio::test]
async fn a_list_does_not_go_on_where_it_never_was() {
    let place = Place::tables().await;
    let storage = &place.storage;
    storage.put(&any("p", "PKG#a"), &row(1, "")).await.unwrap();
    for after in ["", "PKG", "REPO#a", "\u{10ffff}"] {
        let page = storage.list::<Row>(&any("p", ""), "PKG#", Some(after), 10).await;
        assert!(matches!(page, Err(Error::BadRequest(_))), "{after}: {page:?}");
    }
    assert!(matches!(storage.list::<Row>(&any("p", ""), "", Some(""), 10).await, Err(Error::BadRequest(_))));
}

/// Why the storage looks at it first.
#[tokio::test]
async fn the_engine_refuses_a_start_outside_of_the_condition() {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let place = Place::tables().await;
    let query = |condition: &str, prefix: Option<&str>, start: [&str; 2]| {
        let query = place.dynamodb.query().table_name(&place.storage.names().registry);
        let query =
            query.key_condition_expression(condition).expression_attribute_values(":pk", S("p".into()));
        let query = match prefix {
            Some(prefix) => query.expression_attribute_values(":sk", S(prefix.into())),
            None => query,
        };
        let [pk, sk] = start.map(|text| S(text.into()));
        let query = query.exclusive_start_key("pk", pk).exclusive_start_key("sk", sk);
        async move { query.send().await.is_ok() }
    };
    let prefixed = "pk = :pk AND begins_with(sk, :sk)";
    assert!(query(prefixed, Some("PKG#"), ["p", "PKG#a"]).await);
    assert!(!query(prefixed, Some("PKG#"), ["p", "REPO#a"]).await, "another sort key");
    assert!(!query(prefixed, Some("PKG#"), ["q", "PKG#a"]).await, "another partition");
    assert!(!query("pk = :pk", None, ["q", "a"]).await, "another partition, no prefix");
}
