//! What can go wrong with a call, and with which.

use std::time::Duration;

use crate::engines::probe::Service;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before the engine sees the call.
    Refuse,
    /// The engine performs the call, and the connection breaks before the answer: the caller cannot know.
    LoseAnswer,
    /// The call is performed after this time.
    Delay(Duration),
}

/// Which call is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    service: Option<Service>,
    operation: Option<String>,
    nth: usize,
}

impl Target {
    /// The `nth` call of all, counted from 1.
    pub fn any(nth: usize) -> Self {
        Self { service: None, operation: None, nth }
    }

    /// The `nth` call to one engine, counted from 1.
    pub fn service(service: Service, nth: usize) -> Self {
        Self { service: Some(service), operation: None, nth }
    }

    /// The `nth` call of one operation, counted from 1.
    pub fn operation(service: Service, operation: &str, nth: usize) -> Self {
        Self { service: Some(service), operation: Some(operation.to_owned()), nth }
    }

    pub(crate) fn describes(&self, service: Service, operation: &str) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }

    pub(crate) fn nth(&self) -> usize {
        self.nth
    }
}
