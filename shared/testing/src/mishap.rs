//! Storage calls that go wrong, and processes that die at one.

use std::time::Duration;

use crate::actor::TestResponse;
use crate::app::TestApp;
use crate::probe::{Fault, Target};

/// How a storage call goes wrong.
#[derive(Debug, Clone, Copy)]
pub enum Mishap {
    /// It is not performed.
    Refused,
    /// It is performed, but nobody learns of it.
    AnswerLost,
    /// The process dies before it is performed.
    Killed,
}

impl Mishap {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Refused, Self::AnswerLost, Self::Killed];
}

impl TestApp {
    /// Sends a request while its `n`-th storage call goes wrong; `None` if nobody was left to answer.
    pub async fn suffer(
        &self,
        n: usize,
        mishap: Mishap,
        request: impl Future<Output = TestResponse> + Send + 'static,
    ) -> Option<TestResponse> {
        self.probe.reset();
        let fault = match mishap {
            Mishap::Refused => Fault::Refuse,
            Mishap::AnswerLost => Fault::LoseAnswer,
            Mishap::Killed => Fault::Delay(Duration::from_hours(24)),
        };
        self.probe.inject(Target::any(n), fault);
        let task = tokio::spawn(request);
        if !matches!(mishap, Mishap::Killed) {
            let response = task.await.unwrap();
            self.probe.reset();
            return Some(response);
        }
        for _ in 0..10_000 {
            if self.probe.count() >= n {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Calls beside it may have been made as well.
        assert!(self.probe.count() >= n, "the call that never ends was reached");
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        self.probe.reset();
        None
    }
}
