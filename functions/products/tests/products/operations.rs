//! The documented operations, each with its statuses and bodies.

use granary_testing::products::ProductForm;
use serde_json::{Value, json};

use crate::{NAME, empty, json_error, json_error_with, stocked, store, text_error};

const ALL: [&str; 4] = ["maintainer", "download", "upload", "delete"];

#[tokio::test]
async fn tokens_are_registered_shown_listed_and_pruned() {
    let (app, admin) = store().await;
    let made = admin.json("PUT", "/api/register", &json!({})).await;
    assert_eq!((made.status, made.header("content-type")), (201, "text/plain; charset=utf-8"));
    assert_eq!(made.header("cache-control"), "no-store");
    let plain = app.api(&made.text());
    assert_eq!(plain.secret().len(), 36);
    let shown = admin.get(&format!("/api/fetch/{}", plain.secret())).await;
    assert_eq!((shown.status, shown.json()), (200, json!({ "token": plain.hash(), "admin": false })));
    let itself = plain.get(&format!("/api/fetch/{}", admin.secret())).await;
    assert_eq!(itself.json(), json!({ "token": admin.hash(), "admin": true }));
    let listed = admin.get("/api/tokens").await;
    assert_eq!(listed.status, 200);
    let mut hashes: Vec<Value> =
        listed.json().as_array().unwrap().iter().map(|token| token["token"].clone()).collect();
    hashes.sort_by_key(ToString::to_string);
    let mut expected = vec![json!(plain.hash()), json!(admin.hash())];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(hashes, expected);

    empty(&admin.delete(&format!("/api/prune/{}", plain.secret())).await, 204);
    json_error(&plain.get("/api/product/access").await, 401, "Invalid api token");
    json_error(&admin.delete(&format!("/api/prune/{}", plain.secret())).await, 400, "token not found");
    json_error(&admin.get(&format!("/api/fetch/{}", plain.secret())).await, 400, "token not found");
    assert_eq!(admin.get("/api/tokens").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_said() {
    let (_app, admin) = store().await;
    json_error(&admin.request("PUT", "/api/register", &[], "").await, 400, "Missing request body");
    for body in [
        "{",
        "[]",
        "null",
        "\"x\"",
        "{\"admin\":\"yes\"}",
        "{\"admin\":1}",
        "{\"admin\":true,\"admin\":true}",
    ] {
        json_error_with(&admin.request("PUT", "/api/register", &[], body).await, 400, "");
    }
    let lenient = admin.request("PUT", "/api/register", &[], "{\"admin\":null,\"name\":\"ci\"}").await;
    assert_eq!(lenient.status, 201);
    let shown = admin.get(&format!("/api/fetch/{}", lenient.text())).await;
    assert_eq!(shown.json()["admin"], false);
    json_error(&admin.get("/api/fetch/not-a-token").await, 400, "token not found");
    json_error(&admin.get("/api/fetch/").await, 400, "token is required");
    json_error(&admin.delete("/api/prune/not-a-token").await, 400, "token not found");
    text_error(&admin.delete("/api/prune/").await, 400, "token is required");
}

#[tokio::test]
async fn only_administrators_manage_tokens() {
    let (app, admin) = store().await;
    let plain = app.register(&admin, false).await;
    for (response, words) in [
        (plain.json("PUT", "/api/register", &json!({})).await, "Only admin allowed to register new tokens"),
        (plain.request("PUT", "/api/register", &[], "{").await, "Only admin allowed to register new tokens"),
        (
            plain.delete(&format!("/api/prune/{}", plain.secret())).await,
            "Only admin allowed to prune an api token",
        ),
        (plain.delete("/api/prune/").await, "Only admin allowed to prune an api token"),
        (plain.get("/api/tokens").await, "Only admin allowed to list tokens"),
    ] {
        text_error(&response, 401, words);
        assert!(!response.header("www-authenticate").is_empty());
    }
    assert_eq!(plain.get("/api/product/access").await.status, 200, "it was not pruned");
}

#[tokio::test]
async fn products_are_made_listed_and_shown() {
    let (app, admin) = store().await;
    let maker = app.register(&admin, false).await;
    assert_eq!(maker.get("/api/product/access").await.text(), "[]");
    let body = json!({ "name": NAME, "tokens": { admin.hash(): { "download": true } } });
    empty(&maker.json("PUT", "/api/product/create", &body).await, 201);
    json_error(&maker.create(NAME).await, 400, "product already exists");
    json_error(&admin.create(NAME).await, 400, "product already exists");
    empty(&admin.create("other").await, 201);
    assert_eq!(maker.get("/api/product/access").await.json(), json!([NAME]));
    assert_eq!(maker.get("/api/product/list").await.json(), json!([NAME]));
    assert_eq!(admin.get("/api/product/access").await.json(), json!(["other"]));
    assert_eq!(admin.get("/api/product/list").await.json(), json!([NAME, "other"]));
    let shown = maker.fetch(NAME).await;
    let all = json!({ "maintainer": true, "download": true, "upload": true, "delete": true });
    let expected = json!({ "name": NAME, "tokens": { maker.hash(): all }, "versions": {} });
    assert_eq!((shown.status, shown.json()), (200, expected.clone()));
    assert_eq!(admin.fetch(NAME).await.json(), expected);
    text_error(&maker.fetch("other").await, 403, "permission denied");
    for unknown in ["unknown", "-", "a..b", "_"] {
        text_error(&maker.fetch(unknown).await, 404, "Product not found");
    }
}

#[tokio::test]
async fn names_keep_the_documented_rule() {
    let (_app, admin) = store().await;
    json_error(&admin.request("PUT", "/api/product/create", &[], "").await, 400, "Missing request body");
    for body in [json!({}), json!({ "name": "" }), json!({ "name": null })] {
        json_error(&admin.json("PUT", "/api/product/create", &body).await, 400, "name is required");
    }
    for bad in ["-a", ".a", "a b", "a/b", "../a", "ä", "a\n", "a.", &"a".repeat(201)] {
        json_error_with(&admin.create(bad).await, 400, "invalid name \"");
    }
    let wrong = admin.json("PUT", "/api/product/create", &json!({ "name": 1 })).await;
    json_error(&wrong, 400, "the field 'name' must be a string");
    assert_eq!(admin.get("/api/product/list").await.text(), "[]");
    for good in ["a", "My_Lib-1.0", "9", &"a".repeat(200)] {
        empty(&admin.create(good).await, 201);
        assert_eq!(admin.fetch(good).await.status, 200);
    }
}

#[tokio::test]
async fn access_is_given_changed_and_taken() {
    let (app, admin) = stocked().await;
    let plain = app.register(&admin, false).await;
    text_error(&plain.fetch(NAME).await, 403, "permission denied");
    empty(&admin.grant(NAME, plain.secret(), &json!({ "download": true })).await, 201);
    let flags = |download: bool, upload: bool| json!({ "maintainer": false, "download": download, "upload": upload, "delete": false });
    assert_eq!(plain.fetch(NAME).await.json()["tokens"][plain.hash()], flags(true, false));
    empty(&admin.grant(NAME, plain.secret(), &json!({ "upload": true, "download": null })).await, 201);
    assert_eq!(plain.fetch(NAME).await.json()["tokens"][plain.hash()], flags(false, true));
    empty(&admin.grant(NAME, plain.secret(), &json!({})).await, 201);
    assert_eq!(plain.fetch(NAME).await.status, 200, "being listed is enough");
    let body = json!({ "product": NAME, "token": plain.secret() });
    for _ in 0..2 {
        empty(&admin.json("DELETE", "/api/product/modify/deleteToken", &body).await, 204);
        text_error(&plain.fetch(NAME).await, 403, "permission denied");
    }
    let unknown = json!({ "product": NAME, "token": "whatever-it-is" });
    empty(&admin.json("DELETE", "/api/product/modify/deleteToken", &unknown).await, 204);
    empty(&admin.grant(NAME, admin.secret(), &json!({ "download": true })).await, 201);
    assert_eq!(admin.fetch(NAME).await.json()["tokens"][admin.hash()], flags(true, false));
    let itself = json!({ "product": NAME, "token": admin.secret() });
    empty(&admin.json("DELETE", "/api/product/modify/deleteToken", &itself).await, 204);
    assert_eq!(admin.fetch(NAME).await.json()["tokens"], json!({}));
}

#[tokio::test]
async fn what_is_wrong_with_a_modification_is_said() {
    let (app, admin) = stocked().await;
    let plain = app.register(&admin, false).await;
    let path = |action: &str| format!("/api/product/modify/{action}");
    json_error(&admin.request("PUT", &path("addToken"), &[], "").await, 400, "Missing request body");
    for (body, message) in [
        (json!({ "token": plain.secret(), "permissions": {} }), "the field 'product' is required"),
        (json!({ "product": NAME, "permissions": {} }), "the field 'token' is required"),
        (json!({ "product": NAME, "token": plain.secret() }), "the field 'permissions' is required"),
        (
            json!({ "product": NAME, "token": plain.secret(), "permissions": [] }),
            "the field 'permissions' must be an object",
        ),
        (json!({ "product": NAME, "token": "unknown", "permissions": {} }), "token not found"),
        (
            json!({ "product": NAME, "token": "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "permissions": {} }),
            "token not found",
        ),
    ] {
        json_error(&admin.json("PUT", &path("addToken"), &body).await, 400, message);
    }
    let misspelt = json!({ "product": NAME, "token": plain.secret(), "permissions": { "downlaod": true } });
    json_error_with(&admin.json("PUT", &path("addToken"), &misspelt).await, 400, "unknown field 'downlaod'");
    let wrong = json!({ "product": NAME, "token": plain.secret(), "permissions": { "upload": "yes" } });
    json_error_with(&admin.json("PUT", &path("addToken"), &wrong).await, 400, "the field 'upload'");
    assert!(admin.fetch(NAME).await.json()["tokens"].get(plain.hash()).is_none());

    let nobodys = json!({ "product": "unknown", "token": plain.secret(), "permissions": {}, "version": "1" });
    for (method, action) in [("PUT", "addToken"), ("DELETE", "deleteToken"), ("DELETE", "deleteVersion")] {
        json_error(&admin.json(method, &path(action), &nobodys).await, 404, "Product not found");
    }
    let body = json!({ "product": NAME, "token": plain.secret(), "permissions": {}, "version": "1" });
    for (method, action) in [("PUT", "addToken"), ("DELETE", "deleteToken"), ("DELETE", "deleteVersion")] {
        json_error(&plain.json(method, &path(action), &body).await, 403, "permission denied");
    }
    for (method, action, allowed) in
        [("PUT", "deleteVersion", "DELETE"), ("PUT", "deleteToken", "DELETE"), ("DELETE", "addToken", "PUT")]
    {
        let response = admin.json(method, &path(action), &body).await;
        text_error(&response, 405, "Method Not Allowed");
        assert_eq!(response.header("allow"), allowed);
    }
    for method in ["PUT", "DELETE"] {
        json_error(&admin.json(method, &path("rename"), &body).await, 400, "unknown action: rename");
    }
    json_error(&admin.request("DELETE", &path("deleteVersion"), &[], "").await, 400, "Missing request body");
    let bad = json!({ "product": NAME, "version": "../1" });
    json_error_with(&admin.json("DELETE", &path("deleteVersion"), &bad).await, 400, "version: invalid name");
    let none = json!({ "product": NAME });
    let response = admin.json("DELETE", &path("deleteVersion"), &none).await;
    json_error(&response, 400, "the field 'version' is required");
    let response = admin.json("DELETE", &path("deleteToken"), &none).await;
    json_error(&response, 400, "the field 'token' is required");
}

#[tokio::test]
async fn versions_are_uploaded_shown_downloaded_and_deleted() {
    let (app, admin) = stocked().await;
    let form = || {
        ProductForm::default()
            .text("product", NAME)
            .text("version", "v1.0.0")
            .file("build/my-lib.tar.gz", b"hello")
    };
    empty(&admin.send(form()).await, 201);
    json_error_with(&admin.send(form()).await, 400, "already uploaded, with this very file");
    json_error_with(&admin.upload(NAME, "v1.0.0", b"other").await, 400, "and a version never changes");
    let shown = admin.fetch(NAME).await.json();
    // As `printf hello | sha256sum` prints it.
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let version =
        json!({ "path": "products/my-lib/v1.0.0/my-lib.tar.gz", "checksum": format!("sha256:{sha256}") });
    assert_eq!(shown["versions"], json!({ "v1.0.0": version }));
    let file = admin.download(NAME, "v1.0.0").await;
    assert_eq!((file.status, file.text().as_str()), (200, "hello"));
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"my-lib.tar.gz\"");
    assert_eq!(file.header("content-length"), "5");

    json_error_with(&admin.upload(NAME, "v1.0.0", b"other").await, 400, "this version is already uploaded");
    assert_eq!(admin.download(NAME, "v1.0.0").await.text(), "hello");
    json_error(&admin.upload("unknown", "1", b"x").await, 400, "Product not found");
    for (name, version, message) in [
        ("unknown", "v1.0.0", "Product not found"),
        (NAME, "v1.0.1", "Version not found"),
        ("-", "v1.0.0", "Product not found"),
        (NAME, "-", "Version not found"),
    ] {
        text_error(&admin.download(name, version).await, 400, message);
        text_error(&admin.delete(&format!("/api/product/delete/{name}/{version}")).await, 400, message);
    }
    empty(&admin.upload(NAME, "v2", b"two").await, 201);
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/v1.0.0")).await, 204);
    text_error(&admin.delete(&format!("/api/product/delete/{NAME}/v1.0.0")).await, 400, "Version not found");
    text_error(&admin.download(NAME, "v1.0.0").await, 400, "Version not found");
    let body = json!({ "product": NAME, "version": "v2" });
    for _ in 0..2 {
        empty(&admin.json("DELETE", "/api/product/modify/deleteVersion", &body).await, 200);
    }
    assert_eq!(admin.fetch(NAME).await.json()["versions"], json!({}));
    for (version, bytes) in [("v1.0.0", &b"hello"[..]), ("v2", b"new")] {
        json_error_with(&admin.upload(NAME, version, bytes).await, 400, "can never be uploaded again");
    }
    app.settle().await;
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert_eq!(app.blobs().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_product_leaves_its_name_free() {
    let (app, admin) = stocked().await;
    let plain = app.register(&admin, false).await;
    empty(&admin.grant(NAME, plain.secret(), &json!({ "maintainer": true })).await, 201);
    empty(&admin.upload(NAME, "1", b"old").await, 201);
    let path = format!("/api/product/delete/{NAME}");
    empty(&plain.delete(&path).await, 204);
    json_error(&plain.delete(&path).await, 404, "Product not found");
    text_error(&admin.fetch(NAME).await, 404, "Product not found");
    text_error(&admin.download(NAME, "1").await, 400, "Product not found");
    empty(&admin.create(NAME).await, 201);
    text_error(&plain.fetch(NAME).await, 403, "permission denied");
    assert_eq!(admin.fetch(NAME).await.json()["versions"], json!({}));
    empty(&admin.upload(NAME, "1", b"new").await, 201);
    assert_eq!(admin.download(NAME, "1").await.text(), "new");
    text_error(&admin.delete("/api/product/delete/").await, 400, "product name is required");
    // A script whose variable for the version is empty.
    empty(&admin.create("spared").await, 201);
    text_error(&admin.delete("/api/product/delete/spared/").await, 400, "version is required");
    json_error(&app.api("unknown").delete("/api/product/delete/spared/").await, 401, "Invalid api token");
    assert_eq!(admin.fetch("spared/").await.status, 200);
    json_error(&admin.delete("/api/product/delete/unknown").await, 404, "Product not found");
}

#[tokio::test]
async fn health_is_told_to_every_token() {
    let (app, admin) = store().await;
    let plain = app.register(&admin, false).await;
    let health = plain.get("/api/health").await;
    let fine = json!({ "table": "Table is fine", "bucket": "Bucket is fine", "queues": "Queue is fine" });
    assert_eq!((health.status, health.json()), (200, fine));
    json_error(&app.anonymous().get("/api/health").await, 401, "Authorization header missing");
    json_error(&app.api("unknown").get("/api/health").await, 401, "Invalid api token");
}

#[tokio::test]
async fn other_methods_are_refused_in_json() {
    let (_app, admin) = stocked().await;
    for (method, path) in [
        ("POST", "/api/register"),
        ("GET", "/api/register"),
        ("DELETE", "/api/tokens"),
        ("DELETE", "/api/fetch/x"),
        ("GET", "/api/prune/x"),
        ("POST", "/api/product/create"),
        ("POST", "/api/product/access"),
        ("PUT", "/api/product/fetch/my-lib"),
        ("GET", "/api/product/delete/my-lib"),
        ("GET", "/api/product/delete/my-lib/1"),
        ("POST", "/api/product/modify/addToken"),
        ("PUT", "/api/product/upload"),
        ("PUT", "/api/product/download/my-lib/1"),
        ("PUT", "/api/product/upload-url"),
        ("GET", "/api/product/confirm"),
        ("POST", "/api/health"),
    ] {
        json_error_with(&admin.request(method, path, &[], "").await, 405, "not with this method");
    }
}

#[tokio::test]
async fn every_operation_needs_a_known_token() {
    let (app, _admin) = stocked().await;
    for (method, path) in [
        ("GET", "/api/health"),
        ("PUT", "/api/register"),
        ("GET", "/api/tokens"),
        ("GET", "/api/fetch/x"),
        ("GET", "/api/fetch"),
        ("DELETE", "/api/prune/x"),
        ("DELETE", "/api/prune"),
        ("GET", "/api/product/access"),
        ("GET", "/api/product/list"),
        ("PUT", "/api/product/create"),
        ("GET", "/api/product/fetch/my-lib"),
        ("DELETE", "/api/product/delete"),
        ("DELETE", "/api/product/delete/my-lib"),
        ("DELETE", "/api/product/delete/my-lib/1"),
        ("PUT", "/api/product/modify/addToken"),
        ("DELETE", "/api/product/modify/deleteToken"),
        ("POST", "/api/product/upload"),
        ("GET", "/api/product/download/my-lib/1"),
        ("HEAD", "/api/product/download/my-lib/1"),
        ("POST", "/api/product/upload-url"),
        ("POST", "/api/product/confirm"),
    ] {
        let anonymous = app.anonymous().request(method, path, &[], "{}").await;
        let unknown = app.api("0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d").request(method, path, &[], "{}").await;
        assert_eq!((anonymous.status, unknown.status), (401, 401), "{method} {path}");
        assert!(!anonymous.header("www-authenticate").is_empty());
        if method != "HEAD" {
            json_error(&anonymous, 401, "Authorization header missing");
            json_error(&unknown, 401, "Invalid api token");
        }
    }
}

#[tokio::test]
async fn a_product_lists_a_thousand_tokens_and_no_more() {
    let (app, admin) = stocked().await;
    let key = granary_storage::Key::Product(granary_testing::tenant_of("ann"), NAME.into());
    let storage = app.state().storage();
    let mut row: granary_storage::rows::ProductRow = storage.get(&key).await.unwrap().unwrap();
    for index in 1..1_000 {
        let hash = granary_model::product::product_token_hash(&index.to_string());
        row.tokens.insert(hash, granary_model::product::ProductFlags::ALL);
    }
    storage.put(&key, &row).await.unwrap();
    let plain = app.register(&admin, false).await;
    let refused = admin.grant(NAME, plain.secret(), &json!({ "download": true })).await;
    json_error_with(&refused, 400, "lists 1000 tokens");
    let all: Value = ALL.iter().map(|flag| ((*flag).to_owned(), Value::from(true))).collect();
    empty(&admin.grant(NAME, admin.secret(), &all).await, 201);
}
