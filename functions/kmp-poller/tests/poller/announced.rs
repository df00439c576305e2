//! A publish into the source of a library.

use std::time::Duration;

use granary_events::follow_up;
use granary_storage::{Key, Queue};
use granary_testing::TestApp;
use granary_testing::probe::{Fault, Service, Target};

use super::support::{Place, apps, pairs, watch_one};

#[tokio::test]
async fn a_publish_by_any_number_of_files_asks_for_one_look() {
    let place = Place::here().await;
    place.poll().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    // All events, some of them several times: messages are doubled.
    let events = place.app.outbox().await;
    assert!(events.len() >= 4, "{}", events.len());
    for event in events.iter().chain(&events) {
        follow_up(place.app.state(), &serde_json::to_string(event).unwrap(), 1).await.unwrap();
    }
    place.app.settle().await;
    let messages = place.messages().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].place, place.place());
    place.follow_up(&messages[0].text().unwrap()).await;
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
    // The next publish asks again.
    place.app.clock.advance_millis(1_000);
    place.publish(&place.ann, "libs", "1.1.0").await;
    place.app.settle().await;
    assert_eq!(place.consume().await, 1);
    assert_eq!(place.builds().await, pairs(&[("1.1.0", "pending"), ("1.0.0", "pending")]));
    // One of another library, or of another repository, does not.
    place.publish_module(&place.ann, "libs", "other", "1.0.0").await;
    let others = place.app.repo("ann", "others", &["maven"], "private").await;
    place.publish(&others, "others", "9.0.0").await;
    place.app.settle().await;
    assert!(place.messages().await.is_empty());
}

/// A look comes a while after the first file, not with it.
#[tokio::test]
async fn the_look_waits_until_the_publish_is_over() {
    let app = TestApp::with(|config| {
        config.kmp.allow_private_sources = true;
        // The longest that there is: all that comes before is done by then, however slow the machine.
        config.kmp.debounce = Duration::from_mins(15);
    })
    .await;
    let source = granary_testing::source::FakeSource::start().await;
    let ann = app.kmp_repo("ann", "apps", &source.url(), "private").await;
    let id = watch_one(&ann, "apps", "lib").await;
    let place = Place { app, source, ann, id };
    place.app.repo("ann", "libs", &["maven"], "private").await;
    place.comes_from("libs").await;
    place.poll().await;
    place.publish_module(&place.ann, "libs", "lib", "1.0.0").await;
    place.app.settle().await;
    assert!(place.messages().await.is_empty(), "not yet");
    for end in ["js", "iosarm64", "macosarm64"] {
        place.publish_module(&place.ann, "libs", &format!("lib-{end}"), "1.0.0").await;
    }
    place.app.settle().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(7)).await;
    assert!(place.messages().await.is_empty(), "not yet");
    tokio::time::advance(Duration::from_mins(8)).await;
    let messages = place.messages().await;
    tokio::time::resume();
    assert_eq!(messages.len(), 1);
    place.follow_up(&place.message()).await;
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
}

/// A change of the source takes the library off the list of the old one with the next look.
#[tokio::test]
async fn the_next_look_moves_to_another_source() {
    let place = Place::here().await;
    place.app.repo("ann", "more", &["maven"], "private").await;
    assert!(!place.is_watching("libs").await, "nobody has looked yet");
    place.poll().await;
    assert!(place.is_watching("libs").await);
    place.comes_from("more").await;
    place.poll().await;
    assert!(!place.is_watching("libs").await && place.is_watching("more").await);
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.app.settle().await;
    assert!(place.messages().await.is_empty());
    place.publish(&place.ann, "more", "1.0.0").await;
    place.app.settle().await;
    assert_eq!(place.consume().await, 1);
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
    place.comes_from_elsewhere().await;
    place.poll().await;
    assert!(!place.is_watching("libs").await && !place.is_watching("more").await);
    place.publish(&place.ann, "more", "1.1.0").await;
    place.app.settle().await;
    assert!(place.messages().await.is_empty());
}

