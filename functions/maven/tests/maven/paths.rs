//! Paths that lie, and files that belong somewhere else: refused, and nothing is stored.

use super::support::{at, check, private, publish_version, put};

/// Paths that could be taken for a file of `com/example/hello-lib/1.0.0`, or for no path at all.
const TRICKS: [&str; 44] = [
    "com/example/x/../hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com/example/./hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com//example/hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "/com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com/example/%2e%2e/example/hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com/example/%2E%2E/x/1/x-1.jar",
    "com/example/%2e/hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com/example/%252e%252e/x/1/x-1.jar",
    "com/example/..%2fx/1/x-1.jar",
    "com/example/..%5cx/1/x-1.jar",
    "com/example%5chello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com%2fexample/hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0%2fhello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0/%2fhello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar%00",
    "com/example/hello-lib%00/2.0.0/hello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0%0a.jar",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar%0d%0ax-evil:1",
    "com/example/hello-lib/2.0.0;v=1/hello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar;x=y",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar%3bx",
    "com/example/hello-lib./2.0.0/hello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0./hello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar.",
    "com/example/hello-lib%20/2.0.0/hello-lib-2.0.0.jar",
    "com/example/%20hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar%20",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar%09",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar%23",
    "com/example/hello-lib/2.0.0/hello-lib-2.0.0.jar%25",
    "com/example/hell%d0%be-lib/2.0.0/hell%d0%be-lib-2.0.0.jar",
    "com/ex%ef%bd%81mple/hello-lib/2.0.0/hello-lib-2.0.0.jar",
    "com/example/hello-lib%e2%80%8b/2.0.0/hello-lib%e2%80%8b-2.0.0.jar",
    "com/example/hello%c0%aelib/2.0.0/hello%c0%aelib-2.0.0.jar",
    "com/example/%c0%ae%c0%ae/2.0.0/x-2.0.0.jar",
    "com/example/%ffhello-lib/2.0.0/x-2.0.0.jar",
    "com/example/hello:lib/2.0.0/hello:lib-2.0.0.jar",
    "com/example/hello@lib/2.0.0/hello@lib-2.0.0.jar",
    "com/example/hello-lib/$%7bversion%7d/hello-lib-$%7bversion%7d.jar",
    "com/example/hello-lib/%5b1,2)/hello-lib-%5b1,2).jar",
    "com/example/hello*lib/2.0.0/hello*lib-2.0.0.jar",
    "com/example/..../2.0.0/x-2.0.0.jar",
    "com/example/hello lib/2.0.0/hello lib-2.0.0.jar",
    "com/example/hello\u{e4}/2.0.0/hello\u{e4}-2.0.0.jar",
];

#[tokio::test]
async fn tricks_are_refused_for_every_method() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let before = check(&app).await;
    for trick in TRICKS {
        // What no client can put into a request line.
        let path = at(&trick.replace(' ', "%20").replace('\u{e4}', "%c3%a4"));
        for (method, body) in [("PUT", "evil"), ("GET", ""), ("HEAD", ""), ("DELETE", "")] {
            for end in ["", ".sha1"] {
                let response = ann.request(method, &format!("{path}{end}"), &[], body.to_owned()).await;
                // With this end, a dot at the end of the name is one in the middle of it.
                let status = if path.ends_with('.') && end == ".sha1" && method != "PUT" { 404 } else { 400 };
                assert_eq!(response.status, status, "{method} {path}{end}: {}", response.text());
            }
        }
        assert_eq!(check(&app).await, before, "{path}");
    }
}

