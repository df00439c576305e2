//! Identifiers and random bytes as values that are handed in.

use std::cell::RefCell;

use crate::clock::Timestamp;

/// Where new identifiers and secrets come from.
pub trait Ids: Send + Sync + 'static {
    /// A new identifier that sorts by the time it was made (UUID version 7 as text).
    fn next(&self, now: Timestamp) -> String;

    /// Fills the buffer with bytes that cannot be guessed.
    fn fill(&self, buffer: &mut [u8]);
}

/// Random bytes for identifiers, fetched for a hundred of them at a time: every request has one, and asking the
/// operating system takes longer than all else about it.
struct Pool {
    bytes: [u8; 100 * RANDOM_BYTES],
    used: usize,
}

/// Random bytes in an identifier.
const RANDOM_BYTES: usize = 10;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; 100 * RANDOM_BYTES], used: 100 * RANDOM_BYTES }) };
}

impl Pool {
    fn take(&mut self) -> [u8; RANDOM_BYTES] {
        if self.used >= self.bytes.len() {
            RandomIds.fill(&mut self.bytes);
            self.used = 0;
        }
        let taken = self.bytes.get(self.used..).and_then(|left| left.first_chunk()).copied();
        self.used += RANDOM_BYTES;
        taken.unwrap_or_default()
    }
}

/// Identifiers and secrets from the operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self, now: Timestamp) -> String {
        let random = POOL.with_borrow_mut(Pool::take);
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
    fn no_identifier_comes_twice() {
        let at = Timestamp::from_millis(1);
        let make = move || (0..1_000).map(|_| RandomIds.next(at)).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(make)).collect();
        let all: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
    }

    #[test]
    fn ids_sort_by_time_and_differ() {
        let ids = RandomIds;
        let early = ids.next(Timestamp::from_millis(1_000));
        let late = ids.next(Timestamp::from_millis(2_000));
        assert!(early < late, "{early} {late}");
        assert_ne!(ids.next(Timestamp::from_millis(1)), ids.next(Timestamp::from_millis(1)));
    }
}
