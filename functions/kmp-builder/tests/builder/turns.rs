//! Builds that wait: for their turn on this machine, and for a machine at GitHub.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use granary_kmp::drive::anew;
use granary_kmp::drive::local::begin_turn;
use granary_kmp::results::{JobBuild, start};
use granary_model::kmp::BuildStatus;
use granary_storage::Key;
use granary_storage::rows::{BuildRow, Dispatch};
use tempfile::TempDir;

use super::local::{LOOKS, PAUSE, place, runs, started, until_over};
use super::support::{MINUTE, Place};

async fn delete(place: &Place, build: &BuildRow) {
    place.app.state().storage().delete(&Key::Build(build.repo.clone(), build.id.clone())).await.unwrap();
}

async fn until_ended(process: u32) {
    for _ in 0..LOOKS {
        if !runs(process) {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("it still runs");
}

/// Scripts that count themselves in the file `count`, and end once the file `go` is there.
fn waiting(folder: &TempDir) -> String {
    let path = folder.path().display();
    format!("echo x >> {path}/count; while [ ! -e {path}/go ]; do sleep 0.05; done")
}

async fn until_begun(folder: &TempDir) {
    for _ in 0..LOOKS {
        if folder.path().join("count").exists() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("it never begins");
}

#[tokio::test]
async fn what_was_deleted_or_begun_anew_before_its_turn_is_not_built() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, &waiting(&folder), "exit 0").await;
    let (first, gone, again, last) =
        (place.build().await, place.build().await, place.build().await, place.build().await);
    place.step(&first).await;
    until_begun(&folder).await;
    for build in [&gone, &again, &last] {
        assert_eq!(place.step(build).await.status, BuildStatus::Queued);
    }
    delete(&place, &gone).await;
    let queued = place.read(&again).await;
    let discovered = BuildRow { status: BuildStatus::Discovered, ..anew(&queued, queued.outputs.clone()) };
    place.write(&discovered).await;
    fs::write(folder.path().join("go"), "").unwrap();
    for build in [&first, &last] {
        let ended = until_over(&place, build).await;
        assert!(ended.error.as_ref().unwrap().contains("handed nothing over"), "{ended:?}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("count")).unwrap().lines().count(), 2);
    assert_eq!(place.read(&again).await, discovered);
}

#[tokio::test]
async fn a_build_that_is_deleted_or_begun_anew_ends_and_gives_its_turn_away() {
    for is_deleted in [true, false] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().display();
        let script =
            format!("[ -e {path}/go ] && exit 0; sleep 3600 & echo $! > {path}/pid; touch {path}/go; wait");
        let place = place(&folder, &script, "exit 0").await;
        let (build, next) = (place.build().await, place.build().await);
        place.step(&build).await;
        let process = started(&folder.path().join("pid")).await;
        place.step(&next).await;
        if is_deleted {
            delete(&place, &build).await;
        } else {
            let row = place.read(&build).await;
            place.write(&BuildRow { rev: row.rev + 1, ..anew(&row, row.outputs.clone()) }).await;
        }
        until_ended(process).await;
        let ended = until_over(&place, &next).await;
        assert!(ended.error.as_ref().unwrap().contains("handed nothing over"), "{ended:?}");
        if !is_deleted {
            assert_eq!(until_over(&place, &build).await.attempt, 2);
        }
    }
}

#[tokio::test]
async fn what_a_script_leaves_running_ends_with_it() {
    let folder = TempDir::new().unwrap();
    let pid = folder.path().join("pid");
    let place = place(&folder, &format!("sleep 3600 & echo $! > {}; exit 0", pid.display()), "exit 0").await;
    until_over(&place, &place.build().await).await;
    until_ended(started(&pid).await).await;
}

#[tokio::test]
async fn the_time_for_a_build_begins_with_its_turn() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, &waiting(&folder), "exit 0").await;
    let (first, second) = (place.build().await, place.build().await);
    place.step(&first).await;
    until_begun(&folder).await;
    assert!(place.read(&first).await.deadline_at > 0);
    assert_eq!(place.step(&second).await.deadline_at, 0);
    place.app.clock.advance_millis(30 * 60 * MINUTE);
    assert_eq!(place.step(&second).await.status, BuildStatus::Queued);
    fs::write(folder.path().join("go"), "").unwrap();
    let ended = until_over(&place, &second).await;
    assert!(ended.error.as_ref().unwrap().contains("handed nothing over"), "{ended:?}");
    assert_eq!(fs::read_to_string(folder.path().join("count")).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn what_waited_for_its_turn_does_not_wait_for_ever_if_builds_are_made_elsewhere_now() {
    let place = Place::new().await;
    let build = place.build().await;
    let queued = BuildRow { status: BuildStatus::Queued, dispatch: Dispatch::Sent(1), ..build.clone() };
    place.write(&queued).await;
    assert!(place.step(&build).await.deadline_at > 0);
    assert_eq!(place.until_it_ends(&build).await.status, BuildStatus::Failed);
}

#[tokio::test]
async fn a_run_may_wait_for_a_machine_for_a_day() {
    let place = Place::new().await;
    let (begins, never) = (place.build().await, place.build().await);
    for build in [&begins, &never] {
        assert_eq!(place.step(build).await.status, BuildStatus::Queued);
    }
    let run = place.read(&begins).await.run_id.unwrap();
    for hour in 1..=26 {
        place.app.clock.advance_millis(60 * MINUTE);
        if hour == 23 {
            place.github.set(run, "in_progress", None);
        }
        let expected = if hour < 23 { BuildStatus::Queued } else { BuildStatus::Building };
        if hour < 26 {
            assert_eq!(place.step(&begins).await.status, expected, "after {hour} hours");
        }
        assert_eq!(place.step(&never).await.status, BuildStatus::Queued, "after {hour} hours");
    }
    // Three hours after it has begun, and three hours after the day.
    assert_eq!(place.step(&begins).await.status, BuildStatus::Failed);
    place.app.clock.advance_millis(60 * MINUTE);
    assert_eq!(place.step(&never).await.status, BuildStatus::Failed);
}

/// One of its jobs runs at once and claims the build; for the others GitHub has no machine yet.
#[tokio::test]
async fn a_run_may_wait_for_a_machine_after_it_was_claimed() {
    let place = Place::new().await;
    let build = place.build().await;
    assert_eq!(place.step(&build).await.status, BuildStatus::Queued);
    let run = place.read(&build).await.run_id.unwrap();
    start(&place.app.state().kmp_work(), &JobBuild::parse(&build.id), (run, 1)).await.unwrap();
    for hour in 1..=12 {
        place.app.clock.advance_millis(60 * MINUTE);
        assert_eq!(place.step(&build).await.status, BuildStatus::Building, "after {hour} hours");
    }
    place.github.set(run, "in_progress", None);
    place.app.clock.advance_millis(180 * MINUTE);
    assert_eq!(place.step(&build).await.status, BuildStatus::Failed);
}

/// A build whose process was killed waits behind others for longer than it may take: that is no turn either.
#[tokio::test]
async fn a_turn_is_a_whole_one() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, &waiting(&folder), "exit 0").await;
    let build = place.build().await;
    let late = BuildRow {
        status: BuildStatus::Queued,
        dispatch: Dispatch::None,
        deadline_at: place.app.state().now().millis() - 1,
        ..place.read(&build).await
    };
    place.write(&late).await;
    let now = begin_turn(&place.app.state().kmp_work(), &late).await.unwrap().unwrap();
    let patience = i64::try_from(place.app.state().config().kmp.deadline.as_millis()).unwrap();
    assert_eq!(now.deadline_at, place.app.state().now().millis() + patience);
}

