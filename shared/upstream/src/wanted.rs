//! Asking upstreams for what is not here: who may have it asked for, one at a time, and what is remembered of it.

use granary_model::{Error, Result};
use granary_storage::rows::{RepoRow, UpstreamRow};
use url::Url;

use crate::flights::Seat;
use crate::net::{Answer, Ask, Failure, Fetched, Validators};
use crate::{Asker, Work, sign_in};

/// How long at most it is taken for true that there is no such thing, in seconds.
const MISSING: u32 = 60;

/// Something that is not here.
pub(crate) struct Wanted<'a> {
    /// What tells it from everything else that anybody may want.
    flight: String,
    /// What it is called, for whoever may not have it asked for.
    name: &'a str,
    /// The upstreams that may have it, in the order in which they are asked.
    pub(crate) rows: Vec<&'a UpstreamRow>,
}

impl<'a> Wanted<'a> {
    /// Something in a repository: `path` tells it from all else there.
    pub(crate) fn new(repo: &RepoRow, path: &str, name: &'a str, rows: Vec<&'a UpstreamRow>) -> Self {
        Self { flight: flight(repo, path), name, rows }
    }
}

/// Who is under way for something in a repository.
pub(crate) fn flight(repo: &RepoRow, path: &str) -> String {
    // Of other settings nothing is known yet.
    format!("{path}\0{}\0{}", repo.uid, repo.rev)
}

impl Work<'_> {
    /// Waits until nobody else is asking for the same. `None`: no upstream may be asked, or none has it, as is known.
    ///
    /// # Errors
    /// `Unauthorized` if only those who sign in may have something fetched; what the one who was under way failed with.
    pub(crate) async fn board(&self, wanted: &Wanted<'_>, asker: &Asker) -> Result<Option<Seat>> {
        let Some(first) = wanted.rows.first() else { return Ok(None) };
        let known = |waited| self.upstreams.memory.outcome(&wanted.flight, waited, self.now);
        if let Some(outcome) = known(false) {
            return outcome.error().map_or(Ok(None), Err);
        }
        if asker.anonymous && !wanted.rows.iter().all(|row| row.anonymous) {
            return Err(sign_in(wanted.name, &first.name));
        }
        let seat = self.upstreams.flights.board(&wanted.flight).await;
        // Whoever was under way may have found that it cannot be had.
        match known(seat.waited) {
            Some(outcome) => outcome.error().map_or(Ok(None), Err),
            None => Ok(Some(seat)),
        }
    }

    /// Remembers for a while that none of the upstreams has it.
    pub(crate) fn is_missing(&self, wanted: Wanted<'_>) {
        let seconds = wanted.rows.iter().map(|row| row.fresh_seconds).min().unwrap_or_default().min(MISSING);
        self.upstreams.memory.is_missing(wanted.flight, seconds, self.now);
    }

    /// Notes that an upstream has failed, also for those who wait for the same, and gives the error for them.
    pub(crate) fn could_not(&self, wanted: Wanted<'_>, row: &UpstreamRow, failure: &Failure) -> Error {
        self.upstreams.memory.could_not(wanted.flight, row.name.as_str(), failure.clone(), self.now);
        self.failed(row, failure)
    }

    /// Asks an upstream for a document of at most `limit` bytes, unless it is still the one that is remembered.
    pub(crate) async fn document(
        &self,
        (repo, row): (&RepoRow, &UpstreamRow),
        (url, accept): (Result<Url, Failure>, &'static str),
        known: &Validators,
        limit: usize,
    ) -> Result<Answer<Fetched>> {
        let authorization = self.authorization(repo, row)?;
        let url = match url {
            Ok(url) => url,
            Err(failure) => return Ok(Answer::Failed(failure)),
        };
        let patience = self.upstreams.settings.patience;
        let ask = Ask { url, authorization: authorization.as_ref(), accept, patience };
        Ok(self.upstreams.net()?.document(&ask, known, limit, self.now).await)
    }
}
