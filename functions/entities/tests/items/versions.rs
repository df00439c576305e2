//! Entities with versions. Their rows are written straight into the table, as uploads would do it.

use granary_model::entity::EntityVersion;
use granary_publish::digests::Digests;
use granary_storage::rows::{
    BaseVersion, EntityPackageJson, EntityVersionRef, EntityVersionRow, VersionStatus,
};

use super::*;

/// The version of the `n`-th second of an hour that is over.
fn version(n: u32) -> EntityVersion {
    format!("2026.02.16-10{:02}{:02}", n / 60, n % 60).parse().unwrap()
}

/// A version's row, made from another one.
async fn put_version(app: &TestApp, entity: &str, n: u32, base: Option<u32>, live: bool) {
    let (version, of) = (version(n), |n: u32| format!("id-{n}"));
    let package = Digests::of(version.as_str().as_bytes());
    let row = EntityVersionRow {
        id: of(n),
        version: version.clone(),
        status: if live { VersionStatus::Live } else { VersionStatus::Tombstone },
        source_hash: package.sha256.to_string().parse().unwrap(),
        base: base.map(|base| BaseVersion { id: of(base), version: self::version(base) }),
        package: package.file("my-app.zip", "application/zip"),
        lockfile: (n % 2 == 1).then(|| package.file("lock", "application/json")),
        service_dependencies: vec![format!("service-{n}").parse().unwrap()],
        has_package_json: true,
        published_at: app.state().now(),
        publisher: "user:ann".into(),
    };
    let key = |key: fn(String, String) -> Key| key(entity.to_owned(), version.to_string());
    let storage = app.state().storage();
    storage.put(&key(Key::EntityVersion), &row).await.unwrap();
    let package_json = EntityPackageJson { text: "{ \"name\": \"x\" }".into() };
    storage.put(&key(Key::EntityPackageJson), &package_json).await.unwrap();
    put_id(app, entity, n, live).await;
}

/// The row that says which version an id names: only as long as that is live.
async fn put_id(app: &TestApp, entity: &str, n: u32, live: bool) {
    let key = Key::EntityVersionId(entity.to_owned(), format!("id-{n}"));
    let storage = app.state().storage();
    if live {
        storage.put(&key, &EntityVersionRef { version: version(n) }).await.unwrap();
    } else {
        storage.delete(&key).await.unwrap();
    }
}

