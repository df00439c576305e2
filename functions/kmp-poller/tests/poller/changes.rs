//! Messages about what is not as it was.

use granary_kmp_poller::{PollMessage, follow_up, tick};
use granary_storage::Key;
use granary_storage::rows::{PollPendingRow, WatchedRef};
use granary_testing::probe::{Fault, Service, Target};

use super::support::{Place, apps, pairs};

#[tokio::test]
async fn what_nobody_watches_leaves_the_list() {
    let place = Place::new().await;
    place.versions(&["1.0.0"]);
    let message = place.message();
    assert!(place.is_listed().await);
    // Its row is gone, and the list has not heard of it.
    let row = place.row().await;
    place.app.state().storage().delete(&Key::Watched(apps(), place.id.clone())).await.unwrap();
    place.follow_up(&message).await;
    assert!(!place.is_listed().await);
    assert!(place.source.asked().is_empty());
    // The same if the repository is another one by this name.
    let key = Key::Watched(apps(), place.id.clone());
    let shard = granary_kmp::store::shard(&place.id);
    let listed = Key::WatchedOfAll(shard, apps(), place.id.clone());
    let storage = place.app.state().storage();
    let other = granary_storage::rows::WatchedRow { repo_uid: "another".into(), ..row };
    storage.put(&key, &other).await.unwrap();
    storage.put(&listed, &place.place()).await.unwrap();
    place.follow_up(&message).await;
    assert!(!place.is_listed().await);
    assert!(place.source.asked().is_empty());
    assert!(place.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_repository_of_another_type_is_left_alone_until_it_watches_again() {
    let place = Place::new().await;
    place.versions(&["1.0.0"]);
    let watching = place.repo().await;
    place.becomes_another(&["npm"]).await;
    for attempt in 1..=6 {
        follow_up(place.app.state(), &place.message(), attempt).await.unwrap();
    }
    assert!(place.source.asked().is_empty());
    assert!(place.dead_letters().await.is_empty());
    assert!(place.is_listed().await);
    place.app.state().storage().put(&Key::Repo(apps()), &watching).await.unwrap();
    assert_eq!(tick(place.app.state()).await.unwrap().announced, 1);
    place.consume().await;
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
}

#[tokio::test]
async fn doubled_messages_are_one_look() {
    let place = Place::new().await;
    place.versions(&["1.0.0"]);
    for _ in 0..3 {
        place.follow_up(&place.message()).await;
    }
    assert_eq!(place.source.asked().len(), 1);
    // Those of the schedule that have waited behind each other are one as well.
    let ticked = |millis: i64| {
        let at = granary_model::Clock::now(&*place.app.clock).plus_millis(millis);
        PollMessage::of(place.place(), at).text().unwrap()
    };
    place.app.clock.advance_millis(3_600_000);
    for age in [-1_800_000, -900_000, 0] {
        place.follow_up(&ticked(age)).await;
    }
    assert_eq!(place.source.asked().len(), 1);
    place.app.clock.advance_millis(900_000);
    place.follow_up(&ticked(0)).await;
    assert_eq!(place.source.asked().len(), 1);
    // Somebody has published meanwhile, and says so.
    let pending = Key::PollPending(apps(), place.id.clone());
    let row = PollPendingRow { id: "announced".into(), expires_at: i64::MAX };
    place.app.state().storage().put(&pending, &row).await.unwrap();
    // Others do not stand for the message that is to come.
    place.follow_up(&place.message()).await;
    place.follow_up(&ticked(-1)).await;
    assert!(place.source.asked().is_empty());
    assert_eq!(place.app.state().storage().get::<PollPendingRow>(&pending).await.unwrap(), Some(row));
    let awaited = PollMessage { place: place.place(), round: 0, at: 0, pending: "announced".into() };
    place.follow_up(&awaited.text().unwrap()).await;
    assert_eq!(place.source.asked().len(), 1);
    assert_eq!(place.app.state().storage().get::<PollPendingRow>(&pending).await.unwrap(), None);
}

#[tokio::test]
async fn poison_is_put_aside_and_failures_come_again() {
    let place = Place::new().await;
    for body in ["", "no message", "{}", "{\"repo\":\"apps\"}", "{\"repo\":\"../x\",\"id\":\"1\"}", "[1]"] {
        follow_up(place.app.state(), body, 1).await.unwrap();
        let letters = place.dead_letters().await;
        assert_eq!(letters.len(), 1, "{body}");
        assert!(letters[0].1.contains("cannot be read"), "{letters:?}");
    }
    // What is said of nobody is no poison.
    let nobody = WatchedRef { repo: "nowhere".parse().unwrap(), id: "none".into() };
    place.follow_up(&serde_json::to_string(&nobody).unwrap()).await;
    let fails = || place.app.probe.inject(Target::operation(Service::DynamoDb, "GetItem", 1), Fault::Refuse);
    for attempt in 1..5 {
        fails();
        follow_up(place.app.state(), &place.message(), attempt).await.unwrap_err();
        place.app.probe.reset();
    }
    assert!(place.dead_letters().await.is_empty());
    fails();
    follow_up(place.app.state(), &place.message(), 5).await.unwrap();
    place.app.probe.reset();
    let letters = place.dead_letters().await;
    assert_eq!(letters[0].0, place.message());
    assert!(letters[0].1.contains("failed 5 times"), "{letters:?}");
    // A source that fails is no failure of the message.
    place.follow_up(&place.message()).await;
    assert!(place.state().await.error.unwrap().contains("no com.example:lib"));
}
