//! A version from its upload to its download.

use granary_publish::digests::Digests;
use granary_testing::entities::{EntityUpload, new_entity, put_signed};
use serde_json::{Value, json};

use crate::support::{
    FIRST, SECOND, THIRD, activate, expect, fetched, handover, listed, path, shop, staged, stored,
};

#[tokio::test]
async fn both_steps_make_a_version_that_can_be_downloaded() {
    let (app, ann, entity) = shop().await;
    let pack = new_entity(&ann, "service", "mail-service").await;
    assert_ne!(pack, entity);
    let package_json =
        json!({ "name": "my-app", "dependencies": { "left-pad": "^1.0.0" }, "big": 12_345_678_901_u64 });
    let upload = EntityUpload::new(FIRST)
        .lockfile(b"{\"lockfileVersion\":3}")
        .confirm_with("service_dependencies", json!(["mail-service"]))
        .confirm_with("package_json", package_json.clone());
    let begun = upload.ask(&ann, &entity).await;
    expect(&begun, 200, &[]);
    assert_eq!(begun.header("cache-control"), "no-store");
    let begun = begun.json();
    assert_eq!((&begun["status"], &begun["version"]), (&json!("upload_required"), &json!(FIRST)));
    assert_eq!(begun["expires_at"], "2026-09-21T15:13:20.000Z", "an hour from the start of the clock");
    assert_eq!(begun["package"]["method"], "PUT");
    assert_ne!(begun["package"]["storage_path"], begun["lockfile"]["storage_path"]);
    // Nothing is recorded before the second step.
    assert_eq!(listed(&ann, &entity).await, Vec::<String>::new());
    assert_eq!(put_signed(&begun["package"], &upload.package).await, 200);
    assert_eq!(put_signed(&begun["lockfile"], upload.lockfile.as_ref().unwrap()).await, 200);
    let made = upload.confirmed(&ann, &entity, &begun).await;
    expect(&made, 201, &[]);
    assert_eq!(made.json()["status"], "created");
    let version = made.json()["version"].clone();
    let digests = Digests::of(&upload.package);
    let mut fields: Vec<&str> = version.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "base_version",
            "base_version_id",
            "created_at",
            "created_by",
            "entity_id",
            "file_size_bytes",
            "has_lockfile",
            "id",
            "is_active",
            "package_json",
            "service_dependencies",
            "sha256",
            "source_hash",
            "version"
        ]
    );
    assert_eq!(version["entity_id"], entity.as_str());
    assert_eq!(version["version"], FIRST);
    assert_eq!(version["source_hash"], upload.source_hash);
    assert_eq!((&version["base_version_id"], &version["base_version"]), (&Value::Null, &Value::Null));
    assert_eq!(version["file_size_bytes"], upload.package.len());
    assert_eq!(version["sha256"], digests.sha256.to_string());
    assert_eq!(version["has_lockfile"], true);
    assert_eq!(version["service_dependencies"], json!(["mail-service"]));
    assert_eq!(version["package_json"], package_json);
    assert_eq!(version["is_active"], false, "never by itself, not even the first one");
    assert_eq!(
        (&version["created_at"], &version["created_by"]),
        (&json!("2026-09-21T14:13:20.000Z"), &json!("user:ann"))
    );
    assert_eq!(version["id"].as_str().unwrap().len(), 36);
    assert_eq!(staged(&app).await, Vec::<String>::new());

    // By its name and by its id.
    let id = version["id"].as_str().unwrap();
    for name in [FIRST, id] {
        let shown = ann.get(&path(&entity, &format!("/{name}"))).await;
        expect(&shown, 200, &[]);
        assert_eq!(shown.json()["version"], version);
        let download = ann.get(&path(&entity, &format!("/{name}/download"))).await;
        expect(&download, 200, &[]);
        let download = download.json();
        let file = format!("my-app-{FIRST}.zip");
        assert_eq!(download["file_name"], file);
        assert_eq!(download["file_size_bytes"], upload.package.len());
        assert_eq!(download["sha256"], digests.sha256.to_string());
        assert_eq!(download["expires_at"], "2026-09-21T14:18:20.000Z", "five minutes");
        let (status, bytes, named) = fetched(&download["download_url"]).await;
        assert_eq!(
            (status, bytes, named),
            (200, upload.package.clone(), format!("attachment; filename=\"{file}\""))
        );
        let (status, bytes, named) = fetched(&download["lockfile_url"]).await;
        assert_eq!((status, bytes), (200, upload.lockfile.clone().unwrap()));
        assert_eq!(named, format!("attachment; filename=\"my-app-{FIRST}-lock.json\""));
    }
    let held = stored(&app, &entity).await;
    assert_eq!((held.live, held.active), (vec![FIRST.to_owned()], None));
    assert_eq!(held.bytes, (upload.package.len() + upload.lockfile.unwrap().len()) as u64);
}

