//! Every way from one state to the next.

use granary_kmp::drive::{DispatchOutcome, Progress, anew, dispatch_now, drive};
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildResults, BuildRow, Dispatch, Outputs};
use granary_testing::github::{Doing, FakeGithub, Trick};

use super::support::{MINUTE, Place};

#[tokio::test]
async fn a_build_passes_through_all_states() {
    let place = Place::new().await;
    let build = place.build().await;
    let queued = place.step(&build).await;
    assert_eq!((queued.status, queued.run_id), (BuildStatus::Queued, Some(1000)));
    assert!(matches!(queued.dispatch, Dispatch::Sent(_)));
    assert_eq!(queued.run_url.as_deref(), Some("https://github.example/acme/builds/actions/runs/1000"));
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued, "the run has not begun");
    place.github.set(1000, "in_progress", None);
    let building = place.step(&build).await;
    assert_eq!(building.status, BuildStatus::Building);
    assert!(building.started_at.is_some() && building.completed_at.is_none());
    place.github.set(1000, "completed", Some("failure"));
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.as_ref().unwrap().contains("failure"), "{failed:?}");
    assert!(failed.completed_at.is_some());
    assert_eq!(failed.run_id, Some(1000), "people want to read its log");
    let again = place.step(&build).await;
    assert_eq!(again, failed, "what is over stays so");
    let log: Vec<String> =
        place.app.audit("repo:apps").await.iter().map(|row| row["action"].to_string()).collect();
    assert!(
        ["\"kmp.dispatch\"", "\"kmp.build\"", "\"kmp.fail\""]
            .iter()
            .all(|action| log.iter().any(|l| l == action)),
        "{log:?}"
    );
}

#[tokio::test]
async fn each_end_of_a_run_without_results_is_a_failure() {
    for (conclusion, word) in [
        ("success", "handed nothing over"),
        ("failure", "failure"),
        ("cancelled", "cancelled"),
        ("timed_out", "timed_out"),
        ("startup_failure", "startup_failure"),
        ("skipped", "skipped"),
        ("neutral", "neutral"),
        ("stale", "stale"),
        ("action_required", "action_required"),
    ] {
        let place = Place::new().await;
        let build = place.build().await;
        place.step(&build).await;
        // It was over before anybody saw it at work.
        place.github.set(1000, "completed", Some(conclusion));
        let failed = place.step(&build).await;
        assert_eq!(failed.status, BuildStatus::Failed);
        assert!(failed.error.as_ref().unwrap().contains(word), "{failed:?}");
    }
}

#[tokio::test]
async fn a_run_may_wait_for_a_machine() {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    for status in ["requested", "waiting", "pending", "queued", "something new"] {
        place.github.set(1000, status, None);
        assert_eq!(place.step(&build).await.status, BuildStatus::Queued, "{status}");
    }
}

#[tokio::test]
async fn a_run_that_is_deleted_ends_its_build_after_a_while() {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    place.github.forget(1000);
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued, "GitHub may not show it at once");
    place.app.clock.advance_millis(11 * MINUTE);
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.as_ref().unwrap().contains("deleted"), "{failed:?}");
}

#[tokio::test]
async fn a_deadline_ends_a_build_and_cancels_its_run() {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    place.github.set(1000, "in_progress", None);
    assert_eq!(place.step(&build).await.status, BuildStatus::Building);
    place.app.clock.advance_millis(179 * MINUTE);
    assert_eq!(place.step(&build).await.status, BuildStatus::Building);
    place.app.clock.advance_millis(MINUTE);
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.as_ref().unwrap().contains("within 180 minutes"), "{failed:?}");
    assert!(place.github.runs()[0].is_cancelled);
    // The one that cannot be cancelled runs for nothing, and the build is over all the same.
    let other = place.build_of("1.0.0", true).await;
    place.step(&other).await;
    place.app.clock.advance_millis(181 * MINUTE);
    place.github.trick(Doing::Cancel, Trick::status(500));
    assert_eq!(place.step(&other).await.status, BuildStatus::Failed);
}

