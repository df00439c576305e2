//! Rows that are committed and could still get lost.
//!
//! A commit can be read at once, and is safe only after the next flush. Whoever saw a row in between could act on it:
//! store a document that names a version, delete the bytes of one that is gone, or tell a client. After a power cut
//! the row would be as before, and what was done would stay. So what was read leaves this engine only when it cannot
//! get lost any more.

use std::sync::{Mutex, MutexGuard, PoisonError};

use granary_storage::kept::{RowName, Writing};
use tokio::sync::watch;

/// The disk refused to take what was written: whether it is there after a restart is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the disk did not take what was written; nothing is written any more until a restart")
    }
}

impl std::error::Error for Lost {}

/// The writes that share the next flush.
#[derive(Debug, Default)]
struct Group {
    number: u64,
    writes: Vec<Writing>,
}

impl Group {
    /// Whether one of these rows, or any row at all, is written by the group.
    fn touches(&self, rows: Option<&[RowName]>) -> bool {
        let Some(rows) = rows else { return !self.writes.is_empty() };
        self.writes
            .iter()
            .any(|write| write.is_everything() || write.names().iter().any(|name| rows.contains(name)))
    }
}

/// The rows that could still get lost.
#[derive(Debug)]
pub(crate) struct Settling {
    group: Mutex<Group>,
    /// The number of the last group that is safe; none will be after `Lost`.
    safe: watch::Sender<Result<u64, Lost>>,
}

impl Default for Settling {
    fn default() -> Self {
        Self { group: Mutex::new(Group { number: 1, writes: Vec::new() }), safe: watch::Sender::new(Ok(0)) }
    }
}

impl Settling {
    /// Adds a write to the group, before it is committed.
    pub(crate) fn add(&self, write: Writing) {
        self.group().writes.push(write);
    }

    /// The group is safe, and the next one begins. Its writes are over for those who keep rows in memory.
    pub(crate) fn settled(&self) {
        let mut group = self.group();
        let number = group.number;
        group.number += 1;
        let writes = std::mem::take(&mut group.writes);
        drop(group);
        drop(writes);
        let _before = self.safe.send_replace(Ok(number));
    }

    /// The group will never be safe, nor any after it.
    pub(crate) fn lost(&self) {
        let _before = self.safe.send_replace(Err(Lost));
    }

    /// Refuses if the disk did not take what was written.
    pub(crate) fn check(&self) -> Result<(), Lost> {
        self.safe.borrow().map(drop)
    }

    /// Waits until the disk does not take what is written.
    pub(crate) async fn until_lost(&self) -> Lost {
        // The sender is here, so it ends in no other way.
        let mut safe = self.safe.subscribe();
        let _lost = safe.wait_for(Result::is_err).await;
        Lost
    }

    /// Waits until the rows that have just been read cannot get lost. `None` stands for rows that are not known by name.
    pub(crate) async fn wait(&self, rows: impl FnOnce() -> Option<Vec<RowName>>) -> Result<(), Lost> {
        // Mostly nothing is being written, and the names are not needed.
        if self.group().writes.is_empty() {
            return Ok(());
        }
        let rows = rows();
        let number = {
            let group = self.group();
            if !group.touches(rows.as_deref()) {
                return Ok(());
            }
            group.number
        };
        let mut safe = self.safe.subscribe();
        let reached = safe.wait_for(|safe| safe.is_ok_and(|safe| safe >= number) || safe.is_err()).await;
        reached.map_or(Err(Lost), |safe| safe.map(drop))
    }

    fn group(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use granary_storage::kept::KeptRows;

    use super::*;

    fn name(sk: &str) -> RowName {
        RowName::new("t", "p", sk)
    }

    fn waits(settling: &Settling, rows: Option<&[&str]>) -> Option<Result<(), Lost>> {
        let rows = rows.map(|rows| rows.iter().map(|row| name(row)).collect());
        settling.wait(|| rows).now_or_never()
    }

    #[test]
    fn only_who_read_a_written_row_waits() {
        let kept = Arc::new(KeptRows::default());
        let settling = Settling::default();
        assert_eq!(waits(&settling, None), Some(Ok(())));
        settling.add(kept.writing(&[name("a"), name("b")]));
        settling.add(kept.writing(&[name("c")]));
        for (rows, free) in [
            (Some(&["d", "e"][..]), true),
            (Some(&["d", "b"]), false),
            (Some(&["c"]), false),
            (Some(&[]), true),
            (None, false),
        ] {
            assert_eq!(waits(&settling, rows), free.then_some(Ok(())), "{rows:?}");
        }
        settling.settled();
        assert_eq!(waits(&settling, Some(&["b"])), Some(Ok(())));
        settling.add(kept.writing_anything());
        assert_eq!(waits(&settling, Some(&["d"])), None);
    }

    #[tokio::test]
    async fn who_waits_is_let_go_by_the_flush_of_that_group() {
        let kept = Arc::new(KeptRows::default());
        let settling = Arc::new(Settling::default());
        settling.settled();
        settling.add(kept.writing(&[name("a")]));
        let waiting = settling.wait(|| Some(vec![name("a")]));
        tokio::pin!(waiting);
        assert_eq!(waiting.as_mut().now_or_never(), None);
        settling.settled();
        settling.add(kept.writing(&[name("a")]));
        assert_eq!(waiting.await, Ok(()));
        let waiting = settling.wait(|| Some(vec![name("a")]));
        settling.lost();
        assert_eq!(waiting.await, Err(Lost));
        assert_eq!(waits(&settling, Some(&["a"])), Some(Err(Lost)));
        assert_eq!(waits(&settling, Some(&["b"])), Some(Ok(())));
    }
}
