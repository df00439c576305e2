//! Writes under way, as tokio sees them.
//!
//! A paused clock, as tests have it, goes on as soon as tokio sees nothing but timers to wait for, and the limits of the
//! SDK with it. Of the thread that writes it knows nothing. So while writes are under way one task waits for them where
//! waiting is allowed: one for all of them, because those threads are needed for other things.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many writes are under way.
#[derive(Debug, Default)]
pub(crate) struct Awake {
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    writes: usize,
    /// Whether a task waits for the end of all of them.
    has_task: bool,
}

/// A write under way, until this is dropped.
pub(crate) struct UnderWay(Arc<Awake>);

impl Awake {
    /// Begins a write. To be called within a runtime.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        let mut state = self.state();
        state.writes += 1;
        if !state.has_task {
            state.has_task = true;
            let this = Arc::clone(self);
            tokio::task::spawn_blocking(move || this.wait());
        }
        UnderWay(Arc::clone(self))
    }

    fn wait(&self) {
        let mut state = self.state();
        while state.writes > 0 {
            state = self.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.has_task = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.writes -= 1;
        if state.writes == 0 {
            self.0.idle.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_stands_still_while_a_write_is_under_way() {
        let awake = Arc::<Awake>::default();
        for _ in 0..3 {
            let (first, second) = (awake.begin(), awake.begin());
            let (sender, answer) = tokio::sync::oneshot::channel();
            let began = Instant::now();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                sender.send(()).unwrap();
            });
            let answer = tokio::time::timeout(Duration::from_hours(1), answer).await;
            assert!(answer.is_ok(), "the limit has passed at once");
            assert!(began.elapsed() < Duration::from_mins(1));
            drop(first);
            assert!(awake.state().has_task);
            drop(second);
            while awake.state().has_task {
                tokio::task::yield_now().await;
            }
        }
        tokio::time::timeout(Duration::from_hours(1), std::future::pending::<()>()).await.unwrap_err();
    }
}
