//! What [`granary_storage::Storage`] promises to those above it, against the engines that the one-process
//! server runs on. The same calls reach DynamoDB, S3 and SQS on AWS.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use futures::future::join_all;
use granary_local::app;
use granary_local::engines::Engines;
use granary_model::{RepoId, Sha256, Timestamp};
use granary_storage::publishing::{CLAIM_MILLIS, Growth, UsageChange};
use granary_storage::rows::{BlobRow, ExpectationRow, UsageRow, VersionRow, VersionStatus};
use granary_storage::{
    Commit, Key, ObjectKey, PutOutcome, Queue, Storage, Subject, Transaction, Upload, Wanted,
};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    rev: u64,
    text: String,
}

fn row(rev: u64, text: &str) -> Row {
    Row { rev, text: text.into() }
}

async fn storage() -> (Storage, TempDir) {
    let folder = TempDir::new().unwrap();
    let storage = app::storage(&Engines::open(folder.path()).unwrap(), "http://127.0.0.1:1", None);
    storage.create_missing().await.unwrap();
    storage.create_missing().await.unwrap();
    (storage, folder)
}

fn token_of(id: &str) -> Key {
    Key::TokenOf(Subject::User("ann".parse().unwrap()), id.into())
}

fn repo() -> RepoId {
    "libs".parse().unwrap()
}

fn digest(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

fn refused(commit: Commit) -> (&'static str, Option<Row>) {
    match commit {
        Commit::Done => panic!("it should have been refused"),
        Commit::Refused(refusal) => (refusal.label, refusal.existing().unwrap()),
    }
}

#[tokio::test]
async fn rows_are_written_once_read_and_taken_once() {
    let (storage, _folder) = storage().await;
    let key = Key::Login("a".into());
    assert_eq!(storage.get::<Row>(&key).await.unwrap(), None);
    assert!(storage.put_new(&key, &row(1, "one")).await.unwrap());
    assert!(!storage.put_new(&key, &row(2, "two")).await.unwrap());
    assert_eq!(storage.get::<Row>(&key).await.unwrap(), Some(row(1, "one")));
    storage.put(&key, &row(3, "three")).await.unwrap();
    let taken = join_all((0..10).map(|_| storage.take::<Row>(&key))).await;
    assert_eq!(taken.into_iter().filter_map(Result::unwrap).collect::<Vec<_>>(), [row(3, "three")]);
    storage.delete(&key).await.unwrap();
}

#[tokio::test]
async fn batches_answer_in_the_order_of_their_keys() {
    let (storage, _folder) = storage().await;
    for id in ["b", "a"] {
        storage.put(&token_of(id), &row(1, id)).await.unwrap();
    }
    let keys = [token_of("a"), token_of("missing"), token_of("b")];
    let rows: Vec<Option<Row>> = storage.batch_get(&keys).await.unwrap();
    assert_eq!(rows, [Some(row(1, "a")), None, Some(row(1, "b"))]);
}

#[tokio::test]
async fn lists_are_paged_without_gaps_or_repeats() {
    let (storage, _folder) = storage().await;
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

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_says_what_stood_in_the_way() {
    let (storage, _folder) = storage().await;
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
    let (storage, _folder) = storage().await;
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
async fn usage_never_exceeds_the_quota_however_many_race() {
    let (storage, _folder) = storage().await;
    let attempts = (0..50).map(|_| {
        let storage = storage.clone();
        async move {
            let mut transaction = Transaction::new();
            let change = UsageChange { bytes: 30, versions: 1, packages: 0 };
            transaction.change_usage("usage", &repo(), change, Some(100));
            matches!(storage.commit(transaction).await.unwrap(), Commit::Done)
        }
    });
    assert_eq!(join_all(attempts).await.into_iter().filter(|fits| *fits).count(), 3);
    let usage: UsageRow = storage.get(&Key::Usage(repo())).await.unwrap().unwrap();
    assert_eq!(usage, UsageRow { bytes: 90, versions: 3, packages: 0 });
    // A first file that is larger than the whole quota does not slip through.
    let mut transaction = Transaction::new();
    let change = UsageChange { bytes: 101, versions: 1, packages: 1 };
    transaction.change_usage("usage", &"empty".parse().unwrap(), change, Some(100));
    assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Refused(_)));
}

#[tokio::test]
async fn bytes_in_use_or_claimed_are_never_doomed() {
    let (storage, _folder) = storage().await;
    let blob = digest(b"bytes");
    let later = NOW.plus_millis(CLAIM_MILLIS + 1);
    let hold = |now| {
        let mut transaction = Transaction::new();
        transaction.hold_blob("blob", blob, 1, now);
        transaction
    };
    assert!(matches!(storage.commit(hold(NOW)).await.unwrap(), Commit::Refused(_)), "nobody claimed it");
    storage.claim_blob(blob, NOW).await.unwrap();
    assert!(!storage.doom_blob(blob, NOW).await.unwrap(), "claimed");
    assert!(matches!(storage.commit(hold(later)).await.unwrap(), Commit::Refused(_)), "the claim is over");
    assert!(matches!(storage.commit(hold(NOW)).await.unwrap(), Commit::Done));
    assert!(!storage.doom_blob(blob, later).await.unwrap(), "in use");
    let mut release = Transaction::new();
    release.release_blob("blob", blob, 1);
    assert!(matches!(storage.commit(release).await.unwrap(), Commit::Done));
    assert!(storage.doom_blob(blob, later).await.unwrap());
    assert!(storage.claim_blob(blob, later).await.is_err(), "it is about to go");
    let row: BlobRow = storage.get(&Key::Blob(blob)).await.unwrap().unwrap();
    assert_eq!(row.refs, 0);
}

#[tokio::test]
async fn blobs_are_stored_once_and_checked() {
    let (storage, _folder) = storage().await;
    let bytes = b"some bytes".to_vec();
    let blob = digest(&bytes);
    let puts = (0..8).map(|_| {
        let (storage, bytes) = (storage.clone(), bytes.clone());
        async move { storage.put_blob(blob, &Upload::Memory(bytes.into())).await.unwrap() }
    });
    let outcomes = join_all(puts).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == PutOutcome::Created).count(), 1);
    assert_eq!(storage.get_object(&ObjectKey::Blob(blob)).await.unwrap().unwrap(), bytes);
    assert_eq!(storage.blob_size(blob).await.unwrap(), Some(10));
    let wrong = storage.put_blob(digest(b"other"), &Upload::Memory(bytes.into())).await;
    assert!(wrong.is_err(), "the digest does not fit");
    assert_eq!(storage.blob_size(digest(b"other")).await.unwrap(), None);
    let path = ObjectKey::Blob(blob).path();
    assert_eq!(storage.list_objects("blobs/", None).await.unwrap(), [path.as_str()]);
    storage.delete_object(&path).await.unwrap();
    storage.delete_object(&path).await.unwrap();
    assert_eq!(storage.get_object(&ObjectKey::Blob(blob)).await.unwrap(), None);
}

