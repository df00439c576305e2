//! The same request through plain HTTP, API Gateway's HTTP API and a Function URL.

use granary_testing::{Actor, EventShape, TestApp};

use super::support::{
    LIB, artifact_metadata, at, build_file, check, file, jar, pom, private, publish, publish_build,
    publish_version,
};

const SHAPES: [EventShape; 2] = [EventShape::HttpApi, EventShape::FunctionUrl];

const HEADERS: [&str; 11] = [
    "content-type",
    "etag",
    "cache-control",
    "vary",
    "last-modified",
    "www-authenticate",
    "retry-after",
    "location",
    "allow",
    "x-checksum-sha1",
    "x-checksum-sha512",
];

/// What a client sees of an answer, without what differs from request to request.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    headers: Vec<String>,
    body: Vec<u8>,
}

/// A header without the part of an address that holds the time of day.
fn header(value: &str) -> String {
    value.split('?').next().unwrap().to_owned()
}

async fn plain(actor: &Actor, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Seen {
    let response = actor.request(method, path, headers, body.to_vec()).await;
    let headers = HEADERS.map(|name| header(response.header(name))).into();
    Seen { status: response.status, headers, body: response.body.to_vec() }
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
    let headers = HEADERS.map(|name| header(response.headers[name].as_str().unwrap_or(""))).into();
    Seen { status: response.status, headers, body: response.body }
}

#[tokio::test]
async fn every_route_answers_alike_through_every_front_door() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    publish_version(&ann, "1.0.0+build.5").await;
    publish(&ann, &file("1.0.0", "-all.jar"), vec![7; 300_000]).await;
    publish_build(&ann, "1.1-SNAPSHOT", "20261122.025620-1").await;
    let mut requests: Vec<(&str, String, &[u8])> = Vec::new();
    for path in [
        file("1.0.0", ".jar"),
        file("1.0.0", ".pom"),
        file("1.0.0", ".jar.sha1"),
        file("1.0.0", "-all.jar"),
        file("1.0.0+build.5", ".jar"),
        file("1.0.0+build.5", ".jar").replace('+', "%2B"),
        file("1.0.0+build.5", ".jar").replace("hello", "%68ello"),
        file("1.1-SNAPSHOT", ".jar"),
        build_file("1.1-SNAPSHOT", "20261122.025620-1", ".jar"),
        artifact_metadata(),
        format!("{}.sha256", artifact_metadata()),
        at(&format!("{LIB}/1.1-SNAPSHOT/maven-metadata.xml")),
        at("com/maven-metadata.xml"),
        at("no/such/1/such-1.jar"),
        at("com/example/"),
        "/api/maven/libs".into(),
        "/api/maven/libs/".into(),
        at("com/ex%20ample/x/1/x-1.jar"),
        at("com/example/../x"),
    ] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            requests.push((method, path.clone(), b""));
        }
    }
    requests.extend([
        ("PUT", file("1.0.0", ".jar"), &b"other"[..]),
        ("PUT", file("1.0.0", ".jar.sha1"), b"wrong"),
        ("PUT", artifact_metadata(), b"<metadata/>"),
        ("PUT", at("com/example/x/1/y-1.jar"), b"x"),
        ("DELETE", file("1.0.0", ".jar"), b""),
        ("DELETE", at(&format!("{LIB}/9.9")), b""),
    ]);
    let bearer = format!("Bearer {}", ann.secret());
    for authorization in [bearer.as_str(), "Bearer nonsense", ""] {
        let headers = [("authorization", authorization)];
        let headers = if authorization.is_empty() { &[][..] } else { &headers[..] };
        for (method, path, body) in &requests {
            let expected = plain(&app.anonymous(), method, path, headers, body).await;
            for shape in SHAPES {
                let seen = event(&app, shape, method, path, headers, body).await;
                assert_eq!(seen, expected, "{shape:?} {method} {path} {authorization}");
            }
        }
    }
    check(&app).await;
}

#[tokio::test]
async fn bytes_that_are_no_utf8_arrive_unchanged_whatever_their_media_type() {
    let (app, ann) = private().await;
    let latin =
        |text: &str| -> Vec<u8> { text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect() };
    let descriptor = pom("1.0.0").replace("UTF-8", "ISO-8859-1").replace("Hello", "Gr\u{f6}\u{df}e \u{a9}");
    let bearer = format!("Bearer {}", ann.secret());
    let headers = [("authorization", bearer.as_str())];
    for (end, bytes) in [
        (".pom", latin(&descriptor)),
        (".module", latin("{\"a\":\"\u{e9}\"}")),
        ("-notes.txt", latin("\u{e9}\u{ff}")),
        (".jar.asc", latin("Comment: \u{fc}")),
        ("-x.xml", latin("<x>\u{fc}</x>")),
        ("-x.json", latin("\"\u{fc}\"")),
        ("-x.html", latin("<b>\u{fc}</b>")),
        ("-x.csv", latin("\u{fc};1")),
        ("-x.yaml", latin("a: \u{fc}")),
        ("-x.js", latin("'\u{fc}'")),
        (".jar", vec![0, 159, 146, 150]),
        // Valid UTF-8, with what a careless decoder would take away.
        ("-bom.txt", b"\xef\xbb\xbf\r\n\0x\r".to_vec()),
    ] {
        let path = file("1.0.0", end);
        publish(&ann, &path, bytes.clone()).await;
        assert_eq!(ann.get(&path).await.body.to_vec(), bytes, "{end}");
        for shape in SHAPES {
            let response = app.event(shape, "GET", &path, &headers, b"").await;
            assert_eq!((response.status, &response.body), (200, &bytes), "{shape:?} {end}");
        }
    }
}

#[tokio::test]
async fn deploying_works_through_every_front_door() {
    let (app, ann) = private().await;
    let bearer = format!("Bearer {}", ann.secret());
    let headers = [("authorization", bearer.as_str())];
    for (index, shape) in SHAPES.into_iter().enumerate() {
        let version = format!("1.{index}+x");
        for (end, body) in [(".jar", jar(&version)), (".pom", pom(&version).into_bytes())] {
            let path = file(&version, end);
            let response = app.event(shape, "PUT", &path, &headers, &body).await;
            assert_eq!(response.status, 201, "{shape:?}: {}", String::from_utf8_lossy(&response.body));
            let response = app.event(shape, "GET", &path, &headers, b"").await;
            assert_eq!((response.status, response.body), (200, body), "{shape:?}");
        }
        let metadata = app.event(shape, "GET", &artifact_metadata(), &headers, b"").await;
        assert!(String::from_utf8_lossy(&metadata.body).contains(&format!("<version>{version}</version>")));
    }
    check(&app).await;
}
