//! Requests that are held up at one of their storage calls, while others come and go.

use std::time::Duration;

use granary_storage::Key;
use granary_storage::rows::UsageRow;
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{NAME, REPO, announced, consumer, id, made, package, permit, put_zip, send, shop, versions, zip};

/// How long a call is held up: far longer than what is done meanwhile takes.
const WHILE: Duration = Duration::from_secs(2);

/// Whether a call of an operation is under way.
fn is_waiting(app: &TestApp, operation: &str) -> bool {
    app.probe.calls().iter().any(|call| call.operation == operation && call.ended.is_none())
}

/// Begins a request, and comes back as soon as its `nth` call of an operation is being held up.
async fn begin(
    app: &TestApp,
    service: Service,
    (operation, nth): (&str, usize),
    time: Duration,
    request: impl Future<Output = TestResponse> + Send + 'static,
) -> JoinHandle<TestResponse> {
    let count = |app: &TestApp| app.probe.calls().iter().filter(|call| call.operation == operation).count();
    app.probe.reset();
    app.probe.inject(Target::operation(service, operation, nth), Fault::Delay(time));
    let task = tokio::spawn(request);
    for _ in 0..10_000 {
        if (count(app) >= nth && is_waiting(app, operation)) || task.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(count(app), nth, "the request comes to its call {nth} of {operation}");
    task
}

fn deletion(ann: &Actor, path: String) -> impl Future<Output = TestResponse> + Send + 'static {
    let ann = ann.clone();
    async move { ann.delete(&path).await }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_that_is_deleted_while_a_version_is_published_leaves_nothing() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let path = format!("/versions/package/{one}");
    let number = id(&made(&ann, &path, json!({ "name": "1.0" })).await);
    let publisher = ann.clone();
    // It has looked at the package, and stores the bytes.
    let publish = begin(&app, Service::S3, ("PutObject", 1), WHILE, async move {
        put_zip(&publisher, number, &zip(NAME, "1.0")).await
    })
    .await;
    // It has buried what was published, and reads the numbers of the versions.
    let deleting = deletion(&ann, format!("/packages/{one}"));
    let deleted = begin(&app, Service::DynamoDb, ("Query", 2), 2 * WHILE, deleting).await;
    let (publish, deleted) = (publish.await.unwrap(), deleted.await.unwrap());
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    assert_eq!(publish.status, 400, "{}", publish.text());
    assert!(publish.error().contains("being deleted"), "{}", publish.text());
    assert_eq!(ann.get(&format!("/versions/{number}")).await.status, 404);
    assert_eq!(versions(&ann, NAME).await, Vec::<String>::new());
    app.settle().await;
    let usage: Option<UsageRow> =
        app.state().storage().get(&Key::Usage(REPO.parse().unwrap())).await.unwrap();
    assert_eq!(usage.unwrap_or_default(), UsageRow::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_that_is_made_while_its_package_is_deleted_goes_with_it() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let (customer, _) = consumer(&app, &ann).await;
    // It has taken all permissions away, and removes the package's row.
    let deleting = deletion(&ann, format!("/packages/{one}"));
    let deleted = begin(&app, Service::DynamoDb, ("TransactWriteItems", 2), WHILE, deleting).await;
    let permission = permit(&ann, customer, one, "*").await;
    assert_eq!(deleted.await.unwrap().status, 204);
    assert_eq!(ann.get(&format!("/permissions/{permission}")).await.status, 404);
    // What an attempt that broke off at its end has left, the next one takes.
    let one = package(&ann, NAME).await;
    let deleting = deletion(&ann, format!("/packages/{one}"));
    let deleted = begin(&app, Service::DynamoDb, ("TransactWriteItems", 2), WHILE, deleting).await;
    let permission = permit(&ann, customer, one, "*").await;
    app.probe.inject(Target::operation(Service::DynamoDb, "Query", 1), Fault::Refuse);
    assert_eq!(deleted.await.unwrap().status, 503);
    app.probe.reset();
    assert_eq!(ann.get(&format!("/permissions/{permission}")).await.status, 200);
    assert_eq!(ann.delete(&format!("/packages/{one}")).await.status, 404);
    assert_eq!(ann.get(&format!("/permissions/{permission}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_that_moves_while_it_is_deleted_is_gone() {
    for call in [("GetItem", 2), ("GetItem", 3), ("TransactWriteItems", 1)] {
        let (app, ann) = shop().await;
        let one = package(&ann, NAME).await;
        let ((a, _), (b, _)) = (consumer(&app, &ann).await, consumer(&app, &ann).await);
        let path = format!("/permissions/{}", permit(&ann, a, one, "*").await);
        let deleted = begin(&app, Service::DynamoDb, call, WHILE, deletion(&ann, path.clone())).await;
        let moved = ann.patch_json(&path, &json!({ "consumer_id": b })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        let deleted = deleted.await.unwrap();
        assert_eq!(deleted.status, 204, "{call:?} {}", deleted.text());
        assert_eq!(ann.get(&path).await.status, 404, "{call:?}");
        for number in [a, b] {
            let listed = ann.get(&format!("/consumers/{number}/packages/{one}")).await.json();
            assert_eq!(listed, json!([]), "{call:?}");
        }
    }
}

/// A version whose file has been sent to the bucket, and the path of its confirmation.
async fn sent(ann: &Actor) -> String {
    let one = package(ann, NAME).await;
    let bytes = zip(NAME, "1.0");
    let version = made(ann, &format!("/versions/package/{one}"), announced("1.0", &bytes)).await;
    assert_eq!(send(&version, &bytes).await, 200);
    format!("/versions/{}/confirm", id(&version))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_that_comes_too_late_is_as_good_as_the_first() {
    let (app, ann) = shop().await;
    let path = sent(&ann).await;
    let (late, its) = (ann.clone(), path.clone());
    let late = begin(&app, Service::S3, ("GetObject", 1), WHILE, async move {
        late.request("POST", &its, &[], "").await
    })
    .await;
    assert_eq!(ann.request("POST", &path, &[], "").await.status, 200);
    let late = late.await.unwrap();
    assert_eq!(late.status, 200, "{}", late.text());
    assert!(late.json().get("upload_url").is_none(), "{}", late.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_loses_the_repository_during_a_long_confirmation_publishes_nothing() {
    let (app, ann) = shop().await;
    let path = sent(&ann).await;
    app.add_member("ann", REPO, "bob", "owner").await;
    let slow = ann.clone();
    let slow = begin(&app, Service::S3, ("GetObject", 1), WHILE, async move {
        slow.request("POST", &path, &[], "").await
    })
    .await;
    let left = app.user("ann").delete(&format!("/api/repos/{REPO}/members?userId=ann")).await;
    assert_eq!(left.status, 200, "{}", left.text());
    app.clock.advance_millis(10_000);
    let slow = slow.await.unwrap();
    assert_eq!(slow.status, 400, "{}", slow.text());
    assert_eq!(versions(&app.user("bob"), NAME).await, Vec::<String>::new());
}
