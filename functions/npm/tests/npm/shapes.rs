//! The same request through plain HTTP, API Gateway's HTTP API and a Function URL.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, EventShape, TestApp};
use serde_json::{Value, json};

use super::support::{Asked, INSTALL, at, private, publish};

const SHAPES: [EventShape; 2] = [EventShape::HttpApi, EventShape::FunctionUrl];

/// What a client sees of an answer, without what differs from request to request.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

const HEADERS: [&str; 11] = [
    "content-type",
    "content-encoding",
    "etag",
    "cache-control",
    "vary",
    "last-modified",
    "www-authenticate",
    "retry-after",
    "location",
    "x-content-type-options",
    "content-length",
];

fn header(name: &'static str, value: &str, status: u16) -> (&'static str, String) {
    match name {
        // Its signature holds the time of day.
        "location" => (name, value.split('?').next().unwrap().to_owned()),
        // What gives a length to an answer without a body differs between front doors.
        "content-length" if status == 302 || status == 204 || status == 304 => (name, String::new()),
        _ => (name, value.to_owned()),
    }
}

async fn plain(actor: &Actor, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Seen {
    let response = actor.request(method, path, headers, body.to_vec()).await;
    let headers = HEADERS.map(|name| header(name, response.header(name), response.status));
    Seen { status: response.status, headers: headers.into(), body: response.body.to_vec() }
}

async fn event(
    app: &TestApp,
    shape: EventShape,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Seen {
    let response = app.event(shape, method, path, headers, body).await;
    let text = |name: &str| response.headers[name].as_str().unwrap_or("");
    let headers = HEADERS.map(|name| header(name, text(name), response.status));
    Seen { status: response.status, headers: headers.into(), body: response.body }
}

fn noise(length: u32) -> Vec<u8> {
    (0..length).flat_map(|n| n.wrapping_mul(2_654_435_761).rotate_left(7).to_be_bytes()).collect()
}

/// Every route, each in a form that changes nothing.
fn requests() -> Vec<Asked> {
    let json_body =
        |method, path, body: Value| (method, path, vec![("content-type", "application/json")], body);
    let mut all = Vec::new();
    for path in [
        "",
        "@acme%2fpad",
        "@acme%2Fpad",
        "%40acme%2fpad",
        "@acme/pad",
        "@acme%2fpad?write=true",
        "@acme%2fpad/1.0.0",
        "@acme%2fpad/latest",
        "@acme%2fpad/9.9.9",
        "unknown",
        "_bad",
        "@acme%2fpad/-/pad-1.0.0.tgz",
        "@acme/pad/-/pad-1.0.0.tgz",
        "@acme/pad/-/@acme/pad-1.0.0.tgz",
        "-/tarball/%40acme%2Fpad/1.0.0",
        "-/tarball/@acme/pad/2.0.0",
        "@acme%2fpad/-/pad-2.0.0.tgz",
        "-/package/@acme%2fpad/dist-tags",
        "-/package/@acme%2fpad/visibility",
        "-/package/@acme%2fpad/collaborators",
        "-/ping",
        "-/whoami",
        "-/v1/search?text=pad&size=20&from=0",
        "-/v1/search",
        "-/npm/v1/user",
        "-/npm/v1/keys",
        "-/npm/v1/attestations/@acme%2fpad@1.0.0",
        "-/user/org.couchdb.user:ann",
        "-/user/ann/package",
        "-/org/acme/package",
        "-/org/acme/user",
        "-/nothing/there",
        "-/v1/login/done/unknown.secret",
    ] {
        all.push(("GET", path, vec![], Value::Null));
        all.push(("HEAD", path, vec![], Value::Null));
    }
    for accept in ["application/json", INSTALL] {
        all.push(("GET", "@acme%2fpad", vec![("accept", accept), ("accept-encoding", "gzip")], Value::Null));
        all.push(("GET", "@acme%2fpad", vec![("accept", accept), ("if-none-match", "*")], Value::Null));
    }
    all.extend([
        json_body("PUT", "@acme%2fpad", NpmPackage::new("@acme/pad", "1.0.0").body()),
        json_body("PUT", "@acme%2fpad", NpmPackage::new("@acme/pad", "1.0.0").file("x", b"x").body()),
        json_body("PUT", "@acme%2fpad", NpmPackage::new("other", "1.0.0").body()),
        json_body("PUT", "@acme%2fpad/-rev/99-x", json!({ "versions": { "1.0.0": {} } })),
        json_body("DELETE", "@acme%2fpad/-rev/99-x", Value::Null),
        json_body("DELETE", "-/tarball/%40acme%2Fpad/9.9.9/-rev/x", Value::Null),
        json_body("PUT", "-/package/@acme%2fpad/dist-tags/latest", json!("2.0.0")),
        json_body("DELETE", "-/package/@acme%2fpad/dist-tags/latest", Value::Null),
        json_body("POST", "-/package/@acme%2fpad/access", json!({ "access": "private" })),
        json_body("POST", "-/npm/v1/security/advisories/bulk", json!({ "pad": ["1.0.0"] })),
        json_body("POST", "-/npm/v1/security/audits/quick", json!({})),
        json_body("PUT", "-/user/org.couchdb.user:ann", json!({ "name": "ann", "password": "wrong" })),
        json_body("DELETE", "-/npm/v1/tokens/token/unknown", Value::Null),
        json_body("OPTIONS", "@acme%2fpad", Value::Null),
        json_body("PATCH", "@acme%2fpad", Value::Null),
    ]);
    all
}

#[tokio::test]
async fn every_route_answers_alike_through_every_front_door() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("@acme/pad", "1.0.0").file("text.txt", "h\u{e9}llo".as_bytes())).await;
    publish(&ann, &NpmPackage::new("@acme/pad", "2.0.0").file("x.bin", &noise(100_000))).await;
    let bearer = format!("Bearer {}", ann.secret());
    for authorization in [bearer.as_str(), "Bearer nonsense", ""] {
        for (method, path, headers, body) in requests() {
            let path = if path.is_empty() { "/api/npm/libs".to_owned() } else { at(path) };
            let mut headers = headers.clone();
            if !authorization.is_empty() {
                headers.push(("authorization", authorization));
            }
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            let expected = plain(&app.anonymous(), method, &path, &headers, &body).await;
            for shape in SHAPES {
                let seen = event(&app, shape, method, &path, &headers, &body).await;
                assert_eq!(seen, expected, "{shape:?} {method} {path} {headers:?}");
            }
        }
    }
    app.check_consistency("libs").await;
}

