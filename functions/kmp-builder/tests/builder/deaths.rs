//! Processes that die, stores that fail, and answers that are lost, at every call of the whole way of a build.

use std::time::Duration;

use granary_model::kmp::BuildStatus;
use granary_storage::rows::BuildRow;
use granary_testing::github::{Doing, Trick};
use granary_testing::probe::{Fault, Target};

use super::support::{MINUTE, Place};

/// Most calls that a way is taken to have: an endless one must not pass.
const MOST_CALLS: usize = 100;

/// How often it is looked whether a call was made, a millisecond apart: minutes, for a machine that stands still.
const LOOKS: usize = 600_000;

/// A way from the first message to the end, in one process, as long as nothing goes wrong in it. Errors are what a message
/// comes again for.
async fn way(place: Place, build: BuildRow) {
    let _ = granary_kmp_builder::sweep(place.app.state()).await;
    let _ = granary_kmp_builder::consume_once(place.app.state(), 0).await;
    for _ in 0..3 {
        let _ = place.hint(&build).await;
        place.github.advance("failure");
        place.app.clock.advance_millis(MINUTE);
    }
}

/// Whatever has happened: the build ends, and no attempt was started twice.
async fn assert_ends(place: &Place, build: &BuildRow, what: &str) {
    place.app.probe.reset();
    let next = place.restarted();
    let ended = next.until_it_ends(build).await;
    assert_eq!(ended.status, BuildStatus::Failed, "{what}: {ended:?}");
    assert!(!place.github.runs().is_empty(), "{what}: it was started in the end");
    place.assert_no_doubles();
    let report = granary_kmp_builder::sweep(next.app.state()).await.unwrap();
    assert_eq!(report.due + report.waiting, 0, "{what}: nothing is left under way");
}

/// The number of storage calls of a way without mishaps.
async fn calls() -> usize {
    let place = Place::new().await;
    let build = place.build().await;
    place.app.probe.reset();
    way(place.restarted(), build.clone()).await;
    let calls = place.app.probe.count();
    assert_eq!(place.read(&build).await.status, BuildStatus::Failed);
    assert!(calls < MOST_CALLS);
    calls
}

#[tokio::test]
async fn a_storage_call_that_fails_loses_nothing_and_doubles_nothing() {
    for n in 1..=Box::pin(calls()).await {
        for fault in [Fault::Refuse, Fault::LoseAnswer] {
            let place = Place::new().await;
            let build = place.build().await;
            place.app.probe.reset();
            place.app.probe.inject(Target::any(n), fault);
            way(place.restarted(), build.clone()).await;
            assert_ends(&place, &build, &format!("{fault:?} at call {n}")).await;
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_between_two_storage_calls_loses_nothing_and_doubles_nothing() {
    for n in 1..=Box::pin(calls()).await {
        // Before the call took effect, and after it.
        for is_after in [false, true] {
            let place = Place::new().await;
            let build = place.build().await;
            place.app.probe.reset();
            if is_after {
                // The next call of all never begins, so the one before is the last that was made.
                place.app.probe.inject(Target::any(n + 1), Fault::Delay(Duration::from_hours(24)));
            } else {
                place.app.probe.inject(Target::any(n), Fault::Delay(Duration::from_hours(24)));
            }
            let dying = tokio::spawn(way(place.restarted(), build.clone()));
            let last = n + usize::from(is_after);
            for _ in 0..LOOKS {
                if place.app.probe.count() >= last || dying.is_finished() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            dying.abort();
            let _ = dying.await;
            assert_ends(&place, &build, &format!("died at call {n}, after: {is_after}")).await;
        }
    }
}

/// The calls that a way makes of GitHub, in their order.
async fn asked() -> Vec<Doing> {
    let place = Place::new().await;
    let build = place.build().await;
    way(place.restarted(), build).await;
    place.github.asked().into_iter().map(|asked| asked.doing).filter(|doing| *doing != Doing::Other).collect()
}

#[tokio::test]
async fn a_process_that_dies_while_github_is_asked_loses_nothing_and_doubles_nothing() {
    let asked = asked().await;
    assert_eq!(asked.first(), Some(&Doing::Dispatch));
    for (at, doing) in asked.iter().enumerate() {
        let before = asked.iter().take(at).filter(|other| *other == doing).count();
        for trick in [Trick::Hang, Trick::ActAndHang] {
            let place = Place::new().await;
            let build = place.build().await;
            for _ in 0..before {
                place.github.trick(*doing, Trick::None);
            }
            place.github.trick(*doing, trick.clone());
            let dying = tokio::spawn(way(place.restarted(), build.clone()));
            place.github.until_asked(*doing, before + 1).await;
            dying.abort();
            assert!(dying.await.unwrap_err().is_cancelled());
            assert_ends(&place, &build, &format!("{trick:?} at {doing:?} {before}")).await;
        }
    }
}

#[tokio::test]
async fn an_answer_of_github_that_is_lost_loses_nothing_and_doubles_nothing() {
    let asked = asked().await;
    for (at, doing) in asked.iter().enumerate() {
        let before = asked.iter().take(at).filter(|other| *other == doing).count();
        for trick in [
            Trick::Lose,
            Trick::ActAndLose,
            Trick::ActAndBabble,
            Trick::ActAndAnswer(500),
            Trick::status(502),
        ] {
            let place = Place::new().await;
            let build = place.build().await;
            for _ in 0..before {
                place.github.trick(*doing, Trick::None);
            }
            place.github.trick(*doing, trick.clone());
            way(place.restarted(), build.clone()).await;
            assert_ends(&place, &build, &format!("{trick:?} at {doing:?} {before}")).await;
        }
    }
}
