//! Uploads in two steps.

use futures::future::join_all;
use granary_publish::digests::Digests;
use granary_testing::TestApp;
use granary_testing::products::ApiCaller;
use serde_json::{Value, json};

use crate::consistency::Checks as _;
use crate::{NAME, empty, json_error, json_error_with, send, sent, stocked};

const URL: &str = "/api/product/upload-url";

fn announcement(bytes: &[u8]) -> Value {
    let sha256 = Digests::of(bytes).sha256;
    json!({ "product": NAME, "version": "1", "file_name": "dist/a b.zip", "size": bytes.len(), "sha256": sha256 })
}

#[tokio::test]
async fn a_file_is_announced_sent_and_confirmed() {
    let (app, admin) = stocked().await;
    let announced = admin.json("POST", URL, &announcement(b"hello")).await;
    assert_eq!(announced.status, 200, "{}", announced.text());
    let announced = announced.json();
    let mut fields: Vec<&str> = announced.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["expires_at", "headers", "method", "upload_id", "url"]);
    let upload = announced["upload_id"].as_str().unwrap();
    json_error_with(&admin.confirm(upload).await, 400, "'a b.zip' has not arrived whole");
    assert_ne!(send(&announced, b"olleh").await, 200, "the bucket takes nothing else");
    json_error_with(&admin.confirm(upload).await, 400, "'a b.zip' has not arrived whole");
    assert_eq!(send(&announced, b"hello").await, 200);
    let confirmed = admin.confirm(upload).await;
    let made = json!({ "status": "created", "product": NAME, "version": "1" });
    assert_eq!((confirmed.status, confirmed.json()), (201, made));
    let again = admin.confirm(upload).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("exists")));
    let file = admin.download(NAME, "1").await;
    assert_eq!(file.text(), "hello");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"a b.zip\"");
    assert!(app.state().storage().list_objects("staging/", None).await.unwrap().is_empty());
    assert!(app.outbox().await.is_empty(), "nobody has to finish it");
}

#[tokio::test]
async fn what_is_wrong_with_an_announcement_is_said() {
    let (app, admin) = stocked().await;
    let plain = app.register(&admin, false).await;
    json_error(&admin.request("POST", URL, &[], "").await, 400, "Missing request body");
    for (field, value, words) in [
        ("product", Value::Null, "the field 'product' is required"),
        ("product", json!("../x"), "product: invalid name"),
        ("version", Value::Null, "the field 'version' is required"),
        ("version", json!("1/2"), "version: invalid name"),
        ("file_name", Value::Null, "the field 'file_name' is required"),
        ("file_name", json!(".."), "file_name: invalid file name"),
        ("size", Value::Null, "the field 'size' is required"),
        ("size", json!(0), "size: 1 to"),
        ("size", json!(-1), "the field 'size'"),
        ("size", json!(1.5), "the field 'size'"),
        ("size", json!("5"), "the field 'size'"),
        ("size", json!(5_000_000_001_u64), "size: 1 to 5000000000 bytes"),
        ("sha256", Value::Null, "the field 'sha256' is required"),
        ("sha256", json!("abc"), "sha256: "),
        ("other", json!(1), "unknown field 'other'"),
    ] {
        let mut body = announcement(b"hello");
        body[field] = value;
        json_error_with(&admin.json("POST", URL, &body).await, 400, words);
    }
    let mut unknown = announcement(b"hello");
    unknown["product"] = "unknown".into();
    json_error(&admin.json("POST", URL, &unknown).await, 404, "Product not found");
    json_error(&plain.json("POST", URL, &announcement(b"hello")).await, 403, "permission denied");
    empty(&admin.upload(NAME, "1", b"other").await, 201);
    json_error_with(&admin.json("POST", URL, &announcement(b"hello")).await, 400, "already uploaded");
    assert_eq!(admin.json("POST", URL, &announcement(b"other")).await.status, 200, "a retry");
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/1")).await, 204);
    json_error_with(&admin.json("POST", URL, &announcement(b"other")).await, 400, "never be uploaded again");

    json_error(
        &admin.json("POST", "/api/product/confirm", &json!({})).await,
        400,
        "the field 'upload_id' is required",
    );
    for id in ["", "x", "../x", &"x".repeat(5_000)] {
        json_error_with(&admin.confirm(id).await, 404, "not found");
    }
}

