//! A failure or a death at every storage call: whole or not at all, and asking again ends it.

use granary_testing::entities::EntityUpload;
use granary_testing::{Actor, Mishap, TestApp};
use serde_json::{Value, json};

use crate::support::{FIRST, SECOND, THIRD, activate, path, shop, staged, stored};

/// An upload that has all there is: a parent, a lock file, and the active version to be moved.
fn upload() -> EntityUpload {
    EntityUpload::new(SECOND)
        .lockfile(b"{}")
        .begin_with("base_version_id", FIRST)
        .confirm_with("set_as_active", true)
}

async fn ready() -> (TestApp, Actor, String, Value) {
    let (app, ann, entity) = shop().await;
    EntityUpload::new(FIRST).confirm_with("set_as_active", true).made(&ann, &entity).await;
    let begun = upload().sent(&ann, &entity).await;
    (app, ann, entity, begun)
}

/// Number of storage calls of a confirmation.
async fn calls() -> usize {
    let (app, ann, entity, begun) = ready().await;
    app.probe.reset();
    assert_eq!(upload().confirmed(&ann, &entity, &begun).await.status, 201);
    app.probe.count()
}

#[tokio::test]
async fn a_confirmation_is_whole_whatever_happens() {
    let most = calls().await;
    assert!(most > 10, "{most}");
    for mishap in Mishap::ALL {
        for n in 1..=most {
            let what = format!("{mishap:?} at call {n}");
            let (app, ann, entity, begun) = ready().await;
            let request = {
                let (ann, entity, begun) = (ann.clone(), entity.clone(), begun.clone());
                async move { upload().confirmed(&ann, &entity, &begun).await }
            };
            let first = app.suffer(n, mishap, request).await;
            // Rows, counts and bytes agree at any moment.
            let held = stored(&app, &entity).await;
            let is_there = held.live == [FIRST, SECOND];
            assert!(is_there || held.live == [FIRST], "{what}: {held:?}");
            assert_eq!(held.active.as_deref(), Some(if is_there { SECOND } else { FIRST }), "{what}");
            if let Some(first) = &first {
                assert!(matches!(first.status, 201 | 503), "{what}: {}", first.text());
                assert!(is_there || first.status == 503, "{what}: acknowledged, but not there");
            }
            // Another process is asked.
            let ann = app.restarted().token(ann.secret());
            let again = upload().confirmed(&ann, &entity, &begun).await;
            let expected = if is_there { 200 } else { 201 };
            assert_eq!(again.status, expected, "{what}, again: {}", again.text());
            assert_eq!(again.json()["version"]["is_active"], true, "{what}");
            let held = stored(&app, &entity).await;
            assert_eq!((held.live.len(), held.active.as_deref()), (2, Some(SECOND)), "{what}");
            // What is left of it goes in a day at the latest.
            app.clock.advance_millis(25 * 3_600_000);
            granary_events::sweep_uploads(app.state()).await.unwrap();
            assert_eq!(staged(&app).await, Vec::<String>::new(), "{what}");
            app.sweep().await;
            assert_eq!(stored(&app, &entity).await.live.len(), 2, "{what}");
            assert_eq!(app.blobs().await.len(), 3, "{what}");
        }
    }
}

#[tokio::test]
async fn beginning_again_is_harmless() {
    for mishap in Mishap::ALL {
        for n in 1..=5 {
            let (app, ann, entity, _) = ready().await;
            let request = {
                let (ann, entity) = (ann.clone(), entity.clone());
                async move { EntityUpload::new(THIRD).ask(&ann, &entity).await }
            };
            if let Some(answer) = app.suffer(n, mishap, request).await {
                assert!(matches!(answer.status, 200 | 503), "{mishap:?} {n}: {}", answer.text());
            }
            EntityUpload::new(THIRD).made(&ann, &entity).await;
            assert_eq!(stored(&app, &entity).await.live, [FIRST, THIRD]);
        }
    }
}

#[tokio::test]
async fn deleting_and_activating_are_whole_whatever_happens() {
    for mishap in Mishap::ALL {
        for n in 1..=6 {
            let what = format!("{mishap:?} at call {n}");
            let (app, ann, entity) = shop().await;
            for version in [FIRST, SECOND, THIRD] {
                EntityUpload::new(version).made(&ann, &entity).await;
            }
            activate(&ann, &entity, FIRST).await;
            let request = {
                let (ann, one) = (ann.clone(), path(&entity, &format!("/{SECOND}")));
                async move { ann.delete(&one).await }
            };
            let deleted = app.suffer(n, mishap, request).await;
            let held = stored(&app, &entity).await;
            let is_gone = held.tombstones == [SECOND];
            if let Some(deleted) = deleted {
                assert!(matches!(deleted.status, 204 | 503), "{what}: {}", deleted.text());
                assert!(is_gone || deleted.status == 503, "{what}: acknowledged, but there");
            }
            let again = ann.delete(&path(&entity, &format!("/{SECOND}"))).await.status;
            assert_eq!(again, if is_gone { 404 } else { 204 }, "{what}");
            if n <= 5 {
                let request = {
                    let (ann, active) = (ann.clone(), path(&entity, "/active"));
                    async move { ann.put_json(&active, &json!({ "versionId": THIRD })).await }
                };
                let set = app.suffer(n, mishap, request).await;
                let held = stored(&app, &entity).await;
                if set.is_some_and(|set| set.status == 200) {
                    assert_eq!(held.active.as_deref(), Some(THIRD), "{what}");
                }
                activate(&ann, &entity, THIRD).await;
            }
            // The bytes are released, though the message may have been lost.
            app.clock.advance_millis(2 * 3_600_000);
            app.sweep().await;
            let held = stored(&app, &entity).await;
            assert_eq!((held.live, held.tombstones), (vec![FIRST.into(), THIRD.into()], vec![SECOND.into()]));
            assert_eq!(app.blobs().await.len(), 2, "{what}");
        }
    }
}
