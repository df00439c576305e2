//! Messages.

use std::collections::BTreeSet;

use granary_storage::{Message, Queue, Storage};

use crate::place::Place;

/// Receives until nothing has come for a while, or this many have.
async fn receive(storage: &Storage, wanted: usize) -> Vec<Message> {
    let mut all = Vec::new();
    for _ in 0..20 {
        let messages = storage.receive(Queue::Events, 1).await.unwrap();
        assert!(messages.len() <= 10);
        let nothing_more = messages.is_empty();
        all.extend(messages);
        if nothing_more || all.len() >= wanted {
            break;
        }
    }
    all
}

async fn acknowledge(storage: &Storage, messages: &[Message]) {
    for message in messages {
        storage.acknowledge(Queue::Events, message).await.unwrap();
    }
}

#[tokio::test]
async fn messages_come_until_they_are_acknowledged() {
    let place = Place::queues().await;
    let storage = &place.storage;
    storage.check_queue().await.unwrap();
    assert!(storage.receive(Queue::Events, 0).await.unwrap().is_empty());
    storage.send(Queue::Events, "hello").await.unwrap();
    let first = storage.receive(Queue::Events, 5).await.unwrap();
    assert_eq!(first.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["hello"]);
    // Nobody has acknowledged it, so it comes again once its second is over.
    let second = storage.receive(Queue::Events, 20).await.unwrap();
    assert_eq!(second.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["hello"]);
    acknowledge(storage, &second).await;
    assert!(storage.receive(Queue::Events, 3).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_messages_come_in_tens() {
    let place = Place::queues().await;
    let storage = &place.storage;
    let sent: BTreeSet<String> = (0..25).map(|n| format!("message {n}")).collect();
    for body in &sent {
        storage.send(Queue::Events, body).await.unwrap();
    }
    let mut received = BTreeSet::new();
    for _ in 0..20 {
        let messages = receive(storage, 1).await;
        acknowledge(storage, &messages).await;
        received.extend(messages.into_iter().map(|message| message.body));
        if received.len() == sent.len() {
            break;
        }
    }
    assert_eq!(received, sent);
    assert!(storage.receive(Queue::Events, 2).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_comes_as_it_was_sent() {
    let place = Place::queues().await;
    let storage = &place.storage;
    // 256 KiB, what every queue takes.
    let long = "x".repeat(262_144);
    let bodies = [
        r#"{"type":"package-changed","package":{"name":"@s/n é 😀 \u0001"}}"#,
        "<&>\"'",
        " \t\r\n x ",
        "\u{fffd}",
        &long,
    ];
    for body in bodies {
        storage.send(Queue::Events, body).await.unwrap();
        let messages = receive(storage, 1).await;
        assert_eq!(messages.len(), 1);
        assert!(messages.iter().all(|message| message.body == body), "{body:.80}");
        acknowledge(storage, &messages).await;
    }
}

#[tokio::test]
async fn what_a_queue_does_not_take_is_refused() {
    let place = Place::queues().await;
    let storage = &place.storage;
    let too_long = "x".repeat(1_048_577);
    for body in ["", "a\u{1}b", "a\u{0}b", "a\u{ffff}b", &too_long] {
        assert!(
            storage.send(Queue::Events, body).await.is_err(),
            "{:?}",
            body.chars().take(8).collect::<String>()
        );
    }
    assert!(storage.receive(Queue::Events, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_handled_is_put_aside_with_its_reason() {
    let place = Place::queues().await;
    let storage = &place.storage;
    storage.send_dead_letter("{", "not JSON: EOF at column 1").await.unwrap();
    storage.send_dead_letter("", "").await.unwrap();
    // A reason quotes what it is about.
    storage.send_dead_letter("x", "unknown type 'a\u{0}\u{1b}\u{ffff}b'").await.unwrap();
    let mut found = std::collections::HashMap::new();
    for _ in 0..10 {
        found.extend(place.put_aside().await);
        if found.len() == 3 {
            break;
        }
    }
    let reason = |body: &str| found.get(body).map(String::as_str);
    assert_eq!(reason("{"), Some("not JSON: EOF at column 1"));
    assert_eq!(reason(" "), Some("unknown"));
    assert_eq!(reason("x"), Some("unknown type 'a\u{fffd}\u{fffd}\u{fffd}b'"));
}