#[tokio::test]
async fn publishing_works_through_every_front_door() {
    let (app, ann) = private().await;
    let bearer = format!("Bearer {}", ann.secret());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for (index, shape) in SHAPES.into_iter().enumerate() {
        let package = NpmPackage::new("@acme/pad", &format!("1.0.{index}")).file("x.bin", &noise(1_000));
        let body = package.body().to_string();
        let response = app.event(shape, "PUT", &at("@acme%2fpad"), &headers, body.as_bytes()).await;
        assert_eq!(response.status, 201, "{shape:?}: {}", String::from_utf8_lossy(&response.body));
        let path = at(&format!("@acme%2fpad/-/pad-1.0.{index}.tgz"));
        let file = app.event(shape, "GET", &path, &headers, b"").await;
        assert_eq!((file.status, file.body), (200, package.tarball()), "{shape:?}");
    }
    assert_eq!(app.check_consistency("libs").await.live.len(), 2);
}

#[tokio::test]
async fn bytes_that_are_no_text_leave_as_base64() {
    let (app, ann) = private().await;
    // Files whose names and contents look like text to a guess.
    let package =
        NpmPackage::new("pad", "1.0.0").file("x.json", &noise(300)).file("y.html", &[0xff, 0xfe, 0x80]);
    publish(&ann, &package).await;
    let bearer = format!("Bearer {}", ann.secret());
    for shape in SHAPES {
        let file =
            app.event(shape, "GET", &at("pad/-/pad-1.0.0.tgz"), &[("authorization", &bearer)], b"").await;
        assert!(file.was_base64, "{shape:?}");
        assert_eq!(file.body, package.tarball(), "{shape:?}");
        let headers = [("authorization", bearer.as_str()), ("accept-encoding", "gzip")];
        let document = app.event(shape, "GET", &at("pad"), &headers, b"").await;
        assert!(document.was_base64 && document.headers["content-encoding"] == "gzip", "{shape:?}");
        assert!(document.body.starts_with(&[0x1f, 0x8b]), "{shape:?}");
        let plain = app.event(shape, "GET", &at("pad"), &[("authorization", &bearer)], b"").await;
        assert_eq!(super::support::gunzip(&document.body), plain.body, "{shape:?}");
    }
}

/// Paths that a careless reader would take for `victim`, for another repository, or for no path at all.
const BAD: [&str; 40] = [
    "/api/npm/libs/x/../victim",
    "/api/npm/libs/./victim",
    "/api/npm/libs//victim",
    "/api/npm//libs/victim",
    "/api/npm/other/../libs/victim",
    "/api/npm/libs/%2e%2e/libs/victim",
    "/api/npm/libs/%2E%2E/libs/victim",
    "/api/npm/libs/.%2e/libs/victim",
    "/api/npm/libs/%2e/victim",
    "/api/npm/libs/%252e%252e/victim",
    "/api/npm/libs/..%2fvictim",
    "/api/npm/libs/..%5cvictim",
    "/api/npm/libs/x%5c..%5cvictim",
    "/api/npm/libs%2fvictim",
    "/api/npm/libs%2f..%2flibs/victim",
    "/api/npm/libs/%2fvictim",
    "/api/npm/libs/%2f%2fvictim",
    "/api/npm/libs/victim%00",
    "/api/npm/libs/vic%00tim",
    "/api/npm/libs/victim%0a",
    "/api/npm/libs/victim%0d%0ax-evil:1",
    "/api/npm/libs/victim;a=1",
    "/api/npm/libs/victim%3ba=1",
    "/api/npm/libs/victim.",
    "/api/npm/libs/victim%20",
    "/api/npm/libs/%20victim",
    "/api/npm/libs/victim%09",
    "/api/npm/libs/victim%23x",
    "/api/npm/libs/victim%25",
    "/api/npm/libs/v%c4%b1ctim",
    "/api/npm/libs/v%d1%96ctim",
    "/api/npm/libs/%ef%bd%96ictim",
    "/api/npm/libs/victim%e2%80%8b",
    "/api/npm/libs/%c0%ae%c0%ae/victim",
    "/api/npm/libs/%ffvictim",
    "/api/npm/libs/@acme%2f..%2fvictim",
    "/api/npm/libs/@acme%2f%2fvictim",
    "/api/npm/libs/@..%2fvictim",
    "/api/npm/libs/@acme%252fvictim",
    "/api/npm/libs/@%2fvictim",
];

