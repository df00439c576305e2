//! Storage that fails or hangs: how often it is asked, how long a client waits, what it is told.

use std::time::Duration;

use granary_model::Clock as _;
use granary_testing::probe::{Answer, Fault, Service, Target};
use granary_testing::{Actor, EventResponse, EventShape, TestApp, TestResponse};
use tokio::time::Instant;

/// A call that does not come back by itself.
const HANGS: Fault = Fault::Delay(Duration::from_hours(24));

/// What the template gives a function, in milliseconds.
const FUNCTION: u64 = 29_000;

async fn with_files(app: TestApp) -> (TestApp, Actor) {
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    app.settle().await;
    (app, ann)
}

async fn put(ann: &Actor, path: &str) -> TestResponse {
    ann.request("PUT", &format!("/api/raw/files/{path}"), &[], "bytes").await
}

/// Lets no time really pass during a request, and gives what would have.
async fn timed<T>(request: impl Future<Output = T>) -> (T, Duration) {
    tokio::time::pause();
    let before = Instant::now();
    let answer = request.await;
    let time = before.elapsed();
    tokio::time::resume();
    (answer, time)
}

/// A request to a function that AWS ends after 29 seconds.
async fn in_function(app: &TestApp, ann: &Actor, method: &str, path: &str) -> EventResponse {
    let deadline = u64::try_from(app.clock.now().millis()).unwrap() + FUNCTION;
    let authorization = format!("Bearer {}", ann.secret());
    let headers = [("authorization", authorization.as_str()), ("user-agent", "curl/8")];
    app.event_until(deadline, EventShape::HttpApi, method, path, &headers, b"bytes").await
}

fn text(response: &EventResponse) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

#[tokio::test]
async fn a_throttled_call_is_made_three_times() {
    let (app, ann) = with_files(TestApp::on_aws().await).await;
    assert_eq!(put(&ann, "a/1/f").await.status, 201);
    for (service, operation) in [(Service::DynamoDb, "BatchGetItem"), (Service::S3, "GetObject")] {
        for (times, status) in [(1, 200), (2, 200), (3, 503)] {
            let reader = app.restarted().token(ann.secret());
            app.probe.reset();
            let target = Target::operation(service, operation, 1).times(times);
            app.probe.inject(target, Fault::Answer(Answer::Throttled));
            let (response, time) = timed(reader.get("/api/raw/files/a/1/f")).await;
            assert_eq!(response.status, status, "{operation} {times}: {}", response.text());
            let made = app.probe.calls().iter().filter(|call| call.operation == operation).count();
            assert_eq!(made, if status == 200 { times + 1 } else { 3 }, "{operation}");
            assert!(time < Duration::from_millis(500), "{operation} {times}: {time:?}");
        }
    }
}

#[tokio::test]
async fn keys_that_were_not_processed_are_asked_for_again() {
    let (app, ann) = with_files(TestApp::on_aws().await).await;
    assert_eq!(put(&ann, "a/1/f").await.status, 201);
    let target = || Target::operation(Service::DynamoDb, "BatchGetItem", 1);
    for (target, status, calls) in [(target().times(4), 200, 5), (target().always(), 503, 5)] {
        app.probe.reset();
        app.probe.inject(target, Fault::Answer(Answer::Unprocessed));
        let (response, _) = timed(ann.get("/api/raw/files/a/1/f")).await;
        assert_eq!(response.status, status, "{}", response.text());
        let read = app.probe.calls().iter().filter(|call| call.operation == "BatchGetItem").count();
        assert_eq!(read, calls);
    }
}

#[tokio::test]
async fn transactions_that_meet_are_repeated_until_they_pass() {
    for answer in [Answer::Conflict, Answer::PartThrottled] {
        let (app, ann) = with_files(TestApp::on_aws().await).await;
        let commit = Target::operation(Service::DynamoDb, "TransactWriteItems", 1);
        app.probe.inject(commit.clone().times(11), Fault::Answer(answer));
        assert_eq!(timed(put(&ann, "a/1/f")).await.0.status, 201, "{answer:?}");
        app.probe.inject(commit.always(), Fault::Answer(answer));
        let (response, time) = timed(put(&ann, "b/1/f")).await;
        assert_eq!((response.status, response.header("retry-after")), (503, "1"), "{answer:?}");
        assert!(time < Duration::from_secs(10), "{answer:?}: {time:?}");
        app.probe.reset();
        assert_eq!(ann.get("/api/raw/files/b/1/f").await.status, 404);
    }
}

