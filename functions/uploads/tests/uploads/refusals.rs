//! What is refused, when, and that nothing is left of it.

use serde_json::{Value, json};

use crate::support::{REPO, announced, begin, complete, path, private, raw, send, send_all, staged, usage};

#[tokio::test]
async fn the_bucket_takes_nothing_but_what_was_announced() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    let file = &upload["files"][0];
    for wrong in [&b"other"[..], b"byte", b"bytes and more", b""] {
        assert_ne!(send(file, wrong).await, 200, "{wrong:?}");
    }
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(complete(&ann, &upload).await.status, 400);
    assert_eq!(send(file, b"bytes").await, 200);
    assert_eq!(complete(&ann, &upload).await.status, 201);
}

#[tokio::test]
async fn malformed_requests_name_what_is_wrong() {
    let (app, ann) = private().await;
    let good = raw("tool", "1.0", &[("f", b"bytes")]);
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let file = announced("f", b"bytes");
    let twice = json!([file, file]);
    let many: Vec<Value> = (0..26).map(|n| announced(&format!("f{n}"), b"x")).collect();
    for (body, named) in [
        (with("packageType", "nuget".into()), "packageType"),
        (with("packageType", "swift".into()), "scope.name"),
        (with("packageType", "composer".into()), "packageName"),
        (with("packageType", "kmp".into()), "kmp"),
        (with("packageType", Value::Null), "packageType"),
        (with("packageName", Value::Null), "packageName"),
        (with("packageName", "a/b".into()), "packageName"),
        (with("packageName", "..".into()), "packageName"),
        (with("version", Value::Null), "version"),
        (with("version", "1/0".into()), "version"),
        (with("groupId", "com".into()), "groupId"),
        (with("tag", "next".into()), "tag"),
        (with("surprise", 1.into()), "surprise"),
        (with("files", Value::Null), "files"),
        (with("files", json!([])), "files"),
        (with("files", json!({})), "files"),
        (with("files", twice), "twice"),
        (with("files", json!(many)), "25"),
        (with("files", json!([{ "name": "f", "size": 5 }])), "sha256"),
        (with("files", json!([{ "name": "f", "size": -5, "sha256": file["sha256"] }])), "files"),
        (with("files", json!([{ "name": "f", "size": 5, "sha256": "abc" }])), "64"),
        (with("files", json!([{ "name": "../f", "size": 5, "sha256": file["sha256"] }])), "../f"),
        (with("files", json!([{ "name": "f", "size": 5, "sha256": file["sha256"], "x": 1 }])), "x"),
        (json!({ "packageType": "raw" }), "repoId"),
    ] {
        let response = ann.post_json("/api/uploads", &body).await;
        assert_eq!(response.status, 400, "{body}: {}", response.text());
        assert!(response.error().contains(named), "{named}: {}", response.error());
    }
    let maven = |group: Value, name: &str| {
        json!({ "repoId": REPO, "packageType": "maven", "groupId": group, "artifactId": "app", "version": "1.0",
            "files": [announced(name, b"x")] })
    };
    for (body, named) in [
        (maven(Value::Null, "app-1.0.jar"), "groupId"),
        (maven("com/example".into(), "app-1.0.jar"), "groupId"),
        (maven("com.example".into(), "other-1.0.jar"), "other-1.0.jar"),
        (maven("com.example".into(), "app-1.0.jar.sha1"), "sha1"),
        (maven("com.example".into(), "maven-metadata.xml"), "maven-metadata.xml"),
    ] {
        let response = ann.post_json("/api/uploads", &body).await;
        assert_eq!(response.status, 400, "{body}: {}", response.text());
        assert!(response.error().contains(named), "{named}: {}", response.error());
    }
    let npm = json!({ "repoId": REPO, "packageType": "npm",
        "files": [announced("a.tgz", b"a"), announced("b.tgz", b"b")] });
    assert_eq!(ann.post_json("/api/uploads", &npm).await.status, 400);
    assert_eq!(usage(&app).await, (0, 0, 0));
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_before_it_is_sent() {
    let (_app, ann) = private().await;
    for (path, bytes) in [("tool/1.0/f", "one"), ("tool/1.0/gone", "gone"), ("tool/2.0/only", "x")] {
        let response = ann.request("PUT", &format!("/api/raw/{REPO}/{path}"), &[], bytes).await;
        assert_eq!(response.status, 201);
    }
    assert_eq!(ann.delete("/api/raw/files/tool/1.0/gone").await.status, 200);
    assert_eq!(ann.delete("/api/raw/files/tool/2.0/only").await.status, 200);
    for body in [
        raw("tool", "1.0", &[("new", b"new"), ("f", b"other")]),
        raw("tool", "1.0", &[("gone", b"gone")]),
        raw("tool", "2.0", &[("new", b"new")]),
    ] {
        let response = ann.post_json("/api/uploads", &body).await;
        assert_eq!(response.status, 409, "{body}: {}", response.text());
    }
}

#[tokio::test]
async fn a_file_that_was_there_and_is_gone_is_not_said_to_be_published() {
    let (_app, ann) = private().await;
    assert_eq!(ann.request("PUT", "/api/raw/files/tool/1.0/a", &[], "a").await.status, 201);
    assert_eq!(ann.request("PUT", "/api/raw/files/tool/1.0/keep", &[], "k").await.status, 201);
    let files: [(&str, &[u8]); 2] = [("a", b"a"), ("b", b"b")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    assert_eq!(ann.delete("/api/raw/files/tool/1.0/a").await.status, 200);
    assert_eq!(complete(&ann, &upload).await.status, 409);
    assert_eq!(ann.get("/api/raw/files/tool/1.0/b").await.status, 404);
}

#[tokio::test]
async fn limits() {
    let app = granary_testing::TestApp::with(|config| {
        config.max_file = 10;
        config.repo_quota = Some(15);
    })
    .await;
    let ann = app.repo("ann", REPO, &["raw"], "private").await;
    let response = ann.post_json("/api/uploads", &raw("t", "1", &[("f", b"12345678901")])).await;
    assert_eq!(response.status, 413, "{}", response.text());
    let two: [(&str, &[u8]); 2] = [("f", b"12345678"), ("g", b"87654321")];
    let response = ann.post_json("/api/uploads", &raw("t", "1", &two)).await;
    assert_eq!(response.status, 403, "{}", response.text());
    assert!(response.error().contains("quota"));
    // Two that fit one by one, but not both: the second fails when it is published, and is gone then.
    let first = begin(&ann, &raw("t", "1", &two[..1])).await;
    let second = begin(&ann, &raw("t", "1", &two[1..])).await;
    send_all(&first, &two).await;
    send_all(&second, &two).await;
    assert_eq!(complete(&ann, &first).await.status, 201);
    let response = complete(&ann, &second).await;
    assert_eq!(response.status, 403, "{}", response.text());
    let failed = ann.get(&path(&second)).await.json()["upload"].clone();
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("quota"));
    assert_eq!(complete(&ann, &second).await.status, 409);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(usage(&app).await, (8, 1, 1));
}

#[tokio::test]
async fn archives_that_lie_fail_and_leave_nothing() {
    let (app, ann) = private().await;
    for bytes in [&b"no gzip at all"[..], b"\x1f\x8b\x08\x00broken"] {
        let body = json!({ "repoId": REPO, "packageType": "npm", "files": [announced("x.tgz", bytes)] });
        let upload = begin(&ann, &body).await;
        send_all(&upload, &[("x.tgz", bytes)]).await;
        let response = complete(&ann, &upload).await;
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(response.error().contains("tarball"), "{}", response.error());
        assert_eq!(ann.get(&path(&upload)).await.json()["upload"]["status"], "failed");
    }
    let pom = b"<project><!DOCTYPE x [<!ENTITY e \"x\">]></project>";
    let body = json!({ "repoId": REPO, "packageType": "maven", "groupId": "com.example", "artifactId": "app",
        "version": "1.0", "files": [announced("app-1.0.jar", b"jar"), announced("app-1.0.pom", pom)] });
    let upload = begin(&ann, &body).await;
    send_all(&upload, &[("app-1.0.jar", b"jar"), ("app-1.0.pom", pom)]).await;
    assert_eq!(complete(&ann, &upload).await.status, 400);
    assert_eq!(ann.get("/api/maven/files/com/example/app/1.0/app-1.0.jar").await.status, 404);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(usage(&app).await, (0, 0, 0));
}

#[tokio::test]
async fn completion_bodies_are_checked() {
    let (_app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    let at = format!("{}/complete", path(&upload));
    for body in [json!([]), json!({ "x": 1 }), json!({ "files": [{ "name": "other" }] }), json!("x")] {
        assert_eq!(ann.post_json(&at, &body).await.status, 400, "{body}");
    }
    let fine = json!({ "files": [{ "name": "f", "parts": [] }] });
    assert_eq!(ann.post_json(&at, &fine).await.status, 201);
}

#[tokio::test]
async fn more_parts_than_an_answer_can_name() {
    let (_app, ann) = private().await;
    let files = |count: usize| -> Vec<Value> {
        let sha256 = "0".repeat(64);
        (0..count)
            .map(|n| json!({ "name": format!("f{n}"), "size": 5_000_000_000_u64, "sha256": sha256 }))
            .collect()
    };
    let mut body = raw("tool", "1.0", &[]);
    body["files"] = files(7).into();
    let response = ann.post_json("/api/uploads", &body).await;
    assert_eq!(response.status, 413, "{}", response.text());
    assert!(response.error().contains("several uploads"), "{}", response.error());
    body["files"] = files(6).into();
    let response = ann.post_json("/api/uploads", &body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    assert!(response.body.len() < 3_000_000, "{} bytes", response.body.len());
}
