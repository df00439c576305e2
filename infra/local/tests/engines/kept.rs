//! Rows in memory are always those of the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use granary_local::app;
use granary_local::engines::Engines;
use granary_storage::{Commit, Key, Storage, Transaction};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    rev: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl Row {
    fn new(rev: u64) -> Self {
        Self { rev, expires_at: None }
    }
}

struct Registry {
    engines: Engines,
    storage: Storage,
    _folder: TempDir,
}

async fn registry() -> Registry {
    let folder = TempDir::new().unwrap();
    let engines = Engines::open(folder.path()).unwrap();
    let storage = app::storage(&engines, "http://127.0.0.1:1", None);
    storage.create_missing().await.unwrap();
    Registry { engines, storage, _folder: folder }
}

fn key(id: &str) -> Key {
    Key::Repo(id.parse().unwrap())
}

impl Registry {
    /// Reads the row until it is kept, and once more from memory; and so the list that it is in.
    async fn see(&self, key: &Key) -> Option<u64> {
        let mut seen = None;
        for _ in 0..3 {
            let row: Option<Arc<Row>> = self.storage.shared_row(key.clone()).await.unwrap();
            let stored: Option<Row> = self.storage.get(key).await.unwrap();
            assert_eq!(row.as_deref(), stored.as_ref(), "{key:?}");
            let rows: Vec<Option<Arc<Row>>> = self.storage.shared_rows(vec![key.clone()]).await.unwrap();
            assert_eq!(rows, std::slice::from_ref(&row), "{key:?}");
            let list: Arc<Vec<Row>> = self.storage.shared_list(key, "").await.unwrap();
            assert_eq!(list.as_slice(), stored.as_slice(), "{key:?} is alone in its partition");
            seen = row.map(|row| row.rev);
        }
        seen
    }

    async fn commit(&self, transaction: Transaction) -> bool {
        matches!(self.storage.commit(transaction).await.unwrap(), Commit::Done)
    }
}

#[tokio::test]
async fn every_way_of_writing_is_seen_at_once() {
    let registry = registry().await;
    let storage = &registry.storage;
    let (a, b) = (key("first"), key("second"));
    assert_eq!(registry.see(&a).await, None);
    storage.put(&a, &Row::new(1)).await.unwrap();
    assert_eq!(registry.see(&a).await, Some(1));
    assert!(!storage.put_new(&a, &Row::new(2)).await.unwrap());
    assert_eq!(registry.see(&a).await, Some(1), "a write that was refused");
    storage.add(&a, "rev", 4).await.unwrap();
    assert_eq!(registry.see(&a).await, Some(5));

    let mut transaction = Transaction::new();
    transaction.put_rev("a", &a, &Row::new(6), Some(5)).unwrap();
    transaction.put_new("b", &b, &Row::new(7)).unwrap();
    assert_eq!(registry.see(&b).await, None);
    assert!(registry.commit(transaction).await);
    assert_eq!((registry.see(&a).await, registry.see(&b).await), (Some(6), Some(7)));

    let mut transaction = Transaction::new();
    transaction.delete("b", b.clone());
    transaction.put_rev("a", &a, &Row::new(8), Some(5)).unwrap();
    assert!(!registry.commit(transaction).await);
    assert_eq!((registry.see(&a).await, registry.see(&b).await), (Some(6), Some(7)));

    assert_eq!(storage.take::<Row>(&b).await.unwrap(), Some(Row::new(7)));
    assert_eq!(registry.see(&b).await, None);
    storage.delete(&a).await.unwrap();
    assert_eq!(registry.see(&a).await, None);
    storage.put_all(&[(a.clone(), Row::new(9)), (b.clone(), Row::new(10))]).await.unwrap();
    assert_eq!((registry.see(&a).await, registry.see(&b).await), (Some(9), Some(10)));
}

/// The repository and the token are checked with every publish, and read with every request.
#[tokio::test]
async fn what_is_only_checked_stays_in_memory() {
    let registry = registry().await;
    let (a, b) = (key("first"), key("second"));
    registry.storage.put(&a, &Row::new(1)).await.unwrap();
    let before: Option<Arc<Row>> = registry.storage.shared_row(a.clone()).await.unwrap();
    let mut transaction = Transaction::new();
    transaction.require("a", a.clone());
    transaction.put_new("b", &b, &Row::new(2)).unwrap();
    assert!(registry.commit(transaction).await);
    let after: Option<Arc<Row>> = registry.storage.shared_row(a).await.unwrap();
    assert!(Arc::ptr_eq(&before.unwrap(), &after.unwrap()), "it was read again");
}

