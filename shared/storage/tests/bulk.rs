//! Writing many rows to a table that does not take all of them at once, as only AWS does it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use granary_local::app;
use granary_local::engines::Engines;
use granary_local::engines::probe::{Answer, Fault, Probe, Service, Target};
use granary_model::Error;
use granary_storage::{Key, Storage};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    n: u64,
}

async fn place() -> (Storage, Probe, TempDir) {
    let folder = TempDir::new().unwrap();
    let probe = Probe::new();
    // Nobody fetches objects here, so nobody has to listen.
    let storage = app::storage(&Engines::open(folder.path()).unwrap(), "http://127.0.0.1:9", Some(&probe));
    storage.create_tables().await.unwrap();
    probe.reset();
    (storage, probe, folder)
}

fn rows(number: u64) -> Vec<(Key, Row)> {
    (0..number).map(|n| (Key::Login(format!("{n:02}")), Row { n })).collect()
}

#[tokio::test]
async fn what_is_left_over_is_written_again() {
    let (storage, probe, _folder) = place().await;
    let left_over = Fault::Answer(Answer::Unprocessed);
    probe.inject(Target::operation(Service::DynamoDb, "BatchWriteItem", 2).times(3), left_over);
    storage.put_all(&rows(30)).await.unwrap();
    assert_eq!(probe.count(), 5, "one call for 25 rows, three in vain and one for the others");
    for (key, row) in rows(30) {
        assert_eq!(storage.get::<Row>(&key).await.unwrap(), Some(row));
    }
}

#[tokio::test]
async fn a_table_that_takes_nothing_is_given_up() {
    let (storage, probe, _folder) = place().await;
    let left_over = Fault::Answer(Answer::Unprocessed);
    probe.inject(Target::operation(Service::DynamoDb, "BatchWriteItem", 1).always(), left_over);
    assert!(matches!(storage.put_all(&rows(1)).await, Err(Error::Unavailable(_))));
    assert_eq!(probe.count(), 5);
}
