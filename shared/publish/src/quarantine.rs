//! Putting versions of a package aside, and letting them go.

use granary_model::{Error, Result, Timestamp};
use granary_storage::Transaction;
use granary_storage::rows::{ALL_VERSIONS, HeadRow, QuarantineRow};
use granary_storage::transaction::Refusal;

use crate::head_edit::{Applied, HeadEdit, Step};

/// Most versions of a package that are put aside: they stand in its head. Whoever has more puts the package aside.
const MOST: usize = 200;

/// Puts a version aside, or all of them: from the moment of the commit nobody gets it. Or lets it go.
#[derive(Debug)]
pub struct Quarantine {
    /// The version as keys have it, or [`ALL_VERSIONS`].
    pub version: String,
    /// Why, and by whom. `None` lets go what was put aside, all of them if they were so as a whole.
    pub row: Option<QuarantineRow>,
}

impl HeadEdit for Quarantine {
    fn action(&self) -> &'static str {
        if self.row.is_some() { "package.quarantine" } else { "package.unquarantine" }
    }

    fn detail(&self) -> String {
        if self.version == ALL_VERSIONS { String::new() } else { format!("@{}", self.version) }
    }

    fn concerns_foreign(&self) -> bool {
        true
    }

    async fn apply(&mut self, head: Option<HeadRow>, _: Timestamp, _: &mut Transaction) -> Result<Step> {
        let unknown = || Error::NotFound("there is no such package in the repository".into());
        let mut head = head.ok_or_else(unknown)?;
        let reason = |row: &QuarantineRow| row.reason.clone();
        if head.quarantine.get(&self.version).map(reason) == self.row.as_ref().map(reason) {
            return Ok(Step::Nothing);
        }
        match &self.row {
            Some(row) => head.quarantine.insert(self.version.clone(), row.clone()),
            None => head.quarantine.remove(&self.version),
        };
        if self.row.is_some() && head.quarantine.len() > MOST {
            return Err(Error::Conflict(format!(
                "{MOST} versions of the package are in quarantine already; put the package aside as a whole"
            )));
        }
        // The head of a package from an upstream was worked out without this, so it is due to be so again.
        if let Some(upstream) = head.upstream.as_deref_mut() {
            upstream.policy.clear();
        }
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(Error::internal("putting a version aside", format!("the part '{}' was refused", refusal.label)))
    }
}