/// Some of the rows are in memory, and the others are read.
#[tokio::test]
async fn rows_come_in_the_order_of_their_keys() {
    let registry = registry().await;
    let keys: Vec<Key> = (0..250).map(|n| key(&format!("row-{n}"))).collect();
    for (n, key) in (0_u64..).zip(&keys).filter(|(n, _)| n % 3 != 0) {
        registry.storage.put(key, &Row::new(n)).await.unwrap();
    }
    for key in keys.iter().step_by(7) {
        let _row: Option<Arc<Row>> = registry.storage.shared_row(key.clone()).await.unwrap();
    }
    let expected: Vec<Option<u64>> = (0..250).map(|n| (n % 3 != 0).then_some(n)).collect();
    let read = async || {
        let rows: Vec<Option<Arc<Row>>> = registry.storage.shared_rows(keys.clone()).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.as_ref().map(|row| row.rev)).collect::<Vec<_>>(), expected);
        rows
    };
    for (first, second) in read().await.into_iter().zip(read().await) {
        let at = |row: &Option<Arc<Row>>| row.as_ref().map(Arc::as_ptr);
        assert_eq!(at(&first), at(&second), "it was read again");
    }
}

#[tokio::test]
async fn rows_that_expire_are_not_seen_any_more() {
    let registry = registry().await;
    let gone = Key::Login("gone".into());
    registry.storage.put(&gone, &Row { rev: 1, expires_at: Some(1_000_000_000) }).await.unwrap();
    assert_eq!(registry.see(&gone).await, Some(1), "expiry is for those who read the row");
    assert_eq!(registry.engines.sweep_expired_rows().await.unwrap(), 1);
    assert_eq!(registry.see(&gone).await, None);
}

/// What was acknowledged is seen by every read that begins afterwards, whatever else goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_what_was_acknowledged() {
    const WRITES: u64 = 400;
    let registry = registry().await;
    let (a, b) = (key("first"), key("second"));
    let acknowledged = Arc::new(AtomicU64::new(0));
    registry.storage.put(&a, &Row::new(0)).await.unwrap();
    registry.storage.put(&b, &Row::new(0)).await.unwrap();

    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (storage, acknowledged) = (registry.storage.clone(), Arc::clone(&acknowledged));
        let (a, b) = (a.clone(), b.clone());
        readers.spawn(async move {
            let (mut reads, mut last) = (0_u64, 0);
            while last < WRITES {
                let known = acknowledged.load(Ordering::SeqCst);
                let first: Option<Arc<Row>> = storage.shared_row(a.clone()).await.unwrap();
                let list: Arc<Vec<Row>> = storage.shared_list(&a, "").await.unwrap();
                let second: Option<Arc<Row>> = storage.shared_row(b.clone()).await.unwrap();
                let (first, second) = (first.unwrap().rev, second.unwrap().rev);
                let listed = list.first().unwrap().rev;
                assert!(
                    listed >= first && second >= listed,
                    "{first}, then {listed} in the list, then {second}"
                );
                assert!(first >= known, "{first} was read after {known} was acknowledged");
                // Both are written in one transaction.
                assert!(second >= first, "{second} was read after {first} of the same transaction");
                assert!(first >= last, "{first} was read after {last}");
                last = second;
                reads += 1;
                tokio::task::yield_now().await;
            }
            reads
        });
    }
    for rev in 1..=WRITES {
        let mut transaction = Transaction::new();
        transaction.put_rev("a", &a, &Row::new(rev), Some(rev - 1)).unwrap();
        transaction.put_rev("b", &b, &Row::new(rev), Some(rev - 1)).unwrap();
        assert!(registry.commit(transaction).await);
        acknowledged.store(rev, Ordering::SeqCst);
    }
    let reads: u64 = readers.join_all().await.into_iter().sum();
    assert!(reads > WRITES, "{reads} reads are too few to prove anything");
}
