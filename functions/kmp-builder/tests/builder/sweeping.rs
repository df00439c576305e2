//! The schedule, messages, and what cannot be read.

use granary_kmp::settings::Builder;
use granary_kmp::store::shard;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildResults, BuildRow, WatchedRef};
use granary_storage::{Key, Queue};
use granary_testing::github::{Doing, FakeGithub};
use granary_testing::probe::{Fault, Service, Target};

use super::support::{MINUTE, Place, message};

#[tokio::test]
async fn a_build_whose_message_was_lost_is_found() {
    let place = Place::new().await;
    let build = place.build().await;
    let report = granary_kmp_builder::sweep(place.app.state()).await.unwrap();
    assert_eq!((report.due, report.waiting, report.removed), (1, 0, 0));
    place.drain().await;
    assert_eq!(place.read(&build).await.status, BuildStatus::Queued);
    let report = granary_kmp_builder::sweep(place.app.state()).await.unwrap();
    assert_eq!((report.due, report.waiting), (0, 1), "it was looked at a moment ago");
    place.app.clock.advance_millis(MINUTE);
    assert_eq!(granary_kmp_builder::sweep(place.app.state()).await.unwrap().due, 1);
}

/// Here, nobody else can be at it: a process that was has ended, and the next one begins without waiting.
#[tokio::test]
async fn a_build_on_this_machine_that_nobody_is_at_is_due_at_once() {
    let place = Place::of(FakeGithub::start().await, |_, config| {
        config.kmp.builder = Builder::Local { scripts: "nowhere".into() };
    })
    .await;
    let state = place.app.state();
    let swept = async || {
        let report = granary_kmp_builder::sweep(state).await.unwrap();
        (report.due, report.waiting)
    };
    let build = place.build().await;
    let later = state.now().millis() + MINUTE;
    let begun = BuildRow { look_at: later, deadline_at: later + MINUTE, ..build };
    for status in [BuildStatus::Queued, BuildStatus::Building] {
        let row = BuildRow { status, ..begun.clone() };
        place.write(&row).await;
        assert_eq!(swept().await, (1, 0), "{status}");
        assert!(state.kmp().local.take(&row));
        assert_eq!(swept().await, (0, 1), "{status}: this process is at it");
        state.kmp().local.leave(&row);
        let other = BuildRow { attempt: row.attempt + 1, ..row.clone() };
        assert!(state.kmp().local.take(&other));
        assert_eq!(swept().await, (1, 0), "{status}: it is at another attempt");
        state.kmp().local.leave(&other);
        let handed_over = BuildResults { npm: Some("upload".into()), swift: None };
        place.write(&BuildRow { results: Some(handed_over), ..row }).await;
        assert_eq!(swept().await, (0, 1), "{status}: it is to be published");
    }
    // One whose source is waited for is not begun.
    place.write(&BuildRow { status: BuildStatus::Pending, ..begun }).await;
    assert_eq!(swept().await, (0, 1));
}

#[tokio::test]
async fn what_is_over_leaves_the_list() {
    let place = Place::new().await;
    let (over, gone) = (place.build().await, place.build().await);
    place.write(&BuildRow { status: BuildStatus::Success, ..over.clone() }).await;
    place.app.state().storage().delete(&Key::Build(gone.repo.clone(), gone.id.clone())).await.unwrap();
    assert_eq!(granary_kmp_builder::sweep(place.app.state()).await.unwrap().removed, 2);
    for build in [over, gone] {
        let row = Key::BuildUnderWay(shard(&build.id), build.repo.clone(), build.id.clone());
        assert_eq!(place.app.state().storage().get::<WatchedRef>(&row).await.unwrap(), None);
    }
    assert_eq!(
        granary_kmp_builder::sweep(place.app.state()).await.unwrap(),
        granary_kmp_builder::SweepReport::default()
    );
}

#[tokio::test]
async fn one_part_that_cannot_be_read_does_not_stop_the_others() {
    let place = Place::new().await;
    let mut builds = Vec::new();
    for _ in 0..24 {
        builds.push(place.build().await);
    }
    place.app.probe.inject(Target::operation(Service::DynamoDb, "Query", 1), Fault::Refuse);
    granary_kmp_builder::sweep(place.app.state()).await.unwrap_err();
    place.drain().await;
    for build in builds {
        let expected = if shard(&build.id) == 0 { BuildStatus::Pending } else { BuildStatus::Queued };
        assert_eq!(place.read(&build).await.status, expected);
    }
}

#[tokio::test]
async fn messages_that_say_nothing_are_put_aside() {
    let place = Place::new().await;
    let state = place.app.state();
    granary_kmp_builder::follow_up(state, "no message", 1).await.unwrap();
    let gone = BuildRow { id: "none".into(), ..place.build().await };
    granary_kmp_builder::follow_up(state, &message(&gone), 1).await.unwrap();
    let letters = state.storage().receive(Queue::DeadLetters, 0).await.unwrap();
    let reasons: Vec<String> = letters.into_iter().map(|letter| letter.reason.unwrap()).collect();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].contains("cannot be read"), "{reasons:?}");
}

#[tokio::test]
async fn a_message_that_fails_again_and_again_is_put_aside_and_its_build_is_not_lost() {
    let place = Place::new().await;
    let build = place.build().await;
    let state = place.app.state();
    for attempt in 1..=granary_kmp_builder::ATTEMPTS {
        place.app.probe.reset();
        place.app.probe.inject(Target::operation(Service::DynamoDb, "GetItem", 1), Fault::Refuse);
        let followed = granary_kmp_builder::follow_up(state, &message(&build), attempt).await;
        assert_eq!(followed.is_err(), attempt < granary_kmp_builder::ATTEMPTS);
    }
    place.app.probe.reset();
    let letters = state.storage().receive(Queue::DeadLetters, 0).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(place.github.count(Doing::Dispatch), 0);
    granary_kmp_builder::sweep(state).await.unwrap();
    place.drain().await;
    assert_eq!(place.read(&build).await.status, BuildStatus::Queued);
}
