//! Answers that do not come.

use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Dispatch};
use granary_testing::github::{Doing, Trick};

use super::support::{MINUTE, Place};

/// What is left when nobody knows whether a run was started.
async fn unknown(place: &Place, trick: Trick) -> BuildRow {
    let build = place.build().await;
    place.github.trick(Doing::Dispatch, trick);
    // What is seen of it in the first look depends on whether the run is there already.
    place.github.trick(Doing::List, Trick::status(500));
    let row = place.step(&build).await;
    assert_eq!(row.status, BuildStatus::Pending);
    assert!(matches!(row.dispatch, Dispatch::Sending(_)), "{row:?}");
    row
}

#[tokio::test]
async fn a_run_whose_answer_was_lost_is_found_and_not_started_again() {
    for trick in [Trick::ActAndLose, Trick::ActAndAnswer(500), Trick::ActAndAnswer(502)] {
        let place = Place::new().await;
        let row = unknown(&place, trick.clone()).await;
        let queued = place.step(&row).await;
        // The first look may be the one that fails.
        let queued = if queued.status == BuildStatus::Pending { place.step(&row).await } else { queued };
        assert_eq!(
            (queued.status, queued.run_id, queued.attempt),
            (BuildStatus::Queued, Some(1000), 1),
            "{trick:?}"
        );
        assert_eq!(place.github.count(Doing::Dispatch), 1);
    }
}

#[tokio::test]
async fn a_run_that_was_never_started_is_started_under_the_next_attempt_and_not_before_ten_minutes() {
    for trick in [Trick::Lose, Trick::status(500), Trick::status(503)] {
        let place = Place::new().await;
        let row = unknown(&place, trick.clone()).await;
        for _ in 0..9 {
            place.app.clock.advance_millis(MINUTE);
            let waiting = place.step(&row).await;
            assert_eq!((waiting.status, waiting.attempt), (BuildStatus::Pending, 1), "{trick:?}");
        }
        assert_eq!(place.github.count(Doing::Dispatch), 1);
        place.app.clock.advance_millis(MINUTE);
        let queued = place.step(&row).await;
        assert_eq!((queued.status, queued.attempt), (BuildStatus::Queued, 2), "{trick:?}");
        assert_eq!(place.github.count(Doing::Dispatch), 2);
        assert_eq!(place.github.runs()[0].input, format!("{}.2", row.id));
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_was_one_all_the_same() {
    let place = Place::new().await;
    let build = place.build().await;
    place.github.trick(Doing::Dispatch, Trick::ActAndBabble);
    place.step(&build).await;
    let named = place.step(&build).await;
    assert_eq!((named.status, named.run_id), (BuildStatus::Queued, Some(1000)));
    assert_eq!(place.github.count(Doing::Dispatch), 1);
}

/// A call that gets no answer ends by itself. Time is stopped while it waits, so that nobody really does.
#[tokio::test]
async fn a_github_that_hangs_is_not_waited_for() {
    for trick in [Trick::Hang, Trick::ActAndHang] {
        let place = Place::new().await;
        let build = place.build().await;
        place.github.trick(Doing::Dispatch, trick.clone());
        let process = place.restarted();
        let of = build.clone();
        let stepping = tokio::spawn(async move { process.hint(&of).await });
        place.github.until_asked(Doing::Dispatch, 1).await;
        tokio::time::pause();
        let stepped = stepping.await.unwrap();
        tokio::time::resume();
        stepped.unwrap();
        let row = place.read(&build).await;
        assert!(matches!(row.dispatch, Dispatch::Sending(_)), "{row:?}");
        let ended = place.until_it_ends(&build).await;
        assert_eq!(ended.status, BuildStatus::Failed);
        place.assert_no_doubles();
    }
}

#[tokio::test]
async fn looks_at_runs_may_fail_as_often_as_they_like() {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    for trick in [
        Trick::status(500),
        Trick::Lose,
        Trick::status(404),
        Trick::status(403),
        Trick::status(401),
        Trick::ActAndBabble,
    ] {
        place.github.trick(Doing::Look, trick.clone());
        place.app.clock.advance_millis(MINUTE);
        let row = place.step(&build).await;
        assert_eq!(row.status, BuildStatus::Queued, "{trick:?}");
        assert!(row.look_at > place.app.state().now().millis());
    }
    place.github.set(1000, "in_progress", None);
    let building = place.step(&build).await;
    assert_eq!((building.status, building.error), (BuildStatus::Building, None));
}

/// A slow answer comes after somebody else has found the run.
#[tokio::test]
async fn whoever_finds_the_run_first_writes_it_down() {
    let place = Place::new().await;
    let build = place.build().await;
    place.github.trick(Doing::Dispatch, Trick::ActAndHang);
    let process = place.restarted();
    let of = build.clone();
    let stepping = tokio::spawn(async move { process.hint(&of).await });
    place.github.until_asked(Doing::Dispatch, 1).await;
    let found = place.step(&build).await;
    assert_eq!((found.status, found.run_id), (BuildStatus::Queued, Some(1000)));
    tokio::time::pause();
    stepping.await.unwrap().unwrap();
    tokio::time::resume();
    assert_eq!(place.read(&build).await, found);
}

/// The job of a run proves itself before GitHub lists the run. Then there is nothing to look for, and nothing to begin anew.
#[tokio::test]
async fn a_run_whose_job_has_told_is_not_looked_for() {
    let place = Place::new().await;
    let row = unknown(&place, Trick::ActAndLose).await;
    // As the exchange of the job's ID token writes it.
    place.write(&BuildRow { run_id: Some(1000), ..row.clone() }).await;
    place.app.clock.advance_millis(11 * MINUTE);
    let none = r#"{"total_count":0,"workflow_runs":[]}"#.to_owned();
    for _ in 0..3 {
        place.github.trick(Doing::List, Trick::Answer(200, Vec::new(), none.clone()));
    }
    let queued = place.step(&row).await;
    assert_eq!((queued.status, queued.run_id, queued.attempt), (BuildStatus::Queued, Some(1000), 1));
    assert_eq!(place.github.count(Doing::Dispatch), 1);
}
