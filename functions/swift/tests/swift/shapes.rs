//! The same request through plain HTTP, API Gateway's HTTP API and a Function URL.

use granary_testing::EventShape;
use granary_testing::swift::{PublishForm, simple_archive};

use crate::support::{at, published, with};

const HEADERS: [&str; 12] = [
    "content-type",
    "content-version",
    "content-language",
    "content-disposition",
    "digest",
    "etag",
    "link",
    "location",
    "cache-control",
    "vary",
    "www-authenticate",
    "allow",
];

#[tokio::test]
async fn every_route_answers_alike_through_every_front_door() {
    let (app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    published(&ann, "1.1.0+linux.zip").await;
    let bearer = format!("Bearer {}", ann.secret());
    for authorization in [Some(bearer.as_str()), Some("Bearer nonsense"), None] {
        let headers: Vec<(&str, &str)> =
            authorization.into_iter().map(|value| ("authorization", value)).collect();
        for (method, path) in [
            ("GET", ""),
            ("GET", "mona/LinkedList"),
            ("HEAD", "mona/LinkedList"),
            ("GET", "MONA/LinkedList.json"),
            ("GET", "mona/LinkedList/1.0.0"),
            ("GET", "mona/LinkedList/1.1.0+linux.zip"),
            ("GET", "mona/LinkedList/1.1.0%2Blinux.zip.zip"),
            ("GET", "mona/LinkedList/1.0.0.zip"),
            ("HEAD", "mona/LinkedList/1.0.0.zip"),
            ("GET", "mona/LinkedList/1.0.0/Package.swift"),
            ("GET", "mona/LinkedList/1.0.0/Package.swift?swift-version=4.2"),
            ("GET", "identifiers?url=https%3A%2F%2Fexample.com%2Fa%2Fb"),
            ("GET", "identifiers"),
            ("POST", "login"),
            ("POST", ""),
            ("GET", "mona/%2e%2e/1.0.0"),
            ("GET", "mona/_x"),
            ("PUT", "mona/LinkedList/1.0.0"),
            ("DELETE", "mona/LinkedList/9.0.0"),
        ] {
            let plain = app.anonymous().request(method, &at(path), &headers, "").await;
            for shape in [EventShape::HttpApi, EventShape::FunctionUrl] {
                let event = app.event(shape, method, &at(path), &headers, b"").await;
                let place = format!("{shape:?} {method} {path} {authorization:?}");
                assert_eq!((event.status, &event.body), (plain.status, &plain.body.to_vec()), "{place}");
                for name in HEADERS {
                    assert_eq!(
                        event.headers[name].as_str().unwrap_or(""),
                        plain.header(name),
                        "{place} {name}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn publishing_works_through_every_front_door() {
    let (app, ann) = with("private").await;
    let bearer = format!("Bearer {}", ann.secret());
    for (index, shape) in [EventShape::HttpApi, EventShape::FunctionUrl].into_iter().enumerate() {
        let archive = simple_archive(&index.to_string());
        let form = PublishForm::new(&archive).metadata(r#"{"description":"ü"}"#);
        let mut headers = form.headers();
        headers.push(("authorization", &bearer));
        let path = at(&format!("mona/LinkedList/1.{index}.0"));
        let response = app.event(shape, "PUT", &path, &headers, &form.body()).await;
        assert_eq!(response.status, 201, "{shape:?}: {}", String::from_utf8_lossy(&response.body));
        let credentials = [("authorization", bearer.as_str())];
        let download = app.event(shape, "GET", &format!("{path}.zip"), &credentials, b"").await;
        assert_eq!((download.status, download.body), (200, archive), "{shape:?}");
    }
}
