//! How patient calls on AWS are.
//!
//! A request is a chain of calls and has 29 seconds on Lambda. One call that fails is tried again, for at most
//! [`OPERATION`] in all; what a whole chain may take is bounded by whoever runs the request
//! (`granary_http::lambda`). Pauses are spread at random by the SDK, between nothing and the time named here.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::{TimeoutConfig, TimeoutConfigBuilder};

/// How often a call is made before it is given up.
pub const ATTEMPTS: u32 = 3;

/// How long one attempt may take until its answer begins: DynamoDB and S3 need milliseconds, and a connection that
/// has been silent for so long will hardly speak again.
const ATTEMPT: Duration = Duration::from_secs(3);

/// How long all attempts of one call may take together: three whole ones and the pauses between them.
pub const OPERATION: Duration = Duration::from_secs(10);

/// Most that is waited before the second attempt. It doubles for the third.
const FIRST_PAUSE: Duration = Duration::from_millis(150);

/// Most that is ever waited before an attempt, even if the service asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often a message is sent. It is only a hint, and a client waits for the answer to a change that stands.
const MESSAGE_ATTEMPTS: u32 = 2;

/// How long one attempt to send a message may take, its connection included: the first one of a small function.
const MESSAGE_ATTEMPT: Duration = Duration::from_secs(2);

/// How long sending a message may take in all.
pub const MESSAGE: Duration = Duration::from_millis(4_500);

/// How long one attempt to copy or join 5 GB may take S3.
const LONG_ATTEMPT: Duration = Duration::from_mins(4);

/// How long copying or joining may take in all: less than what the `events` function has.
const LONG_CALL: Duration = Duration::from_mins(10);

/// How slow sending bytes may be, as time for each MiB: about 4 Mbit/s.
const PER_MIB: Duration = Duration::from_secs(2);

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(2);

/// Retries and timeouts of one client.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) retries: RetryConfig,
    pub(crate) timeouts: TimeoutConfig,
}

impl Policy {
    /// One attempt without a limit: an engine in this process that fails once fails again.
    pub(crate) fn engine() -> Self {
        Self { retries: RetryConfig::disabled(), timeouts: TimeoutConfig::disabled() }
    }

    /// For tables and bucket.
    pub(crate) fn store() -> Self {
        Self {
            retries: retries(ATTEMPTS),
            timeouts: limits(ATTEMPT, OPERATION).connect_timeout(CONNECT).build(),
        }
    }

    /// For queues.
    pub(crate) fn queue() -> Self {
        Self {
            retries: retries(MESSAGE_ATTEMPTS),
            timeouts: limits(MESSAGE_ATTEMPT, MESSAGE).connect_timeout(MESSAGE_ATTEMPT).build(),
        }
    }
}

/// Limits for waiting until a message comes.
pub(crate) fn waiting(seconds: i32) -> TimeoutConfig {
    let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    limits(wait + ATTEMPT, wait + OPERATION).build()
}

/// Limits for copying and joining large objects.
pub(crate) fn long_call() -> TimeoutConfig {
    limits(LONG_ATTEMPT, LONG_CALL).build()
}

/// Limits for sending this many bytes.
pub(crate) fn sending(bytes: u64) -> TimeoutConfig {
    let mib = u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX);
    let extra = PER_MIB.saturating_mul(mib);
    limits(ATTEMPT + extra, OPERATION + extra.saturating_mul(ATTEMPTS)).build()
}

/// Most that is waited before attempt `attempt + 1`, counted from 1.
pub(crate) fn pause(attempt: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << attempt.clamp(1, 8).saturating_sub(1)).min(LONGEST_PAUSE)
}

fn retries(attempts: u32) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

fn limits(attempt: Duration, operation: Duration) -> TimeoutConfigBuilder {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_attempts_fit_into_a_call() {
        let pauses: Duration = (1..ATTEMPTS).map(pause).sum();
        assert!(ATTEMPT * ATTEMPTS + pauses <= OPERATION);
        let pauses: Duration = (1..MESSAGE_ATTEMPTS).map(pause).sum();
        assert!(MESSAGE_ATTEMPT * MESSAGE_ATTEMPTS + pauses <= MESSAGE);
    }

    #[test]
    fn sending_takes_as_long_as_there_are_bytes() {
        let limit = |bytes| {
            let limits = sending(bytes);
            (
                limits.operation_attempt_timeout().unwrap().as_secs(),
                limits.operation_timeout().unwrap().as_secs(),
            )
        };
        assert_eq!(limit(0), (3, 10));
        assert_eq!(limit(5 * 1024 * 1024), (13, 40));
        assert_eq!(limit(5 * 1024 * 1024 * 1024), (10_243, 30_730));
        assert!(sending(u64::MAX).operation_timeout().is_some());
    }
}
