//! Identifiers and random bytes as values that are handed in.

use crate::clock::Timestamp;

/// Where new identifiers and secrets come from.
pub trait Ids: Send + Sync + 'static {
    /// A new identifier that sorts by the time it was made (UUID version 7 as text).
    fn next(&self, now: Timestamp) -> String;

    /// Fills the buffer with bytes that cannot be guessed.
    fn fill(&self, buffer: &mut [u8]);
}

/// Identifiers and secrets from the operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self, now: Timestamp) -> String {
        let mut random = [0_u8; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
    }

    #[expect(clippy::expect_used, reason = "without random bytes no secret is safe: stopping is right")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_differ() {
        let ids = RandomIds;
        let early = ids.next(Timestamp::from_millis(1_000));
        let late = ids.next(Timestamp::from_millis(2_000));
        assert!(early < late, "{early} {late}");
        assert_ne!(ids.next(Timestamp::from_millis(1)), ids.next(Timestamp::from_millis(1)));
    }
}
