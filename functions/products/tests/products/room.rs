//! How much a product takes, and how it is shown when it is full.

use granary_model::Sha256;
use granary_model::product::ProductFlags;
use granary_storage::Key;
use granary_storage::rows::ProductRow;
use granary_testing::probe::Service;
use granary_testing::{TestApp, tenant_of};
use serde_json::json;

use crate::{HELD, NAME, empty, held, json_error_with, pass, sent, stocked};

async fn row(app: &TestApp) -> ProductRow {
    app.state().storage().get(&Key::Product(tenant_of("ann"), NAME.into())).await.unwrap().unwrap()
}

/// Puts a row as it would be after many requests.
async fn put(app: &TestApp, row: &ProductRow) {
    app.state().storage().put(&Key::Product(tenant_of("ann"), NAME.into()), row).await.unwrap();
}

#[tokio::test]
async fn a_product_has_room_for_ten_thousand_versions() {
    let (app, admin) = stocked().await;
    empty(&admin.upload(NAME, "1", b"one").await, 201);
    let upload = sent(&admin, "2", b"two").await;
    let full = ProductRow { versions: 10_000, ..row(&app).await };
    put(&app, &full).await;
    let words = "'my-lib' has 10000 versions, and no more fit; delete versions or make another product";
    json_error_with(&admin.upload(NAME, "3", b"three").await, 400, words);
    json_error_with(&admin.announce(NAME, "3", b"three").await, 400, words);
    json_error_with(&admin.confirm(&upload).await, 400, words);
    json_error_with(&admin.upload(NAME, "1", b"one").await, 400, "with this very file");
    assert_eq!(admin.announce(NAME, "1", b"one").await.status, 200, "it is there");
    assert_eq!(row(&app).await, full);
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/1")).await, 204);
    empty(&admin.upload(NAME, "3", b"three").await, 201);
    assert_eq!(row(&app).await.versions, 10_000);
}

/// Versions are read page by page, and no more of each than is shown.
#[tokio::test]
async fn a_product_with_many_versions_is_shown_whole() {
    let (app, admin) = stocked().await;
    let uid = row(&app).await.uid;
    let digest = "ab".repeat(32);
    for n in 0..1_101 {
        let status = if n % 11 == 0 { "tombstone" } else { "live" };
        let version = json!({ "version": format!("1.{n}"), "status": status,
            "file": { "name": "a.bin", "sha256": digest } });
        app.state()
            .storage()
            .put(&Key::ProductVersion(uid.clone(), format!("1.{n}")), &version)
            .await
            .unwrap();
    }
    app.probe.reset();
    let shown = admin.fetch(NAME).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let pages = app.probe.calls().into_iter().filter(|call| call.operation == "Query").count();
    assert_eq!(pages, 2);
    let versions = shown.json()["versions"].clone();
    assert_eq!(versions.as_object().unwrap().len(), 1_000);
    for n in ["1", "999", "1099"] {
        let expected =
            json!({ "path": format!("products/my-lib/1.{n}/a.bin"), "checksum": format!("sha256:{digest}") });
        assert_eq!(versions[format!("1.{n}")], expected);
    }
    assert_eq!(versions.get("1.1100"), None, "it was deleted");
}

/// A token is taken from a full product while another one is added: that one has room then.
#[tokio::test]
async fn room_that_is_made_meanwhile_counts_for_tokens() {
    let (app, admin) = stocked().await;
    let (first, second) = (app.register(&admin, false).await, app.register(&admin, false).await);
    empty(&admin.grant(NAME, first.secret(), &json!({ "upload": true })).await, 201);
    let mut full = row(&app).await;
    for n in 0..998_u16 {
        let mut bytes = [0_u8; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        full.tokens.insert(Sha256::from_bytes(bytes), ProductFlags::ALL);
    }
    assert_eq!(full.tokens.len(), 1_000);
    put(&app, &full).await;
    json_error_with(&admin.grant(NAME, second.secret(), &json!({})).await, 400, "1000 tokens");
    let (client, token) = (admin.clone(), second.secret().to_owned());
    // Its own token, the product, the other token: the product is read by then.
    let granting = held(&app, (Service::DynamoDb, "GetItem", 3), async move {
        client.grant(NAME, &token, &json!({ "download": true })).await
    });
    let granting = granting.await;
    let body = json!({ "product": NAME, "token": first.secret() });
    empty(&admin.json("DELETE", "/api/product/modify/deleteToken", &body).await, 204);
    pass(HELD).await;
    empty(&granting.await.unwrap(), 201);
    let listed = row(&app).await.tokens;
    assert_eq!((listed.len(), listed.contains_key(&second.hash().parse().unwrap())), (1_000, true));
}
