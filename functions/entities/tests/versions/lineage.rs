//! Which version came of which, and which were built of the same sources.

use granary_testing::entities::EntityUpload;
use serde_json::{Value, json};

use crate::support::{FIRST, SECOND, THIRD, expect, path, shop, stored};

const SOURCES: &str = "0123456789abcdef0123456789abcdef01234567";

#[tokio::test]
async fn parents_stay_named_when_they_are_deleted() {
    let (_app, ann, entity) = shop().await;
    let first = EntityUpload::new(FIRST).made(&ann, &entity).await;
    // By id in one step and by name in the other.
    let second = EntityUpload::new(SECOND)
        .begin_with("base_version_id", first["id"].clone())
        .confirm_with("base_version_id", FIRST)
        .made(&ann, &entity)
        .await;
    let third = EntityUpload::new(THIRD).begin_with("base_version_id", SECOND).made(&ann, &entity).await;
    let parent =
        |of: &Value, deleted: bool| json!({ "id": of["id"], "version": of["version"], "deleted": deleted });
    assert_eq!(second["base_version_id"], first["id"]);
    assert_eq!(second["base_version"], parent(&first, false));
    assert_eq!(third["base_version"], parent(&second, false));
    assert_eq!(ann.delete(&path(&entity, &format!("/{FIRST}"))).await.status, 204);
    let list = ann.get(&path(&entity, "")).await.json();
    assert_eq!(list["versions"].as_array().unwrap().len(), 2);
    assert_eq!(list["versions"][0]["base_version"], parent(&second, false));
    assert_eq!(list["versions"][1]["base_version"], parent(&first, true));
    assert_eq!(list["versions"][1]["base_version_id"], first["id"]);
    let shown = ann.get(&path(&entity, &format!("/{SECOND}"))).await.json();
    assert_eq!(shown["version"]["base_version"], parent(&first, true));
    // Also where the parent is on another page.
    let older = ann.get(&path(&entity, &format!("?cursor={THIRD}"))).await.json();
    assert_eq!(older["versions"][0]["base_version"], parent(&first, true));
}

#[tokio::test]
async fn a_parent_that_is_deleted_between_the_steps_is_refused() {
    let (app, ann, entity) = shop().await;
    EntityUpload::new(FIRST).made(&ann, &entity).await;
    let upload = EntityUpload::new(SECOND).begin_with("base_version_id", FIRST);
    let begun = upload.sent(&ann, &entity).await;
    assert_eq!(ann.delete(&path(&entity, &format!("/{FIRST}"))).await.status, 204);
    expect(
        &upload.confirmed(&ann, &entity, &begun).await,
        400,
        &["base_version_id", FIRST, "deleted meanwhile"],
    );
    assert_eq!(stored(&app, &entity).await.live, Vec::<String>::new());
    // Said of another base version than in the first step.
    EntityUpload::new(THIRD).made(&ann, &entity).await;
    let based = EntityUpload::new("2025.01.01-000000").begin_with("base_version_id", THIRD);
    let begun = based.sent(&ann, &entity).await;
    let response =
        based.clone().confirm_with("base_version_id", SECOND).confirmed(&ann, &entity, &begun).await;
    expect(&response, 400, &["base_version_id", THIRD]);
    expect(&based.confirmed(&ann, &entity, &begun).await, 201, &[]);
}

#[tokio::test]
async fn the_same_sources_are_found_and_not_uploaded_again() {
    let (app, ann, entity) = shop().await;
    let first = EntityUpload::new(FIRST).sources(SOURCES).made(&ann, &entity).await;
    let second = EntityUpload::new(SECOND).sources(&SOURCES.to_uppercase());
    let answer = second.ask(&ann, &entity).await;
    expect(&answer, 200, &[]);
    assert_eq!(answer.json(), json!({ "status": "exists", "version": first }), "and no address");
    // The version itself as well, as a client asks again that does not know whether it was made.
    let again = EntityUpload::new(FIRST).sources(SOURCES).ask(&ann, &entity).await;
    assert_eq!((again.status, again.json()["status"].as_str()), (200, Some("exists")));
    // Another entity has its own.
    let other = granary_testing::entities::new_entity(&ann, "app", "other").await;
    assert_eq!(second.ask(&ann, &other).await.json()["status"], "upload_required");
    // With force it is made.
    let forced = second.clone().begin_with("force", true).made(&ann, &entity).await;
    assert_eq!((&forced["version"], &forced["source_hash"]), (&json!(SECOND), &json!(SOURCES)));
    // The oldest one is named.
    let answer = EntityUpload::new(THIRD).sources(SOURCES).ask(&ann, &entity).await;
    assert_eq!(answer.json()["version"]["version"], FIRST);
    assert_eq!(stored(&app, &entity).await.live, [FIRST, SECOND]);
}

#[tokio::test]
async fn the_second_step_decides_about_force() {
    let (app, ann, entity) = shop().await;
    let numbers: Vec<String> = (0..4).map(crate::support::numbered).collect();
    let uploads: Vec<EntityUpload> =
        numbers.iter().map(|version| EntityUpload::new(version).sources(SOURCES)).collect();
    let plain = uploads[1].sent(&ann, &entity).await;
    let forced = uploads[2].clone().begin_with("force", true).sent(&ann, &entity).await;
    let taken_back = uploads[3].clone().begin_with("force", true).sent(&ann, &entity).await;
    let first = uploads[0].made(&ann, &entity).await;
    let answer = uploads[1].confirmed(&ann, &entity, &plain).await;
    expect(&answer, 200, &[]);
    assert_eq!(answer.json(), json!({ "status": "exists", "version": first }));
    let answer = uploads[3].clone().confirm_with("force", false).confirmed(&ann, &entity, &taken_back).await;
    assert_eq!((answer.status, &answer.json()["version"]["version"]), (200, &json!(numbers[0])));
    // Said in the first step only.
    expect(&uploads[2].confirmed(&ann, &entity, &forced).await, 201, &[]);
    // What was found unnecessary can still be confirmed with force.
    let answer = uploads[1].clone().confirm_with("force", true).confirmed(&ann, &entity, &plain).await;
    expect(&answer, 201, &[]);
    assert_eq!(stored(&app, &entity).await.live, numbers[..3]);
}

