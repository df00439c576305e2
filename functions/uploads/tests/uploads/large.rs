//! Files in parts, which the `events` function verifies.

use granary_storage::Queue;
use serde_json::{Value, json};

use crate::support::{begin, complete, path, private, raw, send, staged, statuses, usage};

const PART: usize = 16 * 1024 * 1024;

fn large() -> Vec<u8> {
    (0..70_000_000_u32).map(|n| u8::try_from((n / 3 + n / 70_001) % 251).unwrap()).collect()
}

fn chunk(bytes: &[u8], part: &Value) -> Vec<u8> {
    let start = (usize::try_from(part["number"].as_u64().unwrap()).unwrap() - 1) * PART;
    let size = usize::try_from(part["size"].as_u64().unwrap()).unwrap();
    bytes[start..start + size].to_vec()
}

pub(crate) async fn send_parts(upload: &Value, bytes: &[u8], some: impl Fn(u64) -> bool) {
    for part in upload["files"][0]["parts"].as_array().unwrap() {
        if part.get("url").is_some() && some(part["number"].as_u64().unwrap()) {
            assert_eq!(send(part, &chunk(bytes, part)).await, 200, "{part}");
        }
    }
}

#[tokio::test]
async fn parts_are_sent_in_any_order_and_what_is_there_is_not_sent_again() {
    let (app, ann) = private().await;
    let bytes = large();
    let upload = begin(&ann, &raw("tool", "1.0", &[("large", &bytes)])).await;
    let file = &upload["files"][0];
    assert_eq!(file["partSize"], PART);
    let numbers: Vec<u64> =
        file["parts"].as_array().unwrap().iter().map(|part| part["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    // A part of the wrong length is refused by the bucket.
    assert_ne!(send(&file["parts"][4], &bytes[..PART]).await, 200);
    send_parts(&upload, &bytes, |number| number % 2 == 0).await;
    let half = ann.get(&path(&upload)).await.json()["upload"].clone();
    let missing: Vec<bool> =
        half["files"][0]["parts"].as_array().unwrap().iter().map(|part| part.get("url").is_some()).collect();
    assert_eq!(missing, [true, false, true, false, true]);
    assert_eq!(complete(&ann, &upload).await.status, 400);
    send_parts(&half, &bytes, |_| true).await;
    assert_eq!(statuses(&ann.get(&path(&upload)).await.json()["upload"]), ["uploaded"]);
    let accepted = complete(&ann, &upload).await;
    assert_eq!((accepted.status, accepted.json()["upload"]["status"].as_str()), (202, Some("processing")));
    assert_eq!(complete(&ann, &upload).await.status, 202);
    assert_eq!(ann.get("/api/raw/files/tool/1.0/large").await.status, 404, "not verified yet");
    assert_eq!(ann.delete(&path(&upload)).await.status, 409);
    app.settle().await;
    assert_eq!(complete(&ann, &upload).await.status, 201);
    let redirect = ann.get("/api/raw/files/tool/1.0/large").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let served = client.get(redirect.header("location")).send().await.unwrap().bytes().await.unwrap();
    assert!(served == bytes);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(app.state().storage().list_multiparts(None).await.unwrap().0, []);
    assert_eq!(usage(&app).await, (70_000_000, 1, 1));
}

#[tokio::test]
async fn bytes_that_are_not_the_announced_ones_fail() {
    let (app, ann) = private().await;
    let mut bytes = large();
    let upload = begin(&ann, &raw("tool", "1.0", &[("large", &bytes)])).await;
    // Parts are bound to their length alone, so S3 takes this.
    bytes[69_999_999] ^= 1;
    send_parts(&upload, &bytes, |_| true).await;
    assert_eq!(complete(&ann, &upload).await.status, 202);
    app.settle().await;
    let failed = ann.get(&path(&upload)).await.json()["upload"].clone();
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("SHA-256"), "{failed}");
    assert_eq!(ann.get("/api/raw/files/tool/1.0/large").await.status, 404);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(app.state().storage().list_objects("blobs/", None).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn the_rights_of_whoever_completed_are_looked_at_again() {
    let (app, ann) = private().await;
    app.add_member("ann", "files", "bob", "write").await;
    let bob = app.account_token("bob", &["write"]).await;
    let bytes = large();
    let upload = begin(&bob, &raw("tool", "1.0", &[("large", &bytes)])).await;
    send_parts(&upload, &bytes, |_| true).await;
    let parts: Vec<Value> = ann.get(&path(&upload)).await.json()["upload"]["files"][0]["parts"]
        .as_array()
        .map(|parts| parts.iter().map(|p| json!({ "number": p["number"], "etag": p["etag"] })).collect())
        .unwrap_or_default();
    let wrong = json!({ "files": [{ "name": "large", "parts": [{ "number": 1, "etag": "\"0\"" }] }] });
    let at = format!("{}/complete", path(&upload));
    assert_eq!(bob.post_json(&at, &wrong).await.status, 400);
    let right = json!({ "files": [{ "name": "large", "parts": parts }] });
    assert_eq!(bob.post_json(&at, &right).await.status, 202);
    assert_eq!(app.user("ann").delete("/api/repos/files/members?userId=bob").await.status, 200);
    app.settle().await;
    assert_eq!(ann.get(&path(&upload)).await.json()["upload"]["status"], "failed");
    assert_eq!(ann.get("/api/raw/files/tool/1.0/large").await.status, 404);
}

#[tokio::test]
async fn a_lost_message_costs_time_only() {
    let (app, ann) = private().await;
    let bytes = large();
    let upload = begin(&ann, &raw("tool", "1.0", &[("large", &bytes)])).await;
    send_parts(&upload, &bytes, |_| true).await;
    assert_eq!(complete(&ann, &upload).await.status, 202);
    for message in app.state().storage().receive(Queue::Events, 0).await.unwrap() {
        app.state().storage().acknowledge(Queue::Events, &message).await.unwrap();
    }
    app.settle().await;
    assert_eq!(ann.get(&path(&upload)).await.json()["upload"]["status"], "processing");
    let other = app.restarted();
    app.clock.advance_millis(30_000);
    granary_events::sweep(other.state(), false).await.unwrap();
    app.settle().await;
    assert_eq!(ann.get(&path(&upload)).await.json()["upload"]["status"], "completed");
    assert_eq!(usage(&app).await, (70_000_000, 1, 1));
}
