//! Work on large documents: no more of it at the same time than there are processors, so that however many packages are fetched at
//! once, the memory that this takes is that of a few.

use std::num::NonZero;
use std::sync::Arc;

use granary_model::{Error, Result};
use tokio::sync::Semaphore;

/// Who may be at work, in this process.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        // One works while another one's memory is given back.
        Self(Arc::new(Semaphore::new(processors.max(2))))
    }
}

impl Turns {
    /// Does something on a thread that serves no requests, when it is its turn. It is at work until it ends, also if nobody waits
    /// for it any more.
    ///
    /// # Errors
    /// `Internal` if it panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let waiting = Arc::clone(&self.0).acquire_owned().await;
        let turn = waiting.map_err(|e| Error::internal("waiting for a turn", e))?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        working.await.map_err(|e| Error::internal("working on a document", e))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn no_more_at_the_same_time_than_there_are_turns() {
        let turns = Turns(Arc::new(Semaphore::new(3)));
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = |number: usize| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            move || {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
                inside.fetch_sub(1, Ordering::SeqCst);
                number
            }
        };
        let done = futures::future::join_all((0..60).map(|number| turns.run(work(number)))).await;
        assert_eq!(done.into_iter().map(Result::unwrap).collect::<Vec<_>>(), (0..60).collect::<Vec<_>>());
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
        // Whoever goes away does not make room for one more before the work has ended.
        let mut left = Vec::new();
        for number in 0..30 {
            left.push(
                tokio::time::timeout(Duration::from_micros(100), turns.run(work(number))).await.is_err(),
            );
        }
        turns.run(work(0)).await.unwrap();
        assert!(left.contains(&true));
        assert!(most.load(Ordering::SeqCst) <= 3);
    }

    #[tokio::test]
    async fn one_that_panics_gives_its_turn_back() {
        let turns = Turns(Arc::new(Semaphore::new(1)));
        let failed = turns.run(|| assert_eq!(1, 2, "on purpose")).await;
        assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
        assert_eq!(turns.run(|| 7).await.unwrap(), 7);
    }
}