/// A message is only a hint: the change is in the outbox, and nobody waits for a queue.
#[tokio::test]
async fn a_queue_that_is_down_delays_a_change_once_and_a_little() {
    let faults = [HANGS, Fault::Refuse, Fault::Answer(Answer::Throttled), Fault::Answer(Answer::Expired)];
    for fault in faults {
        let (app, ann) = with_files(TestApp::on_aws().await).await;
        app.probe.inject(Target::service(Service::Sqs, 1).always(), fault);
        for (method, path, status) in [("PUT", "a/1/f", 201), ("DELETE", "a/1/f", 200)] {
            let sent = || app.probe.calls().iter().filter(|call| call.service == Service::Sqs).count();
            let before = sent();
            let path = format!("/api/raw/files/{path}");
            let (response, time) = timed(ann.request(method, &path, &[], "bytes")).await;
            assert_eq!(response.status, status, "{fault:?}: {}", response.text());
            assert!(time <= granary_storage::policy::MESSAGE, "{fault:?}: {time:?}");
            assert!((1..=2).contains(&(sent() - before)), "{fault:?}: {} messages", sent() - before);
        }
        app.probe.reset();
        assert!(app.outbox().await.len() >= 2, "{fault:?}");
        // The claim on the bytes has ended as well by then.
        app.clock.advance_millis(3_700_000);
        let report = granary_events::sweep(app.state(), false).await.unwrap();
        assert_eq!(report.failed, 0);
        assert!(app.outbox().await.is_empty(), "{fault:?}: the sweep finds them");
    }
}

#[tokio::test]
async fn credentials_that_are_refused_are_the_operators_matter() {
    for answer in [Answer::Expired, Answer::Unknown] {
        for (service, path) in
            [(Service::DynamoDb, "/api/repos/files"), (Service::S3, "/api/raw/files/a/1/f")]
        {
            let (app, ann) = with_files(TestApp::on_aws().await).await;
            assert_eq!(put(&ann, "a/1/f").await.status, 201);
            let reader = app.restarted().token(ann.secret());
            app.probe.reset();
            app.probe.inject(Target::service(service, 1).always(), Fault::Answer(answer));
            let response = reader.get(path).await;
            assert_eq!(response.status, 503, "{service:?} {answer:?}: {}", response.text());
            assert!(response.error().contains("tell whoever runs the registry"), "{}", response.error());
            let asked = app.probe.calls().iter().filter(|call| call.service == service).count();
            assert_eq!(asked, 1, "the same credentials are not tried again");
        }
    }
}

#[tokio::test]
async fn a_request_that_hangs_is_answered_before_the_function_is_ended() {
    let (app, ann) = with_files(TestApp::new().await).await;
    app.probe.reset();
    assert_eq!(put(&ann, "measured/1/f").await.status, 201);
    for nth in 1..=app.probe.count() {
        let path = format!("/api/raw/files/p{nth}/1/f");
        app.probe.reset();
        app.probe.inject(Target::any(nth), HANGS);
        let (response, time) = timed(in_function(&app, &ann, "PUT", &path)).await;
        app.probe.reset();
        assert_eq!(response.status, 503, "{nth}: {}", text(&response));
        assert_eq!(time.as_secs(), 26, "{nth}: three seconds before the end");
        assert_eq!(response.headers["retry-after"], "1");
        assert!(response.headers["x-request-id"].is_string());
        assert!(text(&response).contains("try again"), "{}", text(&response));
        // Whatever it left: it is whole or invisible, and the client succeeds when it comes again.
        assert!(matches!(ann.get(&path).await.status, 200 | 404));
        let again = in_function(&app, &ann, "PUT", &path).await;
        assert_eq!(again.status, 201, "{nth}: {}", text(&again));
        assert_eq!(ann.get(&path).await.text(), "bytes");
    }
}

#[tokio::test]
async fn too_late_is_said_in_the_protocol_of_the_client() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "all", &["npm", "maven", "swift", "raw"], "private").await;
    for (path, form) in [
        ("/api/npm/all/pad", "application/json"),
        ("/api/raw/all/pad", "application/json"),
        ("/api/maven/all/com/example/a/maven-metadata.xml", "application/problem+json"),
        ("/api/swift/all/mona/List", "application/problem+json"),
    ] {
        app.probe.reset();
        app.probe.inject(Target::any(1), HANGS);
        let (response, _) = timed(in_function(&app, &ann, "GET", path)).await;
        app.probe.reset();
        assert_eq!(
            (response.status, response.headers["content-type"].as_str().unwrap()),
            (503, form),
            "{path}"
        );
        assert!(text(&response).contains("try again"), "{path}");
        assert_eq!(
            response.headers.get("content-version").is_some(),
            path.starts_with("/api/swift"),
            "{path}"
        );
    }
}

/// A function sends an answer as a whole, so one that breaks off has not been seen by anybody.
#[tokio::test]
async fn a_download_that_breaks_off_in_a_function_is_a_503() {
    let (app, ann) = with_files(TestApp::on_aws().await).await;
    let large = vec![b'x'; 300_000];
    assert_eq!(ann.request("PUT", "/api/raw/files/a/1/f", &[], large.clone()).await.status, 201);
    app.probe.reset();
    app.probe.inject(Target::operation(Service::S3, "GetObject", 1), Fault::BreakOff);
    let broken = in_function(&app, &ann, "GET", "/api/raw/files/a/1/f").await;
    assert_eq!((broken.status, &broken.headers["retry-after"]), (503, &"1".into()), "{}", text(&broken));
    let whole = in_function(&app, &ann, "GET", "/api/raw/files/a/1/f").await;
    assert_eq!((whole.status, whole.body.len()), (200, large.len()));
}
