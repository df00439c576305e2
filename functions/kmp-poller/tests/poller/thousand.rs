//! What a thousand watched libraries cost.

use std::collections::BTreeMap;

use granary_kmp::store::SHARDS;
use granary_kmp_poller::{PollMessage, consume_once, tick};
use granary_storage::Queue;
use granary_testing::kmp::metadata;

use super::support::Place;

/// Number of libraries: as many as one repository may watch.
const MANY: usize = 1_000;

/// Number of those whose looks are counted.
const SOME: usize = 50;

/// How many calls of each operation there were since the last time.
fn calls(place: &Place) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for call in place.app.probe.calls() {
        *calls.entry(call.operation).or_default() += 1;
    }
    place.app.probe.reset();
    calls
}

/// Asks for a look at some libraries, and has it done; the calls that it takes.
async fn look(place: &Place, messages: &[PollMessage]) -> BTreeMap<String, usize> {
    let texts: Vec<String> = messages.iter().map(|message| message.text().unwrap()).collect();
    place.app.state().storage().send_all(Queue::KmpPoll, &texts).await.unwrap();
    place.app.probe.reset();
    let mut consumed = 0;
    while consumed < texts.len() {
        match consume_once(place.app.state(), 0).await.unwrap() {
            0 => panic!("{consumed} messages only"),
            more => consumed += more,
        }
    }
    calls(place)
}

fn expect(found: &BTreeMap<String, usize>, expected: &[(&str, usize)]) {
    let expected: BTreeMap<String, usize> =
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(*found, expected);
}

#[tokio::test]
async fn a_thousand_libraries_are_looked_at_with_few_calls() {
    let place = Place::new().await;
    place.app.watch_many("apps", &place.id, "other", MANY - 1).await;
    place.versions(&["1.0.0"]);
    for at in 0..MANY - 1 {
        let path = format!("com/example/other{at}/maven-metadata.xml");
        place.source.file(&path, metadata("com.example", &format!("other{at}"), &["1.0.0"]));
    }
    place.app.probe.reset();
    assert_eq!(tick(place.app.state()).await.unwrap().announced, MANY);
    let ticked = calls(&place);
    let shards = usize::from(SHARDS);
    // Ten messages with each call, and of each part of the list one call that is not full.
    let sent = ticked["SendMessageBatch"];
    assert!((MANY / 10..=MANY / 10 + shards).contains(&sent), "{ticked:?}");
    expect(&ticked, &[("Query", shards), ("SendMessageBatch", sent)]);

    let mut messages = place.messages().await;
    assert_eq!(messages.len(), MANY);
    messages.truncate(SOME);
    // The library, its repository, and whether a look was announced; which versions have builds; the build, and what is known
    // of the source. The builder is told.
    let first = [
        ("BatchGetItem", SOME),
        ("DeleteMessage", SOME),
        ("GetItem", 3 * SOME),
        ("ReceiveMessage", SOME / 10),
        ("SendMessage", SOME),
        ("TransactWriteItems", 2 * SOME),
    ];
    expect(&look(&place, &messages).await, &first);
    assert_eq!(place.source.asked().len(), SOME);

    // Nothing is new any more, and the source says so.
    place.app.clock.advance_millis(900_000);
    let again: Vec<PollMessage> = messages
        .iter()
        .map(|message| PollMessage::of(message.place.clone(), place.app.state().now()))
        .collect();
    let later = [
        ("DeleteMessage", SOME),
        ("GetItem", 3 * SOME),
        ("ReceiveMessage", SOME / 10),
        ("TransactWriteItems", SOME),
    ];
    expect(&look(&place, &again).await, &later);
    let asked = place.source.asked();
    assert_eq!(asked.len(), SOME);
    assert!(asked.iter().all(|asked| asked.headers.contains_key("if-none-match")));

    // What a slow source has let pile up is read, and nothing else happens.
    let piled = [("DeleteMessage", SOME), ("GetItem", 3 * SOME), ("ReceiveMessage", SOME / 10)];
    place.app.clock.advance_millis(600_000);
    expect(&look(&place, &again).await, &piled);
    assert!(place.source.asked().is_empty());
}