#[tokio::test]
async fn what_is_left_out_is_null() {
    let (_app, ann, entity) = shop().await;
    let version = EntityUpload::new(FIRST).made(&ann, &entity).await;
    assert_eq!((&version["package_json"], &version["service_dependencies"]), (&Value::Null, &json!([])));
    assert_eq!(version["has_lockfile"], false);
    let download = ann.get(&path(&entity, &format!("/{FIRST}/download"))).await.json();
    assert_eq!(download["lockfile_url"], Value::Null);
    // A package.json as text is the same thing.
    let text = EntityUpload::new(SECOND).confirm_with("package_json", "{ \"name\" : \"x\" }");
    assert_eq!(text.made(&ann, &entity).await["package_json"], json!({ "name": "x" }));
}

#[tokio::test]
async fn announced_bytes_are_bound_to_their_address() {
    let (_app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST);
    let bound = EntityUpload::new(FIRST)
        .begin_with("file_size_bytes", upload.package.len())
        .begin_with("sha256", Digests::of(&upload.package).sha256.to_string());
    let begun = bound.ask(&ann, &entity).await.json();
    let mut other = upload.package.clone();
    other[0] ^= 1;
    assert_ne!(put_signed(&begun["package"], &other).await, 200, "other bytes");
    assert_ne!(put_signed(&begun["package"], b"shorter").await, 200, "another size");
    expect(&bound.confirmed(&ann, &entity, &begun).await, 400, &["has not arrived"]);
    assert_eq!(put_signed(&begun["package"], &upload.package).await, 200);
    expect(&bound.confirmed(&ann, &entity, &begun).await, 201, &[]);
}

#[tokio::test]
async fn the_list_has_the_newest_first_and_names_the_active_one() {
    let (_app, ann, entity) = shop().await;
    let empty = ann.get(&path(&entity, "")).await.json();
    assert_eq!(empty, json!({ "versions": [], "active_version_id": null }));
    // Not in the order of their names.
    for version in [SECOND, FIRST, THIRD] {
        EntityUpload::new(version).confirm_with("package_json", json!({ "a": 1 })).made(&ann, &entity).await;
    }
    assert_eq!(listed(&ann, &entity).await, [THIRD, SECOND, FIRST]);
    activate(&ann, &entity, SECOND).await;
    let list = ann.get(&path(&entity, "")).await.json();
    let second = &list["versions"][1];
    assert_eq!(list["active_version_id"], second["id"]);
    let active: Vec<bool> =
        list["versions"].as_array().unwrap().iter().map(|row| row["is_active"].as_bool().unwrap()).collect();
    assert_eq!(active, [false, true, false]);
    // A page of those before one.
    let older = ann.get(&path(&entity, &format!("?cursor={SECOND}"))).await.json();
    assert_eq!(older["versions"].as_array().unwrap().len(), 1);
    assert_eq!(older["versions"][0]["version"], FIRST);
    assert_eq!(older["active_version_id"], second["id"], "whether it is on the page or not");
    expect(&ann.get(&path(&entity, "?cursor=yesterday")).await, 400, &["version"]);
    expect(&ann.get(&path(&entity, "?page=2")).await, 400, &["query"]);
}