fn column(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn versions_come_with_the_entity_the_newest_first() {
    let (app, ann, id) = shelf().await;
    for (n, base, live) in [(1, None, true), (2, Some(1), false), (3, Some(2), true), (4, Some(1), true)] {
        put_version(&app, &id, n, base, live).await;
    }
    let body = ann.get(&at(&id)).await.json();
    assert_eq!(column(&body["versions"], "version"), [4, 3, 1].map(|n| version(n).to_string()));
    assert_eq!((&body["active_version"], &body["versions_truncated"]), (&json!(null), &json!(false)));
    let package = Digests::of(version(3).as_str().as_bytes());
    let third = json!({
        "id": "id-3",
        "entity_id": id,
        "version": version(3),
        "source_hash": package.sha256,
        "base_version_id": "id-2",
        "base_version": { "id": "id-2", "version": version(2), "deleted": true },
        "file_size_bytes": 17,
        "sha256": package.sha256,
        "has_lockfile": true,
        "service_dependencies": ["service-3"],
        "is_active": false,
        "created_at": app.state().now().to_string(),
        "created_by": "user:ann",
    });
    assert_eq!(body["versions"][1], third);
    assert_eq!(body["versions"][0]["base_version"]["deleted"], false);
    assert_eq!(body["versions"][2]["base_version"], json!(null));
    // The newest says what it needs, as long as none is active.
    let details = async || ann.get(&format!("{}/details", at(&id))).await.json();
    assert_eq!(details().await["dependencies"], json!(["service-4"]));
    change_row(&app, &id, |row| row.active = Some(version(3))).await;
    let body = details().await;
    assert_eq!(body["dependencies"], json!(["service-3"]));
    let mut active = third.clone();
    active["is_active"] = true.into();
    assert_eq!(body["versions"][1], active);
    active["package_json"] = json!({ "name": "x" });
    assert_eq!(body["active_version"], active);
    assert_eq!(body["entity"]["active_version"], json!(version(3)));
    // Should it have been deleted since the entity was read.
    put_version(&app, &id, 3, Some(2), false).await;
    assert_eq!(ann.get(&at(&id)).await.json()["active_version"], json!(null));
}

#[tokio::test]
async fn of_very_many_versions_the_newest_are_shown() {
    let (app, ann, id) = shelf().await;
    // More than one page of rows: a third of them deleted, and all of the newest 700.
    for n in 0..1_800_u32 {
        let live = !n.is_multiple_of(3) && n < 1_100;
        if n < 100 {
            // What others were made from is looked up in the small rows of the ids: there need not be more.
            put_id(&app, &id, n, live).await;
        } else {
            put_version(&app, &id, n, n.checked_sub(1_000), live).await;
        }
    }
    let live: Vec<String> =
        (0..1_100).rev().filter(|n: &u32| !n.is_multiple_of(3)).map(|n| version(n).to_string()).collect();
    let body = ann.get(&at(&id)).await.json();
    assert_eq!(column(&body["versions"], "version"), live[..500]);
    assert_eq!(body["versions_truncated"], true);
    // The rest.
    let rest = ann.get(&format!("{}/versions?cursor={}", at(&id), live[499])).await.json();
    let older: Vec<&String> =
        live[500..].iter().take_while(|text| **text >= version(100).to_string()).collect();
    assert_eq!(
        (column(&rest["versions"], "version").iter().collect::<Vec<_>>(), &rest["next"]),
        (older, &Value::Null)
    );
    // What the shown ones were made from has been looked up, although it is not shown itself.
    let bases: Vec<&Value> = body["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| &version["base_version"])
        .filter(|base| !base.is_null())
        .collect();
    assert_eq!(bases.len(), 67);
    for base in bases {
        let n: u32 = base["id"].as_str().unwrap().trim_start_matches("id-").parse().unwrap();
        assert_eq!(base["deleted"], n.is_multiple_of(3), "{base}");
    }
}

/// Deleted versions stay for ever, and a request does not go past any number of them.
#[tokio::test]
async fn very_many_deleted_versions_are_passed_in_several_requests() {
    let (app, ann, id) = shelf().await;
    for n in 0..2_100 {
        put_version(&app, &id, n, None, n < 3).await;
    }
    let path = format!("{}/versions", at(&id));
    app.probe.reset();
    let first = ann.get(&path).await.json();
    let queries = app.probe.calls().iter().filter(|call| call.operation == "Query").count();
    assert!((1..=8).contains(&queries), "{queries}");
    assert_eq!(first["versions"], json!([]));
    let next = first["next"].as_str().unwrap();
    assert_eq!(next, version(2_100 - 4 * 501).as_str());
    let second = ann.get(&format!("{path}?cursor={next}")).await.json();
    assert_eq!(column(&second["versions"], "version"), [2, 1, 0].map(|n| version(n).to_string()));
    assert_eq!(second.get("next"), None);
    let shown = ann.get(&at(&id)).await.json();
    assert_eq!((&shown["versions"], &shown["versions_truncated"]), (&json!([]), &json!(true)));
}

/// A row of its own keeps up to 256 KiB out of what lists read.
#[tokio::test]
async fn lists_do_not_read_package_json() {
    let (app, ann, id) = shelf().await;
    put_version(&app, &id, 1, None, true).await;
    let key = Key::EntityVersion(id.clone(), version(1).to_string());
    let row: Value = app.state().storage().get(&key).await.unwrap().unwrap();
    assert!(!row.to_string().contains("name\\"), "{row}");
    change_row(&app, &id, |row| row.active = Some(version(1))).await;
    let shown =
        async |rest: &str| ann.get(&format!("{}/versions/{rest}", at(&id))).await.json()["version"].clone();
    for rest in ["active", "id-1", version(1).as_str()] {
        assert_eq!(shown(rest).await["package_json"], json!({ "name": "x" }), "{rest}");
    }
}
