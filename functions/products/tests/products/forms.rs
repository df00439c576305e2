//! Forms as clients send them, and as nobody should.

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use granary_testing::TestApp;
use granary_testing::products::ProductForm;
use serde_json::json;

use crate::{NAME, empty, json_error, json_error_with, stocked, text_error};

fn form() -> ProductForm {
    ProductForm::default()
}

#[tokio::test]
async fn fields_come_in_any_order() {
    let (_app, admin) = stocked().await;
    let orders = [
        form().text("product", NAME).text("version", "1").file("a.bin", b"1"),
        form().text("version", "2").text("product", NAME).file("a.bin", b"2"),
        form().file("a.bin", b"3").text("product", NAME).text("version", "3"),
        form().text("product", NAME).file("a.bin", b"4").text("version", "4"),
        form().file("a.bin", b"5").text("version", "5").text("product", NAME),
        form().text("version", "6").file("a.bin", b"6").text("product", NAME),
    ];
    for (index, form) in orders.into_iter().enumerate() {
        let version = (index + 1).to_string();
        empty(&admin.send(form).await, 201);
        assert_eq!(admin.download(NAME, &version).await.text(), version);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_said() {
    let (app, admin) = stocked().await;
    let whole = || form().text("product", NAME).text("version", "1").file("a", b"x");
    for (form, words) in [
        (form().text("version", "1").file("a", b"x"), "the field 'product' is required"),
        (form().text("product", NAME).file("a", b"x"), "the field 'version' is required"),
        (form().text("product", NAME).text("version", "1"), "the field 'file' is required"),
        (form(), "the field 'product' is required"),
        (form().text("product", "").text("version", "1").file("a", b"x"), "name is required"),
        (form().text("product", "../x").text("version", "1").file("a", b"x"), "invalid name \"../x\""),
        (form().text("product", NAME).text("version", "1/2").file("a", b"x"), "invalid name \"1/2\""),
        (form().text("product", NAME).text("version", "1").text("file", "x"), "has no file name"),
        (form().text("product", NAME).text("version", "1").file("", b"x"), "invalid file name"),
        (form().text("product", NAME).text("version", "1").file("..", b"x"), "invalid file name"),
        (form().text("product", NAME).text("version", "1").file("a/..", b"x"), "invalid file name"),
        (form().text("product", NAME).text("version", "1").file("a\u{202e}b", b"x"), "invalid file name"),
        (whole().text("product", NAME), "the field 'product' stands there twice"),
        (whole().text("version", "2"), "the field 'version' stands there twice"),
        (whole().file("b", b"y"), "the field 'file' stands there twice"),
        (whole().text("other", "x"), "unknown field 'other'"),
        (form().part("form-data; name=\"product\"", b"\xff\xfe"), "the field 'product' is not UTF-8"),
        (form().text("product", &"x".repeat(20_000)), "the field 'product' is longer than"),
    ] {
        json_error_with(&admin.send(form).await, 400, words);
    }
    let sent = async |content_type: &str, body: &[u8]| {
        admin.request("POST", "/api/product/upload", &[("content-type", content_type)], body.to_vec()).await
    };
    json_error_with(&sent("application/json", b"{}").await, 400, "no form");
    json_error_with(&sent("multipart/form-data", b"x").await, 400, "no form");
    let whole = whole();
    let content_type = whole.content_type();
    let bytes = whole.body();
    for end in [10, bytes.len() / 2, bytes.len() - 8] {
        json_error_with(&sent(&content_type, &bytes[..end]).await, 400, "the form cannot be read");
    }
    assert_eq!(admin.fetch(NAME).await.json()["versions"], json!({}));
    assert_eq!(app.blobs().await, Vec::<String>::new());
}

#[tokio::test]
async fn file_names_come_back_as_they_were() {
    let (_app, admin) = stocked().await;
    for (index, (sent, kept, disposition)) in [
        ("my-lib.tar.gz", "my-lib.tar.gz", "attachment; filename=\"my-lib.tar.gz\""),
        ("dist/My App (2).dmg", "My App (2).dmg", "attachment; filename=\"My App (2).dmg\""),
        ("a;b=c.zip", "a;b=c.zip", "attachment; filename=\"a;b=c.zip\""),
        (
            "bericht-ä.pdf",
            "bericht-ä.pdf",
            "attachment; filename=\"bericht-_.pdf\"; filename*=UTF-8''bericht-%C3%A4.pdf",
        ),
        ("100%.txt", "100%.txt", "attachment; filename=\"100%.txt\"; filename*=UTF-8''100%25.txt"),
    ]
    .into_iter()
    .enumerate()
    {
        let version = index.to_string();
        let form = form().text("product", NAME).text("version", &version).file(sent, b"x");
        empty(&admin.send(form).await, 201);
        let shown = admin.fetch(NAME).await.json();
        assert_eq!(shown["versions"][&version]["path"], format!("products/{NAME}/{version}/{kept}"));
        assert_eq!(admin.download(NAME, &version).await.header("content-disposition"), disposition);
    }
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (_app, admin) = stocked().await;
    empty(&admin.upload(NAME, "1", b"").await, 201);
    let file = admin.download(NAME, "1").await;
    assert_eq!((file.status, file.header("content-length"), file.body.len()), (200, "0", 0));
    assert_eq!(admin.head(&format!("/api/product/download/{NAME}/1")).await.status, 200);
}

#[tokio::test]
async fn whoever_may_not_upload_is_told_before_the_file_is_taken() {
    let (app, admin) = stocked().await;
    let plain = app.register(&admin, false).await;
    let whole = form().text("product", NAME).text("version", "1").file("a", &vec![0; 3_000_000]);
    text_error(&plain.send(whole.clone()).await, 403, "permission denied");
    json_error_with(
        &plain.send(form().text("product", "unknown").text("version", "1").file("a", b"x")).await,
        400,
        "Product not found",
    );
    // It is told also if nothing more ever comes.
    let bytes = whole.body();
    let chunks = bytes[..1_000].to_vec();
    let body = Body::from_stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from(chunks))]));
    let content_type = form().content_type();
    let response =
        plain.request("POST", "/api/product/upload", &[("content-type", &content_type)], body).await;
    text_error(&response, 403, "permission denied");
    empty(&admin.upload(NAME, "1", b"x").await, 201);
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/1")).await, 204);
    app.probe.reset();
    json_error_with(&admin.upload(NAME, "1", b"x").await, 400, "can never be uploaded again");
    assert_eq!(app.probe.count(), 3, "neither claimed nor stored");
}

