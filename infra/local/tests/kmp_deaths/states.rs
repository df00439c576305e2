//! Deaths on the way from a new version to the end of its run.

use std::time::Duration;

use granary_testing::github::{Doing, FakeRun, Trick};
use serde_json::Value;

use super::place::{Place, is_over};

/// A day, in seconds: nobody looks for new versions by himself.
const NEVER: (&str, &str) = ("GRANARY_KMP_POLL_INTERVAL", "86400");

/// The number of the one run that there is.
fn only(runs: &[FakeRun]) -> u64 {
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].id
}

/// The answer of GitHub is never seen, and the run is there all the same.
#[tokio::test]
async fn a_build_survives_a_death_in_every_state() {
    let mut place = Place::new(&[NEVER]).await;
    place.watch("lib").await;
    // The list of versions is read, and the module that a build begins with never comes.
    let before = place.github.count(Doing::Other);
    place.github.trick(Doing::Other, Trick::None);
    place.github.trick(Doing::Other, Trick::Hang);
    // Already now: a source that takes too long is asked again.
    place.github.trick(Doing::Dispatch, Trick::ActAndHang);
    place.find("lib").await;
    place.github.until_asked(Doing::Other, before + 2).await;
    assert_eq!(place.build("lib").await["status"], "pending");
    place.server.die_and_return().await;

    // The start goes on with it, and dies when the workflow is started.
    place.github.until_asked(Doing::Dispatch, 1).await;
    let build = place.build("lib").await;
    let run = only(&place.runs(&build));
    // The schedule looks for it a minute later. Until then nobody knows.
    let is_known = |build: &Value| build["githubRunId"] == run && build["status"] == "queued";
    let is_unknown = |build: &Value| build["githubRunId"].is_null() && build["status"] == "pending";
    assert!(is_unknown(&build) || is_known(&build), "{build}");
    place.server.die_and_return().await;
    let build = place.build("lib").await;
    assert!(is_unknown(&build) || is_known(&build), "{build}");
    place.tell(run).await;
    let queued = place.until("lib", "queued").await;
    assert_eq!(queued["githubRunId"], run, "it was found, not started again");

    place.server.die_and_return().await;
    assert_eq!(place.build("lib").await, queued);
    place.github.set(run, "in_progress", None);
    place.tell(run).await;
    let building = place.until("lib", "building").await;

    place.server.die_and_return().await;
    assert_eq!(place.build("lib").await, building);
    place.github.set(run, "completed", Some("failure"));
    place.tell(run).await;
    let failed = place.until("lib", "failed").await;

    place.server.die_and_return().await;
    assert_eq!(place.build("lib").await, failed);
    place.poll().await;
    assert_eq!(place.build("lib").await, failed, "nor does a look at the source begin it again");
    assert_eq!(place.github.count(Doing::Dispatch), 1);
    place.assert_no_doubles();
}

/// Whether the call had an effect is not to be known, so the attempt is over, and nobody calls again for it.
#[tokio::test]
async fn a_run_that_was_perhaps_started_is_not_started_again() {
    let mut place = Place::new(&[NEVER, ("GRANARY_KMP_DEADLINE", "5")]).await;
    place.watch("lib").await;
    place.github.trick(Doing::Dispatch, Trick::Hang);
    place.find("lib").await;
    place.github.until_asked(Doing::Dispatch, 1).await;
    // It is found by every start, and given up when its time has come.
    let mut failed = place.build("lib").await;
    for _ in 0..600 {
        if is_over(&failed) {
            break;
        }
        place.server.die_and_return().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(place.github.count(Doing::Dispatch), 1);
        failed = place.build("lib").await;
    }
    assert_eq!(failed["status"], "failed");
    assert!(place.github.runs().is_empty());
    let run = place.begin_again(&failed).await;
    assert_ne!(run.input, format!("{}.1", failed["id"].as_str().unwrap()), "it is another attempt");
    let ended = place.until_all_end().await;
    assert_eq!(ended.len(), 1);
    assert_eq!(place.runs(&failed).len(), 1);
    assert_eq!(place.github.count(Doing::Dispatch), 2);
    place.assert_no_doubles();
}

/// At whatever moment between the new version and the answer of GitHub: another one in each round, and nobody looks which.
#[tokio::test]
async fn no_moment_of_a_handover_is_a_bad_one_to_die() {
    // Whatever was perhaps started is given up soon.
    let mut place = Place::new(&[NEVER, ("GRANARY_KMP_DEADLINE", "20")]).await;
    for (round, millis) in [0_u64, 1, 2, 4, 8, 12, 16, 24, 32, 64].into_iter().enumerate() {
        place.watch(&format!("lib{round}")).await;
        place.find(&format!("lib{round}")).await;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        place.server.die_and_return().await;
    }
    let ended = place.until_all_end().await;
    assert_eq!(ended.len(), 10, "{ended:?}");
    assert!(ended.iter().all(|build| build["status"] == "failed"), "{ended:?}");
    assert!(!place.github.runs().is_empty());
    place.assert_no_doubles();
    // None of them is in a state that nothing leads out of.
    for build in &ended {
        place.begin_again(build).await;
    }
    let before = place.github.runs().len();
    assert!(before >= 10, "each was started by now");
    place.until_all_end().await;
    assert_eq!(place.github.runs().len(), before);
    place.assert_no_doubles();
}

/// The look for new versions dies as well, and the schedule looks again.
#[tokio::test]
async fn a_look_that_dies_is_made_again_by_the_schedule() {
    let mut place = Place::new(&[("GRANARY_KMP_POLL_INTERVAL", "1")]).await;
    let before = place.github.count(Doing::Other);
    place.github.trick(Doing::Other, Trick::Hang);
    place.watch("lib").await;
    place.github.until_asked(Doing::Other, before + 1).await;
    assert_eq!(place.builds().await.len(), 0);
    place.server.die_and_return().await;
    place.until("lib", "queued").await;
    for _ in 0..3 {
        place.server.die_and_return().await;
    }
    assert_eq!(place.until_all_end().await.len(), 1);
    assert_eq!(place.github.count(Doing::Dispatch), 1);
    place.assert_no_doubles();
}
