//! Many rows written at once.

use granary_storage::Key;

use crate::place::Place;
use crate::{Row, any, row, token_of};

#[tokio::test]
async fn any_number_of_rows_is_written_over_what_was_there() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = |n: u64| token_of(&format!("{n:03}"));
    storage.put_all::<Row>(&[]).await.unwrap();
    storage.put(&key(7), &row(9, "before")).await.unwrap();
    storage.put(&key(60), &row(9, "beyond")).await.unwrap();
    // Two full calls and a part of one.
    let rows: Vec<(Key, Row)> = (0..57).map(|n| (key(n), row(n, "now"))).collect();
    storage.put_all(&rows).await.unwrap();
    let found: Vec<Row> = storage.list_all(&token_of(""), "TOKEN#").await.unwrap();
    let expected: Vec<Row> = (0..57).map(|n| row(n, "now")).chain([row(9, "beyond")]).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn rows_of_several_tables_are_written_at_once() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let keys = [token_of("a"), Key::Login("b".into()), Key::RepoDownloads("libs".parse().unwrap())];
    let rows: Vec<(Key, Row)> = keys.iter().map(|key| (key.clone(), row(1, &key.sk()))).collect();
    storage.put_all(&rows).await.unwrap();
    for (key, row) in rows {
        assert_eq!(storage.get::<Row>(&key).await.unwrap(), Some(row));
    }
}

#[tokio::test]
async fn what_no_table_holds_is_refused() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let twice = [(token_of("a"), row(1, "")), (token_of("a"), row(2, ""))];
    assert!(storage.put_all(&twice).await.is_err(), "one row twice");
    let impossible = [(any("p", "s"), row(1, "")), (any("p", ""), row(2, ""))];
    assert!(storage.put_all(&impossible).await.is_err(), "an empty key");
    for key in [token_of("a"), any("p", "s")] {
        assert_eq!(storage.get::<Row>(&key).await.unwrap(), None);
    }
    assert!(
        Place::without().await.storage.put_all(&[(token_of("a"), row(1, ""))]).await.is_err(),
        "no table"
    );
}
