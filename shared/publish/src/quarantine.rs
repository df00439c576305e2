//! Putting versions of a package aside, and letting them go.

use granary_model::{Error, Result, Timestamp};
use granary_storage::Transaction;
use granary_storage::rows::{ALL_VERSIONS, HeadRow, QuarantineRow};
use granary_storage::transaction::Refusal;

use crate::head_edit::{Applied, HeadEdit, Step};

/// Most versions of a package that are put aside: they stand in its head. Whoever has more puts the package aside.
const MOST: usize = 200;

/// Puts a version aside, or all of them: from the moment of the commit nobody gets it.
#[derive(Debug)]
pub struct Quarantine {
    /// The version as keys have it, or [`ALL_VERSIONS`].
    pub version: String,
    /// Why, and by whom.
    pub row: QuarantineRow,
}

/// Lets a version go that was put aside, or all of them that were so as a whole.
#[derive(Debug)]
pub struct Release {
    /// The version as keys have it, or [`ALL_VERSIONS`].
    pub version: String,
}

fn detail(version: &str) -> String {
    if version == ALL_VERSIONS { String::new() } else { format!("@{version}") }
}

/// The head of a package from an upstream was worked out without this, so it is due to be so again.
fn changed(mut head: HeadRow) -> Step {
    if let Some(upstream) = head.upstream.as_deref_mut() {
        upstream.policy.clear();
    }
    Step::Write(head)
}

fn unknown() -> Error {
    Error::NotFound("there is no such package in the repository".into())
}

fn refused(refusal: &Refusal) -> Error {
    Error::internal("putting a version aside", format!("the part '{}' was refused", refusal.label))
}

impl HeadEdit for Quarantine {
    fn action(&self) -> &'static str {
        "package.quarantine"
    }

    fn detail(&self) -> String {
        detail(&self.version)
    }

    fn concerns_foreign(&self) -> bool {
        true
    }

    async fn apply(&mut self, head: Option<HeadRow>, _: Timestamp, _: &mut Transaction) -> Result<Step> {
        let mut head = head.ok_or_else(unknown)?;
        if head.quarantine.get(&self.version).is_some_and(|row| row.reason == self.row.reason) {
            return Ok(Step::Nothing);
        }
        head.quarantine.insert(self.version.clone(), self.row.clone());
        if head.quarantine.len() > MOST {
            return Err(Error::Conflict(format!(
                "{MOST} versions of the package are in quarantine already; put the package aside as a whole"
            )));
        }
        Ok(changed(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(refused(&refusal))
    }
}

impl HeadEdit for Release {
    fn action(&self) -> &'static str {
        "package.unquarantine"
    }

    fn detail(&self) -> String {
        detail(&self.version)
    }

    fn concerns_foreign(&self) -> bool {
        true
    }

    async fn apply(&mut self, head: Option<HeadRow>, _: Timestamp, _: &mut Transaction) -> Result<Step> {
        let mut head = head.ok_or_else(unknown)?;
        match head.quarantine.remove(&self.version) {
            Some(_) => Ok(changed(head)),
            None => Ok(Step::Nothing),
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(refused(&refusal))
    }
}
