//! Single rows, and several in one read.

use std::collections::BTreeMap;

use futures::future::join_all;
use granary_storage::rows::ExpectationRow;
use granary_storage::{Key, Wanted};
use serde::{Deserialize, Serialize};

use crate::place::Place;
use crate::{NOW, Row, any, package, repo, row, token_of, version};

#[tokio::test]
async fn rows_are_written_once_replaced_and_removed() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = Key::Login("a".into());
    assert_eq!(storage.get::<Row>(&key).await.unwrap(), None);
    assert!(storage.put_new(&key, &row(1, "one")).await.unwrap());
    assert!(!storage.put_new(&key, &row(2, "two")).await.unwrap());
    assert_eq!(storage.get::<Row>(&key).await.unwrap(), Some(row(1, "one")));
    storage.put(&key, &row(3, "three")).await.unwrap();
    assert_eq!(storage.get::<Row>(&key).await.unwrap(), Some(row(3, "three")));
    for _ in 0..2 {
        storage.delete(&key).await.unwrap();
        assert_eq!(storage.get::<Row>(&key).await.unwrap(), None);
    }
}

#[tokio::test]
async fn batches_answer_in_the_order_of_their_keys() {
    let place = Place::tables().await;
    let storage = &place.storage;
    for id in ["b", "a"] {
        storage.put(&token_of(id), &row(1, id)).await.unwrap();
    }
    let keys = [token_of("a"), token_of("missing"), token_of("b")];
    let rows: Vec<Option<Row>> = storage.batch_get(&keys).await.unwrap();
    assert_eq!(rows, [Some(row(1, "a")), None, Some(row(1, "b"))]);
}

#[tokio::test]
async fn rows_of_several_tables_come_in_one_read() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let package = package();
    storage.put(&Key::Version(package.clone(), "1".into()), &version(5, 1)).await.unwrap();
    let expected = ExpectationRow { expires_at: NOW.seconds(), ..ExpectationRow::default() };
    let key = Key::Expectation(package.clone(), "1".into(), "f".into());
    storage.put(&key, &expected).await.unwrap();
    let wanted = Wanted { package: &package, version: Some("1"), file: Some("f"), expectation: true };
    let rows = storage.access_rows(None, Some(&repo()), Some(wanted)).await.unwrap();
    assert_eq!(rows.expectation.as_deref(), Some(&expected));
    assert_eq!(rows.version.unwrap().size, 5);
    assert!(rows.repo.is_none() && rows.file.is_none() && rows.head.is_none() && rows.token.is_none());
    let less = Wanted { expectation: false, ..wanted };
    assert!(storage.access_rows(None, None, Some(less)).await.unwrap().expectation.is_none());
}

#[tokio::test]
async fn counters_add_up() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = Key::RepoDownloads(repo());
    join_all((0..10).map(|_| storage.add(&key, "downloads", 2))).await;
    assert_eq!(storage.get::<Count>(&key).await.unwrap().unwrap().downloads, 20);
}

#[derive(Deserialize)]
struct Count {
    downloads: u64,
}

/// Every kind of value that rows have, with those that engines like to lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kinds {
    most: u64,
    least: i64,
    text: String,
    no_text: String,
    nothing: Option<String>,
    yes: bool,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    #[serde(with = "serde_bytes")]
    no_bytes: Vec<u8>,
    list: Vec<String>,
    no_list: Vec<String>,
    map: BTreeMap<String, BTreeMap<String, u64>>,
    no_map: BTreeMap<String, String>,
}

fn kinds() -> Kinds {
    let inner = BTreeMap::from([("n".to_owned(), 1), (" ".to_owned(), 2), ("a.b#c".to_owned(), 3)]);
    Kinds {
        most: u64::MAX,
        least: i64::MIN,
        text: "tab\t, \"quotes\", \u{1}\u{0}, é, \u{fffd}, 😀".into(),
        no_text: String::new(),
        nothing: None,
        yes: true,
        bytes: (0..=255).collect(),
        no_bytes: Vec::new(),
        list: vec![String::new(), "x".into()],
        no_list: Vec::new(),
        map: BTreeMap::from([("latest".to_owned(), inner), (String::from("-"), BTreeMap::new())]),
        no_map: BTreeMap::new(),
    }
}

#[tokio::test]
async fn values_come_back_as_they_were() {
    let place = Place::tables().await;
    let storage = &place.storage;
    storage.put(&token_of("kinds"), &kinds()).await.unwrap();
    assert_eq!(storage.get::<Kinds>(&token_of("kinds")).await.unwrap(), Some(kinds()));
}

#[tokio::test]
async fn numbers_are_exact_when_they_are_added_to() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = Key::RepoDownloads(repo());
    // Beyond what a floating-point number holds exactly.
    storage.add(&key, "downloads", 9_007_199_254_740_992).await.unwrap();
    storage.add(&key, "downloads", 1).await.unwrap();
    assert_eq!(storage.get::<Count>(&key).await.unwrap().unwrap().downloads, 9_007_199_254_740_993);
}

#[tokio::test]
async fn a_hundred_rows_come_in_one_read_and_no_more() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let keys: Vec<Key> = (0..101).map(|n| token_of(&format!("{n:03}"))).collect();
    for key in &keys {
        storage.put(key, &row(1, &key.sk())).await.unwrap();
    }
    let rows: Vec<Option<Row>> = storage.batch_get(keys.get(..100).unwrap()).await.unwrap();
    let texts: Vec<String> = rows.into_iter().map(|row| row.unwrap().text).collect();
    assert_eq!(texts, keys.iter().take(100).map(Key::sk).collect::<Vec<_>>());
    assert!(storage.batch_get::<Row>(&keys).await.is_err(), "101 rows");
    assert!(storage.batch_get::<Row>(&[token_of("000"), token_of("000")]).await.is_err(), "one row twice");
}

#[tokio::test]
async fn a_read_of_more_than_an_answer_holds_is_completed() {
    let place = Place::tables().await;
    let storage = &place.storage;
    // 17.5 MB; an answer has at most 16.
    let text = "x".repeat(390_000);
    let keys: Vec<Key> = (0..46).map(|n| any(&format!("p{n}"), "s")).collect();
    for key in &keys {
        storage.put(key, &row(7, &text)).await.unwrap();
    }
    let rows: Vec<Option<Row>> = storage.batch_get(&keys).await.unwrap();
    assert_eq!(rows.len(), 46);
    assert!(rows.iter().all(|row| row.as_ref().is_some_and(|row| row.text.len() == 390_000)));
}