/// Whoever uploads what has not changed, and wants it installed, gets it installed: as the version that there is.
#[tokio::test]
async fn what_exists_becomes_the_active_version_if_that_is_said() {
    let (app, ann, entity) = shop().await;
    EntityUpload::new(FIRST).sources(SOURCES).made(&ann, &entity).await;
    let twin = EntityUpload::new(SECOND).sources(SOURCES);
    let begun = twin.clone().begin_with("force", true).sent(&ann, &entity).await;
    let plain = twin.confirm_with("force", false);
    let active = twin_active(&plain);
    let confirmed = async |upload: &EntityUpload| {
        let answer = upload.confirmed(&ann, &entity, &begun).await;
        expect(&answer, 200, &[]);
        let body = answer.json();
        assert_eq!((&body["status"], &body["version"]["version"]), (&json!("exists"), &json!(FIRST)));
        body["version"]["is_active"].as_bool().unwrap()
    };
    assert!(!confirmed(&plain).await);
    assert_eq!(stored(&app, &entity).await.active, None);
    for _ in 0..2 {
        assert!(confirmed(&active).await);
        let held = stored(&app, &entity).await;
        assert_eq!((held.active.as_deref(), held.live), (Some(FIRST), vec![FIRST.to_owned()]));
        assert_eq!(held.audit.get("entity.version.activate"), Some(&1), "once");
    }
    assert!(confirmed(&plain).await, "it stays the active one");
}

fn twin_active(upload: &EntityUpload) -> EntityUpload {
    upload.clone().confirm_with("set_as_active", true)
}

/// A confirmation that is repeated may say so where the first one did not.
#[tokio::test]
async fn a_repeated_confirmation_makes_its_version_the_active_one() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST);
    let begun = upload.sent(&ann, &entity).await;
    expect(&upload.confirmed(&ann, &entity, &begun).await, 201, &[]);
    EntityUpload::new(SECOND).confirm_with("set_as_active", true).made(&ann, &entity).await;
    let again = upload.confirmed(&ann, &entity, &begun).await;
    expect(&again, 200, &[]);
    assert_eq!(again.json()["version"]["is_active"], false);
    assert_eq!(stored(&app, &entity).await.active.as_deref(), Some(SECOND));
    let again = twin_active(&upload).confirmed(&ann, &entity, &begun).await;
    expect(&again, 200, &[]);
    assert_eq!(
        (&again.json()["version"]["version"], &again.json()["version"]["is_active"]),
        (&json!(FIRST), &json!(true))
    );
    assert_eq!(stored(&app, &entity).await.active.as_deref(), Some(FIRST));
    // Also where nobody has noted that it is done.
    crate::support::activate(&ann, &entity, SECOND).await;
    let mut row = crate::support::handover(&app, &begun).await;
    row.status = granary_storage::rows::UploadStatus::Open;
    row.rev += 1;
    let key = granary_storage::Key::Handover(row.id.clone());
    app.state().storage().put(&key, &row).await.unwrap();
    assert_eq!(granary_testing::entities::put_signed(&begun["package"], &upload.package).await, 200);
    let again = twin_active(&upload).confirmed(&ann, &entity, &begun).await;
    expect(&again, 200, &[]);
    assert_eq!(again.json()["version"]["is_active"], true);
    let held = stored(&app, &entity).await;
    assert_eq!((held.active.as_deref(), held.live.len()), (Some(FIRST), 2));
}

#[tokio::test]
async fn deleted_versions_are_nobodys_twins() {
    let (app, ann, entity) = shop().await;
    for version in [FIRST, SECOND] {
        EntityUpload::new(version).sources(SOURCES).begin_with("force", true).made(&ann, &entity).await;
    }
    let third = EntityUpload::new(THIRD).sources(SOURCES);
    assert_eq!(ann.delete(&path(&entity, &format!("/{FIRST}"))).await.status, 204);
    assert_eq!(
        third.ask(&ann, &entity).await.json()["version"]["version"],
        SECOND,
        "the next one that is live"
    );
    assert_eq!(ann.delete(&path(&entity, &format!("/{SECOND}"))).await.status, 204);
    assert_eq!(third.ask(&ann, &entity).await.json()["status"], "upload_required");
    third.made(&ann, &entity).await;
    assert_eq!(stored(&app, &entity).await.live, [THIRD]);
}

#[tokio::test]
async fn forced_versions_may_have_the_very_same_bytes() {
    let (app, ann, entity) = shop().await;
    for version in [FIRST, SECOND] {
        EntityUpload::of(version, b"same")
            .lockfile(b"same")
            .begin_with("force", true)
            .made(&ann, &entity)
            .await;
    }
    assert_eq!(app.blobs().await.len(), 1);
    assert_eq!(stored(&app, &entity).await.bytes, 16);
    assert_eq!(ann.delete(&path(&entity, &format!("/{FIRST}"))).await.status, 204);
    app.settle().await;
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert_eq!(stored(&app, &entity).await.live, [SECOND]);
    assert_eq!(app.blobs().await.len(), 1, "the other one still holds them");
}
