//! What many of the tests do.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::Sha256;
use granary_storage::Key;
use granary_storage::rows::{
    BlobRow, EntityRow, EntitySourceRow, EntityVersionRef, EntityVersionRow, HandoverRow,
};
use granary_testing::entities::new_entity;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

/// A version that many tests use.
pub(crate) const FIRST: &str = "2024.06.10-153042";

/// A later one.
pub(crate) const SECOND: &str = "2024.06.11-090000";

/// The latest one.
pub(crate) const THIRD: &str = "2024.07.01-000000";

/// A registry, a token of `ann`, and the id of her app.
pub(crate) async fn shop() -> (TestApp, Actor, String) {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["read", "write", "admin"]).await;
    let entity = new_entity(&ann, "app", "my-app").await;
    (app, ann, entity)
}

/// Path of something below an entity's versions, such as `/active`.
pub(crate) fn path(entity: &str, rest: &str) -> String {
    format!("/api/entities/{entity}/versions{rest}")
}

/// A version number `n` of many.
pub(crate) fn numbered(n: usize) -> String {
    format!("2025.01.01-0000{n:02}")
}

/// Checks a status; of an error also that its body is `{"error","code"}` and that the message has these words.
#[track_caller]
pub(crate) fn expect(response: &TestResponse, status: u16, words: &[&str]) {
    assert_eq!(response.status, status, "{}", response.text());
    if status < 400 {
        return;
    }
    let body = response.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    for word in words {
        assert!(body["error"].as_str().unwrap().contains(word), "{word}: {body}");
    }
}

/// Makes a version the active one, which must work.
pub(crate) async fn activate(actor: &Actor, entity: &str, version: &str) {
    let response = actor.put_json(&path(entity, "/active"), &json!({ "versionId": version })).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json()["version"]["is_active"], true);
}

/// The version strings of a list.
pub(crate) async fn listed(actor: &Actor, entity: &str) -> Vec<String> {
    let response = actor.get(&path(entity, "")).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let versions = response.json()["versions"].clone();
    versions.as_array().unwrap().iter().map(|row| row["version"].as_str().unwrap().to_owned()).collect()
}

/// The bytes behind an address.
pub(crate) async fn fetched(url: &Value) -> (u16, Vec<u8>, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(url.as_str().unwrap()).send().await.unwrap();
    let status = response.status().as_u16();
    let name =
        response.headers().get("content-disposition").map_or("", |value| value.to_str().unwrap()).to_owned();
    (status, response.bytes().await.unwrap().to_vec(), name)
}

/// The paths of all staged objects.
pub(crate) async fn staged(app: &TestApp) -> Vec<String> {
    app.state().storage().list_objects("staging/", None).await.unwrap()
}

/// The handover behind addresses.
pub(crate) async fn handover(app: &TestApp, begun: &Value) -> HandoverRow {
    let path = begun["package"]["storage_path"].as_str().unwrap();
    let id = path.split('/').nth(1).unwrap().to_owned();
    app.state().storage().get(&Key::Handover(id)).await.unwrap().unwrap()
}

/// What the stores hold of an entity's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The live versions, oldest first.
    pub(crate) live: Vec<String>,
    /// The deleted ones.
    pub(crate) tombstones: Vec<String>,
    /// The active one.
    pub(crate) active: Option<String>,
    /// Sum of the sizes.
    pub(crate) bytes: u64,
    /// Audit records by their action.
    pub(crate) audit: BTreeMap<String, usize>,
}

/// What is stored of the versions of ann's entity, after checking that all of it agrees: rows of versions, ids and sources, counts
/// of the entity, and blobs, which must be held by nothing else.
pub(crate) async fn stored(app: &TestApp, entity: &str) -> Stored {
    let storage = app.state().storage();
    let row: EntityRow = storage.get(&Key::Entity(entity.into())).await.unwrap().unwrap();
    let at = |text: &str| Key::EntityVersion(entity.into(), text.into());
    let versions: Vec<EntityVersionRow> = storage.list_all(&at(""), "VER#").await.unwrap();
    let (live, tombstones): (Vec<_>, Vec<_>) = versions.into_iter().partition(EntityVersionRow::is_live);
    let ids: Vec<EntityVersionRef> = storage.list_all(&at(""), "ID#").await.unwrap();
    let by_id: BTreeSet<String> = ids.iter().map(|id| id.version.to_string()).collect();
    assert_eq!(by_id, live.iter().map(|row| row.version.to_string()).collect(), "ids name live versions");
    assert_eq!(ids.len(), live.len());
    for row in &live {
        let id = Key::EntityVersionId(entity.into(), row.id.clone());
        assert_eq!(storage.get::<EntityVersionRef>(&id).await.unwrap().unwrap().version, row.version);
    }
    let with_package_json: Vec<String> =
        live.iter().filter(|row| row.has_package_json).map(|row| row.version.to_string()).collect();
    let texts: Vec<Value> = storage.list_all(&at(""), "PACKAGEJSON#").await.unwrap();
    let kept: Vec<String> =
        texts.iter().map(|row| row["sk"].as_str().unwrap()["PACKAGEJSON#".len()..].to_owned()).collect();
    assert_eq!(kept, with_package_json, "the package.json of live versions, and of no others");
    for row in &tombstones {
        assert!(!row.has_package_json, "{row:?}");
    }
    let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &live {
        sources.entry(row.source_hash.to_string()).or_default().push(row.version.to_string());
    }
    let count = storage.list_all::<EntitySourceRow>(&at(""), "SOURCE#").await.unwrap().len();
    assert_eq!(count, sources.len());
    for (hash, expected) in sources {
        let found: EntitySourceRow =
            storage.get(&Key::EntitySource(entity.into(), hash)).await.unwrap().unwrap();
        assert_eq!(found.versions.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }
    let bytes = live.iter().map(EntityVersionRow::size).sum();
    assert_eq!((row.versions, row.bytes), (live.len() as u64, bytes));
    if let Some(active) = &row.active {
        assert!(live.iter().any(|row| row.version == *active), "{active} is active and not live");
    }
    check_blobs(app, &live).await;
    let mut audit = BTreeMap::new();
    for record in app.audit("user:ann").await {
        *audit.entry(record["action"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(
        audit.get("entity.version.publish").copied().unwrap_or(0),
        live.len() + tombstones.len(),
        "a record for each version that was made"
    );
    assert_eq!(audit.get("entity.version.delete").copied().unwrap_or(0), tombstones.len());
    let names = |rows: &[EntityVersionRow]| rows.iter().map(|row| row.version.to_string()).collect();
    Stored {
        live: names(&live),
        tombstones: names(&tombstones),
        active: row.active.map(|version| version.to_string()),
        bytes,
        audit,
    }
}

async fn check_blobs(app: &TestApp, live: &[EntityVersionRow]) {
    let storage = app.state().storage();
    let mut holders: BTreeMap<Sha256, u64> = BTreeMap::new();
    for file in live.iter().flat_map(|row| [Some(&row.package), row.lockfile.as_ref()]).flatten() {
        *holders.entry(file.sha256).or_default() += 1;
        assert_eq!(storage.blob_size(file.sha256).await.unwrap(), Some(file.size));
    }
    for digest in app.blobs().await {
        let digest: Sha256 = digest.parse().unwrap();
        let row: BlobRow = storage.get(&Key::Blob(digest)).await.unwrap().unwrap();
        assert_eq!(row.refs, holders.get(&digest).copied().unwrap_or(0), "{digest}");
    }
}
