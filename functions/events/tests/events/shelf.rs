//! Products and entities, made over HTTP, and what the stores hold of them.

use std::collections::BTreeMap;

use granary_model::Sha256;
use granary_publish::digests::Digests;
use granary_storage::rows::{BlobRow, EntityRow, HandoverRow, UploadStatus};
use granary_storage::{Key, Subject, Tenant};
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

/// Makes a product of the actor's tenant.
pub(crate) async fn new_product(actor: &Actor, name: &str) {
    let made = actor.put_json("/api/product/create", &json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

/// Uploads a version of a product as a form.
pub(crate) async fn upload(actor: &Actor, product: &str, version: &str, bytes: &[u8]) -> TestResponse {
    let field = |name: &str, more: &str| {
        format!("--granary\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n")
    };
    let mut body = field("product", "") + product + "\r\n" + &field("version", "") + version + "\r\n";
    body += &field("file", "; filename=\"app.bin\"");
    let mut body = body.into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--granary--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=granary")];
    actor.request("POST", "/api/product/upload", &headers, body).await
}

/// Uploads a version of a product, which must work.
pub(crate) async fn uploaded(actor: &Actor, product: &str, version: &str, bytes: &[u8]) {
    let response = upload(actor, product, version, bytes).await;
    assert_eq!(response.status, 201, "{version}: {}", response.text());
}

/// Status of a download of a version of a product.
pub(crate) async fn download(actor: &Actor, product: &str, version: &str) -> u16 {
    actor.get(&format!("/api/product/download/{product}/{version}")).await.status
}

/// The tenant of a user.
pub(crate) fn user_tenant(user: &str) -> Tenant {
    Tenant { subject: Subject::User(user.parse().unwrap()), uid: None }
}

/// The row of a product.
pub(crate) async fn product_row(
    app: &TestApp,
    tenant: &Tenant,
    name: &str,
) -> granary_storage::rows::ProductRow {
    let key = Key::Product(tenant.clone(), name.into());
    app.state().storage().get(&key).await.unwrap().unwrap()
}

/// All rows of a partition.
pub(crate) async fn rows(app: &TestApp, first: &Key, prefix: &str) -> Vec<Value> {
    app.state().storage().list_all(first, prefix).await.unwrap()
}

/// How many rows there are of a product's versions.
pub(crate) async fn versions_of(app: &TestApp, uid: &str) -> usize {
    rows(app, &Key::ProductVersion(uid.into(), String::new()), "").await.len()
}

/// The row of an entity.
pub(crate) async fn entity_row(app: &TestApp, id: &str) -> Option<EntityRow> {
    app.state().storage().get(&Key::Entity(id.into())).await.unwrap()
}

/// Whether a row is there.
pub(crate) async fn exists(app: &TestApp, key: &Key) -> bool {
    app.state().storage().get::<Value>(key).await.unwrap().is_some()
}

/// How many files hold bytes; `None` if they are not known.
pub(crate) async fn holders(app: &TestApp, bytes: &[u8]) -> Option<u64> {
    let row: Option<BlobRow> =
        app.state().storage().get(&Key::Blob(Digests::of(bytes).sha256)).await.unwrap();
    row.map(|row| row.refs)
}

/// Puts bytes into the repository `files` of `ann`, as a raw file that holds them besides.
pub(crate) async fn package_of(app: &TestApp, bytes: &[u8]) -> Actor {
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    let stored = ann.request("PUT", "/api/raw/files/tool/1.0/f", &[], bytes.to_vec()).await;
    assert_eq!(stored.status, 201, "{}", stored.text());
    ann
}

/// Whether those bytes can still be had, and nothing else holds them.
pub(crate) async fn check_package(app: &TestApp, ann: &Actor, bytes: &[u8], what: &str) {
    let file = ann.get("/api/raw/files/tool/1.0/f").await;
    assert_eq!((file.status, file.body.as_ref()), (200, bytes), "{what}");
    assert_eq!(holders(app, bytes).await, Some(1), "{what}");
    let digest: Sha256 = Digests::of(bytes).sha256;
    assert_eq!(app.blobs().await, [digest.to_string()], "{what}");
}

/// The only handover that is kept for staged objects.
pub(crate) async fn handover(app: &TestApp, id: &str) -> HandoverRow {
    app.state().storage().get(&Key::Handover(id.into())).await.unwrap().unwrap()
}

/// How far a handover has come, and why it failed.
pub(crate) async fn course(app: &TestApp, id: &str) -> (UploadStatus, String) {
    let row = handover(app, id).await;
    (row.status, row.error.unwrap_or_default())
}

/// Number of staged objects.
pub(crate) async fn staged(app: &TestApp) -> usize {
    app.state().storage().list_objects("staging/", None).await.unwrap().len()
}

/// Number of records of each action in an audit scope.
pub(crate) async fn actions(app: &TestApp, scope: &str) -> BTreeMap<String, usize> {
    let mut actions = BTreeMap::new();
    for row in app.audit(scope).await {
        *actions.entry(row["action"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    actions
}
