//! Every operation with its status and the fields of its answer.

use serde_json::{Value, json};

use crate::{NAME, expect, id, made, shop};

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

const PACKAGE: [&str; 8] =
    ["created_at", "description", "id", "name", "repo_id", "status", "type", "updated_at"];
const VERSION: [&str; 7] = ["created_at", "filename", "id", "name", "package_id", "status", "updated_at"];
const CONSUMER: [&str; 6] = ["created_at", "email", "id", "private_key", "public_key", "updated_at"];
const PERMISSION: [&str; 6] = ["consumer_id", "created_at", "id", "package_id", "updated_at", "version"];

#[tokio::test]
async fn every_operation_answers_as_documented() {
    let (_app, ann) = shop().await;
    let package = made(&ann, "/packages", json!({ "name": NAME, "description": "About", "status": 1 })).await;
    assert_eq!(
        package,
        json!({
            "id": 1, "name": NAME, "description": "About", "status": 1, "created_at": "2026-09-21 14:13:20",
            "updated_at": "2026-09-21 14:13:20", "repo_id": "shop", "type": "composer",
        })
    );
    let body = json!({ "name": "8.7.2", "filename": "438411134.zip", "status": 1 });
    let version = made(&ann, "/versions/package/1", body).await;
    let (number, confirm) = (id(&version), version["confirm_url"].as_str().unwrap().to_owned());
    assert_eq!((number, confirm.as_str()), (1, "http://localhost:8080/versions/1/confirm"));
    let keys = ("k".repeat(60), "s".repeat(60));
    let body = json!({ "email": "one@example.com", "public_key": keys.0, "private_key": keys.1 });
    let consumer = made(&ann, "/consumers", body).await;
    assert_eq!((names(&consumer), id(&consumer)), (CONSUMER.to_vec(), 1));
    assert_eq!((&consumer["public_key"], &consumer["private_key"]), (&json!(keys.0), &json!(keys.1)));
    let body = json!({ "consumer_id": 1, "package_id": 1, "version": "8.*" });
    let permission = made(&ann, "/permissions", body).await;
    assert_eq!((names(&permission), id(&permission)), (PERMISSION.to_vec(), 1));
    assert_eq!(permission["version"], "8.*");
    let with_addresses = [VERSION.as_slice(), &["confirm_url", "upload_headers", "upload_url"]].concat();
    let mut with_addresses: Vec<&str> = with_addresses;
    with_addresses.sort_unstable();
    let version_with: &[&str] = &with_addresses;
    for (path, status, fields, is_list) in [
        ("/packages", 200, PACKAGE.as_slice(), true),
        ("/packages/1", 200, &PACKAGE, false),
        ("/versions/package/1", 200, &VERSION, true),
        ("/versions/1", 200, version_with, false),
        ("/consumers", 200, &CONSUMER, true),
        ("/consumers/email/one@example.com", 200, &CONSUMER, true),
        ("/consumers/1", 200, &CONSUMER, false),
        ("/consumers/1/packages", 200, &PACKAGE, true),
        ("/consumers/1/packages/1", 200, &PERMISSION, true),
        ("/permissions/consumer/1/package/1", 200, &PERMISSION, true),
        ("/permissions/1", 200, &PERMISSION, false),
    ] {
        let response = ann.get(path).await;
        expect(&response, status, &[]);
        let body = response.json();
        let entry = if is_list { &body[0] } else { &body };
        assert_eq!(names(entry), fields, "{path}");
        assert_eq!(entry["created_at"], "2026-09-21 14:13:20", "{path}");
        if is_list {
            assert_eq!(body.as_array().unwrap().len(), 1, "{path}");
        }
    }
    for method in ["PUT", "PATCH"] {
        for (path, body, status) in [
            ("/packages/1", json!({ "name": NAME, "description": method, "status": 0 }), 201),
            ("/versions/1", json!({ "name": "8.7.3", "filename": "x.zip", "status": 0 }), 200),
            (
                "/consumers/1",
                json!({ "email": format!("{method}@x"), "public_key": keys.0, "private_key": keys.1 }),
                200,
            ),
            ("/permissions/1", json!({ "consumer_id": 1, "package_id": 1, "version": "9.*" }), 200),
        ] {
            let response = ann.json(method, path, &body).await;
            expect(&response, status, &[]);
            let answer = response.json();
            for (name, value) in body.as_object().unwrap() {
                assert_eq!(answer[name], *value, "{method} {path} {name}");
            }
            let shown = ann.get(path).await.json();
            for (name, value) in body.as_object().unwrap() {
                assert_eq!(shown[name], *value, "{method} {path} {name}, read again");
            }
        }
    }
    for path in ["/permissions/1", "/consumers/1", "/versions/1", "/packages/1"] {
        let response = ann.delete(path).await;
        assert_eq!((response.status, response.body.len()), (204, 0), "{path}");
        expect(&ann.get(path).await, 404, &["1 not found"]);
        expect(&ann.delete(path).await, 404, &["1 not found"]);
    }
    for path in ["/packages", "/consumers"] {
        assert_eq!(ann.get(path).await.json(), json!([]), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_no_number_400() {
    let (_app, ann) = shop().await;
    for path in [
        "/packages/ID",
        "/versions/package/ID",
        "/versions/ID",
        "/consumers/ID",
        "/consumers/ID/packages",
        "/consumers/ID/packages/1",
        "/permissions/ID",
        "/permissions/consumer/ID/package/1",
    ] {
        for id in ["0", "7", "18446744073709551615"] {
            expect(&ann.get(&path.replace("ID", id)).await, 404, &["not found"]);
        }
        for id in ["x", "-1", "1.5", "18446744073709551616"] {
            expect(&ann.get(&path.replace("ID", id)).await, 400, &["is not a number"]);
        }
    }
    for path in ["/packages/7", "/versions/7", "/consumers/7", "/permissions/7"] {
        for method in ["PUT", "PATCH"] {
            expect(&ann.json(method, path, &json!({})).await, 404, &["7 not found"]);
        }
        expect(&ann.delete(path).await, 404, &["7 not found"]);
    }
    expect(&ann.request("POST", "/versions/7/confirm", &[], "").await, 404, &["7 not found"]);
    expect(&ann.post_json("/versions/package/7", &json!({ "name": "1.0" })).await, 404, &["7 not found"]);
    expect(&crate::put_zip(&ann, 7, b"x").await, 404, &["7 not found"]);
}

#[tokio::test]
async fn long_lists_come_in_pages_if_asked() {
    let (_app, ann) = shop().await;
    for number in 1..=5 {
        made(
            &ann,
            "/consumers",
            json!({ "email": "a+b@example.com", "private_key": format!("secret-{number:03}") }),
        )
        .await;
    }
    for path in ["/consumers", "/consumers/email/A%2Bb@Example.com"] {
        let mut seen = Vec::new();
        let mut next = format!("{path}?limit=2");
        loop {
            let response = ann.get(&next).await;
            expect(&response, 200, &[]);
            seen.push(response.json().as_array().unwrap().iter().map(id).collect::<Vec<_>>());
            let Some(link) = response.header("link").strip_suffix(">; rel=\"next\"") else { break };
            next = link.strip_prefix('<').unwrap().to_owned();
        }
        assert_eq!(seen, [vec![1, 2], vec![3, 4], vec![5]], "{path}");
    }
    assert_eq!(ann.get("/consumers?after=5").await.json(), json!([]));
    assert_eq!(ann.get("/consumers?after=18446744073709551615").await.json(), json!([]));
    for bad in ["limit=0", "limit=1001", "limit=x", "after=-1"] {
        expect(&ann.get(&format!("/consumers?{bad}")).await, 400, &[]);
    }
}