/// What a registry that was killed has left is gone after the next start: its files, and the compiler that still runs.
#[tokio::test]
async fn what_a_killed_process_has_left_is_removed() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let place = place(&folder, "exit 0", "exit 0").await;
    let builds = data.path().join("builds");
    let old = builds.join("old");
    fs::create_dir_all(old.join("npm")).unwrap();
    fs::write(old.join("npm/lib.mjs"), "x").unwrap();
    let sleep =
        |home: &std::path::Path| Command::new("sleep").arg("3600").env("TMPDIR", home).spawn().unwrap();
    let (mut compiler, mut other) = (sleep(&old), sleep(&data.path().join("builds-of-others")));
    granary_kmp_builder::keep_in(place.app.state(), &builds).unwrap();
    assert_eq!(compiler.wait().unwrap().signal(), Some(9));
    assert_eq!(other.try_wait().unwrap(), None, "that one is none of ours");
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(fs::read_dir(&builds).unwrap().count(), 0);
    until_over(&place, &place.build().await).await;
    let environment = fs::read_to_string(folder.path().join("build-npm.args.env")).unwrap();
    let made_in = format!("TMPDIR={}/", builds.canonicalize().unwrap().display());
    assert!(environment.lines().any(|line| line.starts_with(&made_in)), "{environment}");
    assert_eq!(fs::read_dir(&builds).unwrap().count(), 0);
}
