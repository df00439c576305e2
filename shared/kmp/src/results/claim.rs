//! Claiming a build for a run.

use granary_model::kmp::BuildStatus;
use granary_model::{Error, Result};
use granary_publish::Change;
use granary_storage::Transaction;
use granary_storage::rows::BuildRow;

use super::{JobBuild, ROUNDS, overtaken};
use crate::Work;
use crate::store;

/// Claims a build for a run, of which this is the `run_attempt`-th attempt, and gives the build as it is then. The same claim
/// may be made again, and a run that is begun anew keeps what it has claimed.
///
/// # Errors
/// `Conflict` if another run has the build, or if it is not under way.
pub async fn start(
    work: &Work<'_>,
    wanted: &JobBuild<'_>,
    (run, run_attempt): (u64, u64),
) -> Result<BuildRow> {
    for _ in 0..ROUNDS {
        let build = wanted.find_under_way(work).await?;
        let is_another = |known: u64| known != run;
        if build.run_id.is_some_and(is_another) {
            return Err(Error::Conflict("another run has this build".into()));
        }
        match build.claimed_by {
            Some((claimed, _)) if is_another(claimed) => {
                return Err(Error::Conflict(format!("run {claimed} has this build, and this is run {run}")));
            }
            Some((_, later)) if later > run_attempt => {
                return Err(Error::Conflict(format!(
                    "this run has been begun anew: its attempt {later} has this build, and this is attempt {run_attempt}"
                )));
            }
            Some((_, same)) if same == run_attempt && build.status == BuildStatus::Building => {
                return Ok(build);
            }
            _ => {}
        }
        let patience = i64::try_from(work.kmp.settings.deadline.as_millis()).unwrap_or(i64::MAX);
        let mut next = BuildRow {
            status: BuildStatus::Building,
            claimed_by: Some((run, run_attempt)),
            started_at: build.started_at.or(Some(work.now)),
            deadline_at: match build.deadline_at {
                0 => work.now.plus_millis(patience).millis(),
                known => known,
            },
            error: if build.results.is_some() { build.error.clone() } else { None },
            ..build.clone()
        };
        let mut change = Change::by_system(work.ids, work.now);
        if store::transition(work, &build, &mut next, &mut change, Transaction::new(), "kmp.claim").await? {
            return Ok(next);
        }
    }
    Err(overtaken())
}
