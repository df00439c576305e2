//! Requests as API Gateway hands them to the function.

use granary_testing::EventShape;
use granary_testing::products::ProductForm;
use serde_json::{Value, json};

use crate::{NAME, stocked};

#[tokio::test]
async fn forms_and_bodies_come_whole_through_a_gateway() {
    for shape in [EventShape::HttpApi, EventShape::FunctionUrl] {
        let (app, admin) = stocked().await;
        let token = ("x-api-token", admin.secret());
        let bytes: Vec<u8> = (0..=255_u8).cycle().take(70_000).collect();
        let form = ProductForm::default().text("product", NAME).text("version", "1").file("ä b.bin", &bytes);
        let content_type = form.content_type();
        let headers = [token, ("content-type", content_type.as_str())];
        let uploaded = app.event(shape, "POST", "/api/product/upload", &headers, &form.body()).await;
        assert_eq!(uploaded.status, 201, "{}", String::from_utf8_lossy(&uploaded.body));
        let path = format!("/api/product/download/{NAME}/1");
        let file = app.event(shape, "GET", &path, &[token], b"").await;
        assert_eq!((file.status, file.body == bytes, file.was_base64), (200, true, true));
        let shown = app.event(shape, "GET", &format!("/api/product/fetch/{NAME}"), &[token], b"").await;
        let shown: Value = serde_json::from_slice(&shown.body).unwrap();
        assert_eq!(shown["versions"]["1"]["path"], "products/my-lib/1/ä b.bin");
        let body = json!({ "product": NAME, "version": "1" }).to_string();
        let headers = [token, ("content-type", "application/json")];
        let path = "/api/product/modify/deleteVersion";
        assert_eq!(app.event(shape, "DELETE", path, &headers, body.as_bytes()).await.status, 200);
        let path = format!("/api/product/delete/{NAME}/");
        let missing = app.event(shape, "DELETE", &path, &[token], b"").await;
        assert_eq!((missing.status, missing.body.as_slice()), (400, &b"version is required"[..]));
        assert_eq!(admin.fetch(NAME).await.status, 200);
        let path = "/api/product/delete/";
        let missing = app.event(shape, "DELETE", path, &[token], b"").await;
        assert_eq!((missing.status, missing.body.as_slice()), (400, &b"product name is required"[..]));
    }
}