#[tokio::test]
async fn ambiguous_paths_are_refused_through_every_front_door_and_store_nothing() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("victim", "1.0.0")).await;
    let before = app.check_consistency("libs").await;
    let bearer = format!("Bearer {}", ann.secret());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let publish_body = NpmPackage::new("victim", "2.0.0").body().to_string();
    for path in BAD {
        for (method, body) in [("PUT", publish_body.as_str()), ("GET", ""), ("DELETE", "")] {
            let mut answers =
                vec![("plain HTTP", plain(&ann, method, path, &headers[1..], body.as_bytes()).await)];
            // API Gateway decodes this one to the plain path of `victim`, and the function cannot know.
            let decodes = path == "/api/npm/libs%2fvictim";
            for shape in SHAPES.into_iter().filter(|shape| !(decodes && *shape == EventShape::HttpApi)) {
                let name = if shape == EventShape::HttpApi { "HTTP API" } else { "Function URL" };
                answers.push((name, event(&app, shape, method, path, &headers, body.as_bytes()).await));
            }
            for (shape, seen) in answers {
                let text = String::from_utf8_lossy(&seen.body);
                assert!(
                    matches!(seen.status, 400 | 404 | 405),
                    "{shape} {method} {path}: {} {text}",
                    seen.status
                );
                assert!(!text.contains("victim@1.0.0"), "{shape} {method} {path}: {text}");
            }
        }
        let deletion = format!("{path}/-rev/undefined");
        let seen = event(&app, EventShape::FunctionUrl, "DELETE", &deletion, &headers, b"").await;
        assert!(matches!(seen.status, 400 | 404 | 405), "{deletion}: {}", seen.status);
        assert_eq!(app.check_consistency("libs").await, before, "{path}");
    }
    // What API Gateway cuts off never reaches the function; the other two see it and refuse.
    for shape in SHAPES {
        let seen = event(&app, shape, "PUT", &at("x%3f/../victim"), &headers, publish_body.as_bytes()).await;
        assert!(matches!(seen.status, 400 | 404), "{shape:?}: {}", seen.status);
    }
    assert_eq!(app.check_consistency("libs").await, before);
}

#[tokio::test]
async fn ambiguous_parts_below_a_package_are_refused_too() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("victim", "1.0.0")).await;
    let before = app.check_consistency("libs").await;
    let bearer = format!("Bearer {}", ann.secret());
    let headers = [("authorization", bearer.as_str())];
    for rest in [
        "victim/-/..%2fvictim-1.0.0.tgz",
        "victim/-/../victim-1.0.0.tgz",
        "victim/-/./victim-1.0.0.tgz",
        "victim/-/victim-1.0.0.tgz%00",
        "victim/-/victim-1.0.0.tgz;x",
        "victim/-/victim-1.0.0.tgz%20",
        "victim/-//victim-1.0.0.tgz",
        "victim/-/victim%2f1.0.0.tgz",
        "victim/-/victim-1.0.0%2f..%2f1.0.0.tgz",
        "-/tarball/victim/1.0.0%00",
        "-/tarball/victim/../victim/1.0.0",
        "-/tarball/victim//1.0.0",
        "-/package/victim/../victim/dist-tags",
        "-/package/victim%00/dist-tags",
        "-/package//victim/dist-tags",
        "-/package/victim/dist-tags/..%2flatest",
        "-/package/victim/dist-tags/latest%00",
        "victim/1.0.0%00",
        "victim/%2e%2e/victim",
        "victim/1.0.0/",
        "-/../victim",
        "-/./ping/../../victim",
    ] {
        let path = at(rest);
        for shape in SHAPES {
            for method in ["GET", "DELETE"] {
                let seen = event(&app, shape, method, &path, &headers, b"").await;
                // A trailing slash alone means nothing, so it is left off.
                let fine = rest == "victim/1.0.0/" && method == "GET" && seen.status == 200;
                assert!(
                    fine || matches!(seen.status, 400 | 404 | 405),
                    "{shape:?} {method} {path}: {}",
                    seen.status
                );
            }
        }
        assert_eq!(app.check_consistency("libs").await, before, "{path}");
    }
}
