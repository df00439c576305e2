//! The database file and its write-ahead log, and what reaches the disk of them.
//!
//! With `synchronous=NORMAL`, `SQLite` does not flush the log at a commit. It flushes the log's header when it begins
//! the log anew, the log before it moves pages from it into the database, and the database before the log may begin
//! anew. So at any moment, what the disk has is a state after one of the commits; and a flush of the log makes
//! it a state after the last commit before that flush.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use dynoxide::Database;
use dynoxide::storage::Storage;

use crate::engines::folders;

/// What `SQLite` appends to the database's name for its log.
const LOG: &str = "-wal";

/// The file of the log.
#[derive(Debug)]
pub(crate) struct Log(pub(super) File);

impl Log {
    /// Makes what has been committed survive a power cut.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Opens or makes the database for the connection that writes. Its commits are safe after a flush of the log.
pub(crate) fn open_writer(path: &Path) -> anyhow::Result<(Database, Log)> {
    empty_log(path)?;
    let database = open(path)?;
    // The only way to `synchronous=NORMAL`; the other settings it makes are the ones that are set anyway.
    database.disable_bulk_loading().context("cannot set up the connection that writes")?;
    let log = log_of(path);
    // Not made here: it is the file that the connection has open, for as long as any connection is open. It is opened
    // for writing because Windows flushes no other.
    let file = File::options().write(true).open(&log);
    let file = file.with_context(|| format!("cannot open the log {}", log.display()))?;
    if let Some(folder) = path.parent() {
        folders::sync(folder).with_context(|| format!("cannot flush the folder {}", folder.display()))?;
    }
    Ok((database, Log(file)))
}

/// Opens another connection to the database.
pub(crate) fn open(path: &Path) -> anyhow::Result<Database> {
    Database::new(text(path)?).with_context(|| format!("cannot open the database {}", path.display()))
}

/// Moves what a process that died has left in the log into the database, and flushes that.
///
/// The log may have bytes that the system could not write to the disk: that may be why the process died, and reading
/// them gives them all the same. Commits behind them would be lost with them, however often the log is flushed.
fn empty_log(path: &Path) -> anyhow::Result<()> {
    if !std::fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0) {
        return Ok(());
    }
    let storage =
        Storage::new(text(path)?).with_context(|| format!("cannot open the database {}", path.display()))?;
    let in_use: bool = storage
        .conn()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .context("cannot write what is in the log into the database")?;
    if in_use {
        bail!("the database {} is in use by another program", path.display());
    }
    Ok(())
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(LOG);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `disable_bulk_loading` does to the connection that writes: 1 is `NORMAL`, where the log is not flushed at a
    /// commit, but in every place that the module names. 0 would be `OFF`, where nothing ever is.
    #[test]
    fn commits_are_not_flushed_and_everything_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::new(folder.path().join("registry.sqlite").to_str().unwrap()).unwrap();
        let text = |name: &str| -> String {
            storage.conn().query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
        };
        let number = |name: &str| -> i64 {
            storage.conn().query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
        };
        let others = || ["cache_size", "temp_store", "mmap_size"].map(number);
        let before = others();
        assert_eq!((text("journal_mode").as_str(), number("synchronous")), ("wal", 2));
        storage.disable_bulk_loading().unwrap();
        assert_eq!((text("journal_mode").as_str(), number("synchronous")), ("wal", 1));
        assert_eq!(others(), before);
    }

    #[test]
    fn what_a_dead_process_left_in_the_log_is_moved_into_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let (alive, dead) = (folder.path().join("alive"), folder.path().join("dead"));
        let (database, log) = open_writer(&alive).unwrap();
        let count = |database: &Database| database.table_count().unwrap();
        let create = r#"{"TableName":"ttt","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
            "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}"#;
        database.create_table(serde_json::from_str(create).unwrap()).unwrap();
        log.flush().unwrap();
        for (from, to) in [(alive.clone(), dead.clone()), (log_of(&alive), log_of(&dead))] {
            std::fs::copy(from, to).unwrap();
        }
        empty_log(&dead).unwrap();
        assert!(!log_of(&dead).exists());
        let (database, _log) = open_writer(&dead).unwrap();
        assert_eq!(count(&database), 1);
    }
}
