//! Stores that fail, and processes that die, at every call: what is left is the state before or after, and it goes on.

use std::time::Duration;

use granary_kmp::drive::drive;
use granary_kmp::results::publish;
use granary_kmp::store;
use granary_model::PackageType;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::BuildRow;
use granary_testing::Mishap;
use granary_testing::probe::{Fault, Service, Target};
use serde_json::Value;

use super::support::{Place, RUN, uploads};

/// How often it is looked whether a call was made, a millisecond apart: minutes, for a machine that stands still.
const LOOKS: usize = 600_000;

/// Longer than a lease.
const LATER: i64 = 3 * 60_000;

/// Takes a build one step further while the `n`-th storage call goes wrong.
async fn step(place: &Place, build: &BuildRow, n: usize, mishap: Mishap) {
    let state = place.app.state().clone();
    let (repo, id) = (build.repo.clone(), build.id.clone());
    let probe = &place.app.probe;
    let fault = match mishap {
        Mishap::Refused => Fault::Refuse,
        Mishap::AnswerLost => Fault::LoseAnswer,
        Mishap::Killed => Fault::Delay(Duration::from_hours(24)),
    };
    probe.reset();
    probe.inject(Target::any(n), fault);
    let task = tokio::spawn(async move {
        let work = state.kmp_work();
        let Ok(Some(row)) = store::load(&work, &repo, &id).await else { return };
        // It is tried again in any case.
        drive(&work, &row).await.ok();
    });
    if matches!(mishap, Mishap::Killed) {
        for _ in 0..LOOKS {
            if probe.count() >= n {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(probe.count() >= n, "the call that never ends was reached");
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    } else {
        task.await.unwrap();
    }
    probe.reset();
}

/// Checks that what is to be seen is what the build says.
async fn check(place: &Place, build: &BuildRow, sessions: [&Value; 2], what: &str) {
    let version = build.package_version.as_ref().unwrap().to_string();
    let row = place.read(build).await;
    let is_done = row.status == BuildStatus::Success;
    assert!(is_done || row.status == BuildStatus::Building, "{what}: {row:?}");
    assert_eq!(place.seen(&version).await, (is_done, is_done), "{what}");
    assert_eq!((row.npm_published, row.swift_published), (is_done, is_done), "{what}");
    for session in sessions {
        assert_eq!(
            place.session(session).await.0,
            if is_done { "completed" } else { "processing" },
            "{what}"
        );
    }
}

#[tokio::test]
async fn publishing_is_whole_wherever_it_breaks_off() {
    let place = Place::new().await;
    let measured = place.build_of("1.0.0", |_| {}).await;
    place.handed_over(&measured).await;
    place.app.probe.reset();
    let row = place.read(&measured).await;
    drive(&place.app.state().kmp_work(), &row).await.unwrap();
    let calls = place.app.probe.count();
    assert_eq!(place.read(&measured).await.status, BuildStatus::Success);
    assert!((10..=40).contains(&calls), "{calls} calls");
    let mut published = 1;
    for n in 1..=calls {
        for mishap in Mishap::ALL {
            published += 1;
            let what = format!("call {n} {mishap:?}");
            let build = place.build_of(&format!("1.0.{published}"), |_| {}).await;
            let (_, npm, swift) = place.handed_over(&build).await;
            step(&place, &build, n, mishap).await;
            check(&place, &build, [&npm, &swift], &what).await;
            place.app.clock.advance_millis(LATER);
            assert_eq!(place.go_on(&build).await.status, BuildStatus::Success, "{what}");
            check(&place, &build, [&npm, &swift], &what).await;
        }
    }
    assert_eq!(place.logged("package.publish").await, 2 * published);
    assert_eq!(place.logged("kmp.publish").await, published);
    place.app.sweep().await;
    granary_events::sweep_uploads(place.app.state()).await.unwrap();
    let staged = place.app.state().storage().list_objects("staging/", None).await.unwrap();
    assert_eq!(staged, Vec::<String>::new());
    let stored = place.app.check_protocols("apps", &[PackageType::Npm, PackageType::Swift]).await;
    assert_eq!(stored.live.len(), 2 * published);
}

/// Somebody who is at work keeps others from it, for minutes if it takes them, and is replaced when it is dead.
#[tokio::test]
async fn one_at_a_time_verifies() {
    let place = Place::new().await;
    let build = place.build_of("1.0.0", |_| {}).await;
    place.handed_over(&build).await;
    let row = place.read(&build).await;
    place.app.probe.reset();
    place
        .app
        .probe
        .inject(Target::operation(Service::S3, "GetObject", 1), Fault::Delay(Duration::from_mins(5)));
    let (first, second) = (place.app.state().clone(), place.app.restarted());
    let (at_work, other) = (row.clone(), row.clone());
    let task = tokio::spawn(async move { publish(&first.kmp_work(), &at_work).await });
    tokio::time::pause();
    for minute in 1..=4 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        place.app.clock.advance_millis(60_000);
        let before = place.app.probe.count();
        publish(&second.state().kmp_work(), &other).await.unwrap();
        // It has read the session, and seen that it is somebody's.
        assert!(place.app.probe.count() <= before + 3, "minute {minute}");
        assert_eq!(place.read(&build).await.status, BuildStatus::Building, "minute {minute}");
    }
    task.await.unwrap().unwrap();
    tokio::time::resume();
    assert_eq!(place.read(&build).await.status, BuildStatus::Success);
    assert_eq!(place.seen("1.0.0").await, (true, true));
}

#[tokio::test]
async fn handing_over_is_whole_wherever_it_breaks_off() {
    let place = Place::new().await;
    let begun = async |version: &str| {
        let build = place.build_of(version, |_| {}).await;
        let job = place.job(&build).await;
        assert_eq!(job.start(RUN, 1).await.status, 200);
        let (npm, swift) = (job.upload_npm().await, job.upload_swift().await);
        (build, job, npm, swift)
    };
    let (_, job, npm, swift) = begun("1.0.0").await;
    place.app.probe.reset();
    assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 202);
    let calls = place.app.probe.count();
    assert!((6..=20).contains(&calls), "{calls} calls");
    let mut count = 0;
    for n in 1..=calls {
        for mishap in Mishap::ALL {
            count += 1;
            let what = format!("call {n} {mishap:?}");
            let (build, job, npm, swift) = begun(&format!("1.0.{count}")).await;
            let (actor, body) = (job.actor.clone(), uploads(&npm, &swift));
            let path = format!("/api/kmp/builds/{}/complete", build.id);
            let request = async move { actor.post_json(&path, &body).await };
            let answer = place.app.suffer(n, mishap, request).await;
            let is_done = place.read(&build).await.results.is_some();
            if let Some(answer) = answer {
                assert!(matches!(answer.status, 202 | 503), "{what}: {} {}", answer.status, answer.text());
                assert!(is_done || answer.status != 202, "{what}: acknowledged, but not there");
            }
            for session in [&npm, &swift] {
                assert_eq!(
                    place.session(session).await.0,
                    if is_done { "processing" } else { "open" },
                    "{what}"
                );
            }
            let again = job.complete(&uploads(&npm, &swift)).await;
            assert_eq!(again.status, 202, "{what}: {}", again.text());
            assert_eq!(place.go_on(&build).await.status, BuildStatus::Success, "{what}");
        }
    }
}

#[tokio::test]
async fn claiming_is_whole_wherever_it_breaks_off() {
    let place = Place::new().await;
    let build = place.build_of("1.0.0", |_| {}).await;
    let job = place.job(&build).await;
    place.app.probe.reset();
    assert_eq!(job.start(RUN, 1).await.status, 200);
    let calls = place.app.probe.count();
    let mut count = 0;
    for n in 1..=calls {
        for mishap in Mishap::ALL {
            count += 1;
            let build = place.build_of(&format!("1.0.{count}"), |_| {}).await;
            let job = place.job(&build).await;
            let (actor, id) = (job.actor.clone(), build.id.clone());
            let body = serde_json::json!({ "runId": RUN, "attempt": 1 });
            let request = async move { actor.post_json(&format!("/api/kmp/builds/{id}/start"), &body).await };
            place.app.suffer(n, mishap, request).await;
            assert_eq!(job.start(RUN, 1).await.status, 200, "call {n} {mishap:?}");
            assert_eq!(place.read(&build).await.claimed_by, Some((RUN, 1)));
        }
    }
    assert_eq!(place.logged("kmp.claim").await, count + 1);
}