#[tokio::test]
async fn what_was_announced_twice_is_there_once() {
    let (_app, admin) = stocked().await;
    let (first, second) = (sent(&admin, "1", b"same").await, sent(&admin, "1", b"same").await);
    let other = sent(&admin, "1", b"other").await;
    assert_eq!(admin.confirm(&first).await.status, 201);
    assert_eq!(admin.confirm(&second).await.status, 200);
    json_error_with(&admin.confirm(&other).await, 400, "already uploaded");
    json_error_with(&admin.confirm(&other).await, 400, "this upload has failed");
    assert_eq!(admin.download(NAME, "1").await.text(), "same");
}

#[tokio::test]
async fn an_upload_ends_with_its_product() {
    let (_app, admin) = stocked().await;
    let upload = sent(&admin, "1", b"of-the-first").await;
    empty(&admin.delete(&format!("/api/product/delete/{NAME}")).await, 204);
    json_error(&admin.confirm(&upload).await, 404, "Product not found");
    empty(&admin.create(NAME).await, 201);
    json_error_with(&admin.confirm(&upload).await, 404, "upload '");
    assert_eq!(admin.fetch(NAME).await.json()["versions"], json!({}));
}

#[tokio::test]
async fn an_upload_expires() {
    let (app, admin) = stocked().await;
    let upload = sent(&admin, "1", b"late").await;
    app.clock.advance_millis(24 * 3_600_000 - 1_000);
    assert_eq!(granary_events::sweep_uploads(app.state()).await.unwrap(), 0);
    let other = sent(&admin, "2", b"in time").await;
    app.clock.advance_millis(1_000);
    json_error_with(&admin.confirm(&upload).await, 404, "not found");
    assert_eq!(granary_events::sweep_uploads(app.state()).await.unwrap(), 1);
    assert_eq!(admin.confirm(&other).await.status, 201);
}

async fn confirm_all(admin: &ApiCaller, uploads: &[String]) -> Vec<u16> {
    join_all(uploads.iter().map(|upload| async move { admin.confirm(upload).await.status })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_confirmations_one_makes_the_version() {
    let (app, admin) = stocked().await;
    let upload = sent(&admin, "1", b"once").await;
    let statuses = confirm_all(&admin, &vec![upload.clone(); 20]).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 201].contains(status)), "{statuses:?}");
    let mut uploads = Vec::new();
    for index in 0..20 {
        uploads.push(sent(&admin, "2", format!("bytes {index}").as_bytes()).await);
    }
    let statuses = confirm_all(&admin, &uploads).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 19, "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 201).unwrap();
    assert_eq!(admin.download(NAME, "2").await.text(), format!("bytes {winner}"));
    app.check_product("ann", NAME).await;
}

/// A deployment where a request has a limit; files over 64 MiB are verified after the answer.
#[tokio::test]
async fn large_files_are_verified_by_the_events_function() {
    let app = TestApp::with(|config| config.max_body = Some(6_000_000)).await;
    let admin = app.api_token("ann", true).await;
    empty(&admin.create(NAME).await, 201);
    let bytes = vec![b'z'; 64 * 1024 * 1024 + 1];
    let upload = sent(&admin, "1", &bytes).await;
    for _ in 0..2 {
        let response = admin.confirm(&upload).await;
        assert_eq!((response.status, response.json()), (202, json!({ "status": "processing" })));
    }
    app.settle().await;
    assert_eq!(admin.confirm(&upload).await.status, 200);
    let shown = admin.fetch(NAME).await.json();
    assert_eq!(shown["versions"]["1"]["checksum"], format!("sha256:{}", Digests::of(&bytes).sha256));

    let plain = app.register(&admin, false).await;
    empty(&admin.grant(NAME, plain.secret(), &json!({ "upload": true })).await, 201);
    let upload = sent(&plain, "2", &bytes).await;
    assert_eq!(plain.confirm(&upload).await.status, 202);
    empty(&admin.grant(NAME, plain.secret(), &json!({ "download": true })).await, 201);
    app.settle().await;
    json_error_with(&admin.confirm(&upload).await, 400, "this upload has failed: permission denied");
    assert!(admin.fetch(NAME).await.json()["versions"].get("2").is_none());
}
