//! The function as a process of its own, between a runtime API and an AWS that are made up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Longest that anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many requests the function gets.
const REQUESTS: usize = 2;

#[derive(Clone)]
struct Surroundings {
    /// How `DynamoDB` refuses everything.
    refusal: &'static str,
    given: Arc<AtomicUsize>,
    answers: Sender<Value>,
}

/// The runtime API hands out the next request; after the last one it has none for ever.
async fn next(State(surroundings): State<Surroundings>) -> Response {
    if surroundings.given.fetch_add(1, Ordering::Relaxed) >= REQUESTS {
        std::future::pending::<()>().await;
    }
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/api/raw/files/a/1/f", "rawQueryString": "",
        "headers": { "host": "localhost" }, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "0", "apiId": "a", "domainName": "localhost", "domainPrefix": "a", "requestId": "r",
            "routeKey": "$default", "stage": "$default", "time": "t", "timeEpoch": 0,
            "http": {
                "method": "GET", "path": "/api/raw/files/a/1/f", "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "test"
            },
        },
    });
    let headers = [
        ("lambda-runtime-aws-request-id", "r1"),
        // Far away: it is the year 5138.
        ("lambda-runtime-deadline-ms", "99999999999999"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:0:function:raw"),
    ];
    (headers.map(|(name, value)| (HeaderName::from_static(name), value)), event.to_string()).into_response()
}

async fn answer(State(surroundings): State<Surroundings>, body: Bytes) -> StatusCode {
    surroundings.answers.send(serde_json::from_slice(&body).unwrap()).await.unwrap();
    StatusCode::ACCEPTED
}

async fn aws(State(surroundings): State<Surroundings>) -> Response {
    let body = json!({ "__type": surroundings.refusal, "message": "made up" }).to_string();
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body).into_response()
}

/// Starts the function, and gives what it answers.
async fn start(refusal: &'static str) -> (Child, Receiver<Value>) {
    let (answers, receiver) = channel(REQUESTS);
    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/r1/response", post(answer))
        .fallback(aws)
        .with_state(Surroundings { refusal, given: Arc::default(), answers });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let (address, endpoint) = (address.to_string(), format!("http://{address}"));
    let settings = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "raw"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("GRANARY_PUBLIC_URL", "http://localhost"),
        ("GRANARY_OIDC_ISSUER", "https://id.example.com"),
        ("GRANARY_OIDC_AUDIENCE", "granary"),
        ("GRANARY_REGISTRY_TABLE", "registry"),
        ("GRANARY_EPHEMERAL_TABLE", "ephemeral"),
        ("GRANARY_COUNTERS_TABLE", "counters"),
        ("GRANARY_BUCKET", "bucket"),
        ("GRANARY_EVENTS_QUEUE_URL", endpoint.as_str()),
        ("GRANARY_LOG", "off"),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_granary-fn-raw"));
    let child =
        command.env_clear().envs(settings).stderr(std::process::Stdio::null()).kill_on_drop(true).spawn();
    (child.unwrap(), receiver)
}

async fn status(answers: &mut Receiver<Value>) -> Option<u64> {
    tokio::time::timeout(PATIENCE, answers.recv()).await.unwrap()?.get("statusCode")?.as_u64()
}

#[tokio::test]
async fn a_function_with_credentials_that_are_refused_answers_and_ends() {
    for refusal in [
        "com.amazon.coral.service#ExpiredTokenException",
        "com.amazon.coral.service#UnrecognizedClientException",
    ] {
        let (mut function, mut answers) = start(refusal).await;
        assert_eq!(status(&mut answers).await, Some(503), "{refusal}");
        let ended = tokio::time::timeout(PATIENCE, function.wait()).await.unwrap().unwrap();
        assert_eq!(ended.code(), Some(1), "{refusal}");
        assert!(answers.try_recv().is_err(), "the next request is for another process");
    }
}

#[tokio::test]
async fn a_function_whose_table_is_throttled_goes_on() {
    let (mut function, mut answers) =
        start("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException").await;
    for _ in 0..REQUESTS {
        assert_eq!(status(&mut answers).await, Some(503));
    }
    assert!(function.try_wait().unwrap().is_none(), "it waits for more");
    function.kill().await.unwrap();
}
