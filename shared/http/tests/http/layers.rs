//! Failures that no handler answers for are in the dialect of their path.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use axum::response::Response;
use axum::routing::get;
use granary_http::{AppState, serve};
use granary_testing::TestApp;
use serde_json::Value;
use tower::ServiceExt as _;

/// An application with a handler that only panics, below `/api/swift` and elsewhere.
async fn fragile() -> (TestApp, granary_http::App) {
    let app = TestApp::new().await;
    let routes: Router<AppState> =
        Router::new().route("/api/swift/r/defect", get(defect)).route("/api/npm/r/defect", get(defect));
    let fragile = serve(routes, app.state().clone());
    (app, fragile)
}

async fn defect() -> Response {
    panic!("the table is on fire")
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap()
}

#[tokio::test]
async fn swift_reads_even_refusals_before_routing_and_defects() {
    let (_app, fragile) = fragile().await;
    for (path, status) in [
        ("/api/swift/r/a//b", 400),
        ("/api/swift/r/../x", 400),
        ("/api/swift/r/%252e", 400),
        ("/api/swift/r/unknown", 404),
        ("/api/swift/r/defect", 500),
    ] {
        let response =
            fragile.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json", "{path}");
        assert_eq!(
            (&headers["content-version"], &headers[header::CONTENT_LANGUAGE]),
            (&"1".parse().unwrap(), &"en".parse().unwrap())
        );
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert!(!headers["x-request-id"].is_empty());
        let problem = json(response).await;
        assert_eq!(problem["status"], status, "{path}");
        assert_eq!(problem["detail"], problem["error"]);
        assert!(!problem.to_string().contains("fire"));
    }
}

#[tokio::test]
async fn others_get_what_the_registry_answers_everywhere() {
    let (_app, fragile) = fragile().await;
    for (path, status) in [
        ("/api/npm/r/a//b", 400),
        ("/api/npm/r/unknown", 404),
        ("/api/swiftly", 404),
        ("/api/npm/r/defect", 500),
    ] {
        let response =
            fragile.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json", "{path}");
        assert!(!response.headers().contains_key("content-version"), "{path}");
        let body = json(response).await;
        assert!(
            body["error"].is_string() && body.get("title").is_none() && !body.to_string().contains("fire")
        );
    }
}
