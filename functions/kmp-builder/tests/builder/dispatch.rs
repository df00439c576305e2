//! What is started, and how often.

use futures::future::join_all;
use granary_kmp::drive::{Progress, drive};
use granary_kmp::github::{run_of_title, run_title};
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, Dispatch};
use granary_testing::github::{Age, Doing, FakeGithub};
use granary_testing::kmp::root_module;

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

/// What the workflow is told of Apple's targets for a library with these, by the names of the compiler.
async fn told(apple: &[&str], wanted: &[&str], npm_only: bool) -> Result<String, String> {
    let place = Place::new().await;
    place.set_module(root_module("com.example", "lib", "1.0.0", true, apple).to_string());
    let mut build = place.build_of("1.0.0", !npm_only).await;
    build.outputs.apple_targets = wanted.iter().map(|target| target.parse().unwrap()).collect();
    place.write(&build).await;
    let row = place.step(&build).await;
    let mut runs = place.github.runs();
    if row.status == BuildStatus::Queued {
        return Ok(runs.remove(0).inputs["apple_targets"].clone());
    }
    assert!(runs.is_empty());
    Err(row.error.unwrap())
}

#[tokio::test]
async fn without_targets_the_workflow_is_told_all_that_the_library_has() {
    // The compiler makes nothing for the first one any more, nor for Linux a Swift package.
    let library = ["ios_arm32", "ios_arm64", "linux_x64", "macos_arm64", "watchos_x64"];
    let all = "iosArm64,macosArm64,watchosX64";
    assert_eq!(told(&library, &[], false).await.as_deref(), Ok(all));
    assert_eq!(told(&library, &["macosArm64"], false).await.as_deref(), Ok("macosArm64"));
    assert_eq!(told(&library, &[], true).await.as_deref(), Ok(""));
    for library in [&[][..], &["ios_arm32"], &["linux_x64"]] {
        let why = told(library, &[], false).await.unwrap_err();
        assert!(why.contains("Apple's systems"), "{why}");
    }
}

/// Rows may be older than a rule.
#[tokio::test]
async fn names_that_the_scripts_do_not_take_start_nothing() {
    let place = Place::new().await;
    let build = place.build().await;
    let mut old = build.clone();
    old.outputs.npm = Some("JSONStream".parse().unwrap());
    place.write(&old).await;
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.unwrap().contains("'JSONStream' cannot be the name of a new npm package"));
    let module = root_module("com.example", "--help", "1.0.0", true, &["ios_arm64"]).to_string();
    place.github.file("com/example/--help/1.0.0/--help-1.0.0.module", module);
    let build = place.build().await;
    place.write(&BuildRow { artifact: "--help".parse().unwrap(), ..build.clone() }).await;
    let failed = place.step(&build).await;
    assert_eq!(failed.status, BuildStatus::Failed);
    assert!(failed.error.unwrap().contains("'--help' begins with '-'"));
    assert_eq!(place.github.count(Doing::Dispatch), 0);
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
