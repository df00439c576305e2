//! What must hold of the stores at any moment, and what is left in the end.

use std::collections::BTreeMap;

use granary_model::Sha256;
use granary_storage::Key;
use granary_storage::rows::{BlobRow, Event, ProductRow, ProductVersionRow};
use granary_testing::{TestApp, tenant_of};
use serde_json::json;

use crate::{NAME, empty, stocked};

/// What is stored of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) live: Vec<String>,
    pub(crate) tombstones: Vec<String>,
}

/// Checks of products, beside those of packages.
pub(crate) trait Checks {
    /// Reads a product after checking that all of it agrees: its counts are those of its live versions, whose bytes are there
    /// and held. No bytes are counted too low or too high, which holds only if nobody but the user has any, in products.
    /// `None` if there is none.
    async fn check_product(&self, user: &str, name: &str) -> Option<Kept>;
}

impl Checks for TestApp {
    async fn check_product(&self, user: &str, name: &str) -> Option<Kept> {
        let storage = self.state().storage();
        check_blobs(self, user).await;
        let row: ProductRow = storage.get(&Key::Product(tenant_of(user), name.into())).await.unwrap()?;
        let (mut kept, mut bytes) = (Kept::default(), 0);
        for version in versions_of(self, &row.uid).await {
            if !version.is_live() {
                kept.tombstones.push(version.version.to_string());
                continue;
            }
            kept.live.push(version.version.to_string());
            bytes += version.file.size;
        }
        assert_eq!((row.versions, row.bytes), (kept.live.len() as u64, bytes));
        Some(kept)
    }
}

async fn versions_of(app: &TestApp, uid: &str) -> Vec<ProductVersionRow> {
    let first = Key::ProductVersion(uid.into(), String::new());
    app.state().storage().list_all(&first, "VER#").await.unwrap()
}

/// Checks that bytes are held by as many as say so: the live versions of all products, and of those that are going.
async fn check_blobs(app: &TestApp, user: &str) {
    let storage = app.state().storage();
    let first = Key::Product(tenant_of(user), String::new());
    let products: Vec<ProductRow> = storage.list_all(&first, "PRODUCT#").await.unwrap();
    let going = app.outbox().await.into_iter().filter_map(|row| match row.event {
        Event::ProductDeleted { uid } => Some(uid),
        _ => None,
    });
    let mut held: BTreeMap<Sha256, u64> = BTreeMap::new();
    for uid in products.into_iter().map(|row| row.uid).chain(going) {
        for version in versions_of(app, &uid).await.into_iter().filter(ProductVersionRow::is_live) {
            *held.entry(version.file.sha256).or_default() += 1;
            let size = storage.blob_size(version.file.sha256).await.unwrap();
            assert_eq!(size, Some(version.file.size), "{}", version.version);
        }
    }
    let stored = app.blobs().await.into_iter().map(|digest| digest.parse().unwrap());
    for digest in stored.chain(held.keys().copied().collect::<Vec<_>>()) {
        let blob: BlobRow = storage.get(&Key::Blob(digest)).await.unwrap().unwrap();
        let holders = held.get(&digest).copied().unwrap_or_default();
        assert_eq!(blob.refs, holders, "{digest}: {blob:?}");
        assert!(holders == 0 || !blob.doomed, "{digest}: {blob:?}");
    }
}

#[tokio::test]
async fn bytes_that_two_hold_stay_until_both_are_gone() {
    let (app, admin) = stocked().await;
    empty(&admin.create("other").await, 201);
    for (name, version) in [(NAME, "1"), (NAME, "2"), ("other", "1")] {
        empty(&admin.upload(name, version, b"shared").await, 201);
    }
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/1")).await, 204);
    let kept = app.check_product("ann", NAME).await.unwrap();
    assert_eq!(kept, Kept { live: vec!["2".into()], tombstones: vec!["1".into()] });
    let digest: Sha256 = app.blobs().await[0].parse().unwrap();
    let refs = async || {
        let row: Option<BlobRow> = app.state().storage().get(&Key::Blob(digest)).await.unwrap();
        row.map(|row| row.refs)
    };
    assert_eq!(refs().await, Some(2));
    empty(&admin.delete(&format!("/api/product/delete/{NAME}")).await, 204);
    app.settle().await;
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert_eq!(refs().await, Some(1));
    assert_eq!(admin.download("other", "1").await.text(), "shared");
    empty(&admin.delete("/api/product/delete/other").await, 204);
    app.settle().await;
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert_eq!((refs().await, app.blobs().await.len()), (None, 0));
}

#[tokio::test]
async fn every_change_is_in_the_log_of_its_tenant() {
    let (app, admin) = stocked().await;
    let plain = app.register(&admin, false).await;
    empty(&admin.grant(NAME, plain.secret(), &json!({ "upload": true })).await, 201);
    empty(&plain.upload(NAME, "1", b"x").await, 201);
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/1")).await, 204);
    let body = json!({ "product": NAME, "token": plain.secret() });
    empty(&admin.json("DELETE", "/api/product/modify/deleteToken", &body).await, 204);
    empty(&admin.delete(&format!("/api/prune/{}", plain.secret())).await, 204);
    empty(&admin.delete(&format!("/api/product/delete/{NAME}")).await, 204);
    let actor = |hash: String| format!("product-token:{}", &hash[..12]);
    let (first, second) = (actor(admin.hash()), actor(plain.hash()));
    let rows = app.audit("user:ann").await;
    let mut found: Vec<(String, String, String)> = rows
        .iter()
        .map(|row| ["actor", "action", "target"].map(|name| row[name].as_str().unwrap().to_owned()).into())
        .filter(|(_, action, _): &(String, String, String)| action.starts_with("product"))
        .collect();
    found.sort();
    let product = format!("product/{NAME}");
    let mut expected: Vec<(String, String, String)> = [
        ("user:ann", "product-token.create", first.as_str()),
        (&first, "product.create", &product),
        (&first, "product-token.create", &second),
        (&first, "product.add-token", &format!("{product} {second}")),
        (&second, "product.upload", &format!("{product}@1")),
        (&first, "product.delete-version", &format!("{product}@1")),
        (&first, "product.delete-token", &format!("{product} {second}")),
        (&first, "product-token.delete", &second),
        (&first, "product.delete", &product),
    ]
    .map(|(actor, action, target)| (actor.to_owned(), action.to_owned(), target.to_owned()))
    .into();
    expected.sort();
    assert_eq!(found, expected);
}
