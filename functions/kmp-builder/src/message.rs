//! One message: one build.

use granary_http::AppState;
use granary_kmp::drive::{Progress, drive};
use granary_kmp::store::{self, BuildMessage};
use granary_model::Result;

use crate::local;

/// How often a message is tried before it is put aside. The queue's own limit is one more. Nothing is lost by it: the
/// sweep finds every build that is under way.
pub const ATTEMPTS: u32 = 5;

/// Most steps that are made for one message: a build has fewer.
const STEPS: usize = 12;

/// Goes on with the build of a message. `attempt` counts how often it was received, this time included.
///
/// # Errors
/// The message has to come again.
pub async fn follow_up(state: &AppState, body: &str, attempt: u32) -> Result<()> {
    let message: BuildMessage = match serde_json::from_str(body) {
        Ok(message) => message,
        Err(error) => return put_aside(state, body, &format!("the message cannot be read: {error}")).await,
    };
    match go_on(state, &message).await {
        Ok(()) => Ok(()),
        Err(error) if attempt < ATTEMPTS => {
            tracing::warn!(%error, kmp.build = %message.build, attempt, "a build could not be gone on with");
            Err(error)
        }
        Err(error) => put_aside(state, body, &format!("failed {attempt} times: {error}")).await,
    }
}

/// As many steps as there are to be made now.
async fn go_on(state: &AppState, message: &BuildMessage) -> Result<()> {
    for _ in 0..STEPS {
        let work = state.kmp_work();
        let Some(build) = store::load(&work, &message.repo, &message.build).await? else { return Ok(()) };
        match drive(&work, &build).await? {
            Progress::Moved | Progress::Overtaken => {}
            Progress::Waits => {
                local::begin(state, build);
                return Ok(());
            }
            Progress::Ended => return Ok(()),
        }
    }
    Ok(())
}

async fn put_aside(state: &AppState, body: &str, reason: &str) -> Result<()> {
    state.storage().send_dead_letter(body, reason).await?;
    tracing::error!(reason, "a message is put into the queue of dead letters");
    Ok(())
}
