//! The product API over HTTP, in process, on the embedded engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod access;
mod consistency;
mod costs;
mod crashes;
mod credentials;
mod downloads;
mod events;
mod faults;
mod forms;
mod handovers;
mod leases;
mod operations;
mod races;
mod room;
mod secrets;
mod slow;
mod tenancy;

use std::time::Duration;

use granary_http::Config;
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::products::ApiCaller;
use granary_testing::{TestApp, TestResponse};
use serde_json::Value;
use tokio::task::JoinHandle;

/// The product that most tests use.
const NAME: &str = "my-lib";

/// How long a call takes that is held, if nobody lets time pass.
const HELD: Duration = Duration::from_hours(1);

/// A registry, and an administrator's token of the product API.
async fn store() -> (TestApp, ApiCaller) {
    let app = TestApp::new().await;
    let admin = app.api_token("ann", true).await;
    (app, admin)
}

/// The same with a product that the administrator has made.
async fn stocked() -> (TestApp, ApiCaller) {
    stocked_with(|_| {}).await
}

/// The same with other settings.
async fn stocked_with(change: impl FnOnce(&mut Config)) -> (TestApp, ApiCaller) {
    let app = TestApp::with(change).await;
    let admin = app.api_token("ann", true).await;
    let response = admin.create(NAME).await;
    assert_eq!(response.status, 201, "{}", response.text());
    (app, admin)
}

/// Sends a request whose `nth` call of an operation takes an hour, and waits until it has come that far.
async fn held(
    app: &TestApp,
    (service, operation, nth): (Service, &str, usize),
    request: impl Future<Output = TestResponse> + Send + 'static,
) -> JoinHandle<TestResponse> {
    let waits = || {
        let calls = app.probe.calls();
        let call = calls.iter().filter(|call| call.operation == operation).nth(nth - 1);
        call.is_some_and(|call| call.ended.is_none())
    };
    app.probe.reset();
    app.probe.inject(Target::operation(service, operation, nth), Fault::Delay(HELD));
    let task = tokio::spawn(request);
    for _ in 0..10_000 {
        if waits() || task.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(waits(), "the request comes to its {operation}");
    task
}

/// Lets time pass for whoever waits.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Checks an error in JSON: its body is `{"error","code"}`, and the message is this.
#[track_caller]
fn json_error(response: &TestResponse, status: u16, message: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    let body = response.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert_eq!(body["error"], message);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
}

/// Checks an error in JSON whose message has these words.
#[track_caller]
fn json_error_with(response: &TestResponse, status: u16, words: &str) {
    let error = response.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains(words), "{error}");
    json_error(response, status, &error);
}

/// Checks an error in plain text.
#[track_caller]
fn text_error(response: &TestResponse, status: u16, message: &str) {
    assert_eq!((response.status, response.text().as_str()), (status, message));
    assert_eq!(response.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(response.header("cache-control"), "no-store");
}

/// Checks a status without a body.
#[track_caller]
fn empty(response: &TestResponse, status: u16) {
    assert_eq!((response.status, response.text().as_str()), (status, ""));
}

/// Sends bytes to the address of an announced upload, with the headers it names.
async fn send(announced: &Value, bytes: &[u8]) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(announced["method"], "PUT");
    let mut request = client.put(announced["url"].as_str().unwrap()).body(bytes.to_vec());
    // The length is sent as it is, so that a wrong one is seen to be refused.
    for (name, value) in announced["headers"].as_object().unwrap() {
        if name != "content-length" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    request.send().await.unwrap().status().as_u16()
}

/// Announces and sends a file, and gives the id of the upload.
async fn sent(caller: &ApiCaller, version: &str, bytes: &[u8]) -> String {
    let announced = caller.announce(NAME, version, bytes).await;
    assert_eq!(announced.status, 200, "{}", announced.text());
    let announced = announced.json();
    assert_eq!(send(&announced, bytes).await, 200);
    announced["upload_id"].as_str().unwrap().to_owned()
}