#[tokio::test]
async fn the_active_version_is_set_by_put_post_or_with_the_upload() {
    let (app, ann, entity) = shop().await;
    expect(&ann.get(&path(&entity, "/active")).await, 404, &["no version is active"]);
    let first = EntityUpload::new(FIRST).made(&ann, &entity).await;
    expect(&ann.get(&path(&entity, "/active")).await, 404, &["no version is active"]);
    let set = ann.put_json(&path(&entity, "/active"), &json!({ "versionId": first["id"] })).await;
    expect(&set, 200, &[]);
    let shown = ann.get(&path(&entity, "/active")).await;
    assert_eq!((shown.status, shown.json()), (200, set.json()));
    assert_eq!(shown.json()["version"]["version"], FIRST);
    let second = EntityUpload::new(SECOND).confirm_with("set_as_active", true).made(&ann, &entity).await;
    assert_eq!(second["is_active"], true);
    assert_eq!(ann.get(&path(&entity, "/active")).await.json()["version"], second);
    let set = ann.post_json(&path(&entity, "/active"), &json!({ "versionId": FIRST })).await;
    expect(&set, 200, &[]);
    assert_eq!(ann.get(&path(&entity, "/active")).await.json()["version"]["version"], FIRST);
    // Again, which changes nothing and is no record.
    activate(&ann, &entity, FIRST).await;
    let held = stored(&app, &entity).await;
    assert_eq!((held.active.as_deref(), held.audit["entity.version.activate"]), (Some(FIRST), 2));
    for (body, words) in [
        (json!({}), "versionId"),
        (json!({ "versionId": 1 }), "string"),
        (json!({ "versionId": FIRST, "version": FIRST }), "unknown field"),
    ] {
        expect(&ann.put_json(&path(&entity, "/active"), &body).await, 400, &[words]);
    }
    for unknown in
        [THIRD, "2024.99.01-000000", "nothing", "../active", "", "00000000-0000-7000-8000-000000000000"]
    {
        let response = ann.put_json(&path(&entity, "/active"), &json!({ "versionId": unknown })).await;
        expect(&response, 404, &["version", "not found"]);
    }
    assert_eq!(ann.get(&path(&entity, "/active")).await.json()["version"]["version"], FIRST);
}

#[tokio::test]
async fn a_repeated_confirmation_finds_its_version() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST).confirm_with("set_as_active", true);
    let begun = upload.sent(&ann, &entity).await;
    let made = upload.confirmed(&ann, &entity, &begun).await;
    expect(&made, 201, &[]);
    EntityUpload::new(SECOND).confirm_with("set_as_active", true).made(&ann, &entity).await;
    for _ in 0..3 {
        let again = upload.confirmed(&ann, &entity, &begun).await;
        expect(&again, 200, &[]);
        assert_eq!(again.json()["status"], "exists");
        assert_eq!(again.json()["version"]["id"], made.json()["version"]["id"]);
    }
    // A repeat does not take back what came after it.
    assert_eq!(stored(&app, &entity).await.active.as_deref(), Some(SECOND));
    // Another upload of the same bytes as the same version is a repeat as well.
    let other = upload.clone().begin_with("force", true);
    let begun = other.ask(&ann, &entity).await;
    expect(&begun, 409, &[FIRST, "exists already"]);
}

#[tokio::test]
async fn two_uploads_of_the_same_bytes_make_one_version() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST).begin_with("force", true);
    let (one, two) = (upload.sent(&ann, &entity).await, upload.sent(&ann, &entity).await);
    expect(&upload.confirmed(&ann, &entity, &one).await, 201, &[]);
    let again = upload.confirmed(&ann, &entity, &two).await;
    expect(&again, 200, &[]);
    assert_eq!(again.json()["status"], "exists");
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(stored(&app, &entity).await.live, [FIRST]);
}

#[tokio::test]
async fn an_upload_counts_for_a_day() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST);
    let late = EntityUpload::new(SECOND);
    let (begun, begun_late) = (upload.sent(&ann, &entity).await, late.sent(&ann, &entity).await);
    let row = handover(&app, &begun).await;
    app.clock.advance_millis(24 * 3_600_000 - 1_000);
    granary_events::sweep_uploads(app.state()).await.unwrap();
    expect(&upload.confirmed(&ann, &entity, &begun).await, 201, &[]);
    app.clock.advance_millis(1_000);
    assert!(row.is_expired(app.state().now()));
    expect(&late.confirmed(&ann, &entity, &begun_late).await, 400, &["expired"]);
    granary_events::sweep_uploads(app.state()).await.unwrap();
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(stored(&app, &entity).await.live, [FIRST]);
}
