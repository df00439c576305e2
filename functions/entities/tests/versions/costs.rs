//! How many storage calls the operations make.

use granary_storage::Key;
use granary_storage::rows::{EntityRow, OrgRow, Publication};
use granary_testing::TestApp;
use granary_testing::entities::{EntityUpload, new_entity};
use serde_json::json;

use crate::support::{FIRST, SECOND, THIRD, expect, numbered, path, shop};

/// The calls since the last reset, those made at the same time in the order of their names.
fn calls(app: &TestApp) -> Vec<String> {
    app.probe.calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn reading() {
    let (app, ann, entity) = shop().await;
    let first = EntityUpload::new(FIRST).confirm_with("set_as_active", true).made(&ann, &entity).await;
    EntityUpload::new(SECOND).begin_with("base_version_id", FIRST).made(&ann, &entity).await;
    let id = first["id"].as_str().unwrap();
    for (rest, expected) in [
        (String::new(), vec!["BatchGetItem", "GetItem", "Query"]),
        ("/active".into(), vec!["BatchGetItem", "GetItem", "GetItem"]),
        (format!("/{FIRST}"), vec!["BatchGetItem", "GetItem", "GetItem"]),
        (format!("/{id}"), vec!["BatchGetItem", "GetItem", "GetItem", "GetItem"]),
        // And the version that it was made from.
        (format!("/{SECOND}"), vec!["BatchGetItem", "GetItem", "GetItem", "GetItem"]),
        (format!("/{FIRST}/download"), vec!["BatchGetItem", "GetItem", "GetItem"]),
    ] {
        app.probe.reset();
        assert_eq!(ann.get(&path(&entity, &rest)).await.status, 200);
        assert_eq!(calls(&app), expected, "{rest}");
    }
}

#[tokio::test]
async fn uploading() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST);
    app.probe.reset();
    expect(&upload.ask(&ann, &entity).await, 200, &[]);
    assert_eq!(calls(&app), ["BatchGetItem", "GetItem", "GetItem", "GetItem", "PutItem"]);
    assert_eq!(app.probe.depth(), 3);
    let begun = upload.sent(&ann, &entity).await;
    app.probe.reset();
    expect(&upload.confirmed(&ann, &entity, &begun).await, 201, &[]);
    let expected = [
        // Who it is, and the entity.
        "BatchGetItem",
        "GetItem",
        // The handover.
        "GetItem",
        // Whether it is necessary.
        "GetItem",
        "GetItem",
        // The bytes, read once and put in their place.
        "GetObject",
        "UpdateItem",
        "HeadObject",
        "CopyObject",
        // The version.
        "GetItem",
        "GetItem",
        "TransactWriteItems",
        // That it is done.
        "TransactWriteItems",
        "DeleteObject",
        "DeleteObject",
    ];
    assert_eq!(calls(&app), expected);
    app.probe.reset();
    expect(&upload.confirmed(&ann, &entity, &begun).await, 200, &[]);
    assert_eq!(calls(&app), ["BatchGetItem", "GetItem", "GetItem", "GetItem", "GetItem"], "again");
    app.probe.reset();
    expect(&EntityUpload::of(SECOND, &upload.package).ask(&ann, &entity).await, 200, &[]);
    assert_eq!(
        calls(&app),
        ["BatchGetItem", "GetItem", "GetItem", "GetItem", "GetItem"],
        "of the same sources"
    );
}

#[tokio::test]
async fn changing() {
    let (app, ann, entity) = shop().await;
    for version in [FIRST, SECOND] {
        EntityUpload::new(version).made(&ann, &entity).await;
    }
    app.probe.reset();
    expect(&ann.put_json(&path(&entity, "/active"), &json!({ "versionId": FIRST })).await, 200, &[]);
    assert_eq!(calls(&app), ["BatchGetItem", "GetItem", "GetItem", "GetItem", "TransactWriteItems"]);
    app.probe.reset();
    expect(&ann.delete(&path(&entity, &format!("/{SECOND}"))).await, 204, &[]);
    let expected =
        ["BatchGetItem", "GetItem", "GetItem", "GetItem", "GetItem", "TransactWriteItems", "SendMessage"];
    assert_eq!(calls(&app), expected);
}

#[tokio::test]
async fn services_are_looked_up_together() {
    let (app, ann, entity) = shop().await;
    let slugs: Vec<String> = (0..30).map(|n| format!("service-{n}")).collect();
    for slug in &slugs {
        new_entity(&ann, "service", slug).await;
    }
    let (none, all) = (EntityUpload::new(FIRST), EntityUpload::new(SECOND));
    let all = all.confirm_with("service_dependencies", json!(slugs));
    let mut counts = Vec::new();
    for upload in [none, all] {
        let begun = upload.sent(&ann, &entity).await;
        app.probe.reset();
        expect(&upload.confirmed(&ann, &entity, &begun).await, 201, &[]);
        counts.push(app.probe.count());
    }
    assert_eq!(counts[1], counts[0] + 2);
}

#[tokio::test]
async fn a_list_is_read_in_pages() {
    let (app, ann, entity) = shop().await;
    // Each made from the one before, so that no parent has to be looked up.
    let mut base = None;
    for n in 0..12 {
        let mut upload = EntityUpload::new(&numbered(n));
        if let Some(base) = base {
            upload = upload.begin_with("base_version_id", base);
        }
        base = Some(upload.made(&ann, &entity).await["id"].clone());
    }
    EntityUpload::new(THIRD).made(&ann, &entity).await;
    app.probe.reset();
    assert_eq!(crate::support::listed(&ann, &entity).await.len(), 13);
    assert_eq!(calls(&app), ["BatchGetItem", "GetItem", "Query"]);
}

#[tokio::test]
async fn services_of_many_stores_are_looked_up_in_part() {
    let (app, ann, entity) = shop().await;
    let storage = app.state().storage();
    let mut slugs = Vec::new();
    for n in 0..8 {
        let slug = format!("service-{n}");
        let id = new_entity(&ann, "service", &slug).await;
        let key = Key::Entity(id);
        let mut row: EntityRow = storage.get(&key).await.unwrap().unwrap();
        row.publishers.clear();
        for store in 0..25 {
            let publication = Publication {
                org_uid: "u".into(),
                public: true,
                published_by: "user:bob".into(),
                published_at: row.created_at,
            };
            row.stores.insert(format!("store-{n}-{store}").parse().unwrap(), publication);
        }
        storage.put(&key, &row).await.unwrap();
        slugs.push(slug);
    }
    app.org("bob", "store-7-3", &[]).await;
    let org: OrgRow = storage.get(&Key::Org("store-7-3".parse().unwrap())).await.unwrap().unwrap();
    let key = Key::Org(org.slug.clone());
    storage.put(&key, &OrgRow { uid: "u".into(), ..org }).await.unwrap();
    let upload = EntityUpload::new(FIRST);
    let begun = upload.sent(&ann, &entity).await;
    let with = |services: &[String]| upload.clone().confirm_with("service_dependencies", json!(services));
    app.probe.reset();
    expect(&with(&slugs).confirmed(&ann, &entity, &begun).await, 400, &["'service-0' not found"]);
    // Who it is and the entity, the handover, the services, and 200 organisations.
    assert_eq!(calls(&app).iter().filter(|call| *call == "BatchGetItem").count(), 1 + 2 + 2);
    expect(&with(&slugs[7..]).confirmed(&ann, &entity, &begun).await, 201, &[]);
}