#[tokio::test]
async fn a_step_is_made_from_the_build_as_it_is() {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    let work = place.app.state().kmp_work();
    // As it was read before it was handed over.
    assert_eq!(drive(&work, &build).await.unwrap(), Progress::Overtaken);
    assert_eq!(place.github.count(Doing::Dispatch), 1);
    let ended = BuildRow { status: BuildStatus::Success, ..build.clone() };
    assert_eq!(drive(&work, &ended).await.unwrap(), Progress::Ended);
    let discovered = BuildRow { status: BuildStatus::Discovered, ..build };
    assert_eq!(drive(&work, &discovered).await.unwrap(), Progress::Ended);
}

#[tokio::test]
async fn only_what_is_missing_is_built_again() {
    let place = Place::new().await;
    let build = place.build().await;
    let half = BuildRow { npm_published: true, ..build.clone() };
    place.write(&half).await;
    place.step(&build).await;
    let inputs = &place.github.runs()[0].inputs;
    assert_eq!((inputs["npm_name"].as_str(), inputs["swift_package"].as_str()), ("", "apps.lib"));
    // Nothing is missing: nothing is started.
    let whole = place.build_of("1.0.0", true).await;
    let row = BuildRow { npm_published: true, swift_published: true, ..whole.clone() };
    place.write(&row).await;
    let done = place.step(&whole).await;
    assert_eq!(done.status, BuildStatus::Success);
    assert!(done.completed_at.is_some());
    assert_eq!(place.github.count(Doing::Dispatch), 1);
}

#[tokio::test]
async fn another_attempt_begins_with_nothing_but_what_is_published() {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    place.github.set(1000, "completed", Some("failure"));
    let failed = place.step(&build).await;
    let next = anew(&failed, failed.outputs.clone());
    assert_eq!((next.status, next.attempt, next.dispatch), (BuildStatus::Pending, 2, Dispatch::None));
    assert_eq!((next.run_id, next.run_url.as_ref(), next.error.as_ref()), (None, None, None));
    place.write(&next).await;
    let work = place.app.state().kmp_work();
    assert_eq!(dispatch_now(&work, &next).await.unwrap(), DispatchOutcome::Dispatched);
    assert_eq!(place.read(&build).await.run_id, Some(1001));
    let inputs: Vec<String> = place.github.runs().into_iter().map(|run| run.input).collect();
    assert_eq!(inputs, [format!("{}.1", build.id), format!("{}.2", build.id)]);
    assert_eq!(dispatch_now(&work, &next).await.unwrap(), DispatchOutcome::Overtaken);
}

/// Names may be changed between two attempts: under another one nothing is published yet.
#[tokio::test]
async fn what_is_to_have_another_name_is_built_again() {
    let place = Place::new().await;
    let build = place.build().await;
    let whole = BuildRow {
        npm_published: true,
        swift_published: true,
        results: Some(BuildResults { npm: Some("one".into()), swift: Some("two".into()) }),
        ..build.clone()
    };
    let renamed = Outputs { npm: Some("@apps/other".parse().unwrap()), ..build.outputs.clone() };
    let next = anew(&whole, renamed.clone());
    assert_eq!((next.npm_published, next.swift_published, next.results.as_ref()), (false, true, None));
    let moved = Outputs { swift: Some("apps.other".parse().unwrap()), ..build.outputs.clone() };
    let other = anew(&whole, moved);
    assert_eq!((other.npm_published, other.swift_published), (true, false));
    let fewer = Outputs { enable_swift: false, ..build.outputs.clone() };
    assert!(anew(&whole, fewer).swift_published, "it is there, also while it is not wanted");
    place.write(&next).await;
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued);
    let inputs = &place.github.runs()[0].inputs;
    assert_eq!((inputs["npm_name"].as_str(), inputs["swift_package"].as_str()), ("@apps/other", ""));
}

#[tokio::test]
async fn without_a_builder_builds_wait() {
    let place = Place::of(FakeGithub::start().await, |_, _| {}).await;
    let build = place.build().await;
    assert_eq!(place.step(&build).await, build);
    let report = granary_kmp_builder::sweep(place.app.state()).await.unwrap();
    assert_eq!((report.due, report.waiting), (0, 1), "nor are there messages about it");
    let outcome = dispatch_now(&place.app.state().kmp_work(), &build).await.unwrap();
    assert!(matches!(outcome, DispatchOutcome::Waits(why) if why.contains("GRANARY_GITHUB_REPOSITORY")));
}