#[tokio::test]
async fn a_form_over_the_limit_of_a_deployment_is_told_the_way_out() {
    let app = TestApp::with(|config| config.max_body = Some(100_000)).await;
    let admin = app.api_token("ann", true).await;
    empty(&admin.create(NAME).await, 201);
    let declared = vec![("content-length".to_owned(), "200000".to_owned())];
    for headers in [Vec::new(), declared] {
        let form = form().text("product", NAME).text("version", "1").file("a", &vec![7; 150_000]);
        let content_type = form.content_type();
        let mut all = vec![("content-type", content_type.as_str())];
        all.extend(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let response = admin.request("POST", "/api/product/upload", &all, form.body()).await;
        json_error_with(&response, 413, "POST /api/product/upload-url");
    }
    empty(&admin.upload(NAME, "1", &vec![7; 90_000]).await, 201);
}

#[tokio::test]
async fn a_file_over_the_limit_of_a_file_is_refused() {
    let app = TestApp::with(|config| config.max_file = 1_000).await;
    let admin = app.api_token("ann", true).await;
    empty(&admin.create(NAME).await, 201);
    json_error_with(&admin.upload(NAME, "1", &[7; 1_001]).await, 413, "1000 bytes");
    json_error(&admin.announce(NAME, "1", &[7; 1_001]).await, 400, "size: 1 to 1000 bytes");
    empty(&admin.upload(NAME, "1", &[7; 1_000]).await, 201);
    assert_eq!(app.blobs().await.len(), 1);
}

#[tokio::test]
async fn each_product_has_its_quota() {
    let app = TestApp::with(|config| config.repo_quota = Some(10)).await;
    let admin = app.api_token("ann", true).await;
    for name in [NAME, "other"] {
        empty(&admin.create(name).await, 201);
        empty(&admin.upload(name, "1", b"12345678").await, 201);
    }
    let refused = admin.upload(NAME, "2", b"123").await;
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("the quota of product 'my-lib' (10 bytes)"), "{}", refused.text());
    json_error_with(&admin.announce(NAME, "2", b"123").await, 403, "quota of product 'my-lib'");
    let upload = crate::sent(&admin, "2", b"12").await;
    empty(&admin.upload(NAME, "3", b"1").await, 201);
    json_error_with(&admin.confirm(&upload).await, 403, "quota of product 'my-lib'");
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/1")).await, 204);
    empty(&admin.upload(NAME, "4", b"123456789").await, 201);
    let refused = admin.upload(NAME, "5", b"1").await;
    assert_eq!(refused.status, 403);
}
