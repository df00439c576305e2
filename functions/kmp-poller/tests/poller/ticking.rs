//! The schedule.

use std::collections::BTreeSet;

use granary_kmp::store;
use granary_kmp_poller::{consume_once, tick};
use granary_storage::Key;
use granary_storage::rows::WatchedRef;
use granary_testing::probe::{Fault, Service, Target};

use super::support::{Place, watch_one};

#[tokio::test]
async fn a_tick_announces_each_library_once() {
    let place = Place::new().await;
    let mut ids = BTreeSet::from([place.id.clone()]);
    for artifact in ["a", "b", "c"] {
        ids.insert(watch_one(&place.ann, "apps", artifact).await);
    }
    let bob = place.app.kmp_repo("bob", "others", &place.source.url(), "private").await;
    ids.insert(watch_one(&bob, "others", "lib").await);
    assert_eq!(tick(place.app.state()).await.unwrap().announced, 5);
    let announced: BTreeSet<String> =
        place.messages().await.into_iter().map(|message| message.place.id).collect();
    assert_eq!(announced, ids);
    let gone = bob.delete("/api/repos/others").await;
    assert!(gone.status < 300, "{}", gone.text());
    place.app.settle().await;
    assert_eq!(tick(place.app.state()).await.unwrap().announced, 4);
}

#[tokio::test]
async fn nothing_to_watch_costs_a_look_at_the_list() {
    let app = granary_testing::TestApp::new().await;
    assert_eq!(tick(app.state()).await.unwrap().announced, 0);
    let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, vec!["Query"; usize::from(store::SHARDS)]);
}

#[tokio::test]
async fn rows_that_are_stale_are_announced_once() {
    let place = Place::new().await;
    let stale = WatchedRef { repo: "gone".parse().unwrap(), id: "0190".into() };
    let key = Key::WatchedOfAll(store::shard(&stale.id), stale.repo.clone(), stale.id.clone());
    place.app.state().storage().put(&key, &stale).await.unwrap();
    assert_eq!(tick(place.app.state()).await.unwrap().announced, 2);
    assert_eq!(place.consume().await, 2);
    assert_eq!(tick(place.app.state()).await.unwrap().announced, 1);
}

#[tokio::test]
async fn a_part_of_the_list_that_fails_does_not_stop_the_others() {
    let place = Place::new().await;
    place.app.watch_many("apps", &place.id, "other", 99).await;
    place.app.probe.reset();
    place.app.probe.inject(Target::operation(Service::DynamoDb, "Query", 3), Fault::Refuse);
    place.app.probe.inject(Target::operation(Service::Sqs, "SendMessageBatch", 2), Fault::Refuse);
    tick(place.app.state()).await.unwrap_err();
    place.app.probe.reset();
    let announced = place.messages().await.len();
    assert!((50..100).contains(&announced), "{announced}");
    assert_eq!(tick(place.app.state()).await.unwrap().announced, 100);
}

/// A message is acknowledged when its library was looked at, and comes again if it was not.
#[tokio::test]
async fn what_failed_stays_in_the_queue() {
    let place = Place::new().await;
    place.versions(&["1.0.0"]);
    tick(place.app.state()).await.unwrap();
    place.app.probe.reset();
    place.app.probe.inject(Target::operation(Service::DynamoDb, "GetItem", 1), Fault::Refuse);
    assert_eq!(consume_once(place.app.state(), 0).await.unwrap(), 1);
    let deleted = |place: &Place| {
        place.app.probe.calls().into_iter().filter(|call| call.operation == "DeleteMessage").count()
    };
    assert_eq!(deleted(&place), 0);
    assert!(place.builds().await.is_empty());
    place.app.probe.reset();
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_hours(1)).await;
    let received = place.app.state().storage().receive(granary_storage::Queue::KmpPoll, 0).await.unwrap();
    tokio::time::resume();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].attempt, 2);
}
