//! Noting when a token was last used without slowing its requests down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::StreamExt as _;
use granary_model::{Result, Timestamp, TokenHash};
use granary_storage::Storage;
use granary_storage::rows::TokenRow;

/// How long marks may wait in memory, in milliseconds. What a process that dies has not written is lost; the next use on
/// that day is noted instead.
const FLUSH_MILLIS: i64 = 5_000;

/// Tokens that are remembered at the same time. Uses of more than these are not noted until the next time.
const MOST: usize = 10_000;

/// Rows that are written at the same time.
const AT_ONCE: usize = 8;

/// Uses of tokens, noted in memory until they are written together: one write for each token and day.
#[derive(Debug, Default)]
pub struct LastUses {
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    /// When marks were written last.
    flushed: Option<Timestamp>,
    of_tokens: HashMap<TokenHash, Mark>,
}

/// A day on which a token was used, in days since 1970. It stays when it has been written, so that it is not written again.
#[derive(Debug, Clone, Copy)]
struct Mark {
    day: i64,
    written: bool,
}

impl LastUses {
    /// Notes that a token is used now, unless its row says so already. Never fails and never waits.
    pub fn note(&self, hash: &TokenHash, row: &TokenRow, now: Timestamp) {
        let day = now.day();
        if row.last_used.is_some_and(|last| last >= day) {
            return;
        }
        let marks = &mut self.lock().of_tokens;
        if marks.get(hash).is_some_and(|mark| mark.day >= day) {
            return;
        }
        if marks.len() >= MOST && !marks.contains_key(hash) {
            marks.retain(|_, mark| !mark.written);
            if marks.len() >= MOST {
                return;
            }
        }
        marks.insert(hash.clone(), Mark { day, written: false });
    }

    /// Whether there are marks to write, and the last ones were written long enough ago.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let marks = self.lock();
        marks.flushed.is_none_or(|flushed| now.millis() - flushed.millis() >= FLUSH_MILLIS)
            && marks.of_tokens.values().any(|mark| !mark.written)
    }

    /// Writes all marks. What cannot be written waits for the next time.
    pub async fn flush(&self, storage: &Storage, now: Timestamp) -> Result<()> {
        let writing = futures::stream::iter(self.take(now))
            .map(|(hash, day)| self.write(storage, hash, day))
            .buffer_unordered(AT_ONCE);
        writing.fold(Ok(()), async |all, one| one.and(all)).await
    }

    /// The marks to write, which count as written from now on. Those of earlier days are forgotten: nobody asks for them.
    fn take(&self, now: Timestamp) -> Vec<(TokenHash, i64)> {
        let mut marks = self.lock();
        marks.of_tokens.retain(|_, mark| !mark.written || mark.day >= now.day());
        let waiting = marks.of_tokens.iter_mut().filter(|(_, mark)| !mark.written);
        let take = |(hash, mark): (&TokenHash, &mut Mark)| {
            mark.written = true;
            (hash.clone(), mark.day)
        };
        let taken: Vec<(TokenHash, i64)> = waiting.map(take).collect();
        if !taken.is_empty() {
            marks.flushed = Some(now);
        }
        taken
    }

    async fn write(&self, storage: &Storage, hash: TokenHash, day: i64) -> Result<()> {
        let result = storage.note_use(&hash, day).await;
        if result.is_err()
            && let Some(mark) = self.lock().of_tokens.get_mut(&hash)
            && mark.day == day
        {
            mark.written = false;
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use granary_model::{Scope, TokenKind};
    use granary_storage::Subject;

    use super::*;

    const DAY: i64 = 86_400_000;

    fn hash(n: usize) -> TokenHash {
        serde_json::from_value(format!("hash-{n}").into()).unwrap()
    }

    fn row(last_used: Option<i64>) -> TokenRow {
        TokenRow {
            id: "t".into(),
            token_kind: TokenKind::Account,
            subject: Subject::User("ann".parse().unwrap()),
            subject_uid: None,
            name: "ci".into(),
            prefix: "art_12345678".into(),
            scopes: vec![Scope::Read],
            created_by: "ann".parse().unwrap(),
            created_at: Timestamp::from_millis(0),
            expires_at: None,
            last_used,
        }
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millis(day * DAY)
    }

    #[test]
    fn a_token_is_noted_once_a_day() {
        let uses = LastUses::default();
        uses.note(&hash(1), &row(Some(5)), at(5));
        uses.note(&hash(1), &row(Some(6)), at(5));
        assert!(!uses.is_due(at(5)), "the row says so, or somebody's clock is ahead");
        uses.note(&hash(1), &row(Some(4)), at(5));
        assert!(uses.is_due(at(5)));
        assert_eq!(uses.take(at(5)), [(hash(1), 5)]);
        // Requests that were read before the write.
        uses.note(&hash(1), &row(Some(4)), at(5));
        assert_eq!(uses.take(at(5)), []);
        uses.note(&hash(1), &row(Some(5)), at(6));
        uses.note(&hash(2), &row(None), at(6));
        assert!(!uses.is_due(Timestamp::from_millis(5 * DAY + FLUSH_MILLIS - 1)));
        assert!(uses.is_due(Timestamp::from_millis(5 * DAY + FLUSH_MILLIS)));
        let mut taken = uses.take(at(6));
        taken.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        assert_eq!(taken, [(hash(1), 6), (hash(2), 6)]);
        assert_eq!(uses.take(at(7)), []);
        assert!(uses.lock().of_tokens.is_empty(), "days that are over are forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let uses = LastUses::default();
        for n in 0..=MOST {
            uses.note(&hash(n), &row(None), at(5));
        }
        assert_eq!(uses.take(at(5)).len(), MOST);
        uses.note(&hash(MOST), &row(None), at(5));
        assert_eq!(uses.take(at(5)), [(hash(MOST), 5)], "those that are written make room");
    }
}