#[tokio::test]
async fn messages_come_until_they_are_acknowledged() {
    let (storage, _folder) = storage().await;
    storage.send(Queue::Events, "hello").await.unwrap();
    let messages = storage.receive(Queue::Events, 0).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["hello"]);
    for message in &messages {
        storage.acknowledge(Queue::Events, message).await.unwrap();
    }
    assert!(storage.receive(Queue::Events, 0).await.unwrap().is_empty());
}

#[derive(Deserialize)]
struct Count {
    downloads: u64,
}

#[tokio::test]
async fn counters_add_up() {
    let (storage, _folder) = storage().await;
    let key = Key::RepoDownloads(repo());
    join_all((0..10).map(|_| storage.add(&key, "downloads", 2))).await;
    assert_eq!(storage.get::<Count>(&key).await.unwrap().unwrap().downloads, 20);
}

fn package() -> granary_storage::PackageKey {
    granary_storage::PackageKey { repo: repo(), kind: granary_model::PackageType::Maven, name: "g:a".into() }
}

fn version(size: u64, file_count: u64) -> VersionRow {
    VersionRow {
        version: "1".into(),
        status: VersionStatus::Live,
        published_at: NOW,
        publisher: "ann".into(),
        deprecated: None,
        files: Vec::new(),
        size,
        file_count,
        complete: false,
        facts: Vec::new(),
    }
}

#[tokio::test]
async fn versions_grow_until_they_are_buried() {
    let (storage, _folder) = storage().await;
    let key = Key::Version(package(), "1".into());
    storage.put(&key, &version(5, 1)).await.unwrap();
    let grow = async |growth: Growth| {
        let mut transaction = Transaction::new();
        transaction.grow_version("version", key.clone(), growth);
        matches!(storage.commit(transaction).await.unwrap(), Commit::Done)
    };
    let bury = async |bytes, files| {
        let mut transaction = Transaction::new();
        transaction.bury_version("version", key.clone(), bytes, files);
        matches!(storage.commit(transaction).await.unwrap(), Commit::Done)
    };
    assert!(grow(Growth { bytes: 3, files: 1, ..Growth::default() }).await);
    let completing = Growth { bytes: 2, files: 1, facts: Some(vec![7]), complete: true, was_complete: false };
    assert!(grow(completing.clone()).await);
    assert!(!grow(completing).await, "only one completes it");
    let row: VersionRow = storage.get(&key).await.unwrap().unwrap();
    assert_eq!((row.size, row.file_count, row.complete, row.facts), (10, 3, true, vec![7]));
    assert!(!bury(5, 1).await, "it has grown since");
    assert!(bury(10, 3).await);
    assert!(!bury(0, 0).await);
    assert!(!grow(Growth { bytes: 1, files: 1, ..Growth::default() }).await);
    let row: VersionRow = storage.get(&key).await.unwrap().unwrap();
    assert_eq!((row.status, row.size, row.file_count), (VersionStatus::Tombstone, 0, 0));
}

#[tokio::test]
async fn rows_of_several_tables_come_in_one_read() {
    let (storage, _folder) = storage().await;
    let package = package();
    storage.put(&Key::Version(package.clone(), "1".into()), &version(5, 1)).await.unwrap();
    let expected = ExpectationRow { expires_at: NOW.seconds(), ..ExpectationRow::default() };
    let key = Key::Expectation(package.clone(), "1".into(), "f".into());
    storage.put(&key, &expected).await.unwrap();
    let wanted = Wanted { package: &package, version: Some("1"), file: Some("f"), expectation: true };
    let rows = storage.access_rows(None, Some(&repo()), Some(wanted)).await.unwrap();
    assert_eq!(rows.expectation, Some(expected));
    assert_eq!(rows.version.unwrap().size, 5);
    assert!(rows.repo.is_none() && rows.file.is_none() && rows.head.is_none() && rows.token.is_none());
    let less = Wanted { expectation: false, ..wanted };
    assert!(storage.access_rows(None, None, Some(less)).await.unwrap().expectation.is_none());
}
