//! Deaths on the way from a new version to the end of its run.

use std::time::Duration;

use granary_testing::github::{Doing, Trick};

use super::place::{Place, is_over};

/// A day, in seconds: nobody looks for new versions by himself.
const NEVER: (&str, &str) = ("GRANARY_KMP_POLL_INTERVAL", "86400");

/// Waits until GitHub, or the source, was asked so often.
async fn asked(place: &Place, doing: Doing, times: usize) {
    while place.github.count(doing) < times {
        place.github.arrival().await;
    }
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
    place.poll().await;
    asked(&place, Doing::Other, before + 2).await;
    assert_eq!(place.build("lib").await["status"], "pending");
    place.github.trick(Doing::Dispatch, Trick::ActAndHang);
    place.server.die_and_return().await;

    // The start goes on with it, and dies when the workflow is started.
    asked(&place, Doing::Dispatch, 1).await;
    assert_eq!(place.build("lib").await["status"], "pending");
    place.server.die_and_return().await;
    let build = place.build("lib").await;
    assert_eq!((build["status"].as_str(), build["githubRunId"].as_u64()), (Some("pending"), None));
    let run = place.run(&build, 1).id;
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
    place.poll().await;
    asked(&place, Doing::Dispatch, 1).await;
    // It is found by every start, and given up when its time has come.
    let mut failed = None;
    for _ in 0..60 {
        place.server.die_and_return().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(place.github.count(Doing::Dispatch), 1);
        failed = Some(place.build("lib").await).filter(is_over);
        if failed.is_some() {
            break;
        }
    }
    let failed = failed.unwrap();
    assert_eq!(failed["status"], "failed");
    assert!(place.github.runs().is_empty());
    place.retry(&failed).await;
    assert_eq!(place.run(&failed, 2).input, format!("{}.2", failed["id"].as_str().unwrap()));
    let ended = place.until_all_end().await;
    assert_eq!(ended.len(), 1);
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
        place.poll().await;
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
        place.retry(build).await;
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
    asked(&place, Doing::Other, before + 1).await;
    assert_eq!(place.builds().await.len(), 0);
    place.server.die_and_return().await;
    for _ in 0..600 {
        if !place.builds().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    place.until("lib", "queued").await;
    for _ in 0..3 {
        place.server.die_and_return().await;
    }
    assert_eq!(place.until_all_end().await.len(), 1);
    assert_eq!(place.github.count(Doing::Dispatch), 1);
    place.assert_no_doubles();
}
