//! What reading costs that comes from an upstream: once it is here, as much as reading what was published here.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestResponse};

use super::support::{Place, expect, noise, place, version};
use crate::npm::support::{INSTALL, at, packument, publish};

/// The answer to a request, and the storage calls that it made.
async fn measured(
    place: &Place,
    actor: &Actor,
    path: &str,
    headers: &[(&str, &str)],
) -> (TestResponse, Vec<String>) {
    place.app.probe.reset();
    let answer = actor.get_with(&at(path), headers).await;
    (answer, place.app.probe.calls().into_iter().map(|call| call.operation).collect())
}

async fn calls(place: &Place, actor: &Actor, path: &str, status: u16) -> Vec<String> {
    let (answer, calls) = measured(place, actor, path, &[]).await;
    expect(&answer, status);
    calls
}

/// The same packages here and upstream: `own-..` and `far-..`, all of them fetched.
async fn both() -> Place {
    let place = place().await;
    for (name, extra) in [("small", 10), ("large", 300_000)] {
        let package = |name: &str| NpmPackage::new(name, "1.0.0").file("x.bin", &noise(extra));
        publish(&place.ann, &package(&format!("own-{name}"))).await;
        let far = format!("far-{name}");
        place.up.publish(&package(&far));
        packument(&place.ann, &far).await;
        let tarball = place.tarball(&far, "1.0.0").await;
        assert!([200, 302].contains(&tarball.status), "{}", tarball.text());
    }
    place.app.settle().await;
    place.asked();
    place
}

#[tokio::test]
async fn what_is_here_costs_the_same_wherever_it_came_from() {
    let place = both().await;
    for path in [
        "NAME-small",
        "NAME-small/-/NAME-small-1.0.0.tgz",
        "-/tarball/NAME-small/1.0.0",
        "NAME-large/-/NAME-large-1.0.0.tgz",
    ] {
        for accept in ["application/json", INSTALL] {
            let mut costs = Vec::new();
            for name in ["own", "far"] {
                let path = path.replace("NAME", name);
                // A process that knows nothing, then the same one again, then for a client that has it.
                let reader = place.app.restarted().token(place.ann.secret());
                let (first, cold) = measured(&place, &reader, &path, &[("accept", accept)]).await;
                let (_, warm) = measured(&place, &reader, &path, &[("accept", accept)]).await;
                let etag = first.header("etag").to_owned();
                let known = [("accept", accept), ("if-none-match", etag.as_str())];
                let (unchanged, known) = measured(&place, &reader, &path, &known).await;
                assert!(first.status < 400, "{path}: {}", first.text());
                costs.push((first.status, cold, warm, unchanged.status, known));
            }
            assert_eq!(costs[0], costs[1], "{path}");
            assert!(costs[0].1.len() <= 2 && costs[0].2.len() == 1, "{path}: {:?}", costs[0]);
        }
    }
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_old_costs_one_message_more_and_that_once() {
    let place = both().await;
    place.wait(301);
    assert_eq!(calls(&place, &place.ann, "far-small", 200).await, ["BatchGetItem", "SendMessage"]);
    assert_eq!(calls(&place, &place.ann, "far-small", 200).await, ["BatchGetItem"]);
    place.app.settle().await;
    assert_eq!(place.asked(), ["GET /npm/far-small"]);
}

#[tokio::test]
async fn asking_again_for_what_has_not_changed_reads_nothing_of_it() {
    let place = both().await;
    place.wait(301);
    expect(&place.ann.get(&at("far-small")).await, 200);
    place.app.probe.reset();
    place.app.settle().await;
    let calls: Vec<String> = place.app.probe.calls().into_iter().map(|call| call.operation).collect();
    let calls: Vec<&str> =
        calls.iter().map(String::as_str).filter(|call| !call.ends_with("Message")).collect();
    // The repository, the head before and after.
    assert_eq!(calls, ["GetItem", "GetItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn a_first_fetch_costs_this() {
    let place = place().await;
    place.up.publish(&version("tool", "1.0.0"));
    assert_eq!(
        calls(&place, &place.ann, "tool", 200).await,
        // Who it is and what there is; whether another process has fetched it meanwhile; the upstream's document; the head; both
        // documents for clients.
        ["BatchGetItem", "GetItem", "PutObject", "TransactWriteItems", "PutObject", "PutObject"]
    );
    assert_eq!(
        calls(&place, &place.ann, "-/tarball/tool/1.0.0", 200).await,
        ["BatchGetItem", "GetItem", "UpdateItem", "PutObject", "TransactWriteItems", "GetObject"]
    );
    // What is not there costs the same look, and then nothing.
    assert_eq!(calls(&place, &place.ann, "nothing", 404).await, ["BatchGetItem", "GetItem"]);
    assert_eq!(calls(&place, &place.ann, "nothing", 404).await, ["BatchGetItem"]);
}

#[tokio::test]
async fn what_is_owned_costs_one_call_and_nobody_is_asked() {
    let place = place().await;
    place.set(serde_json::json!({ "owned": ["@acme/*"] })).await;
    for path in ["@acme%2ftool", "@acme%2ftool/-/tool-1.0.0.tgz", "@acme%2ftool/latest"] {
        assert_eq!(calls(&place, &place.ann, path, 404).await, ["BatchGetItem"], "{path}");
    }
    assert_eq!(place.asked(), Vec::<String>::new());
}