/// The first publish into what is the source no longer does the same, and asks for nothing.
#[tokio::test]
async fn a_publish_into_the_old_source_leads_nowhere() {
    let place = Place::here().await;
    place.app.repo("ann", "more", &["maven"], "private").await;
    place.poll().await;
    place.comes_from("more").await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.app.settle().await;
    assert!(place.messages().await.is_empty());
    assert!(!place.is_watching("libs").await);
    // Nor does it stand in the way of the new one.
    place.poll().await;
    place.publish(&place.ann, "more", "1.0.0").await;
    place.app.settle().await;
    assert_eq!(place.messages().await.len(), 1);
}

#[tokio::test]
async fn a_repository_that_watches_no_more_is_not_asked() {
    let place = Place::here().await;
    place.poll().await;
    let watching = place.repo().await;
    place.becomes_another(&["npm"]).await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.app.settle().await;
    assert!(place.messages().await.is_empty());
    assert!(!place.is_watching("libs").await);
    // It may come back.
    place.app.state().storage().put(&Key::Repo(apps()), &watching).await.unwrap();
    place.poll().await;
    assert!(place.is_watching("libs").await);
    // Until nobody watches the library.
    let gone = place.ann.delete(&format!("/api/repos/apps/kmp/watched/{}", place.id)).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert!(!place.is_watching("libs").await);
}

/// What a publish has to do is done where the queue is not to be reached, and the schedule finds the version.
#[tokio::test]
async fn a_message_that_cannot_be_sent_hinders_nobody() {
    let place = Place::here().await;
    place.poll().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    let events = place.app.outbox().await;
    place.app.probe.reset();
    place.app.probe.inject(Target::operation(Service::Sqs, "SendMessage", 1).always(), Fault::Refuse);
    for event in &events {
        follow_up(place.app.state(), &serde_json::to_string(event).unwrap(), 1).await.unwrap();
    }
    let tried = place.app.probe.calls().iter().filter(|call| call.operation == "SendMessage").count();
    place.app.probe.reset();
    assert!(tried >= 2, "each change tries again, because none has succeeded: {tried}");
    assert!(place.app.outbox().await.is_empty(), "nothing is left to do");
    let metadata = place.ann.get("/api/maven/libs/com/example/lib/maven-metadata.xml").await;
    assert!(metadata.text().contains("1.0.0"), "{}", metadata.text());
    // The next change is announced again.
    place.publish(&place.ann, "libs", "1.0.1").await;
    place.app.settle().await;
    assert_eq!(place.consume().await, 1);
    assert_eq!(place.builds().await, pairs(&[("1.0.1", "pending"), ("1.0.0", "discovered")]));
}

/// A deployment without Kotlin Multiplatform has no such queue.
#[tokio::test]
async fn without_a_queue_nothing_is_announced() {
    let app = TestApp::named(|names| names.kmp_poll_queue = None).await;
    assert!(!app.state().storage().knows(Queue::KmpPoll));
    assert!(app.state().storage().knows(Queue::Events));
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>lib</artifactId>\
               <version>1.0.0</version></project>";
    let put = ann.request("PUT", "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0.pom", &[], pom).await;
    assert!(put.status < 300, "{}", put.text());
    app.probe.reset();
    app.settle().await;
    assert!(app.outbox().await.is_empty());
    let sent = app.probe.calls().into_iter().filter(|call| call.operation == "SendMessage").count();
    assert_eq!(sent, 0);
}

/// An announcement that was lost, message and all, is made again when it must have come long ago.
#[tokio::test]
async fn a_lost_announcement_is_made_again() {
    let place = Place::here().await;
    place.poll().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.app.settle().await;
    assert_eq!(place.messages().await.len(), 1);
    place.publish(&place.ann, "libs", "1.0.1").await;
    place.app.settle().await;
    assert_eq!(place.messages().await.len(), 0, "one is on its way, as far as anybody knows");
    place.app.clock.advance_millis(301_000);
    place.publish(&place.ann, "libs", "1.0.2").await;
    place.app.settle().await;
    assert_eq!(place.messages().await.len(), 1);
}
