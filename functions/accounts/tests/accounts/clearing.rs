//! What an organisation had goes with it, and nobody waits for that.

use std::time::Duration;

use granary_model::Sha256;
use granary_storage::rows::OrgRow;
use granary_storage::{Key, Subject, Tenant};
use granary_testing::TestApp;
use granary_testing::probe::{Fault, Service, Target};
use serde_json::json;

use super::*;

const COMMIT: &str = "TransactWriteItems";

#[tokio::test]
async fn whoever_deletes_an_organisation_does_not_wait_for_all_it_had() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[]).await;
    let storage = app.state().storage();
    let row: OrgRow = storage.get(&Key::Org("acme".parse().unwrap())).await.unwrap().unwrap();
    let tenant = Tenant { subject: Subject::Org(row.slug), uid: Some(row.uid) };
    let hash = Sha256::from_bytes([7; 32]);
    let of_product = json!({ "hash": hash });
    storage.put(&Key::ProductToken(hash), &of_product).await.unwrap();
    storage.put(&Key::ProductTokenOf(tenant.clone(), hash), &of_product).await.unwrap();

    // The organisation goes with the first commit, the token of its products with the second.
    app.probe.reset();
    app.probe.inject(Target::operation(Service::DynamoDb, COMMIT, 2), Fault::Delay(Duration::from_hours(1)));
    let waits = || {
        let calls = app.probe.calls();
        calls.iter().filter(|call| call.operation == COMMIT).nth(1).is_some_and(|call| call.ended.is_none())
    };
    let deleting = tokio::spawn(async move { olga.delete("/api/orgs/acme").await });
    for _ in 0..10_000 {
        if waits() || deleting.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(waits());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    for _ in 0..10_000 {
        if deleting.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(deleting.is_finished(), "it is told in time that the organisation is gone");
    expect(&deleting.await.unwrap(), 200);
    let is_there = async || storage.get::<Value>(&Key::ProductToken(hash)).await.unwrap().is_some();
    assert!(is_there().await);
    app.probe.reset();
    app.settle().await;
    assert!(!is_there().await, "its event is followed up");
    assert!(app.outbox().await.is_empty());
}
