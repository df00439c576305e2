//! A flush that the tests hold back, count, or let fail.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use granary_storage::kept::{KeptRows, RowName};
use tempfile::TempDir;

use super::*;
use crate::engines::dynamo::log::{self, Log};

const ANSWERED: u16 = 200;

struct Setup {
    folder: TempDir,
    database: Database,
    log: Log,
    settling: Arc<Settling>,
    kept: Arc<KeptRows>,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (database, log) = log::open_writer(&folder.path().join("registry.sqlite")).unwrap();
        let create = r#"{"TableName":"ttt","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},
                {"AttributeName":"sk","AttributeType":"S"}],
            "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]}"#;
        database.create_table(serde_json::from_str(create).unwrap()).unwrap();
        Self { folder, database, log, settling: Arc::default(), kept: Arc::default() }
    }

    fn start(&self, flush: impl FnMut() -> io::Result<()> + Send + 'static) -> Writer {
        Writer::start(self.database.clone(), Arc::clone(&self.settling), flush).unwrap()
    }

    async fn put(&self, writer: &Writer, pk: &str, size: usize) -> Result<u16, Lost> {
        let writing = self.kept.writing(&[RowName::new("ttt", pk, "s")]);
        let answer = writer.run(Operation::PutItem, put_body(pk, size, ""), |_| Some(writing)).await;
        answer.map(|answer| answer.status)
    }
}