#[tokio::test]
async fn files_that_belong_somewhere_else_are_refused_with_the_reason() {
    let (app, ann) = private().await;
    for (path, reason) in [
        ("com/example/hello-lib/1.0.0/other-1.0.0.jar", "hello-lib-1.0.0"),
        ("com/example/hello-lib/1.0.0/hello-lib-2.0.0.jar", "hello-lib-1.0.0"),
        ("com/example/hello-lib/1.0.0/hello-lib-1.0.0.1.jar", "extension"),
        ("com/example/hello-lib/1.0.0/hello-lib-1.0.0", "extension"),
        ("com/example/hello-lib/1.0.0/hello-lib-1.0.0-SNAPSHOT.jar", "snapshot"),
        ("com/example/hello-lib/1.0.0/hello-lib-1.0.0-20261122.025620-1.jar", "snapshot"),
        ("com/example/hello-lib/1.0-SNAPSHOT/hello-lib-1.0.jar", "yyyyMMdd.HHmmss"),
        ("com/example/hello-lib/1.0.0/HELLO-LIB-1.0.0.jar", "hello-lib-1.0.0"),
        ("com/example/hello-lib/1.0.0/readme.txt", "hello-lib-1.0.0"),
        ("com/example/hello-lib/1.0.0/ivy-2.0.0.xml", "hello-lib-1.0.0"),
        ("com/example/hello-lib/1.0.0/hello-lib-1.0.0.jar/x", "1.0.0-hello-lib-1.0.0.jar"),
        ("com.example/hello-lib/1.0.0/hello-lib-1.0.0.jar", "no dots"),
        ("hello-lib/1.0.0/hello-lib-1.0.0.jar", "com/example/lib/1.0/lib-1.0.jar"),
        ("hello-lib-1.0.0.jar", "com/example/lib/1.0/lib-1.0.jar"),
        ("maven-metadata.xml", "directory"),
        ("com/example/hello-lib/1.0.0/maven-metadata.xml.asc", "hello-lib-1.0.0"),
        (".index/nexus-maven-repository-index.gz", "com/example/lib/1.0/lib-1.0.jar"),
    ] {
        let response = put(&ann, &at(path), "bytes").await;
        assert_eq!(response.status, 400, "{path}: {}", response.text());
        assert_eq!(response.header("content-type"), "application/problem+json");
        assert!(response.error().contains(reason), "{path}: {}", response.error());
        // Asked for, they are simply not there.
        assert_eq!(ann.get(&at(path)).await.status, 404, "{path}");
    }
    assert_eq!(check(&app).await.live, Vec::<String>::new());
}

#[tokio::test]
async fn lengths_are_bounded() {
    let (app, ann) = private().await;
    let long = |length: usize| "x".repeat(length);
    for path in [
        format!("g/{0}/1/{0}-1.jar", long(257)),
        format!("{}/a/1/a-1.jar", long(257)),
        format!("g/a/{0}/a-{0}.jar", long(129)),
        format!("g/a/1/a-1-{}.jar", long(600)),
        format!("{}/a/1/a-1.jar", ["x"; 600].join("/")),
    ] {
        let response = put(&ann, &at(&path), "bytes").await;
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(response.text().len() < 2_000, "{}", response.text());
    }
    assert_eq!(check(&app).await.live, Vec::<String>::new());
    let artifact = long(200);
    let version = long(128);
    let path = at(&format!("{}/{artifact}/{version}/{artifact}-{version}.jar", long(256)));
    assert_eq!(put(&ann, &path, "bytes").await.status, 201);
    assert_eq!(ann.get(&path).await.text(), "bytes");
    assert_eq!(ann.get(&at(&format!("{}/{artifact}/maven-metadata.xml", long(256)))).await.status, 200);
    app.settle().await;
    check(&app).await;
}

#[tokio::test]
async fn other_methods_are_not_offered() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    for method in ["POST", "PATCH", "OPTIONS", "MKCOL", "PROPFIND"] {
        for path in ["com/example/hello-lib/1.0.0/hello-lib-1.0.0.jar", "com/example"] {
            let response = ann.request(method, &at(path), &[], String::new()).await;
            assert_eq!(response.status, 405, "{method} {path}");
            assert_eq!(response.header("allow"), "GET, HEAD, PUT, DELETE");
        }
    }
}
