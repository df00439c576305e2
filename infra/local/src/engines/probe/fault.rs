//! What can go wrong with a call, and with which.

use std::time::Duration;

use crate::engines::probe::{Answer, Service};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before the engine sees the call.
    Refuse,
    /// The engine performs the call, and the connection breaks before the answer: the caller cannot know.
    LoseAnswer,
    /// The call is performed after this time.
    Delay(Duration),
    /// The call is not performed, and the service says why.
    Answer(Answer),
    /// The call is performed, and the service says that something went wrong all the same.
    PerformAndAnswer(Answer),
    /// The call is performed, and the body of the answer breaks off halfway.
    BreakOff,
}

/// Which calls are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    service: Option<Service>,
    operation: Option<String>,
    nth: usize,
    times: usize,
}

impl Target {
    /// The `nth` call of all, counted from 1.
    pub fn any(nth: usize) -> Self {
        Self { service: None, operation: None, nth, times: 1 }
    }

    /// The `nth` call to one engine, counted from 1.
    pub fn service(service: Service, nth: usize) -> Self {
        Self { service: Some(service), ..Self::any(nth) }
    }

    /// The `nth` call of one operation, counted from 1.
    pub fn operation(service: Service, operation: &str, nth: usize) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::service(service, nth) }
    }

    /// That call and those after it that are described as well, `times` in all.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// That call and all after it that are described as well, until the probe is reset.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    pub(crate) fn describes(&self, service: Service, operation: &str) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }

    pub(crate) fn nth(&self) -> usize {
        self.nth
    }

    /// Takes note that it has met a call. `false`: that was the last one.
    pub(crate) fn has_more(&mut self) -> bool {
        self.times = self.times.saturating_sub(1);
        self.times > 0
    }
}