fn put_body(pk: &str, size: usize, condition: &str) -> Bytes {
    let text = "x".repeat(size);
    format!(r#"{{"TableName":"ttt","Item":{{"pk":{{"S":"{pk}"}},"sk":{{"S":"s"}},"x":{{"S":"{text}"}}}}{condition}}}"#)
        .into()
}

fn is_there(database: &Database, pk: &str) -> bool {
    let body = format!(r#"{{"TableName":"ttt","Key":{{"pk":{{"S":"{pk}"}},"sk":{{"S":"s"}}}}}}"#);
    let answer = Operation::GetItem.run(database, body.as_bytes());
    assert_eq!(answer.status, ANSWERED);
    String::from_utf8(answer.body).unwrap().contains("Item")
}

/// A flush that says when it begins and waits until it may end.
fn held_back() -> (impl FnMut() -> io::Result<()> + Send + 'static, Receiver<()>, SyncSender<io::Result<()>>)
{
    let (begun, begins) = channel();
    let (may_end, ends) = sync_channel(8);
    let flush = move || {
        begun.send(()).unwrap();
        ends.recv().unwrap()
    };
    (flush, begins, may_end)
}

/// Waits on another thread, so that the tasks of the test go on.
async fn has_begun(begins: Receiver<()>) -> Receiver<()> {
    tokio::task::spawn_blocking(move || {
        begins.recv_timeout(Duration::from_mins(1)).unwrap();
        begins
    })
    .await
    .unwrap()
}

/// What the disk had if it got nothing but what was there when the flush began.
fn as_of_flush(folder: &Path, number: usize) -> Database {
    let copy = folder.join(format!("{number}.sqlite"));
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(name(&folder.join("registry.sqlite")), name(&copy)).unwrap();
    }
    Database::new(copy.to_str().unwrap()).unwrap()
}

#[tokio::test]
async fn an_answer_leaves_after_a_flush_that_began_after_its_commit() {
    let setup = Setup::new();
    let (folder, log) = (setup.folder.path().to_owned(), setup.log.0.try_clone().unwrap());
    let flushed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&flushed);
    let writer = setup.start(move || {
        let mut seen = seen.lock().unwrap();
        let number = seen.len();
        seen.push(as_of_flush(&folder, number));
        log.sync_data()
    });
    for number in 0..5 {
        let pk = format!("row {number}");
        assert_eq!(setup.put(&writer, &pk, 10).await, Ok(ANSWERED));
        let flushed = flushed.lock().unwrap();
        assert!(is_there(flushed.last().unwrap(), &pk), "{pk}");
    }
}

/// Also over checkpoints, after which the log begins anew.
#[tokio::test]
async fn what_was_answered_is_in_the_files_after_any_number_of_writes() {
    let setup = Setup::new();
    let log = setup.log.0.try_clone().unwrap();
    let (mut length, restarts) = (0, Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&restarts);
    let path = setup.folder.path().join("registry.sqlite");
    let writer = setup.start(move || {
        // The database grows only by a checkpoint.
        let now = std::fs::metadata(&path).unwrap().len();
        counted.fetch_add(usize::from(now > length), Ordering::Relaxed);
        length = now;
        log.sync_data()
    });
    let mut numbers = 0..;
    while restarts.load(Ordering::Relaxed) < 4 {
        let pk = format!("row {}", numbers.next().unwrap());
        assert_eq!(setup.put(&writer, &pk, 100_000).await, Ok(ANSWERED));
    }
    let copy = as_of_flush(setup.folder.path(), 0);
    for number in 0..numbers.start {
        assert!(is_there(&copy, &format!("row {number}")), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_share_a_flush() {
    let setup = Setup::new();
    let (flush, begins, may_end) = held_back();
    let writer = setup.start(flush);
    let mut first = Box::pin(setup.put(&writer, "first", 10));
    assert!(futures::poll!(&mut first).is_pending());
    let begins = has_begun(begins).await;
    // All of them are sent before the flush under way ends.
    let mut waiting = Vec::new();
    for pk in ["a", "b", "c", "d", "e", "f"] {
        let mut write = Box::pin(setup.put(&writer, pk, 10));
        assert!(futures::poll!(&mut write).is_pending());
        waiting.push(write);
    }
    may_end.send(Ok(())).unwrap();
    assert_eq!(first.await, Ok(ANSWERED));
    let begins = has_begun(begins).await;
    for write in &mut waiting {
        assert!(futures::poll!(write).is_pending());
    }
    may_end.send(Ok(())).unwrap();
    for write in waiting {
        assert_eq!(write.await, Ok(ANSWERED));
    }
    assert_eq!(begins.try_iter().count(), 0, "one flush for all of them");
}

#[tokio::test]
async fn what_is_committed_can_be_read_and_is_not_safe_yet() {
    let setup = Setup::new();
    let (flush, begins, may_end) = held_back();
    let writer = setup.start(flush);
    let mut write = Box::pin(setup.put(&writer, "a", 10));
    assert!(futures::poll!(&mut write).is_pending());
    let _begins = has_begun(begins).await;
    let reader = log::open(&setup.folder.path().join("registry.sqlite")).unwrap();
    assert!(is_there(&reader, "a"), "it is committed");
    let mut wait = Box::pin(setup.settling.wait());
    assert!(futures::poll!(&mut wait).is_pending());
    may_end.send(Ok(())).unwrap();
    assert_eq!((wait.await, write.await), (Ok(()), Ok(ANSWERED)));
    assert_eq!(setup.settling.wait().await, Ok(()));
}

#[tokio::test]
async fn after_a_flush_that_failed_nothing_is_written_and_nothing_leaves() {
    let setup = Setup::new();
    let flushes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&flushes);
    let writer = setup.start(move || match counted.fetch_add(1, Ordering::Relaxed) {
        1 => Err(io::Error::other("the disk is broken")),
        _ => Ok(()),
    });
    assert_eq!(setup.put(&writer, "a", 10).await, Ok(ANSWERED));
    assert_eq!(setup.put(&writer, "b", 10).await, Err(Lost));
    assert_eq!(setup.put(&writer, "c", 10).await, Err(Lost));
    assert_eq!(flushes.load(Ordering::Relaxed), 2, "no flush is tried again");
    assert!(!is_there(&setup.database, "c"));
    assert_eq!(setup.settling.wait().await, Err(Lost));
}

#[tokio::test]
async fn a_refused_write_needs_no_flush() {
    let setup = Setup::new();
    let flushes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&flushes);
    let writer = setup.start(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let condition = r#","ConditionExpression":"attribute_not_exists(pk)""#;
    for (expected, times) in [(ANSWERED, 1), (400, 1)] {
        let writing = setup.kept.writing(&[RowName::new("ttt", "a", "s")]);
        let answer =
            writer.run(Operation::PutItem, put_body("a", 10, condition), |_| Some(writing)).await.unwrap();
        assert_eq!((answer.status, flushes.load(Ordering::Relaxed)), (expected, times));
    }
}

#[tokio::test]
async fn what_was_sent_is_done_before_the_writer_is_gone() {
    let setup = Setup::new();
    let writer = setup.start(|| Ok(()));
    for pk in ["a", "b", "c"] {
        let mut abandoned = Box::pin(setup.put(&writer, pk, 10));
        let _either = futures::poll!(&mut abandoned);
    }
    drop(writer);
    assert!(["a", "b", "c"].iter().all(|pk| is_there(&setup.database, pk)));
}
