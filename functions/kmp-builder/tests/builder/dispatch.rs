//! What is started, and how often.

use futures::future::join_all;
use granary_kmp::drive::{Progress, drive};
use granary_kmp::github::{run_of_title, run_title};
use granary_model::kmp::BuildStatus;
use granary_storage::rows::Dispatch;
use granary_testing::github::{Age, Doing, FakeGithub};

use super::support::{Place, message};

#[tokio::test]
async fn the_workflow_is_told_what_it_needs() {
    let place = Place::new().await;
    let build = place.build().await;
    place.step(&build).await;
    let source = place.github.file("x", "");
    let run = place.github.runs().remove(0);
    let expected = [
        ("apple_targets", "iosArm64".to_owned()),
        ("artifact", "lib".into()),
        ("build_id", format!("{}.1", build.id)),
        ("group", "com.example".into()),
        ("npm_name", "@apps/lib".into()),
        ("package_version", "1.0.0".into()),
        ("repo_id", "apps".into()),
        ("repositories", format!("{source} https://repo.maven.apache.org/maven2")),
        ("swift_package", "apps.lib".into()),
        ("version", "1.0.0".into()),
    ];
    let found: Vec<(&str, String)> =
        run.inputs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(found, expected);
    // Older servers take no more than ten.
    assert!(found.len() <= 10);
    let title = run_title(&build);
    assert_eq!(run_of_title(&title), Some((build.id.as_str(), 1)));
}

#[tokio::test]
async fn doubled_messages_start_nothing_twice() {
    let place = Place::new().await;
    let build = place.build().await;
    let state = place.app.state();
    for _ in 0..3 {
        state.storage().send(granary_storage::Queue::KmpBuild, &message(&build)).await.unwrap();
    }
    place.drain().await;
    for _ in 0..3 {
        place.step(&build).await;
    }
    assert_eq!(place.github.count(Doing::Dispatch), 1);
    assert_eq!(place.read(&build).await.status, BuildStatus::Queued);
}

#[tokio::test]
async fn of_twenty_that_go_on_with_a_build_one_starts_it() {
    let place = Place::new().await;
    for _ in 0..5 {
        let build = place.build().await;
        let before = place.github.count(Doing::Dispatch);
        let work = place.app.state().kmp_work();
        let steps = join_all((0..20).map(|_| drive(&work, &build))).await;
        let moved = steps.iter().filter(|step| matches!(step, Ok(Progress::Moved))).count();
        assert_eq!(moved, 1, "{steps:?}");
        assert_eq!(place.github.count(Doing::Dispatch), before + 1);
        assert_eq!(place.read(&build).await.status, BuildStatus::Queued);
    }
}

#[tokio::test]
async fn of_twenty_processes_with_messages_one_starts_it() {
    let place = Place::new().await;
    let build = place.build().await;
    let processes: Vec<Place> = (0..20).map(|_| place.restarted()).collect();
    let steps = join_all(processes.iter().map(|process| process.hint(&build))).await;
    assert!(steps.iter().all(Result::is_ok), "{steps:?}");
    assert_eq!(place.github.count(Doing::Dispatch), 1);
    assert_eq!(place.read(&build).await.run_id, Some(1000));
}

#[tokio::test]
async fn older_servers_are_spoken_to_in_their_way() {
    for age in [Age::Older, Age::Oldest] {
        let place = Place::of(FakeGithub::of_age(age).await, FakeGithub::configure).await;
        let build = place.build().await;
        let queued = place.step(&build).await;
        assert_eq!(queued.status, BuildStatus::Queued, "{age:?}");
        assert!(matches!(queued.dispatch, Dispatch::Sent(_)));
        assert_eq!(place.step(&build).await.run_id, Some(1000), "found by its title if need be");
        assert_eq!(place.github.runs().len(), 1);
        // What was learnt is not asked again.
        let calls = place.github.count(Doing::Dispatch);
        place.step(&place.build().await).await;
        let more = place.github.count(Doing::Dispatch) - calls;
        assert_eq!(more, if age == Age::Older { 1 } else { 2 });
        assert_eq!(place.github.runs().len(), 2);
    }
}
