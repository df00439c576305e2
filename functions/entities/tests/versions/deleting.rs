//! Deleting versions.

use granary_testing::entities::EntityUpload;
use granary_testing::{Actor, TestApp};

use crate::support::{FIRST, SECOND, activate, expect, fetched, listed, path, shop, stored};

async fn two(app_ann: (&TestApp, &Actor), entity: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for version in [FIRST, SECOND] {
        let made = EntityUpload::new(version)
            .lockfile(version.as_bytes())
            .confirm_with("package_json", serde_json::json!({ "version": version }))
            .made(app_ann.1, entity)
            .await;
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    ids
}

#[tokio::test]
async fn what_is_deleted_is_gone_for_ever() {
    let (app, ann, entity) = shop().await;
    let ids = two((&app, &ann), &entity).await;
    let url = ann.get(&path(&entity, &format!("/{FIRST}/download"))).await.json()["download_url"].clone();
    // By its id.
    let deleted = ann.delete(&path(&entity, &format!("/{}", ids[0]))).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    for name in [FIRST, ids[0].as_str()] {
        expect(&ann.get(&path(&entity, &format!("/{name}"))).await, 404, &["not found"]);
        expect(&ann.get(&path(&entity, &format!("/{name}/download"))).await, 404, &["not found"]);
        expect(&ann.delete(&path(&entity, &format!("/{name}"))).await, 404, &["not found"]);
        let body = serde_json::json!({ "versionId": name });
        expect(&ann.put_json(&path(&entity, "/active"), &body).await, 404, &["not found"]);
    }
    assert_eq!(listed(&ann, &entity).await, [SECOND]);
    let held = stored(&app, &entity).await;
    assert_eq!((held.live, held.tombstones), (vec![SECOND.to_owned()], vec![FIRST.to_owned()]));
    // The bytes go as well, once no upload may count on them any more.
    assert_eq!(fetched(&url).await.0, 200);
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert_eq!(app.blobs().await.len(), 2, "those of the other version");
    stored(&app, &entity).await;
    // And so does the last one.
    assert_eq!(ann.delete(&path(&entity, &format!("/{SECOND}"))).await.status, 204);
    app.sweep().await;
    assert_eq!(app.blobs().await, Vec::<String>::new());
    let held = stored(&app, &entity).await;
    assert_eq!((held.live.len(), held.bytes, held.active), (0, 0, None));
}

#[tokio::test]
async fn the_active_version_is_not_deleted() {
    let (app, ann, entity) = shop().await;
    let ids = two((&app, &ann), &entity).await;
    activate(&ann, &entity, FIRST).await;
    for name in [FIRST, ids[0].as_str()] {
        let refused = ann.delete(&path(&entity, &format!("/{name}"))).await;
        expect(&refused, 409, &[FIRST, "is the active one", "another version"]);
    }
    activate(&ann, &entity, SECOND).await;
    assert_eq!(ann.delete(&path(&entity, &format!("/{FIRST}"))).await.status, 204);
    assert_eq!(stored(&app, &entity).await.active.as_deref(), Some(SECOND));
}
