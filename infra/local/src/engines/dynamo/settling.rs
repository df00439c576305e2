//! Rows that are committed and could still get lost.
//!
//! A commit can be read at once, and is safe only after the next flush. Whoever saw a row in between could act on it:
//! store a document that names a version, delete the bytes of one that is gone, or tell a client. After a power cut the
//! row would be as before, and what was done would stay. So whatever leaves this process for good, an answer or a change
//! of a file, waits until nothing that has been committed before can get lost any more. Reading itself does not wait:
//! who reads many rows would wait for as many flushes while somebody else writes.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// How far commits and flushes are. Commits between two flushes are a group, and groups have numbers from 1.
#[derive(Debug)]
pub(crate) struct Settling {
    /// The last group that something was committed of, or is being.
    committed: AtomicU64,
    /// The last group that is safe; none will be after `Lost`.
    safe: watch::Sender<Result<u64, Lost>>,
}

impl Default for Settling {
    fn default() -> Self {
        Self { committed: AtomicU64::new(0), safe: watch::Sender::new(Ok(0)) }
    }
}

impl Settling {
    /// Something is about to be committed. To be called by the one thread that writes, before the commit.
    pub(crate) fn begin(&self) {
        if let Ok(safe) = *self.safe.borrow() {
            self.committed.store(safe + 1, Ordering::SeqCst);
        }
    }

    /// All that was committed is safe. To be called by the thread that writes.
    pub(crate) fn settled(&self) {
        let committed = self.committed.load(Ordering::SeqCst);
        let _before = self.safe.send_replace(Ok(committed));
    }

    /// Nothing more will be safe.
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

    /// Waits until nothing that was committed before this call can get lost.
    pub(crate) async fn wait(&self) -> Result<(), Lost> {
        let committed = self.committed.load(Ordering::SeqCst);
        // Mostly nothing is being written.
        if self.safe.borrow().is_ok_and(|safe| safe >= committed) {
            return Ok(());
        }
        let mut safe = self.safe.subscribe();
        let reached = safe.wait_for(|safe| safe.is_ok_and(|safe| safe >= committed) || safe.is_err()).await;
        reached.map_or(Err(Lost), |safe| safe.map(drop))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn only_what_was_committed_before_is_waited_for() {
        let settling = Settling::default();
        let waits = || settling.wait().now_or_never();
        assert_eq!(waits(), Some(Ok(())));
        settling.begin();
        settling.begin();
        let mut early = Box::pin(settling.wait());
        assert_eq!(early.as_mut().now_or_never(), None);
        settling.settled();
        settling.begin();
        assert_eq!(early.now_or_never(), Some(Ok(())), "the next group is nothing to wait for");
        assert_eq!(waits(), None);
        settling.settled();
        assert_eq!(waits(), Some(Ok(())));
    }

    #[tokio::test]
    async fn nothing_is_safe_after_a_refusal() {
        let settling = Settling::default();
        settling.begin();
        let waiting = settling.wait();
        settling.lost();
        assert_eq!(waiting.await, Err(Lost));
        settling.begin();
        assert_eq!(settling.wait().await, Err(Lost));
        assert_eq!(settling.check(), Err(Lost));
        assert_eq!(settling.until_lost().await, Lost);
    }
}
