//! What a job does with its build: it claims it, uploads, and hands over what it has uploaded, which is then published.

mod claim;
mod complete;
mod publish;
mod sessions;

use granary_model::{Error, Result};
use granary_storage::rows::BuildRow;

use crate::Work;
use crate::store;

use sessions::Sessions;

pub use claim::start;
pub use complete::{Completed, Completion, UploadRef, complete};
pub use publish::publish;

/// Ends a build by a failure, and the sessions that its job has handed over. `false`: it was no longer as it was read.
pub(crate) async fn fail(work: &Work<'_>, build: &BuildRow, why: &str) -> Result<bool> {
    let sessions = match &build.results {
        Some(results) => Sessions::load(work, results).await?,
        None => Sessions::default(),
    };
    complete::fail(work, build, &sessions, why).await
}

/// How often a step is taken again because somebody else has changed the build meanwhile.
pub(crate) const ROUNDS: usize = 5;

/// What is said if a build was read and changed again and again, and somebody else was always faster.
pub fn overtaken() -> Error {
    Error::Unavailable("the build is being changed by somebody else; try again".into())
}

/// A build as a job names it: by its id, or as its run is told of it, by id and attempt with a dot in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobBuild<'a> {
    /// The id.
    pub id: &'a str,
    /// The attempt that is meant.
    pub attempt: Option<u32>,
}

impl<'a> JobBuild<'a> {
    /// Reads what a path has.
    pub fn parse(text: &'a str) -> Self {
        match text.rsplit_once('.') {
            // No attempt has the number 0.
            Some((id, attempt)) => Self { id, attempt: Some(attempt.parse().unwrap_or(0)) },
            None => Self { id: text, attempt: None },
        }
    }

    /// Finds it.
    ///
    /// # Errors
    /// `NotFound` for an unknown one, `Conflict` if it has gone on to another attempt.
    pub async fn find(&self, work: &Work<'_>) -> Result<BuildRow> {
        let found = store::find(work, self.id).await?;
        let build = found.ok_or_else(|| Error::NotFound("build not found".into()))?;
        match self.attempt {
            Some(attempt) if attempt != build.attempt => Err(Error::Conflict(format!(
                "this build is in attempt {} by now, and this is of attempt {attempt}",
                build.attempt
            ))),
            _ => Ok(build),
        }
    }

    /// Finds it for a run that wants to work at it.
    ///
    /// # Errors
    /// As [`Self::find`], and `Conflict` if it is not under way.
    pub async fn find_under_way(&self, work: &Work<'_>) -> Result<BuildRow> {
        let build = self.find(work).await?;
        if build.status.is_under_way() {
            return Ok(build);
        }
        Err(Error::Conflict(format!("this build is not under way: its status is '{}'", build.status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_named_with_or_without_its_attempt() {
        assert_eq!(JobBuild::parse("01-ab"), JobBuild { id: "01-ab", attempt: None });
        assert_eq!(JobBuild::parse("01-ab.3"), JobBuild { id: "01-ab", attempt: Some(3) });
        assert_eq!(JobBuild::parse("01-ab.x"), JobBuild { id: "01-ab", attempt: Some(0) });
    }
}
